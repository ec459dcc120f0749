//! Bridges to brokers of others.

use super::Kind::{Bytes, Duration, Integer, Text};
use super::{Key, listener::not_spoken};
use crate::config::bridge::{address, filter, filters, mountpoint, node_address};
use crate::config::draft::qos;
use crate::config::listeners::{file, versions};
use crate::config::values::{between, duration, flag, integer, size, word};
use crate::mqtt::Version;

const VERSIONS: [Version; 3] = [Version::V3_1, Version::V3_1_1, Version::V5];

pub(super) const KEYS: &[Key] = &[
    Key::set(
        "bridge.mqtt.$name.address",
        "",
        "Broker that the bridge $name connects to, host:port. See Bridges in emqx-rs(8).",
        |d, p, t| {
            match node_address(t) {
                Some(node) => d.bridge(p)?.node = Some((node, p.origin.to_owned())),
                None => d.bridge(p)?.address = Some(address(t)?),
            }
            Ok(())
        },
    ),
    Key::set(
        "bridge.mqtt.$name.start_type",
        "manual",
        "auto = it starts with the node; manual = emqx-rs-ctl bridges start $name does that.",
        |d, p, t| {
            d.bridge(p)?.auto = word(t, &["manual", "auto"])? == 1;
            Ok(())
        },
    ),
    Key::set(
        "bridge.mqtt.$name.proto_ver",
        "mqttv4",
        "mqttv3, mqttv4 (3.1.1) or mqttv5. With mqttv5 the remote sends nothing back, and RETAIN stays.",
        |d, p, t| {
            let at = word(t, &["mqttv3", "mqttv4", "mqttv5"])?;
            d.bridge(p)?.version = VERSIONS.get(at).copied().unwrap_or(Version::V3_1_1);
            Ok(())
        },
    ),
    Key::set(
        "bridge.mqtt.$name.bridge_mode",
        "false",
        "mqttv3, mqttv4: tells the remote that this is a bridge, for the same; mosquitto and EMQX know it.",
        |d, p, t| {
            d.bridge(p)?.bridge_mode = flag(t)?;
            Ok(())
        },
    ),
    Key::set(
        "bridge.mqtt.$name.clientid",
        "",
        "Client id there; unset, node and bridge. One without ${node} is for one node of a cluster at a time.",
        |d, p, t| {
            d.bridge(p)?.client_id = Some(t.into());
            Ok(())
        },
    ),
    Key::set(
        "bridge.mqtt.$name.clean_start",
        "true",
        "Each process begins with a new session there.",
        |d, p, t| {
            d.bridge(p)?.clean_start = flag(t)?;
            Ok(())
        },
    ),
    Key::set("bridge.mqtt.$name.username", "", "User name there.", |d, p, t| {
        d.bridge(p)?.username = Some(t.into());
        Ok(())
    }),
    Key::set("bridge.mqtt.$name.password", "", "Its password.", |d, p, t| {
        d.bridge(p)?.password = Some(t.into());
        d.holds(p, "the password of a bridge");
        Ok(())
    }),
    Key::set(
        "bridge.mqtt.$name.keepalive",
        "60s",
        "Longest silence; 0 = none is too long.",
        |d, p, t| {
            d.bridge(p)?.keep_alive = between(duration(t)?, "0", "65535s")?;
            Ok(())
        },
    ),
    Key::set(
        "bridge.mqtt.$name.reconnect_interval",
        "30s",
        "Longest wait before another attempt to connect; the first is after a second.",
        |d, p, t| {
            d.bridge(p)?.reconnect = between(duration(t)?, "100ms", "1d")?;
            Ok(())
        },
    ),
    Key::set(
        "bridge.mqtt.$name.max_inflight_size",
        "32",
        "QoS 1 and 2 messages under way to the remote.",
        |d, p, t| {
            d.bridge(p)?.max_inflight = integer(t, 1, 1024)?;
            Ok(())
        },
    ),
    Key::set(
        "bridge.mqtt.$name.forwards",
        "",
        "Filters of what goes to the remote, with commas. What came from it by this bridge does not.",
        |d, p, t| {
            d.bridge(p)?.forwards = filters(t)?;
            Ok(())
        },
    ),
    Key::set(
        "bridge.mqtt.$name.forward_mountpoint",
        "",
        "Stands before the topics of what goes out; ${node} is the name of the node.",
        |d, p, t| {
            d.bridge(p)?.forward_mountpoint = mountpoint(t)?;
            Ok(())
        },
    ),
    Key::set(
        "bridge.mqtt.$name.subscription.$id.topic",
        "",
        "Filter of what comes in from the remote. One node of the cluster subscribes at a time.",
        |d, p, t| {
            let to = filter(t)?;
            d.bridge(p)?.subscription(p).filter = to.as_str().into();
            Ok(())
        },
    ),
    Key::set(
        "bridge.mqtt.$name.subscription.$id.qos",
        "",
        "QoS of that subscription, 1 if unset.",
        |d, p, t| {
            let qos = qos(t)?;
            d.bridge(p)?.subscription(p).qos = qos;
            Ok(())
        },
    ),
    Key::set(
        "bridge.mqtt.$name.receive_mountpoint",
        "",
        "Stands before the topics of what comes in; ${node} as above.",
        |d, p, t| {
            d.bridge(p)?.receive_mountpoint = mountpoint(t)?;
            Ok(())
        },
    ),
    Key::set("bridge.mqtt.$name.ssl", "off", "on = over TLS.", |d, p, t| {
        d.bridge(p)?.ssl = flag(t)?;
        Ok(())
    }),
    Key::set(
        "bridge.mqtt.$name.cacertfile",
        "",
        "Authorities (PEM) that prove the remote; files are read at each attempt to connect.",
        |d, p, t| {
            d.bridge(p)?.files[0] = file(p, t);
            Ok(())
        },
    ),
    Key::set(
        "bridge.mqtt.$name.certfile",
        "",
        "Certificate (PEM) that proves this node to the remote.",
        |d, p, t| {
            d.bridge(p)?.files[1] = file(p, t);
            Ok(())
        },
    ),
    Key::set("bridge.mqtt.$name.keyfile", "", "Its private key (PEM).", |d, p, t| {
        d.bridge(p)?.files[2] = file(p, t);
        Ok(())
    }),
    Key::set(
        "bridge.mqtt.$name.verify",
        "verify_peer",
        "verify_none = anybody is believed to be the remote.",
        |d, p, t| {
            d.bridge(p)?.verify = word(t, &["verify_none", "verify_peer"])? == 1;
            Ok(())
        },
    ),
    Key::set(
        "bridge.mqtt.$name.server_name_indication",
        "",
        "Name that the certificate must have, if not that in the address; disable = the remote is told none.",
        |d, p, t| {
            d.bridge(p)?.sni = Some((t != "disable").then(|| t.into()));
            Ok(())
        },
    ),
    Key::set(
        "bridge.mqtt.$name.tls_versions",
        "tlsv1.3,tlsv1.2",
        "Versions that are spoken; there are no others than these.",
        |d, p, t| {
            let (tls12, tls13, others) = versions(t)?;
            d.bridge(p)?.versions = (tls12, tls13);
            not_spoken(d, p, &others);
            Ok(())
        },
    ),
    Key::set(
        "bridge.mqtt.$name.queue.max_total_size",
        "64MB",
        "Bytes that wait for the remote, in memory, at most 256MB; the oldest QoS 0 goes first, then the oldest.",
        |d, p, t| {
            d.bridge(p)?.queue_bytes = size(t)?;
            Ok(())
        },
    ),
    Key::unused("bridge.mqtt.$name.queue.replayq_dir", Text),
    Key::unused("bridge.mqtt.$name.queue.replayq_seg_bytes", Bytes),
    Key::unused("bridge.mqtt.$name.retry_interval", Duration),
    Key::unused("bridge.mqtt.$name.batch_size", Integer),
    Key::unused("bridge.mqtt.$name.ciphers", Text),
    Key::unused("bridge.mqtt.$name.psk_ciphers", Text),
];
