//! Any bytes are a discovery datagram or none; what is signed and read comes back the same.

#![no_main]

use std::{net::IpAddr, sync::OnceLock};

use emqx_rs::cluster::{
    beacon::{claimed, head, open, seal},
    secret::KeySet,
    settings::{Cookie, Kdf},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    static KEYS: OnceLock<KeySet> = OnceLock::new();
    let keys = KEYS.get_or_init(|| {
        let cookie = Cookie::new("a cookie for the fuzzer, 32 bytes".to_owned());
        KeySet::derive(&cookie, "emqxcl", Kdf::Fast).unwrap()
    });
    let from = IpAddr::from([127, 0, 0, 1]);
    assert!(open(data, keys, from).is_err(), "a MAC is not found by chance");
    // What lies behind the MAC is reached without it.
    if let (Ok(head), Ok(beacon)) = (head(data), claimed(data)) {
        let bytes = seal(&head, &beacon, keys, from);
        let again = open(&bytes, keys, from).unwrap();
        assert!(beacon.addrs.starts_with(&again.addrs), "a long name leaves room for fewer");
        assert_eq!(
            (&again.name, again.port, again.cluster),
            (&beacon.name, beacon.port, beacon.cluster)
        );
        assert_eq!((again.wire, again.node_id), (beacon.wire, beacon.node_id));
    }
});
