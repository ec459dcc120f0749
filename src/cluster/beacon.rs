//! The discovery datagram: "here is a node, this is where its mesh listens", proven with a key made from the cookie.
//!
//! ```text
//! magic ERSD | version 1 | kind 1 | key_id 1 | reserved 1 | boot 8 | counter 8 | nonce 16 | TLVs | MAC 16
//! TLV: type 1 | length 1 | value
//! ```
//! All numbers big endian, at most 512 bytes. `boot` names a process life and `counter` only rises within it, so that a repeat
//! is known as one. A REPLY carries the nonce of the HELLO it answers. The MAC is HMAC-SHA-256 over the address family (4 or 6)
//! and all bytes before it. Neither the cookie nor a plain hash of it is ever in a datagram.

use std::net::{IpAddr, SocketAddr};

use ring::hmac;
use subtle::ConstantTimeEq;

use super::{member::NodeId, node_name::NodeName, secret::KeySet};

/// Longest datagram.
pub const MAX: usize = 512;
const MAGIC: [u8; 4] = *b"ERSD";
const VERSION: u8 = 1;
const HEAD: usize = 40;
const MAC: usize = 16;
/// Addresses in a datagram, at most.
pub const ADDRS: usize = 8;

const TLV_NAME: u8 = 1;
const TLV_PORT: u8 = 2;
const TLV_ADDRS: u8 = 3;
const TLV_CLUSTER: u8 = 4;
const TLV_WIRE: u8 = 5;
const TLV_NODE: u8 = 7;

/// What a datagram is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// To the group: who is there?
    Hello,
    /// To one node: I am.
    Reply,
    /// To the group: I go.
    Bye,
}

/// The fixed part, readable without a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// What the datagram is for.
    pub kind: Kind,
    /// Which cookie it is proven with.
    pub key_id: u8,
    /// Process life of the sender: random.
    pub boot: u64,
    /// Number of the datagram in that life.
    pub counter: u64,
    /// Random; in a reply that of the question.
    pub nonce: [u8; 16],
}

/// What a node says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beacon {
    /// Its name.
    pub name: NodeName,
    /// Port of its mesh.
    pub port: u16,
    /// Addresses under which the port may be reached, beside the one that the datagram came from.
    pub addrs: Vec<IpAddr>,
    /// [`super::secret::name_hash`] of the name of its cluster.
    pub cluster: [u8; 16],
    /// Lowest and highest version of the wire that it speaks.
    pub wire: (u8, u8),
    /// Its identity.
    pub node_id: NodeId,
}

/// Why a datagram is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadBeacon {
    /// Something else that uses the same group.
    #[error("no datagram of this program")]
    Foreign,
    /// Of a later release.
    #[error("version {0} of the datagram")]
    Version(u8),
    /// Proven with a key that this node does not have, or not proven.
    #[error("another cookie")]
    Mac,
    /// Proven and wrong all the same.
    #[error("malformed")]
    Malformed,
}

/// Reads the fixed part. Cheap: most of what a flood sends ends here.
///
/// # Errors
/// [`BadBeacon::Foreign`] or [`BadBeacon::Version`].
pub fn head(bytes: &[u8]) -> Result<Head, BadBeacon> {
    let foreign = BadBeacon::Foreign;
    if bytes.len() > MAX || bytes.len() < HEAD + MAC {
        return Err(foreign);
    }
    let (magic, rest) = bytes.split_first_chunk::<4>().ok_or(foreign)?;
    let ([version, kind, key_id, _], rest) = rest.split_first_chunk::<4>().ok_or(foreign)?;
    let (boot, rest) = rest.split_first_chunk().ok_or(foreign)?;
    let (counter, rest) = rest.split_first_chunk().ok_or(foreign)?;
    let (nonce, _) = rest.split_first_chunk().ok_or(foreign)?;
    if *magic != MAGIC {
        return Err(foreign);
    }
    if *version != VERSION {
        return Err(BadBeacon::Version(*version));
    }
    let kind = match kind {
        1 => Kind::Hello,
        2 => Kind::Reply,
        3 => Kind::Bye,
        _ => return Err(foreign),
    };
    let (boot, counter) = (u64::from_be_bytes(*boot), u64::from_be_bytes(*counter));
    Ok(Head { kind, key_id: *key_id, boot, counter, nonce: *nonce })
}

/// Address family of a datagram, as the MAC covers it.
const fn family(of: IpAddr) -> u8 {
    match of {
        IpAddr::V4(_) => 4,
        IpAddr::V6(_) => 6,
    }
}

fn mac(keys: &KeySet, family: u8, bytes: &[u8]) -> [u8; MAC] {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, keys.discovery()));
    context.update(&[family]);
    context.update(bytes);
    context.sign().as_ref().first_chunk().copied().unwrap_or_default()
}

