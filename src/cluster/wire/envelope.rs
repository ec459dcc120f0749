//! A message on its way to another node: frame FWD. Written straight into a batch buffer, read without a copy.
//!
//! ```text
//! seq v | incarnation v, number v | flags u8 | [expiry v] | [targets] | topic s | properties s | payload
//! ```
//! `seq` is 0 for QoS 0: those are not numbered, not kept and not acknowledged. `expiry` is what is left in seconds as the message
//! goes out; 0: it has expired, and only its number is of use. It may have zeros on top. `targets` stand there when shared
//! subscriptions are meant: `v` (number of groups times two, plus one if ordinary subscribers are meant too), `v` (what a member
//! is chosen by, 0 for nothing), then group and filter of each. A body above [`WHOLE_MAX`] is cut: see [`put_fwd`].

use super::{
    FRAGMENT, HEADER, Kind, MORE, WireError, begin,
    bytes::{Reader, put_bytes, put_v},
    end, split,
};
use crate::topic::TopicName;

/// Largest body of a FWD frame that is not cut into fragments.
pub const WHOLE_MAX: usize = 256 << 10;

const QOS: u8 = 3;
const RETAIN: u8 = 1 << 2;
const DUP: u8 = 1 << 3;
const SHARED: u8 = 1 << 4;
const DURABLE: u8 = 1 << 5;
const EXPIRY: u8 = 1 << 6;
const TOPIC_ID: u8 = 1 << 7;

/// What the publisher asked for, beside the message itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// 0, 1 or 2.
    pub qos: u8,
    /// The publisher set RETAIN.
    pub retain: bool,
    /// The publisher set DUP.
    pub dup: bool,
    /// Meant for sessions that survive the node.
    pub durable: bool,
}

/// Which process made a message, and its number there: the same on every way the message takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId {
    /// Incarnation of the node that took it from its publisher.
    pub incarnation: u64,
    /// Counts the messages of that process.
    pub number: u64,
}

/// For whom on the other node a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Targets<'a> {
    /// The ordinary subscribers.
    pub plain: bool,
    /// What the member of a group is chosen by where the publisher decides: a hash of who that is, 0 for nothing.
    pub key: u64,
    groups: Groups<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Groups<'a> {
    /// To be sent: group and filter.
    Listed(&'a [(&'a str, &'a str)]),
    /// As received; checked.
    Encoded(&'a [u8]),
}

impl<'a> Targets<'a> {
    /// The ordinary subscribers and no group.
    pub const PLAIN: Self = Self { plain: true, key: 0, groups: Groups::Listed(&[]) };

    /// The groups (group, filter) given, and the ordinary subscribers too if `plain`.
    #[must_use]
    pub const fn new(plain: bool, groups: &'a [(&'a str, &'a str)]) -> Self {
        Self { plain, key: 0, groups: Groups::Listed(groups) }
    }

    /// The same, with what the members are chosen by.
    #[must_use]
    pub const fn keyed(self, key: u64) -> Self {
        Self { key, ..self }
    }

    /// The shared subscriptions, as group and filter: one member of each gets the message.
    pub fn groups(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let (listed, encoded) = match self.groups {
            Groups::Listed(listed) => (listed, &[][..]),
            Groups::Encoded(encoded) => (&[][..], encoded),
        };
        let mut reader = Reader::new(encoded);
        let decoded = std::iter::from_fn(move || {
            if reader.is_empty() {
                return None;
            }
            Some((reader.text().ok()?, reader.text().ok()?))
        });
        listed.iter().copied().chain(decoded)
    }

    fn read(from: &mut Reader<'a>) -> Result<Self, WireError> {
        let head = from.v()?;
        if head >> 1 > from.rest().len() as u64 / 2 {
            return Err(WireError::Truncated);
        }
        let key = from.v()?;
        let start = from.rest();
        for _ in 0..head >> 1 {
            from.text()?;
            from.text()?;
        }
        let len = start.len() - from.rest().len();
        let groups = start.get(..len).unwrap_or_default();
        Ok(Self { plain: head & 1 == 1, key, groups: Groups::Encoded(groups) })
    }

    fn put(self, out: &mut Vec<u8>) {
        put_v(out, (self.groups().count() as u64) << 1 | u64::from(self.plain));
        put_v(out, self.key);
        for (group, filter) in self.groups() {
            put_bytes(out, group.as_bytes());
            put_bytes(out, filter.as_bytes());
        }
    }

    fn is_plain(self) -> bool {
        self.plain && self.groups().next().is_none()
    }
}

/// A message in transit; borrows from the publisher's buffer or from the link's.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    /// Its number in the stream; 0 for QoS 0.
    pub seq: u64,
    /// Its name, whatever way it takes.
    pub id: MessageId,
    /// QoS, RETAIN and the like.
    pub flags: Flags,
    /// Seconds left to live.
    pub expiry: Option<u32>,
    /// For whom it is.
    pub targets: Targets<'a>,
    /// Topic name: checked, no wildcards.
    pub topic: &'a str,
    /// MQTT 5 properties as bytes; not looked at here.
    pub properties: &'a [u8],
    /// The payload.
    pub payload: &'a [u8],
}

