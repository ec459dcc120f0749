//! `log.*`: where the log goes and how much of it.

use super::Key;
use super::Kind::{Bytes, Duration, Flag, Integer, Or, Text, Words};
use crate::config::draft::log_level;
use crate::config::log::LogTo;
use crate::config::values::{flag, integer, size, word};

pub(super) const KEYS: &[Key] = &[
    Key::set(
        "log.to",
        "journald",
        "journald (stderr when systemd did not start us), console = stderr, file, or both.",
        |d, _, t| {
            const PLACES: [LogTo; 4] = [LogTo::Journald, LogTo::Console, LogTo::File, LogTo::Both];
            let at = word(t, &["journald", "console", "file", "both"])?;
            d.log.to = PLACES.get(at).copied().unwrap_or_default();
            Ok(())
        },
    ),
    Key::set(
        "log.level",
        "info",
        "Least severity written: debug, info, warning or error (EMQX's others map).",
        |d, _, t| {
            d.log.level = log_level(t)?;
            Ok(())
        },
    ),
    Key::set(
        "log.primary_log_level",
        "",
        "A second gate; the stricter of it and log.level counts.",
        |d, _, t| {
            d.log_gate = Some(log_level(t)?);
            Ok(())
        },
    ),
    Key::set("log.dir", "log", "Folder of the log files, for log.to = file.", |d, _, t| {
        d.log_dir = t.into();
        Ok(())
    }),
    Key::set(
        "log.file",
        "emqx.log",
        "Name of the log file; rotated ones end in .1, .2 and so on.",
        |d, _, t| {
            d.log.file = t.into();
            Ok(())
        },
    ),
    Key::set("log.formatter", "text", "text, or json: one object per line.", |d, _, t| {
        d.log.json = word(t, &["text", "json"])? == 1;
        Ok(())
    }),
    Key::set("log.rotation", "on", "Start a new log file when one is full.", |d, _, t| {
        d.log.rotation = flag(t)?;
        Ok(())
    }),
    Key::set("log.rotation.size", "10MB", "Size of a full log file.", |d, _, t| {
        d.log.rotation_size = size(t)?;
        Ok(())
    }),
    Key::set("log.rotation.count", "5", "Log files kept.", |d, _, t| {
        d.log.rotation_count = integer(t, 1, 10_000)?;
        Ok(())
    }),
    Key::unused("log.chars_limit", Integer),
    Key::unused("log.supervisor_reports", Words(&["error", "progress"])),
    Key::unused("log.max_depth", Or(&Integer, &["unlimited"])),
    Key::unused("log.formatter.text.date.format", Text),
    Key::unused("log.single_line", Flag),
    Key::unused("log.size", Or(&Bytes, &["infinity"])),
    Key::missing("log.$level.file", Text, &[]),
    Key::unused("log.sync_mode_qlen", Integer),
    Key::unused("log.drop_mode_qlen", Integer),
    Key::unused("log.flush_qlen", Integer),
    Key::unused("log.overload_kill", Flag),
    Key::unused("log.overload_kill_mem_size", Bytes),
    Key::unused("log.overload_kill_qlen", Integer),
    Key::unused("log.overload_kill_restart_after", Or(&Duration, &["infinity"])),
    Key::unused("log.burst_limit", Text),
    Key::unused("log.error_logger", Words(&["silent"])),
];
