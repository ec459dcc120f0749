//! Route changes on the wire, front coded: each filter says how many bytes it shares with the one before it.

use std::sync::Arc;

use super::{
    WireError,
    bytes::{Reader, put_bytes, put_v},
};
use crate::{
    cluster::routes::{RouteKey, RouteOp},
    topic::TopicFilter,
};

/// Most changes in one frame.
pub const OPS_MAX: usize = 65_536;
/// Most bytes of filters in one frame once they are written out: front coding must not multiply what a peer sends.
pub const NAMES_MAX: usize = 4 << 20;
/// Bytes of the smallest change: kind, shared prefix, length of the rest.
const OP_MIN: usize = 3;

const ADD: u8 = 1;
const WILDCARD: u8 = 1 << 1;
const SHARED: u8 = 2 << 1;

pub(super) fn put(out: &mut Vec<u8>, ops: &[RouteOp]) {
    put_v(out, ops.len() as u64);
    let mut last: &[u8] = &[];
    for op in ops {
        let filter = op.key.filter.as_str().as_bytes();
        let mut kind = u8::from(op.add);
        kind |= if op.key.filter.has_wildcard() { WILDCARD } else { 0 };
        kind |= if op.key.group.is_some() { SHARED } else { 0 };
        out.push(kind);
        let shared = filter.iter().zip(last).take_while(|(a, b)| a == b).count();
        put_v(out, shared as u64);
        put_bytes(out, filter.get(shared..).unwrap_or_default());
        if let Some(group) = &op.key.group {
            put_bytes(out, group.as_bytes());
            put_v(out, u64::from(op.weight));
        }
        last = filter;
    }
}

pub(super) fn read(from: &mut Reader<'_>) -> Result<Vec<RouteOp>, WireError> {
    let count = from.count(OP_MIN)?;
    if count > OPS_MAX {
        return Err(WireError::Field("number of route changes"));
    }
    let mut ops = Vec::with_capacity(count);
    let mut filter = Vec::new();
    let mut names = 0;
    for _ in 0..count {
        let kind = from.u8()?;
        let shared = from.size()?;
        if kind > (ADD | WILDCARD | SHARED) || shared > filter.len() {
            return Err(WireError::Field("route change"));
        }
        filter.truncate(shared);
        filter.extend_from_slice(from.bytes()?);
        names += filter.len();
        if names > NAMES_MAX {
            return Err(WireError::Field("size of the filters"));
        }
        ops.push(op(kind, &filter, from)?);
    }
    Ok(ops)
}

fn op(kind: u8, filter: &[u8], from: &mut Reader<'_>) -> Result<RouteOp, WireError> {
    let bad = || WireError::Field("topic filter");
    let text = std::str::from_utf8(filter).map_err(|_| bad())?;
    let filter = TopicFilter::parse(text).map_err(|_| bad())?;
    if filter.has_wildcard() != (kind & WILDCARD != 0) {
        return Err(bad());
    }
    let (mut group, mut weight) = (None, 1);
    if kind & SHARED != 0 {
        group = Some(Arc::from(from.text()?));
        weight = u8::try_from(from.v()?).map_err(|_| WireError::Field("weight"))?;
        if !(1..=128).contains(&weight) {
            return Err(WireError::Field("weight"));
        }
    }
    Ok(RouteOp { add: kind & ADD != 0, key: RouteKey { filter, group }, weight })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shared_beginning_is_sent_once() {
        let op = |filter: &str, group: Option<&str>| RouteOp {
            add: true,
            key: RouteKey {
                filter: TopicFilter::parse(filter).unwrap(),
                group: group.map(Arc::from),
            },
            weight: 1,
        };
        let ops = [op("a/b", None), op("a/b/#", None), op("a/b/#", Some("g"))];
        let mut out = Vec::new();
        put(&mut out, &ops);
        assert_eq!(out, [3, 1, 0, 3, b'a', b'/', b'b', 3, 3, 2, b'/', b'#', 7, 5, 0, 1, b'g', 1]);
        assert_eq!(read(&mut Reader::new(&out)).unwrap(), ops);
    }

    #[test]
    fn front_coding_does_not_multiply() {
        let mut out = Vec::new();
        put_v(&mut out, 1000);
        out.extend_from_slice(&[1, 0]);
        put_bytes(&mut out, &[b'x'; 60_000]);
        for _ in 1..1000 {
            out.push(1);
            put_v(&mut out, 60_000);
            out.push(0);
        }
        assert_eq!(read(&mut Reader::new(&out)), Err(WireError::Field("size of the filters")));
    }

    #[test]
    fn lies_are_refused() {
        for bytes in [
            &[1, 1, 1, 1, b'a'][..],               // shares a byte with nothing
            &[1, 3, 0, 1, b'a'],                   // says wildcard, is none
            &[1, 1, 0, 2, b'a', b'#'],             // no filter
            &[1, 8, 0, 1, b'a'],                   // unknown kind
            &[1, 5, 0, 1, b'a', 1, b'g', 0],       // weight of nobody
            &[1, 5, 0, 1, b'a', 1, b'g', 0x80, 2], // weight too large
            &[9, 1, 0, 1, b'a'],                   // more changes than bytes
        ] {
            assert!(read(&mut Reader::new(bytes)).is_err(), "{bytes:?}");
        }
    }
}
