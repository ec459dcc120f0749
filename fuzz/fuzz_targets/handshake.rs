//! A stranger at the mesh port, one who is dialled by mistake, and one who alters what two nodes say to each other: nobody who
//! does not know the cookie comes in, and two nodes whose words were altered have no link.

#![no_main]

use std::sync::OnceLock;

use emqx_rs::cluster::{
    NodeName,
    handshake::{Credentials, Hello, Identity, Initiator, LinkKind, Responder, Suites, Verdict},
    secret::{KeySet, Keys},
    settings::{Cookie, Kdf},
    wire::Received,
};
use libfuzzer_sys::fuzz_target;

const CLUSTER: &str = "emqxcl";

struct End {
    identity: Identity,
    keys: Keys,
    hello: Hello,
}

impl End {
    fn new(name: &str) -> Self {
        let cookie = Cookie::new("a cookie for the fuzzer, 32 bytes".to_owned());
        let hello = Hello {
            kind: LinkKind::Data { stream: 1 },
            cluster_name: CLUSTER.to_owned(),
            name: NodeName::parse(name).unwrap(),
            target: None,
            incarnation: 3,
            started: 77,
            wire: (1, 1),
            caps: 5,
            streams: 2,
            message_max: 1 << 21,
            received: Received { stream: 1, incarnation: 9, seq: 10 },
        };
        let keys = Keys::new(KeySet::derive(&cookie, CLUSTER, Kdf::Fast).unwrap(), None);
        Self { identity: Identity::generate().unwrap(), keys, hello }
    }

    fn credentials(&self) -> Credentials<'_> {
        let suites = Suites::new(true);
        Credentials { identity: &self.identity, keys: &self.keys, suites, exporter: None }
    }
}

/// Two nodes talk, and byte `at` of all that is said is altered by `with`, unless that changes nothing. Whether both have a link.
fn altered(a: &End, b: &End, at: usize, with: u8) -> bool {
    let (mut to_b, mut to_a) = (Vec::new(), Vec::new());
    let mut dialler = Initiator::start(&a.credentials(), a.hello.clone(), &mut to_b);
    let mut listener = Responder::new();
    let mut said = 0;
    let mut alter = |bytes: &mut Vec<u8>| {
        if let Some(byte) = at.checked_sub(said).and_then(|at| bytes.get_mut(at)) {
            *byte ^= with;
        }
        said += bytes.len();
    };
    for _ in 0..4 {
        alter(&mut to_b);
        match listener.on_bytes(&b.credentials(), CLUSTER, &mut to_b, &mut to_a) {
            Ok(None) => {}
            Ok(Some(_)) => {
                let ours = listener.answer(Verdict::Ok, &b.hello, &mut to_a);
                alter(&mut to_a);
                let theirs = dialler.on_bytes(&a.credentials(), &mut to_a, &mut to_b);
                return ours.is_ok() && theirs.is_ok_and(|up| up.is_some());
            }
            Err(_) => return false,
        }
        alter(&mut to_a);
        if dialler.on_bytes(&a.credentials(), &mut to_a, &mut to_b).is_err() {
            return false;
        }
    }
    false
}

fuzz_target!(|data: &[u8]| {
    static ENDS: OnceLock<(End, End)> = OnceLock::new();
    let (a, b) = ENDS.get_or_init(|| (End::new("a@10.0.0.1"), End::new("b@10.0.0.2")));
    let mut out = Vec::new();
    let came = Responder::new().on_bytes(&b.credentials(), CLUSTER, &mut data.to_vec(), &mut out);
    assert!(!matches!(came, Ok(Some(_))), "a stranger proves nothing");
    assert!(out.len() <= data.len().max(64) * 4, "and is told little");
    let mut out = Vec::new();
    let mut dialler = Initiator::start(&a.credentials(), a.hello.clone(), &mut out);
    let up = dialler.on_bytes(&a.credentials(), &mut data.to_vec(), &mut out);
    assert!(!matches!(up, Ok(Some(_))), "nor does one who is dialled");
    let [high, low, with, ..] = *data else { return };
    let at = usize::from(u16::from_be_bytes([high, low])) % 700;
    if with == 0 {
        assert!(altered(a, b, at, 0), "unaltered words make a link");
    }
});