/// The datagram, for an address of the family of `from`.
#[must_use]
pub fn seal(head: &Head, beacon: &Beacon, keys: &KeySet, from: IpAddr) -> Vec<u8> {
    let kind = match head.kind {
        Kind::Hello => 1,
        Kind::Reply => 2,
        Kind::Bye => 3,
    };
    let mut out = Vec::with_capacity(MAX);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&[VERSION, kind, keys.key_id(), 0]);
    out.extend_from_slice(&head.boot.to_be_bytes());
    out.extend_from_slice(&head.counter.to_be_bytes());
    out.extend_from_slice(&head.nonce);
    put(&mut out, TLV_NAME, beacon.name.as_str().as_bytes());
    put(&mut out, TLV_PORT, &beacon.port.to_be_bytes());
    put(&mut out, TLV_CLUSTER, &beacon.cluster);
    put(&mut out, TLV_WIRE, &[beacon.wire.0, beacon.wire.1]);
    put(&mut out, TLV_NODE, &beacon.node_id.0);
    let mut addrs = Vec::new();
    for addr in beacon.addrs.iter().take(ADDRS) {
        let bytes: &[u8] = match addr {
            IpAddr::V4(v4) => &v4.octets(),
            IpAddr::V6(v6) => &v6.octets(),
        };
        // A long name leaves less room.
        if out.len() + 2 + addrs.len() + 1 + bytes.len() + MAC > MAX {
            break;
        }
        addrs.push(family(*addr));
        addrs.extend_from_slice(bytes);
    }
    put(&mut out, TLV_ADDRS, &addrs);
    let mac = mac(keys, family(from), &out);
    out.extend_from_slice(&mac);
    out
}

fn put(out: &mut Vec<u8>, kind: u8, value: &[u8]) {
    let len = u8::try_from(value.len()).unwrap_or(u8::MAX);
    out.extend_from_slice(&[kind, len]);
    out.extend_from_slice(value.get(..usize::from(len)).unwrap_or_default());
}

/// Checks the MAC, then reads the rest.
///
/// # Errors
/// [`BadBeacon::Mac`] or [`BadBeacon::Malformed`].
pub fn open(bytes: &[u8], keys: &KeySet, from: IpAddr) -> Result<Beacon, BadBeacon> {
    let (signed, theirs) = bytes.split_last_chunk::<MAC>().ok_or(BadBeacon::Foreign)?;
    if !bool::from(mac(keys, family(from), signed).ct_eq(theirs)) {
        return Err(BadBeacon::Mac);
    }
    read(signed)
}

/// What a datagram that is proven with another key says: to be shown to an operator and believed by nobody.
///
/// # Errors
/// [`BadBeacon::Malformed`].
pub fn claimed(bytes: &[u8]) -> Result<Beacon, BadBeacon> {
    let (signed, _) = bytes.split_last_chunk::<MAC>().ok_or(BadBeacon::Foreign)?;
    read(signed)
}

fn read(signed: &[u8]) -> Result<Beacon, BadBeacon> {
    let bad = BadBeacon::Malformed;
    let mut rest = signed.get(HEAD..).ok_or(bad)?;
    let (mut name, mut port, mut addrs) = (None, None, None);
    let (mut cluster, mut wire, mut node_id) = (None, None, None);
    while !rest.is_empty() {
        let ([kind, len], tail) = rest.split_first_chunk::<2>().ok_or(bad)?;
        let (value, tail) = tail.split_at_checked(usize::from(*len)).ok_or(bad)?;
        rest = tail;
        match *kind {
            TLV_NAME => {
                let text = std::str::from_utf8(value).map_err(|_| bad)?;
                once(&mut name, NodeName::parse(text).map_err(|_| bad)?)?;
            }
            TLV_PORT => once(&mut port, u16::from_be_bytes(value.try_into().map_err(|_| bad)?))?,
            TLV_ADDRS => once(&mut addrs, read_addrs(value)?)?,
            TLV_CLUSTER => once(&mut cluster, value.try_into().map_err(|_| bad)?)?,
            TLV_WIRE => {
                let [low, high] = value.try_into().map_err(|_| bad)?;
                once(&mut wire, (low, high))?;
            }
            TLV_NODE => once(&mut node_id, NodeId(value.try_into().map_err(|_| bad)?))?,
            _ => {}
        }
    }
    Ok(Beacon {
        name: name.ok_or(bad)?,
        port: port.filter(|port| *port != 0).ok_or(bad)?,
        addrs: addrs.unwrap_or_default(),
        cluster: cluster.ok_or(bad)?,
        wire: wire.ok_or(bad)?,
        node_id: node_id.ok_or(bad)?,
    })
}

fn once<T>(slot: &mut Option<T>, value: T) -> Result<(), BadBeacon> {
    if slot.replace(value).is_some() { Err(BadBeacon::Malformed) } else { Ok(()) }
}

