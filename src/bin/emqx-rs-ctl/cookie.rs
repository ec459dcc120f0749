//! `cookie show`, `set` and `new`: on the file, whether a node runs or not.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use emqx_rs::cluster::settings::Cookie;
use emqx_rs::ctl::{Places, cookie, token};

use crate::args::CookieCommand;
use crate::here::{complain, from_stdin, places, say};

pub(super) fn run(
    file: Option<PathBuf>,
    command: CookieCommand,
    (socket, chosen): (&Path, bool),
    json: bool,
) -> anyhow::Result<ExitCode> {
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".local/state/emqx-rs"));
    let data: Vec<_> = home.into_iter().chain([PathBuf::from("/var/lib/emqx-rs")]).collect();
    // Who names a node means that one, and not the usual file.
    let strict = chosen && file.is_none();
    let path = file.unwrap_or_else(|| cookie::file(&data));
    let named = |error: io::Error| anyhow::anyhow!("{}: {error}", path.display());
    if matches!(command, CookieCommand::Show) {
        let places = places(socket);
        let text = token::show(places.as_ref(), &path)?;
        if json {
            let value = serde_json::json!({ "cookie": *text, "file": path });
            say(&format!("{value:#}\n"))?;
        } else {
            say(&text)?;
            say("\n")?;
        }
        let cookie = Cookie::new(text.to_string());
        if let Some(places) = places.filter(|at| token::has_number(at, &cookie) == Some(false)) {
            let from = &places.cookie_from;
            complain(&format!(
                "the node here uses another one, from {from}: it was not restarted since, or its cookie is not in this file"
            ));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let places = places(socket);
    let counts = match &places {
        Some(places) => token::check_file(places, &path),
        None => token::check_sealed(&path),
    };
    match counts {
        Err(sealed @ token::TokenError::Sealed { .. }) => return Err(sealed.into()),
        Err(other) if strict => return Err(other.into()),
        Err(_) | Ok(()) => {}
    }
    let text = if matches!(command, CookieCommand::Set) {
        from_stdin(cookie::LONGEST, false)?
    } else {
        let mut text = cookie::new()?;
        // One in 256 could not be told from the one in use while nodes change from that to this.
        while has_number(places.as_ref(), &text) {
            text = cookie::new()?;
        }
        text
    };
    let same = cookie::show(&path).is_ok_and(|old| *old == text.trim_end_matches(['\r', '\n']));
    cookie::set(&path, &text).map_err(named)?;
    if let Some(weak) = cookie::weakness(&text) {
        complain(&format!("{weak}: the mesh stays closed beyond this host"));
    }
    if let Err(hidden) = counts {
        complain(&hidden.to_string());
    }
    if !same && has_number(places.as_ref(), &text) {
        complain("this cookie has the number of the one in use by chance: take another one");
    }
    told(&path, json)
}

/// Says that a restart is needed for a changed cookie.
pub(super) fn told(path: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let value = serde_json::json!({ "result": "ok", "file": path, "restart": true });
    say(&if json {
        format!("{value:#}\n")
    } else {
        format!("ok: {}; restart emqx-rs to use it: systemctl restart emqx-rs\n", path.display())
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Whether a cookie has the number of the one that the node of this host uses.
fn has_number(places: Option<&Places>, text: &str) -> bool {
    let cookie = Cookie::new(text.trim_end_matches(['\r', '\n']).to_owned());
    places.and_then(|places| token::has_number(places, &cookie)).unwrap_or(false)
}
