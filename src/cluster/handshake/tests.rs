//! Two ends in one thread, and what comes between them.

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::cluster::{
    secret::KeySet,
    settings::{Cookie, Kdf},
};

struct End {
    identity: Identity,
    keys: Keys,
    suites: Suites,
    exporter: Option<[u8; 32]>,
    hello: Hello,
}

fn keys(cookie: &str) -> KeySet {
    KeySet::derive(&Cookie::new(cookie.to_owned()), "emqxcl", Kdf::Fast).unwrap()
}

fn end(name: &str) -> End {
    let hello = Hello {
        kind: LinkKind::Data { stream: 1 },
        cluster_name: "emqxcl".into(),
        name: NodeName::parse(name).unwrap(),
        target: None,
        incarnation: 3,
        started: 77,
        wire: WIRE,
        caps: 5,
        streams: 2,
        message_max: 1 << 21,
        received: wire::Received { stream: 1, incarnation: 9, seq: 10 },
    };
    let identity = Identity::generate().unwrap();
    let keys = Keys::new(keys("cookie one"), None);
    End { identity, keys, suites: Suites::new(true), exporter: None, hello }
}

impl End {
    fn credentials(&self) -> Credentials<'_> {
        Credentials {
            identity: &self.identity,
            keys: &self.keys,
            suites: self.suites,
            exporter: self.exporter.as_ref(),
        }
    }
}

type Outcome = (Result<Established, HandshakeError>, Result<Established, HandshakeError>);

/// Runs both ends; `between` sees (and may alter) what goes from one to the other, with the number of the flight.
fn run(
    a: &End,
    b: &End,
    verdict: Verdict,
    mut between: impl FnMut(usize, &mut Vec<u8>),
) -> Outcome {
    let (mut to_b, mut to_a) = (Vec::new(), Vec::new());
    let mut dialler = Initiator::start(&a.credentials(), a.hello.clone(), &mut to_b);
    let mut listener = Responder::new();
    for flight in (0..8).step_by(2) {
        between(flight, &mut to_b);
        let mut error = None;
        match listener.on_bytes(&b.credentials(), "emqxcl", &mut to_b, &mut to_a) {
            Ok(None) => {}
            Ok(Some(peer)) => {
                assert_eq!(peer.node_id, a.identity.node_id());
                let ours = listener.answer(verdict, &b.hello, &mut to_a);
                between(flight + 1, &mut to_a);
                let theirs = dialler.on_bytes(&a.credentials(), &mut to_a, &mut to_b);
                return (theirs.map(|up| up.expect("all bytes are there")), ours);
            }
            Err(fault) => error = Some(fault),
        }
        between(flight + 1, &mut to_a);
        let theirs = dialler.on_bytes(&a.credentials(), &mut to_a, &mut to_b);
        match (theirs, error) {
            (Ok(None), None) if !to_b.is_empty() => {}
            (Err(fault), None) => return (Err(fault), Err(HandshakeError::Foreign)),
            (Err(theirs), Some(ours)) => return (Err(theirs), Err(ours)),
            (_, Some(ours)) => return (Err(HandshakeError::Foreign), Err(ours)),
            (other, None) => panic!("stuck: {other:?}"),
        }
    }
    panic!("stuck")
}

fn errors(outcome: Outcome) -> (HandshakeError, HandshakeError) {
    (outcome.0.unwrap_err(), outcome.1.unwrap_err())
}

#[track_caller]
fn talk(mut a: Established, mut b: Established) {
    assert_eq!(a.hash, b.hash);
    for (from, to) in [(&mut a.sealer, &mut b.opener), (&mut b.sealer, &mut a.opener)] {
        let mut out = Vec::new();
        from.seal(b"hello", &mut out).unwrap();
        assert_eq!(to.open(&mut out).unwrap().unwrap().0, b"hello");
    }
}

#[test]
fn both_ends_learn_who_the_other_is_and_talk() {
    let (a, b) = (end("a@h"), end("b@h"));
    let (at_a, at_b) = run(&a, &b, Verdict::Ok, |_, _| {});
    let (at_a, at_b) = (at_a.unwrap(), at_b.unwrap());
    assert_eq!((at_a.peer.node_id, &at_a.peer.hello), (b.identity.node_id(), &b.hello));
    assert_eq!((at_b.peer.node_id, &at_b.peer.hello), (a.identity.node_id(), &a.hello));
    assert_eq!(at_b.peer.guid(), Guid { started: 77, node: a.identity.node_id() });
    talk(at_a, at_b);
}

#[test]
fn without_aes_on_one_side_the_other_cipher_is_used() {
    let (a, mut b) = (end("a@h"), end("b@h"));
    b.suites = Suites::new(false);
    let mut answer = 0;
    let (at_a, at_b) = run(&a, &b, Verdict::Ok, |flight, bytes| {
        if flight == 1 {
            answer = bytes[0];
        }
    });
    assert_eq!(answer, 2);
    talk(at_a.unwrap(), at_b.unwrap());
}

