//! `broker.*`, `retainer.*`, `session.*`: what the broker keeps and how it chooses.

use super::Key;
use super::Kind::{Flag, Words};
use crate::cluster::settings::{SessionLocking, SubackWait};
use crate::config::draft::shared_strategy;
use crate::config::values::{duration_or_off, flag, integer, percent, size, word};

pub(super) const KEYS: &[Key] = &[
    Key::set(
        "broker.sys_interval",
        "1m",
        "Period of $SYS version, stats and metrics; 0 = never.",
        |d, _, t| {
            d.node.sys_interval = duration_or_off(t)?;
            Ok(())
        },
    ),
    Key::set(
        "broker.sys_heartbeat",
        "30s",
        "Period of $SYS uptime and datetime; 0 = never.",
        |d, _, t| {
            d.node.sys_heartbeat = duration_or_off(t)?;
            Ok(())
        },
    ),
    Key::set(
        "broker.shared_subscription_strategy",
        "random",
        "Member of a shared group: random, round_robin, sticky, local, hash_clientid (hash) or hash_topic.",
        |d, _, t| {
            d.base.shared_strategy = shared_strategy(t)?;
            Ok(())
        },
    ),
    Key::set(
        "broker.$name.shared_subscription_strategy",
        "",
        "The strategy of the group of this name alone. The publisher's node chooses a node by its own.",
        |d, p, t| {
            d.base.group_strategies.insert(p.name().to_owned(), shared_strategy(t)?);
            Ok(())
        },
    ),
    Key::set(
        "broker.suback",
        "cluster",
        "When SUBACK is sent: cluster = every node knows the subscription, local = at once.",
        |d, _, t| {
            let local = word(t, &["cluster", "local"])? == 1;
            d.cluster.suback = if local { SubackWait::Local } else { SubackWait::Cluster };
            Ok(())
        },
    ),
    Key::set(
        "retainer.max_retained_messages",
        "100000",
        "Retained messages kept; 0 = no limit.",
        |d, _, t| {
            d.retain.max_messages = integer(t, 0, 1_000_000_000)?;
            Ok(())
        },
    ),
    Key::set(
        "retainer.max_payload_size",
        "1MB",
        "Larger payloads are delivered and not kept.",
        |d, _, t| {
            d.retain.max_payload = size(t)?;
            Ok(())
        },
    ),
    Key::set(
        "retainer.max_memory",
        "256MB",
        "Bytes of all retained messages; new ones beyond are refused.",
        |d, _, t| {
            d.retain.max_memory = size(t)?;
            Ok(())
        },
    ),
    Key::set(
        "retainer.max_session_share",
        "80%",
        "What one session alone may fill of both; with others about, so much of what they leave. 100% = all.",
        |d, _, t| {
            d.retain.session_share = percent(t)?;
            Ok(())
        },
    ),
    Key::set(
        "retainer.expiry_interval",
        "0",
        "Life of a retained message that names none; 0 = for ever.",
        |d, _, t| {
            d.retain.expiry = duration_or_off(t)?;
            Ok(())
        },
    ),
    Key::set(
        "retainer.stop_publish_clear_msg",
        "false",
        "An empty retained message only clears.",
        |d, _, t| {
            d.retain.stop_publish_clear = flag(t)?;
            Ok(())
        },
    ),
    Key::missing("retainer.storage_type", Words(&["ram", "disc", "disc_only"]), &["ram"]),
    Key::set(
        "retainer.replicate",
        "all",
        "Who has a retained message: all = every node, none = the node it was published at.",
        |d, _, t| {
            d.cluster.retain_replicate = word(t, &["all", "none"])? == 0;
            Ok(())
        },
    ),
    Key::missing("session.store", Words(&["ram", "wal", "external"]), &["ram"]),
    Key::unused("broker.enable_session_registry", Flag),
    Key::set(
        "broker.session_locking_strategy",
        "quorum",
        "When a client is let in: local = at once, others = when its session on another node is here.",
        |d, _, t| {
            let local = word(t, &["local", "leader", "quorum", "all"])? == 0;
            d.cluster.session_locking =
                if local { SessionLocking::Local } else { SessionLocking::Cluster };
            Ok(())
        },
    ),
    Key::set(
        "broker.shared_dispatch_ack_enabled",
        "false",
        "On or off: another member gets what one that is full does not take and one that is gone has not acknowledged.",
        |_, _, t| flag(t).map(drop),
    ),
    Key::unused("broker.route_batch_clean", Flag),
    Key::unused("broker.perf.route_lock_type", Words(&["key", "tab", "global"])),
    Key::unused("broker.perf.trie_compaction", Flag),
    Key::set(
        "broker.client_disconnect_discarded",
        "off",
        "Tell in $SYS of a connection that ends because its client starts anew.",
        |d, _, t| {
            d.base.presence.tells_discarded = flag(t)?;
            Ok(())
        },
    ),
    Key::set(
        "broker.client_disconnect_takeovered",
        "off",
        "Tell in $SYS of a connection whose session another one takes over.",
        |d, _, t| {
            d.base.presence.tells_takeovered = flag(t)?;
            Ok(())
        },
    ),
];
