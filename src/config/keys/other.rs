//! Modules, plugins, monitoring and the rest of EMQX: keys that load and do nothing here.

use super::Key;
use super::Kind::{Bytes, Duration, Either, Flag, Integer, Percent, Text, Words};
use crate::broker::alarms;
use crate::broker::rewrite::Rule;
use crate::config::draft::qos;
use crate::config::values::{Expected, Parsed, duration, flag, integer, list, percent, size, word};
use crate::topic;

pub(super) const KEYS: &[Key] = &[
    Key::set(
        "plugins.etc_dir",
        "",
        "Folder of EMQX's plugin files; its emqx_retainer, auth_mnesia, bridge_mqtt and management.conf are read.",
        |_, _, _| Ok(()),
    ),
    Key::set(
        "plugins.loaded_file",
        "",
        "Such as data/loaded_plugins of EMQX. If it is there, only files of plugins that it names with true are read. See Plugins.",
        |_, _, _| Ok(()),
    ),
    Key::unused("crl_cache_http_timeout", Duration),
    Key::unused("crl_cache_refresh_interval", Duration),
    Key::unused("modules.loaded_file", Text),
    Key::set(
        "module.presence.qos",
        "1",
        "QoS of $SYS/brokers/NODE/clients/ID/connected and disconnected.",
        |d, _, t| {
            d.base.presence.qos = qos(t)?;
            Ok(())
        },
    ),
    Key::set(
        "module.subscription.$id.topic",
        "",
        "Filter that each client is subscribed to as it connects; %c is the client id, %u the user name.",
        |d, p, t| {
            let probe = t.replace("%c", "c").replace("%u", "u");
            if topic::share::check(&probe).is_err() {
                return Err("a topic filter, with %c and %u in it if need be".into());
            }
            d.subscription(p).0 = t.into();
            Ok(())
        },
    ),
    Key::set(
        "module.subscription.$id.qos",
        "",
        "QoS of that subscription, 1 if unset.",
        |d, p, t| {
            d.subscription(p).1.qos = qos(t)?;
            Ok(())
        },
    ),
    Key::set(
        "module.subscription.$id.nl",
        "",
        "1 = without the client's own messages (No Local).",
        |d, p, t| {
            d.subscription(p).1.no_local = word(t, &["0", "1"])? == 1;
            Ok(())
        },
    ),
    Key::set("module.subscription.$id.rap", "", "1 = RETAIN as it was published.", |d, p, t| {
        d.subscription(p).1.retain_as_published = word(t, &["0", "1"])? == 1;
        Ok(())
    }),
    Key::set(
        "module.subscription.$id.rh",
        "",
        "Retained messages: 0 = send, 1 = only to a new subscription, 2 = never.",
        |d, p, t| {
            d.subscription(p).1.retain_handling = integer(t, 0, 2)?;
            Ok(())
        },
    ),
    Key::set(
        "module.rewrite.rule.$id",
        "",
        "FILTER EXPRESSION TARGET: topics published and subscribed to stand for TARGET; $1 is a group, %c, %u.",
        |d, p, t| {
            let rule = rule(t)?;
            d.rewrites.insert(("pub", p.name().to_owned()), rule.clone());
            d.rewrites.insert(("sub", p.name().to_owned()), rule);
            Ok(())
        },
    ),
    Key::set("module.rewrite.pub.rule.$id", "", "The same for what is published.", |d, p, t| {
        d.rewrites.insert(("pub", p.name().to_owned()), rule(t)?);
        Ok(())
    }),
    Key::set(
        "module.rewrite.sub.rule.$id",
        "",
        "The same for what is subscribed to.",
        |d, p, t| {
            d.rewrites.insert(("sub", p.name().to_owned()), rule(t)?);
            Ok(())
        },
    ),
    Key::set(
        "delayed.enable",
        "true",
        "$delayed/SECONDS/TOPIC is published to TOPIC so many seconds later.",
        |d, _, t| {
            d.base.delayed = flag(t)?;
            Ok(())
        },
    ),
    Key::set(
        "delayed.max_delayed_messages",
        "100000",
        "Messages delayed at a time; 0 = no limit.",
        |d, _, t| {
            d.base.max_delayed = integer(t, 0, 1_000_000_000)?;
            Ok(())
        },
    ),
    Key::set(
        "delayed.max_memory",
        "64MB",
        "Bytes of all delayed messages; new ones beyond are refused.",
        |d, _, t| {
            d.base.max_delayed_bytes = size(t)?;
            Ok(())
        },
    ),
    Key::missing("module.slow_subs.threshold", Duration, &[]),
    Key::missing("module.slow_subs.expire_interval", Duration, &[]),
    Key::missing("module.slow_subs.top_k_num", Integer, &[]),
    Key::missing("module.slow_subs.stats_type", Words(&["whole", "internal", "response"]), &[]),
    Key::missing("module.slow_subs.notice_interval", Duration, &[]),
    Key::missing("module.slow_subs.notice_qos", Integer, &[]),
    Key::missing("module.slow_subs.notice_batch_size", Integer, &[]),
    Key::unused("plugins.expand_plugins_dir", Text),
    Key::unused("sysmon.long_gc", Either(&Integer, &Duration)),
    Key::unused("sysmon.long_schedule", Either(&Integer, &Duration)),
    Key::unused("sysmon.large_heap", Bytes),
    Key::unused("sysmon.busy_port", Flag),
    Key::unused("sysmon.busy_dist_port", Flag),
    Key::unused("os_mon.memsup_improved_system_memory_data", Flag),
    Key::set(
        "os_mon.cpu_check_interval",
        "60s",
        "How often the processors of the host are looked at.",
        |d, _, t| {
            d.node.alarms.host.cpu_interval = interval(t)?;
            Ok(())
        },
    ),
    Key::set(
        "os_mon.cpu_high_watermark",
        "80%",
        "Above this the alarm high_cpu_usage begins.",
        |d, _, t| {
            d.node.alarms.host.cpu_high = percent(t)?;
            Ok(())
        },
    ),
    Key::set("os_mon.cpu_low_watermark", "60%", "At this and below it is over.", |d, _, t| {
        d.node.alarms.host.cpu_low = percent(t)?;
        Ok(())
    }),
    Key::set(
        "os_mon.mem_check_interval",
        "60s",
        "How often the memory of the host is looked at.",
        |d, _, t| {
            d.node.alarms.host.memory_interval = interval(t)?;
            Ok(())
        },
    ),
    Key::set(
        "os_mon.sysmem_high_watermark",
        "70%",
        "Above this the alarm high_system_memory_usage begins; what can be made free does not count as used.",
        |d, _, t| {
            d.node.alarms.host.memory_high = percent(t)?;
            Ok(())
        },
    ),
    Key::unused("os_mon.procmem_high_watermark", Percent),
    Key::unused("vm_mon.check_interval", Duration),
    Key::unused("vm_mon.process_high_watermark", Percent),
    Key::unused("vm_mon.process_low_watermark", Percent),
    Key::set(
        "alarm.actions",
        "log,publish",
        "What becomes of an alarm: log = a line in the log, publish = a message below $SYS/brokers/NODE/alarms/.",
        |d, _, t| {
            let mut alarms =
                alarms::Settings { log: false, publish: false, ..d.node.alarms.alarms };
            for action in list(t) {
                match word(action, &["log", "publish"])? {
                    0 => alarms.log = true,
                    _ => alarms.publish = true,
                }
            }
            d.node.alarms.alarms = alarms;
            Ok(())
        },
    ),
    Key::set(
        "alarm.size_limit",
        "1000",
        "Alarms that are over and can still be listed.",
        |d, _, t| {
            d.node.alarms.alarms.size_limit = integer(t, 0, 1_000_000)?;
            Ok(())
        },
    ),
    Key::set("alarm.validity_period", "24h", "For how long they can.", |d, _, t| {
        d.node.alarms.alarms.validity = duration(t)?;
        Ok(())
    }),
    Key::unused("telemetry.enabled", Flag),
    Key::unused("telemetry.url", Text),
    Key::unused("telemetry.report_interval", Duration),
    Key::unused("dashboard.*", Text),
    Key::missing("psk.file.path", Text, &[]),
    Key::unused("psk.file.delimiter", Text),
    Key::missing("prometheus.*", Text, &[]),
    Key::missing("web.hook.*", Text, &[]),
    Key::missing("exhook.*", Text, &[]),
    Key::missing("rule_engine.*", Text, &[]),
    Key::missing("coap.*", Text, &[]),
    Key::missing("lwm2m.*", Text, &[]),
    Key::missing("stomp.*", Text, &[]),
    Key::missing("mqtt.sn.*", Text, &[]),
    Key::missing("exproto.*", Text, &[]),
    Key::unused("recon.*", Text),
    Key::unused("telemetry.*", Text),
];

fn rule(text: &str) -> Parsed<Rule> {
    Rule::parse(text).map_err(|error| Expected(error.to_string()))
}

/// Between two looks at the host; a file of EMQX may say 0.
fn interval(text: &str) -> Parsed<std::time::Duration> {
    Ok(duration(text)?.max(std::time::Duration::from_secs(1)))
}