#[test]
fn a_wrong_cookie_is_told_apart() {
    let (a, mut b) = (end("a@h"), end("b@h"));
    b.keys = Keys::new(keys("cookie two"), None);
    assert_ne!(a.keys.current().key_id(), b.keys.current().key_id());
    assert_eq!(
        errors(run(&a, &b, Verdict::Ok, |_, _| {})),
        (HandshakeError::Cookie, HandshakeError::Cookie)
    );
    // One of 256 wrong cookies has the same number: find one, it must fail at message 3.
    let twin = (0..).map(|n| keys(&n.to_string()));
    let twin = { twin }.find(|set| set.key_id() == a.keys.current().key_id()).unwrap();
    b.keys = Keys::new(twin, None);
    assert_eq!(
        errors(run(&a, &b, Verdict::Ok, |_, _| {})),
        (HandshakeError::Cookie, HandshakeError::Cookie)
    );
}

#[test]
fn the_previous_cookie_is_accepted() {
    let (a, mut b) = (end("a@h"), end("b@h"));
    b.keys = Keys::new(keys("cookie two"), Some(keys("cookie one")));
    let (at_a, at_b) = run(&a, &b, Verdict::Ok, |_, _| {});
    talk(at_a.unwrap(), at_b.unwrap());
}

#[test]
fn no_byte_of_the_opening_can_be_altered() {
    let (a, b) = (end("a@h"), end("b@h"));
    for at in 0..OPENING {
        for bit in 0..8 {
            let outcome = run(&a, &b, Verdict::Ok, |flight, bytes| {
                if flight == 0 {
                    bytes[at] ^= 1 << bit;
                }
            });
            assert!(outcome.0.is_err() && outcome.1.is_err(), "byte {at} bit {bit}");
        }
    }
    // A downgrade: the answer says ChaCha where AES was chosen.
    let outcome = run(&a, &b, Verdict::Ok, |flight, bytes| {
        if flight == 1 {
            bytes[0] = 2;
        }
    });
    assert!(outcome.0.is_err() && outcome.1.is_err());
}

#[test]
fn other_clusters_versions_and_strangers_are_told_apart() {
    let (mut a, b) = (end("a@h"), end("b@h"));
    let alter = |at: usize, to: u8| {
        errors(run(&end("a@h"), &b, Verdict::Ok, |flight, bytes| {
            if flight == 0 {
                bytes[at] = to;
            }
        }))
    };
    assert_eq!(alter(0, b'X'), (HandshakeError::Foreign, HandshakeError::Foreign));
    assert_eq!(alter(4, 9), (HandshakeError::Version, HandshakeError::Version));
    assert_eq!(alter(6, 0), (HandshakeError::Version, HandshakeError::Version));
    a.hello.cluster_name = "other".into();
    assert_eq!(
        errors(run(&a, &b, Verdict::Ok, |_, _| {})),
        (HandshakeError::OtherCluster, HandshakeError::OtherCluster)
    );
}

#[test]
fn verdicts_reach_the_dialler() {
    let (mut a, b) = (end("a@h"), end("b@h"));
    let certificate = Verdict::Certificate;
    for verdict in
        [Verdict::DuplicateName, Verdict::Pin, certificate, Verdict::Cloned, Verdict::Other(77)]
    {
        assert_eq!(
            errors(run(&a, &b, verdict, |_, _| {})),
            (HandshakeError::Refused(verdict), HandshakeError::Rejected(verdict))
        );
    }
    a.hello.target = Some(NodeName::parse("c@h").unwrap());
    let (at_a, at_b) = run(&a, &b, Verdict::Ok, |_, _| {});
    assert_eq!(at_a.unwrap_err(), HandshakeError::Rejected(Verdict::WrongTarget));
    assert_eq!(at_b.unwrap().peer.hello.target, a.hello.target, "for the judge to see");
}

#[test]
fn another_tls_session_in_between_is_seen() {
    let (mut a, mut b) = (end("a@h"), end("b@h"));
    (a.exporter, b.exporter) = (Some([1; 32]), Some([1; 32]));
    let (at_a, at_b) = run(&a, &b, Verdict::Ok, |_, _| {});
    let (mut at_a, at_b) = (at_a.unwrap(), at_b.unwrap());
    assert_eq!(at_a.hash, at_b.hash);
    let mut room = Vec::new();
    assert_eq!(at_a.sealer.sealed(b"x", &mut room).unwrap(), b"x", "TLS seals");
    talk(at_a, at_b);
    b.exporter = Some([2; 32]);
    let outcome = run(&a, &b, Verdict::Ok, |_, _| {});
    assert!(outcome.0.is_err() && outcome.1.is_err());
}

