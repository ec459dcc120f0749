//! Sample bytes, round trips, and bytes from nowhere.

use std::sync::Arc;

use proptest::{collection::vec, option, prelude::*};

use super::*;
use crate::{
    cluster::{directory::Claim, routes::RouteKey},
    topic::TopicFilter,
};

#[track_caller]
fn check(frame: &Frame, bytes: &[u8]) {
    let mut out = Vec::new();
    frame.encode(&mut out);
    assert_eq!(out, bytes);
    let (header, body, used) = split(bytes).unwrap().unwrap();
    assert_eq!((header.kind, used), (frame.kind(), bytes.len()));
    assert_eq!(Frame::decode(header.kind, body).unwrap().as_ref(), Some(frame));
    for cut in 0..bytes.len() {
        assert_eq!(split(&bytes[..cut]), Ok(None), "cut at {cut}");
    }
}

#[test]
fn small_frames_have_the_known_bytes() {
    check(
        &Frame::Close { code: CloseCode::Gap, reason: "no 7".into() },
        &[0, 0, 0, 6, 0x06, 0, 0, 0, 8, 4, b'n', b'o', b' ', b'7'],
    );
    check(&Frame::RouteAck { incarnation: 3, seq: 300 }, &[0, 0, 0, 3, 0x32, 0, 0, 0, 3, 0xac, 2]);
    check(
        &Frame::FwdAck { incarnation: 1, stream: 2, seq: 3, credit: 4 },
        &[0, 0, 0, 4, 0x41, 0, 0, 0, 1, 2, 3, 4],
    );
    check(
        &Frame::Leave { node_id: NodeId([7; 16]), epoch: 2 },
        &[0, 0, 0, 17, 0x78, 0, 0, 0, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 2],
    );
    let id = HealId { leader: Guid { started: 1, node: NodeId([7; 16]) }, number: 3 };
    let head: &[u8] = &[0, 0, 0, 25, 0x74, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    check(&Frame::Heal(HealFrame::Rejoin(id)), &[head, &[7; 16], &[3]].concat());
    let ping =
        Ping { incarnation: 1, n: 2, route_hash: 3, draining: true, hlc: 4, ..Ping::default() };
    check(
        &Frame::Ping(ping),
        &[
            0, 0, 0, 21, 0x10, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 2, 0, 0, 0, 0, 0, 0, 0,
            4,
        ],
    );
}

#[test]
fn many_routes_are_compressed_and_bombs_are_refused() {
    let op = |n: u32| RouteOp {
        add: true,
        key: RouteKey {
            filter: TopicFilter::parse(&format!(
                "device/{:08x}/state",
                n.wrapping_mul(0x9e37_79b9)
            ))
            .unwrap(),
            group: None,
        },
        weight: 1,
    };
    let frame =
        Frame::RouteDelta { incarnation: 1, first_seq: 1, ops: (0..8_192).map(op).collect() };
    let (mut out, mut plain) = (Vec::new(), Vec::new());
    frame.encode(&mut out);
    frame.put_body(&mut plain);
    let (header, body, used) = split(&out).unwrap().unwrap();
    assert_eq!((header.flags, used), (ZSTD, out.len()));
    assert!(out.len() * 2 < plain.len(), "{} of {}", out.len(), plain.len());
    assert_eq!(Frame::read(header, body).unwrap().as_ref(), Some(&frame));
    for cut in [0, 1, 2, 9, body.len() / 2, body.len() - 1] {
        assert!(Frame::read(header, &body[..cut]).is_err());
    }
    // Numbers one after the other shrink very much.
    let op = |n: u32| RouteOp {
        add: true,
        key: RouteKey {
            filter: TopicFilter::parse(&format!("device/{}/state", 10_000 + n)).unwrap(),
            group: None,
        },
        weight: 1,
    };
    let numbered = (0..8_192).map(op).collect();
    let numbered = Frame::RouteSnap { incarnation: 1, seq: 1, part: 0, last: true, ops: numbered };
    let mut out = Vec::new();
    numbered.encode(&mut out);
    let (header, body, _) = split(&out).unwrap().unwrap();
    assert!(body.len() < 400, "{}", body.len());
    assert_eq!(Frame::read(header, body).unwrap(), Some(numbered));
    // Two hundred bytes that would be sixteen million, and a size that is not kept.
    let small = zstd::bulk::compress(&vec![0; 16 << 20], 1).unwrap();
    for size in [16 << 20, 4 << 20, 100] {
        let mut bomb = Vec::new();
        put_v(&mut bomb, size);
        bomb.extend_from_slice(&small);
        assert!(Frame::read(header, &bomb).is_err());
    }
    let mut out = Vec::new();
    frame.encode(&mut out);
    out[4] = Kind::PING.0;
    assert_eq!(split(&out), Err(WireError::Flags(Kind::PING.0)));
}

#[test]
fn a_message_has_the_known_bytes() {
    let envelope = Envelope {
        seq: 9,
        id: MessageId { incarnation: 1, number: 5 },
        flags: Flags { qos: 1, retain: true, ..Flags::default() },
        expiry: Some(200),
        targets: Targets::new(true, &[("g", "t/+")]).keyed(77),
        topic: "t/a",
        properties: &[1, 0],
        payload: b"hi",
    };
    let mut out = Vec::new();
    put_fwd(&mut out, &envelope);
    let want = [
        &[0, 0, 0, 23, 0x40, 0, 0, 0, 9, 1, 5, 0x55, 0xc8, 1, 3, 77][..],
        b"\x01g\x03t/+\x03t/a\x02\x01\x00hi",
    ];
    assert_eq!(out, want.concat());
    let (_, body, _) = split(&out).unwrap().unwrap();
    assert_eq!(Envelope::decode(body), Ok(envelope));
    for cut in 0..20 {
        assert!(Envelope::decode(&body[..cut]).is_err(), "cut at {cut}");
    }
}

#[test]
fn a_long_message_is_cut_into_fragments() {
    let payload = vec![b'x'; WHOLE_MAX + 1];
    let envelope = Envelope {
        seq: 1,
        id: MessageId::default(),
        flags: Flags { qos: 1, ..Flags::default() },
        expiry: None,
        targets: Targets::PLAIN,
        topic: "t",
        properties: &[],
        payload: &payload,
    };
    let (mut out, mut body, mut more) = (Vec::new(), Vec::new(), Vec::new());
    put_fwd(&mut out, &envelope);
    let mut rest = &out[..];
    while let Some((header, piece, used)) = split(rest).unwrap() {
        assert!(piece.len() <= FRAGMENT);
        more.push(header.flags == MORE);
        body.extend_from_slice(piece);
        rest = &rest[used..];
    }
    assert_eq!(more, [true, true, true, true, false]);
    let mut from = Reader::new(&body);
    assert_eq!(from.size().unwrap(), from.rest().len());
    assert_eq!(Envelope::decode(from.rest()), Ok(envelope));
}

#[test]
fn later_releases_are_understood_or_refused() {
    assert_eq!(Frame::decode(Kind(0x90), b"?"), Ok(None));
    assert_eq!(Frame::decode(Kind(0x7f), b"?"), Err(WireError::Kind(0x7f)));
    assert_eq!(Frame::decode(Kind::FWD, b"?"), Err(WireError::Kind(0x40)));
    let more = Frame::decode(Kind::ROUTE_ACK, &[1, 2, 99, 99]).unwrap();
    assert_eq!(more, Some(Frame::RouteAck { incarnation: 1, seq: 2 }), "later fields are ignored");
    let later = Frame::decode(Kind::CLOSE, &[200, 0]).unwrap();
    assert_eq!(later, Some(Frame::Close { code: CloseCode::Other(200), reason: String::new() }));
    let limit = BODY_MAX;
    assert_eq!(
        split(&[0xff, 0xff, 0xff, 0xff, 5, 0, 0, 0]),
        Err(WireError::TooLarge { size: 0xffff_ffff, limit })
    );
    assert_eq!(split(&[0, 0, 0, 0, 5, 1, 0, 0]), Err(WireError::Flags(5)));
    assert_eq!(split(&[0, 0, 0, 0, 5, 0, 0, 1]), Err(WireError::Flags(5)));
}

fn name() -> impl Strategy<Value = NodeName> {
    "[a-z0-9]{1,8}@[a-z0-9.]{1,12}".prop_map(|text| NodeName::parse(&text).unwrap())
}

fn id() -> impl Strategy<Value = NodeId> {
    any::<[u8; 16]>().prop_map(NodeId)
}

fn addrs() -> impl Strategy<Value = Vec<SocketAddr>> {
    vec(any::<SocketAddr>(), 0..4)
        .prop_map(|addrs| addrs.into_iter().map(|a| SocketAddr::new(a.ip(), a.port())).collect())
}

fn guids() -> impl Strategy<Value = Guid> {
    (any::<u64>(), id()).prop_map(|(started, node)| Guid { started, node })
}

fn records() -> impl Strategy<Value = Vec<MemberRecord>> {
    let status = prop_oneof![Just(RecordStatus::Member), Just(RecordStatus::Banned)];
    let ids = (name(), id(), guids(), addrs());
    let record = (ids, any::<(u64, u64, u64)>(), "[0-9.]{0,8}", status).prop_map(
        |(ids, n, version, status)| {
            let (name, node_id, guid, addrs) = ids;
            let (incarnation, caps, epoch) = (n.0 >> 2, n.1, n.2 >> 2);
            let out = u64::from(status == RecordStatus::Banned) * (n.0 & 0xffff);
            let out_for = Duration::from_secs(out);
            MemberRecord {
                name,
                node_id,
                incarnation,
                guid,
                addrs,
                caps,
                version,
                status,
                epoch,
                out_for,
            }
        },
    );
    vec(record, 0..5)
}

fn ops() -> impl Strategy<Value = Vec<RouteOp>> {
    let key = ("[a-c]{1,3}(/[a-dä+]){0,4}(/#)?", option::of("[a-z]{1,4}"));
    vec((any::<bool>(), key, 0u32..8), 0..20).prop_map(|ops| {
        let op = |(add, (filter, group), power): (bool, (String, Option<String>), u32)| RouteOp {
            add,
            weight: if group.is_some() { 1 << power } else { 1 },
            key: RouteKey {
                filter: TopicFilter::parse(&filter).unwrap(),
                group: group.map(Arc::from),
            },
        };
        ops.into_iter().map(op).collect()
    })
}

fn state() -> impl Strategy<Value = State> {
    let numbers = any::<(u64, u64, u64, u64)>();
    let fwd = vec((any::<u8>(), any::<u64>(), any::<u64>()), 0..8);
    (numbers, guids(), any::<[u8; 16]>(), ".{0,9}", addrs(), any::<(u64, u64, u64)>(), fwd)
        .prop_map(
            |((incarnation, caps, hlc, row_seq), guid, cluster_id, version, addrs, have, fwd)| {
                State {
                    incarnation,
                    guid,
                    cluster_id,
                    version,
                    caps,
                    addrs,
                    hlc,
                    have: Position { incarnation: have.0, seq: have.1, hash: have.2 },
                    fwd: fwd
                        .into_iter()
                        .map(|(stream, incarnation, seq)| Received { stream, incarnation, seq })
                        .collect(),
                    row_seq,
                }
            },
        )
}

fn heal() -> impl Strategy<Value = HealFrame> {
    let set = || vec(id(), 0..4);
    let ids = (guids(), any::<u64>()).prop_map(|(leader, number)| HealId { leader, number });
    (ids, any::<u64>(), set(), vec(set(), 0..4), 0..7).prop_map(|(id, number, set, parts, kind)| {
        match kind {
            0 => HealFrame::Report { number, lost: set },
            1 => HealFrame::ViewReq(id),
            2 => HealFrame::ViewRep { id, number, set },
            3 => HealFrame::Plan { id, rejoin: set, parts },
            4 => HealFrame::Rejoin(id),
            5 => HealFrame::RejoinOk(id),
            _ => HealFrame::Done { id, rejoined: set, parts },
        }
    })
}

fn claim() -> impl Strategy<Value = Claim> {
    (any::<u64>(), id()).prop_map(|(hlc, node)| Claim { hlc, node })
}

fn will_copy() -> impl Strategy<Value = WillCopy> {
    (claim(), any::<(u64, u64)>(), vec(any::<u8>(), 0..50)).prop_map(
        |(claim, (incarnation, delay_ms), body)| {
            let body = body.into();
            WillCopy { claim, incarnation, delay_ms, body }
        },
    )
}

fn session_frame() -> impl Strategy<Value = Frame> {
    let client = || ".{0,20}".prop_map(|text: String| Arc::<str>::from(text));
    let stage = prop_oneof![Just(Stage::State), Just(Stage::Rest)];
    prop_oneof![
        (client(), claim(), any::<(bool, bool)>()).prop_map(|(client, claim, (refresh, clean))| {
            Frame::Claim(ClaimFrame::Claim { client, claim, refresh, clean })
        }),
        (client(), claim(), option::of(claim())).prop_map(|(client, claim, previous)| {
            Frame::Claim(ClaimFrame::Ok { client, claim, previous })
        }),
        (client(), claim(), any::<u64>()).prop_map(|(client, claim, seen)| Frame::Claim(
            ClaimFrame::Low { client, claim, seen }
        )),
        (client(), claim(), any::<bool>()).prop_map(|(client, winner, clean)| {
            Frame::Claim(ClaimFrame::Kick { client, winner, clean })
        }),
        (client(), claim())
            .prop_map(|(client, claim)| Frame::Claim(ClaimFrame::Unclaim { client, claim })),
        (client(), claim(), any::<bool>()).prop_map(|(client, claim, adopt)| Frame::Take(
            TakeFrame::Offer { client, claim, adopt }
        )),
        (client(), claim(), stage.clone(), any::<u64>()).prop_map(
            |(client, claim, stage, part)| {
                Frame::Take(TakeFrame::Pull { client, claim, stage, part })
            }
        ),
        (client(), stage, any::<u64>(), any::<bool>(), vec(any::<u8>(), 0..50)).prop_map(
            |(client, stage, part, last, bytes)| {
                Frame::Take(TakeFrame::Piece { client, stage, part, last, bytes })
            }
        ),
        client().prop_map(|client| Frame::Take(TakeFrame::Done { client })),
        (client(), option::of(id()))
            .prop_map(|(client, moved)| Frame::Take(TakeFrame::Fail { client, moved })),
        (client(), will_copy(), any::<bool>())
            .prop_map(|(client, will, asks)| Frame::Will(WillFrame::Keep { client, will, asks })),
        (client(), will_copy())
            .prop_map(|(client, will)| Frame::Will(WillFrame::Due { client, will })),
        (client(), claim(), any::<bool>()).prop_map(|(client, claim, kept)| Frame::Will(
            WillFrame::Answer { client, claim, kept }
        )),
        (client(), claim())
            .prop_map(|(client, claim)| Frame::Will(WillFrame::Gone { client, claim })),
        (client(), claim())
            .prop_map(|(client, claim)| Frame::Will(WillFrame::Ask { client, claim })),
        (client(), claim())
            .prop_map(|(client, claim)| Frame::Will(WillFrame::Going { client, claim })),
        any::<u64>().prop_map(|mark| Frame::Mark(MarkFrame::Ask { mark })),
        (any::<u64>(), any::<u64>(), vec(any::<u8>(), 0..50))
            .prop_map(|(ticket, part, what)| Frame::Ask(AskFrame::Ask { ticket, part, what })),
        (any::<u64>(), any::<u64>(), any::<bool>(), vec(any::<u8>(), 0..50)).prop_map(
            |(ticket, part, last, bytes)| {
                Frame::Ask(AskFrame::Page { ticket, part, last, bytes })
            }
        ),
        (any::<u64>(), vec(any::<u64>(), 0..9))
            .prop_map(|(mark, sent)| Frame::Mark(MarkFrame::Answer { mark, sent })),
    ]
}

fn frame() -> impl Strategy<Value = Frame> {
    let n = any::<(u64, u64, u64)>;
    prop_oneof![
        state().prop_map(Frame::State),
        (any::<u8>(), ".{0,20}")
            .prop_map(|(code, reason)| Frame::Close { code: CloseCode::from_u8(code), reason }),
        records().prop_map(Frame::Members),
        (id(), n(), vec(id(), 0..9)).prop_map(|(node_id, n, reach)| Frame::Row {
            node_id,
            incarnation: n.0,
            row_seq: n.1,
            reach
        }),
        (n(), ops()).prop_map(|(n, ops)| Frame::RouteDelta {
            incarnation: n.0,
            first_seq: n.1,
            ops
        }),
        (n(), any::<bool>(), ops()).prop_map(|(n, last, ops)| Frame::RouteSnap {
            incarnation: n.0,
            seq: n.1,
            part: n.2,
            last,
            ops
        }),
        (n(), any::<([u64; 4], bool)>(), ops()).prop_map(|(n, (words, last), ops)| {
            Frame::RouteFix {
                incarnation: n.0,
                seq: n.1,
                parts: Parts::from_words(words),
                number: n.2,
                last,
                ops,
            }
        }),
        heal().prop_map(Frame::Heal),
        session_frame(),
        n().prop_map(|n| Frame::FwdBase { incarnation: n.0, seq: n.1 >> 2 }),
        n().prop_map(|n| Frame::RouteReq { incarnation: n.0, seq: n.1 }),
        n().prop_map(|n| Frame::RouteSum {
            incarnation: n.0,
            seq: n.1,
            sums: Box::new([n.2; 256])
        }),
        (n(), any::<u8>()).prop_map(|(n, reason)| Frame::FwdNack {
            stream: 3,
            seq: n.0,
            reason,
            groups: n.1
        }),
        (n(), ".{0,20}").prop_map(|(n, topic)| Frame::TopicDef { id: n.0, topic }),
        (id(), n()).prop_map(|(node, n)| Frame::Merge {
            cluster_id: node.0,
            maker: Guid { started: n.0, node }
        }),
        (id(), n(), any::<bool>()).prop_map(|(node_id, n, ban)| Frame::Remove {
            node_id,
            epoch: n.0 >> 2,
            ban
        }),
        (n(), n(), any::<(bool, bool)>()).prop_map(|(a, b, flags)| Frame::Ping(Ping {
            incarnation: a.0,
            n: a.1,
            lateness_ms: a.2,
            route_seq: b.0,
            route_hash: b.1,
            stalled: flags.0,
            draining: flags.1,
            hlc: b.2
        })),
    ]
}

proptest! {
    #[test]
    fn frames_survive(frame in frame()) {
        let mut out = vec![1, 2, 3];
        frame.encode(&mut out);
        let (header, body, used) = split(&out[3..]).unwrap().unwrap();
        prop_assert_eq!(used, out.len() - 3);
        // An earlier release ends a table of members before the times for which they are out.
        let earlier = if let Frame::Members(records) = &frame {
            let of_it = |record| MemberRecord { out_for: Duration::ZERO, ..record };
            Some(Frame::Members(records.iter().cloned().map(of_it).collect()))
        } else {
            None
        };
        prop_assert_eq!(Frame::read(header, body).unwrap(), Some(frame));
        for cut in 0..body.len() {
            let read = Frame::read(header, &body[..cut]);
            prop_assert!(read.is_err() || (earlier.is_some() && read == Ok(earlier.clone())));
        }
    }

    #[test]
    fn messages_survive(
        numbers: (u64, u64, u64),
        qos in 0u8..3,
        bits: (bool, bool, bool, bool),
        expiry: Option<u32>,
        groups in vec(("[a-z]{1,5}", "[a-z/+]{1,9}"), 0..4),
        topic in "[a-z/]{1,30}",
        properties in vec(any::<u8>(), 0..40),
        payload in vec(any::<u8>(), 0..200),
    ) {
        let groups: Vec<_> = groups.iter().map(|(g, f)| (g.as_str(), f.as_str())).collect();
        let envelope = Envelope {
            seq: if qos == 0 { 0 } else { numbers.0.max(1) },
            id: MessageId { incarnation: numbers.1, number: numbers.2 },
            flags: Flags { qos, retain: bits.0, dup: bits.1, durable: bits.2 },
            expiry,
            targets: Targets::new(bits.3, &groups),
            topic: &topic,
            properties: &properties,
            payload: &payload,
        };
        let mut out = Vec::new();
        put_fwd(&mut out, &envelope);
        prop_assert!(out.len() <= envelope.size_max());
        let (header, body, _) = split(&out).unwrap().unwrap();
        prop_assert_eq!(header.kind, Kind::FWD);
        prop_assert_eq!(Envelope::decode(body), Ok(envelope));
    }

    #[test]
    fn random_bytes_never_panic(kind: u8, bytes in vec(any::<u8>(), 0..300)) {
        let _ = split(&bytes);
        let _ = Frame::decode(Kind(kind), &bytes);
        let _ = Envelope::decode(&bytes);
    }

    #[test]
    fn one_changed_byte_never_panics(frame in frame(), at: prop::sample::Index, to: u8) {
        let mut out = Vec::new();
        frame.encode(&mut out);
        let at = at.index(out.len());
        out[at] = to;
        if let Ok(Some((header, body, _))) = split(&out) {
            let _ = Frame::read(header, body);
        }
    }
}

/// A peer with a fault must not make others overflow.
#[test]
fn numbers_that_are_counted_on_from_are_far_from_their_end() {
    let record = |incarnation, epoch| {
        let node_id = NodeId([7; 16]);
        Frame::Members(vec![MemberRecord {
            name: NodeName::parse("a@h").unwrap(),
            node_id,
            incarnation,
            guid: Guid { started: 1, node: node_id },
            addrs: vec![],
            caps: 0,
            version: String::new(),
            status: RecordStatus::Left,
            epoch,
            out_for: Duration::ZERO,
        }])
    };
    let node_id = NodeId([7; 16]);
    for (frame, fits) in [
        (record(1, 1), true),
        (record(u64::MAX, 1), false),
        (record(1, u64::MAX), false),
        (Frame::Leave { node_id, epoch: 1 << 62 }, false),
        (Frame::Remove { node_id, epoch: u64::MAX, ban: true }, false),
        (Frame::FwdBase { incarnation: 1, seq: u64::MAX }, false),
        (Frame::FwdBase { incarnation: u64::MAX, seq: (1 << 62) - 1 }, true),
    ] {
        let mut bytes = Vec::new();
        frame.encode(&mut bytes);
        let (header, body, _) = split(&bytes).unwrap().unwrap();
        assert_eq!(Frame::read(header, body).is_ok(), fits, "{frame:?}");
    }
}