impl<'a> Envelope<'a> {
    /// Reads the body of a FWD frame.
    ///
    /// # Errors
    /// [`WireError`] says what is wrong with it.
    pub fn decode(body: &'a [u8]) -> Result<Self, WireError> {
        let mut from = Reader::new(body);
        let seq = from.v()?;
        let id = MessageId { incarnation: from.v()?, number: from.v()? };
        let bits = from.u8()?;
        let flags = Flags {
            qos: bits & QOS,
            retain: bits & RETAIN != 0,
            dup: bits & DUP != 0,
            durable: bits & DURABLE != 0,
        };
        if flags.qos > 2 || bits & TOPIC_ID != 0 || (flags.qos == 0) != (seq == 0) {
            return Err(WireError::Field("flags of a message"));
        }
        let expiry = match bits & EXPIRY {
            0 => None,
            _ => Some(u32::try_from(from.v()?).map_err(|_| WireError::Field("expiry"))?),
        };
        let targets = match bits & SHARED {
            0 => Targets::PLAIN,
            _ => Targets::read(&mut from)?,
        };
        if bits & SHARED != 0 && targets.is_plain() {
            return Err(WireError::Field("groups of a message"));
        }
        let topic =
            TopicName::parse(from.text()?).map_err(|_| WireError::Field("topic name"))?.as_str();
        let properties = from.bytes()?;
        let payload = from.rest();
        Ok(Self { seq, id, flags, expiry, targets, topic, properties, payload })
    }

    fn bits(&self) -> u8 {
        let bit = |set: bool, bit: u8| if set { bit } else { 0 };
        self.flags.qos & QOS
            | bit(self.flags.retain, RETAIN)
            | bit(self.flags.dup, DUP)
            | bit(self.flags.durable, DURABLE)
            | bit(self.expiry.is_some(), EXPIRY)
            | bit(!self.targets.is_plain(), SHARED)
    }

    /// The body without the payload.
    fn put_head(&self, out: &mut Vec<u8>) {
        put_v(out, self.seq);
        put_v(out, self.id.incarnation);
        put_v(out, self.id.number);
        let bits = self.bits();
        out.push(bits);
        if let Some(expiry) = self.expiry {
            put_v(out, u64::from(expiry));
        }
        if bits & SHARED != 0 {
            self.targets.put(out);
        }
        put_bytes(out, self.topic.as_bytes());
        put_bytes(out, self.properties);
    }

    /// An upper bound of the bytes that [`put_fwd`] adds, but for the heads of fragments.
    #[must_use]
    pub fn size_max(&self) -> usize {
        let groups: usize = self.targets.groups().map(|(g, f)| g.len() + f.len() + 10).sum();
        80 + groups + self.topic.len() + self.properties.len() + self.payload.len()
    }
}

impl PartialEq for Envelope<'_> {
    fn eq(&self, other: &Self) -> bool {
        let flat = |e: &Self| (e.seq, e.id, e.flags, e.expiry, (e.targets.plain, e.targets.key));
        flat(self) == flat(other)
            && self.targets.groups().eq(other.targets.groups())
            && (self.topic, self.properties, self.payload)
                == (other.topic, other.properties, other.payload)
    }
}

/// Appends `envelope` as one FWD frame, or, when its body is above [`WHOLE_MAX`], as several: all but the last carry the flag
/// [`MORE`], the first begins with the size of the whole body (varint), and together they hold that body.
pub fn put_fwd(out: &mut Vec<u8>, envelope: &Envelope<'_>) {
    if envelope.size_max() <= WHOLE_MAX {
        let at = begin(out, Kind::FWD, 0);
        envelope.put_head(out);
        out.extend_from_slice(envelope.payload);
        end(out, at);
        return;
    }
    let mut head = Vec::new();
    envelope.put_head(&mut head);
    let mut body = Vec::with_capacity(envelope.size_max());
    put_v(&mut body, (head.len() + envelope.payload.len()) as u64);
    body.extend_from_slice(&head);
    body.extend_from_slice(envelope.payload);
    let mut pieces = body.chunks(FRAGMENT).peekable();
    while let Some(piece) = pieces.next() {
        let flags = if pieces.peek().is_some() { MORE } else { 0 };
        let at = begin(out, Kind::FWD, flags);
        out.extend_from_slice(piece);
        end(out, at);
    }
}

/// Reads up to the expiry of the message that [`put_fwd`] wrote to the front of `frames`. `None`: it has none.
fn to_expiry(frames: &[u8]) -> Option<(usize, Reader<'_>)> {
    let (header, body, _) = split(frames).ok()??;
    let mut from = Reader::new(body);
    // The size of one that is cut; number, process and number there.
    let before = if header.flags & MORE == 0 { 3 } else { 4 };
    for _ in 0..before {
        from.v().ok()?;
    }
    let some = from.u8().ok()? & EXPIRY != 0;
    some.then(|| (HEADER + body.len() - from.rest().len(), from))
}

/// Seconds that the message at the front of `frames` has left to live.
pub(crate) fn expiry_of(frames: &[u8]) -> Option<u32> {
    u32::try_from(to_expiry(frames)?.1.v().ok()?).ok()
}

/// The message at the front of `frames`, if it expires at all, has `seconds` left to live, or less if it says so. The number keeps
/// its width, with zeros on top, which a reader takes for what they are.
pub(crate) fn set_expiry(frames: &mut [u8], seconds: u32) {
    let Some((at, mut from)) = to_expiry(frames) else { return };
    // Whoever read the clock earlier would write more than there is room for.
    let Ok(says) = from.v() else { return };
    let mut left = says.min(seconds.into());
    for byte in frames.get_mut(at..).unwrap_or_default() {
        let [low, ..] = left.to_le_bytes();
        let more = *byte & 0x80;
        *byte = low & 0x7f | more;
        left >>= 7;
        if more == 0 {
            return;
        }
    }
}

/// Reads the size of the whole body from the first fragment of a cut message. Returns it and the rest of the fragment.
///
/// # Errors
/// [`WireError::TooLarge`] above `limit`.
pub fn cut_total(fragment: &[u8], limit: usize) -> Result<(usize, &[u8]), WireError> {
    let mut from = Reader::new(fragment);
    let size = from.size()?;
    if size > limit {
        return Err(WireError::TooLarge { size, limit });
    }
    Ok((size, from.rest()))
}