#[test]
fn an_end_that_speaks_tls_is_told_from_a_stranger() {
    let a = end("a@h");
    let (mut hello, mut out) = (vec![0x16, 3, 1, 2, 0], Vec::new());
    let step = Responder::new().on_bytes(&a.credentials(), "emqxcl", &mut hello, &mut out);
    assert_eq!(step.unwrap_err(), HandshakeError::OtherTransport);
    assert_eq!(out, [0x15, 3, 3, 0, 2, 2, 70], "which TLS understands");
    let mut dialler = Initiator::start(&a.credentials(), a.hello.clone(), &mut Vec::new());
    let step = dialler.on_bytes(&a.credentials(), &mut out, &mut Vec::new());
    assert_eq!(step.unwrap_err(), HandshakeError::OtherTransport);
}

#[test]
fn every_cut_waits_for_more() {
    let (a, b) = (end("a@h"), end("b@h"));
    let (mut to_b, mut to_a, mut trickle) = (Vec::new(), Vec::new(), Vec::new());
    let mut dialler = Initiator::start(&a.credentials(), a.hello.clone(), &mut to_b);
    let mut listener = Responder::new();
    let peer = 'up: loop {
        for byte in std::mem::take(&mut to_b) {
            trickle.push(byte);
            let step =
                listener.on_bytes(&b.credentials(), "emqxcl", &mut trickle, &mut to_a).unwrap();
            if let Some(peer) = step {
                break 'up peer;
            }
        }
        let mut input = Vec::new();
        for byte in std::mem::take(&mut to_a) {
            input.push(byte);
            assert!(dialler.on_bytes(&a.credentials(), &mut input, &mut to_b).unwrap().is_none());
        }
    };
    assert_eq!(peer.hello, a.hello);
    let ours = listener.answer(Verdict::Ok, &b.hello, &mut to_a).unwrap();
    let (mut input, mut up) = (Vec::new(), None);
    for byte in to_a {
        input.push(byte);
        up = dialler.on_bytes(&a.credentials(), &mut input, &mut to_b).unwrap();
    }
    talk(up.unwrap(), ours);
}

/// The other end of Noise's transport phase is snow's own: our records must be the same.
#[test]
fn records_are_those_of_the_noise_protocol() {
    for suite in [Suite::AesGcm, Suite::ChaChaPoly] {
        let (a, b) = (end("a@h"), end("b@h"));
        let psk = a.keys.current().mesh();
        let mut one = noise(&a.credentials(), suite, b"p", psk, true).unwrap();
        let mut two = noise(&b.credentials(), suite, b"p", psk, false).unwrap();
        let (mut buffer, mut payload) = ([0; 1024], [0; 1024]);
        for flip in [true, false, true] {
            let (from, to) = if flip { (&mut one, &mut two) } else { (&mut two, &mut one) };
            let len = from.write_message(&[], &mut buffer).unwrap();
            to.read_message(&buffer[..len], &mut payload).unwrap();
        }
        let (there, _, _) = split(&mut one);
        let mut sealer = Sealer::new(suite, there).unwrap();
        let mut theirs = two.into_transport_mode().unwrap();
        for text in [&b"one"[..], b"two"] {
            let mut out = Vec::new();
            sealer.seal(text, &mut out).unwrap();
            let len = theirs.read_message(&out[2..], &mut payload).unwrap();
            assert_eq!(&payload[..len], text);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn random_bytes_never_panic(mut bytes in vec(any::<u8>(), 0..2000), keep in 0usize..30) {
        let b = end("b@h");
        let mut start = Vec::new();
        let mut dialler = Initiator::start(&b.credentials(), b.hello.clone(), &mut start);
        start.truncate(keep);
        start.extend_from_slice(&bytes);
        let mut out = Vec::new();
        let step = Responder::new().on_bytes(&b.credentials(), "emqxcl", &mut start, &mut out);
        prop_assert!(matches!(step, Ok(None) | Err(_)));
        prop_assert!(out.len() < 200);
        bytes.insert(0, 1);
        let step = dialler.on_bytes(&b.credentials(), &mut bytes, &mut out);
        prop_assert!(matches!(step, Ok(None) | Err(_)));
    }

    #[test]
    fn an_altered_handshake_never_comes_up_at_both_ends(flight in 0usize..6, at: prop::sample::Index, bit in 0u32..8) {
        let (a, b) = (end("a@h"), end("b@h"));
        let mut altered = false;
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            run(&a, &b, Verdict::Ok, |n, bytes| {
                if n == flight && !bytes.is_empty() {
                    let at = at.index(bytes.len());
                    bytes[at] ^= 1 << bit;
                    altered = true;
                }
            })
        }));
        // A longer length makes an end wait, which `run` calls stuck: as good as refused.
        if let Ok((at_a, at_b)) = outcome {
            prop_assert!(!altered || at_a.is_err() || at_b.is_err());
        }
    }
}
