//! The few encodings that all frames are made of: fixed integers (big endian), LEB128 varints, length-prefixed bytes.
//! [`Reader`] checks every bound and allocates nothing.

use std::net::{IpAddr, SocketAddr};

use super::WireError;

/// Walks over bytes from outside.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What was not read yet.
    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], WireError> {
        let (head, rest) = self.rest.split_at_checked(len).ok_or(WireError::Truncated)?;
        self.rest = rest;
        Ok(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (head, rest) = self.rest.split_first_chunk().ok_or(WireError::Truncated)?;
        self.rest = rest;
        Ok(*head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, WireError> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, WireError> {
        self.array().map(u16::from_be_bytes)
    }

    /// Eight bytes, for hashes and hybrid times.
    pub(crate) fn u64(&mut self) -> Result<u64, WireError> {
        self.array().map(u64::from_be_bytes)
    }

    /// A varint: 1 to 10 bytes, seven bits each, lowest first.
    /// A number that is counted on from: far below where that would overflow.
    pub(crate) fn count_from(&mut self) -> Result<u64, WireError> {
        let number = self.v()?;
        if number < 1 << 62 { Ok(number) } else { Err(WireError::Field("a count")) }
    }

    pub(crate) fn v(&mut self) -> Result<u64, WireError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(WireError::Varint);
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(WireError::Varint)
    }

    /// A varint that counts something held in memory.
    pub(crate) fn size(&mut self) -> Result<usize, WireError> {
        usize::try_from(self.v()?).map_err(|_| WireError::Varint)
    }

    /// How many entries follow, each of at least `entry_min` bytes: never more than the bytes can hold.
    pub(crate) fn count(&mut self, entry_min: usize) -> Result<usize, WireError> {
        let count = self.size()?;
        if count > self.rest.len() / entry_min {
            return Err(WireError::Truncated);
        }
        Ok(count)
    }

    /// Bytes behind their length.
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], WireError> {
        let len = self.size()?;
        self.take(len)
    }

    /// UTF-8 behind its length.
    pub(crate) fn text(&mut self) -> Result<&'a str, WireError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| WireError::Field("text"))
    }

    /// 4 or 6, the address, the port.
    pub(crate) fn addr(&mut self) -> Result<SocketAddr, WireError> {
        let ip = match self.u8()? {
            4 => IpAddr::from(self.array::<4>()?),
            6 => IpAddr::from(self.array::<16>()?),
            _ => return Err(WireError::Field("address family")),
        };
        Ok(SocketAddr::new(ip, self.u16()?))
    }

    pub(crate) fn addrs(&mut self) -> Result<Vec<SocketAddr>, WireError> {
        let count = self.count(7)?;
        (0..count).map(|_| self.addr()).collect()
    }
}

/// Appends a varint.
#[expect(clippy::cast_possible_truncation, reason = "the low seven bits are meant")]
pub(crate) fn put_v(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends bytes behind their length.
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_v(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

pub(crate) fn put_addrs(out: &mut Vec<u8>, addrs: &[SocketAddr]) {
    put_v(out, addrs.len() as u64);
    for addr in addrs {
        match addr.ip() {
            IpAddr::V4(ip) => {
                out.push(4);
                out.extend_from_slice(&ip.octets());
            }
            IpAddr::V6(ip) => {
                out.push(6);
                out.extend_from_slice(&ip.octets());
            }
        }
        out.extend_from_slice(&addr.port().to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn varints_have_the_known_bytes() {
        for (value, bytes) in [
            (0, &[0][..]),
            (127, &[0x7f]),
            (128, &[0x80, 1]),
            (300, &[0xac, 2]),
            (u64::MAX, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
        ] {
            let mut out = Vec::new();
            put_v(&mut out, value);
            assert_eq!(out, bytes);
            assert_eq!(Reader::new(bytes).v(), Ok(value));
        }
        assert_eq!(Reader::new(&[0xff; 10]).v(), Err(WireError::Varint));
        assert_eq!(Reader::new(&[0x80; 3]).v(), Err(WireError::Truncated));
    }

    #[test]
    fn a_count_never_exceeds_the_bytes() {
        assert_eq!(Reader::new(&[4, 0, 0, 0, 0]).count(1), Ok(4));
        assert_eq!(Reader::new(&[5, 0, 0, 0, 0]).count(1), Err(WireError::Truncated));
        assert_eq!(Reader::new(&[0xff, 0xff, 0x7f, 0]).bytes(), Err(WireError::Truncated));
    }

    proptest! {
        #[test]
        fn varints_survive(value: u64) {
            let mut out = Vec::new();
            put_v(&mut out, value);
            let mut reader = Reader::new(&out);
            prop_assert_eq!(reader.v(), Ok(value));
            prop_assert!(reader.is_empty());
        }
    }
}
