//! `mqtt.*`: limits and features of all zones.

use super::Key;
use super::Kind::Flag;
use crate::config::draft::{qos, response_information};
use crate::config::values::{flag, integer, packet_size};

pub(super) const KEYS: &[Key] = &[
    Key::set("mqtt.max_packet_size", "2MB", "Largest packet accepted, up to 256MB.", |d, _, t| {
        d.base.max_packet_size = packet_size(t)?;
        Ok(())
    }),
    Key::set("mqtt.max_clientid_len", "1024", "Longest client id in bytes.", |d, _, t| {
        d.base.max_client_id_len = integer(t, 23, 65535)?;
        Ok(())
    }),
    Key::set("mqtt.max_topic_levels", "128", "Most levels of a topic; 0 = no limit.", |d, _, t| {
        d.base.max_topic_levels = integer(t, 0, 65535)?;
        Ok(())
    }),
    Key::set("mqtt.max_qos_allowed", "2", "Highest QoS accepted and granted.", |d, _, t| {
        d.base.max_qos = qos(t)?;
        Ok(())
    }),
    Key::set(
        "mqtt.max_topic_alias",
        "32",
        "Topic aliases a client may use; 0 = none.",
        |d, _, t| {
            d.base.max_topic_alias = integer(t, 0, 65535)?;
            Ok(())
        },
    ),
    Key::set("mqtt.retain_available", "true", "Retained messages are allowed.", |d, _, t| {
        d.base.retain_available = flag(t)?;
        Ok(())
    }),
    Key::set(
        "mqtt.wildcard_subscription",
        "true",
        "Filters with + and # are allowed.",
        |d, _, t| {
            d.base.wildcard_subscription = flag(t)?;
            Ok(())
        },
    ),
    Key::set("mqtt.shared_subscription", "true", "$share/group/filter is allowed.", |d, _, t| {
        d.base.shared_subscription = flag(t)?;
        Ok(())
    }),
    Key::set(
        "mqtt.ignore_loop_deliver",
        "false",
        "MQTT 3 clients do not get their own messages back.",
        |d, _, t| {
            d.base.ignore_loop_deliver = flag(t)?;
            Ok(())
        },
    ),
    Key::set(
        "mqtt.replace_session_of_other_user",
        "true",
        "A client id that a user's session has may be taken by another user, which ends that session, as in EMQX; false = \
         refused.",
        |d, _, t| {
            d.base.replaces_sessions = flag(t)?;
            Ok(())
        },
    ),
    Key::unused("mqtt.strict_mode", Flag),
    Key::set("mqtt.max_topic_len", "4096", "Longest topic name or filter in bytes.", |d, _, t| {
        d.base.max_topic_len = integer(t, 23, 65535)?;
        Ok(())
    }),
    Key::set(
        "mqtt.response_information",
        "",
        "What a client is told that asks for Response Information: the front of its response topics.",
        |d, _, t| {
            d.base.response_information = Some(response_information(t)?);
            Ok(())
        },
    ),
    Key::set(
        "mqtt.exclusive_subscription",
        "false",
        "$exclusive/FILTER is allowed: a subscription that one client in the cluster can have.",
        |d, _, t| {
            d.base.exclusive_subscription = flag(t)?;
            Ok(())
        },
    ),
];
