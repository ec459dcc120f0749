//! The fixed header (v5 2.1, v3.1.1 2.2): where a packet ends in a stream of bytes, and whether it may be that large.
//!
//! Nothing is allocated here; a claimed length is believed only so far as to refuse it.

use super::{DecodeError, PacketType};

/// The largest value of a Variable Byte Integer, and so of a Remaining Length.
pub const MAX_REMAINING_LENGTH: usize = 268_435_455;

/// What the fixed header says but the length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FixedHeader {
    packet_type: PacketType,
    first: u8,
    overlong: bool,
}

impl FixedHeader {
    /// Reads the first byte of a packet.
    ///
    /// # Errors
    /// [`DecodeError::Malformed`] for packet type 0.
    #[inline]
    pub fn new(first: u8) -> Result<Self, DecodeError> {
        let packet_type =
            PacketType::from_u8(first >> 4).ok_or(DecodeError::Malformed("packet type 0"))?;
        Ok(Self { packet_type, first, overlong: false })
    }

    /// Which packet it is.
    #[inline]
    #[must_use]
    pub const fn packet_type(self) -> PacketType {
        self.packet_type
    }

    /// The four flag bits; the decoder of the packet checks them.
    #[inline]
    #[must_use]
    pub const fn flags(self) -> u8 {
        self.first & 0x0F
    }

    /// The length was written with more bytes than it needs, which 5.0 forbids, v5 [MQTT-1.5.5-1].
    #[inline]
    #[must_use]
    pub const fn is_overlong(self) -> bool {
        self.overlong
    }
}

/// A packet found by [`split`]: header, body, and how many bytes the two take. `None`: more bytes are needed.
pub type Split<'a> = Option<(FixedHeader, &'a [u8], usize)>;

/// Finds the first packet in `buf`: its header, its body and how many bytes the two take. `None`: more bytes are needed.
///
/// `max_packet_size` bounds the Remaining Length, as in EMQX (`emqx_frame` 4.4): at most five bytes more than Maximum Packet
/// Size (v5 3.1.2.11.4) tells.
///
/// # Errors
/// Packet type 0, a Remaining Length of more than four bytes, and [`DecodeError::TooLarge`] as soon as the length is known.
#[inline]
pub fn split(buf: &[u8], max_packet_size: usize) -> Result<Split<'_>, DecodeError> {
    let Some((first, rest)) = buf.split_first() else { return Ok(None) };
    let mut header = FixedHeader::new(*first)?;
    let Some((length, width)) = variable_byte_integer(rest)? else { return Ok(None) };
    header.overlong = width > width_of(length);
    let total = 1 + width + length as usize;
    if length as usize > max_packet_size {
        return Err(DecodeError::TooLarge { size: total, limit: max_packet_size });
    }
    Ok(buf.get(1 + width..total).map(|body| (header, body, total)))
}

/// Reads a Variable Byte Integer (v5 1.5.5, v3.1.1 2.2.3) from the front of `bytes`.
///
/// Returns the value (0 to 268,435,455) and its length in bytes (1 to 4), or `None` when more bytes are needed.
///
/// # Errors
/// [`DecodeError::Malformed`] when the fourth byte still has its top bit set.
#[inline]
pub fn variable_byte_integer(bytes: &[u8]) -> Result<Option<(u32, usize)>, DecodeError> {
    let mut value = 0;
    for (at, byte) in bytes.iter().take(4).enumerate() {
        value |= u32::from(byte & 0x7F) << (7 * at);
        if byte & 0x80 == 0 {
            return Ok(Some((value, at + 1)));
        }
    }
    if bytes.len() < 4 {
        Ok(None)
    } else {
        Err(DecodeError::Malformed("length of over four bytes"))
    }
}

/// How many bytes a Variable Byte Integer needs.
#[inline]
#[must_use]
pub const fn width_of(value: u32) -> usize {
    match value {
        0..=0x7F => 1,
        0x80..=0x3FFF => 2,
        0x4000..=0x1F_FFFF => 3,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn integer(bytes: &[u8], want: Option<(u32, usize)>) {
        assert_eq!(variable_byte_integer(bytes), Ok(want), "{bytes:02x?}");
    }

    #[test]
    fn the_table_of_the_standard() {
        for (low, high, width) in
            [(0, 127, 1), (128, 16_383, 2), (16_384, 2_097_151, 3), (2_097_152, 268_435_455, 4)]
        {
            assert_eq!((width_of(low), width_of(high)), (width, width));
        }
        integer(&[0x00], Some((0, 1)));
        integer(&[0x7F], Some((127, 1)));
        integer(&[0x80, 0x01], Some((128, 2)));
        integer(&[0xFF, 0x7F], Some((16_383, 2)));
        integer(&[0x80, 0x80, 0x01, 9], Some((16_384, 3)));
        integer(&[0xFF, 0xFF, 0xFF, 0x7F], Some((268_435_455, 4)));
        integer(&[], None);
        integer(&[0x80, 0x80, 0x80], None);
        assert!(variable_byte_integer(&[0x80, 0x80, 0x80, 0x80]).is_err());
        assert!(variable_byte_integer(&[0xFF, 0xFF, 0xFF, 0xFF, 0]).is_err());
    }

    #[test]
    fn packets_are_found_at_every_cut() {
        let mut bytes = vec![0x30, 0x80, 0x01];
        bytes.extend([7; 128]);
        for cut in 0..bytes.len() {
            assert_eq!(split(&bytes[..cut], 1000), Ok(None));
        }
        bytes.extend([0xC0, 0]);
        let (header, body, total) = split(&bytes, 131).unwrap().unwrap();
        assert_eq!((header.packet_type(), body.len(), total), (PacketType::Publish, 128, 131));
        assert!(!header.is_overlong());
        let (header, body, total) = split(&bytes[total..], 131).unwrap().unwrap();
        assert_eq!((header.packet_type(), body.len(), total), (PacketType::PingReq, 0, 2));
    }

    #[test]
    fn a_large_claim_is_refused_before_the_bytes_come() {
        let size = 5 + 268_435_455;
        let want = DecodeError::TooLarge { size, limit: 1000 };
        assert_eq!(split(&[0x30, 0xFF, 0xFF, 0xFF, 0x7F], 1000), Err(want));
        assert!(split(&[0x00], 1000).is_err());
        assert!(split(&[0x30, 0xFF, 0xFF, 0xFF, 0xFF], 1000).is_err());
    }

    #[test]
    fn overlong_lengths_are_noted() {
        assert!(split(&[0xC0, 0x80, 0x00], 1000).unwrap().unwrap().0.is_overlong());
    }
}