fn read_addrs(mut value: &[u8]) -> Result<Vec<IpAddr>, BadBeacon> {
    let bad = BadBeacon::Malformed;
    let mut addrs = Vec::new();
    while let Some((family, rest)) = value.split_first() {
        let (addr, rest) = match family {
            4 => rest.split_first_chunk::<4>().map(|(a, rest)| (IpAddr::from(*a), rest)),
            6 => rest.split_first_chunk::<16>().map(|(a, rest)| (IpAddr::from(*a), rest)),
            _ => None,
        }
        .ok_or(bad)?;
        if addrs.len() == ADDRS {
            return Err(bad);
        }
        addrs.push(addr);
        value = rest;
    }
    Ok(addrs)
}

/// A place on the network: an address with the port of a mesh. Link-local addresses need the interface too.
#[must_use]
pub fn place(addr: IpAddr, port: u16, scope: u32) -> SocketAddr {
    match addr {
        IpAddr::V6(v6) if v6.is_unicast_link_local() => {
            SocketAddr::V6(std::net::SocketAddrV6::new(v6, port, 0, scope))
        }
        addr @ (IpAddr::V4(_) | IpAddr::V6(_)) => SocketAddr::new(addr, port),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cluster::settings::{Cookie, Kdf};

    const V4: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const V6: IpAddr = IpAddr::V6(std::net::Ipv6Addr::LOCALHOST);

    fn keys(cookie: &str) -> KeySet {
        let cookie = Cookie::new(format!("{cookie:->32}"));
        KeySet::derive(&cookie, "emqxcl", Kdf::Fast).unwrap()
    }

    fn one() -> (Head, Beacon) {
        let head = Head {
            kind: Kind::Hello,
            key_id: keys("a").key_id(),
            boot: 7,
            counter: 3,
            nonce: [9; 16],
        };
        let beacon = Beacon {
            name: NodeName::parse("node1@10.0.0.1").unwrap(),
            port: 4371,
            addrs: vec!["10.0.0.1".parse().unwrap(), "fe80::1".parse().unwrap()],
            cluster: [1; 16],
            wire: (1, 2),
            node_id: NodeId([5; 16]),
        };
        (head, beacon)
    }

    #[test]
    fn what_is_sealed_is_read_by_who_has_the_key() {
        let (hello, beacon) = one();
        let bytes = seal(&hello, &beacon, &keys("a"), V4);
        assert_eq!(head(&bytes), Ok(hello));
        assert_eq!(open(&bytes, &keys("a"), V4).as_ref(), Ok(&beacon));
        assert_eq!(open(&bytes, &keys("b"), V4), Err(BadBeacon::Mac));
        assert_eq!(open(&bytes, &keys("a"), V6), Err(BadBeacon::Mac), "of the other family");
        assert_eq!(claimed(&bytes).as_ref(), Ok(&beacon));
    }

    #[test]
    fn every_changed_bit_is_seen() {
        let (hello, beacon) = one();
        let bytes = seal(&hello, &beacon, &keys("a"), V4);
        for at in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[at / 8] ^= 1 << (at % 8);
            assert!(open(&changed, &keys("a"), V4).is_err(), "bit {at}");
        }
        for len in 0..bytes.len() {
            assert!(open(&bytes[..len], &keys("a"), V4).is_err());
        }
    }

    #[test]
    fn the_longest_name_leaves_room_for_what_is_needed() {
        let (hello, mut beacon) = one();
        beacon.name = NodeName::parse(&format!("n@{}", "h".repeat(253))).unwrap();
        beacon.addrs = vec![V6; 20];
        let bytes = seal(&hello, &beacon, &keys("a"), V4);
        assert!(bytes.len() <= MAX);
        let read = open(&bytes, &keys("a"), V4).unwrap();
        assert!(read.addrs.len() >= 4, "{}", read.addrs.len());
    }

    #[test]
    fn secrets_are_not_in_it() {
        let (hello, beacon) = one();
        let bytes = seal(&hello, &beacon, &keys("a"), V4);
        let cookie = format!("{:->32}", "a");
        let digest = ring::digest::digest(&ring::digest::SHA256, cookie.as_bytes());
        for secret in [cookie.as_bytes(), digest.as_ref(), keys("a").discovery(), keys("a").mesh()]
        {
            assert!(!bytes.windows(8).any(|window| window == &secret[..8]));
        }
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            let _ = (head(&bytes), open(&bytes, &keys("a"), V4), claimed(&bytes));
        }

        #[test]
        fn random_tlvs_never_panic(tail in prop::collection::vec(any::<u8>(), 0..300)) {
            let (hello, beacon) = one();
            let mut bytes = seal(&hello, &beacon, &keys("a"), V4);
            bytes.truncate(HEAD);
            bytes.extend_from_slice(&tail);
            bytes.extend_from_slice(&[0; MAC]);
            let _ = claimed(&bytes);
        }
    }
}
