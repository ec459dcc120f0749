//! What a process leaves to the one that follows it (`systemctl restart`), as bytes: sessions, connections, retained and delayed
//! messages.
//!
//! `MAGIC | FORMAT u8 | records`, a record being `tag u8 | len u32 BE | body`, the last one END with the number of those before it. So a
//! piece that is missing is seen. An unknown tag is skipped; a change that an older release would misread raises [`FORMAT`]. Times
//! go as spans: for sessions and messages time stands still from one process to the next.

use std::time::Duration;

use super::{
    ClientId, Message,
    frozen::Frozen,
    portable::{BadSession, Get, Portable, put_text, put_u64, put_whole, record, span},
    retained::{Content, Entry},
};
use crate::time::{Stamp, Time, Wall};

/// Which bytes these are.
const MAGIC: &[u8; 7] = b"emqx-rs";
/// Version of the format.
pub const FORMAT: u8 = 4;
/// Bytes of MAGIC and FORMAT.
pub const HEAD: usize = 8;
/// Bytes before the body of a record.
pub const RECORD: usize = 5;

const SESSION: u8 = 1;
const CONNECTION: u8 = 2;
const RETAINED: u8 = 3;
const GONE: u8 = 4;
/// Number of the write of the retained message before this record.
const NUMBER: u8 = 8;
const DELAYED: u8 = 5;
const STOPPED: u8 = 6;
const MESH: u8 = 7;
const COPY: u8 = 9;
const END: u8 = 255;

/// The session of a client, with a connection or without.
#[derive(Debug)]
pub struct Kept {
    /// Whose.
    pub client_id: ClientId,
    /// Hybrid time of the claim that the node has on the client.
    pub claim: u64,
    /// Its number on the node: what it publishes goes the way it went.
    pub number: u64,
    /// When its connection was lost, if it has none.
    pub since: Wall,
    /// Hybrid time of the claim with Clean Start under which it began; 0: it began without.
    pub clean_since: u64,
    /// Itself, with its queue; a will only if it has no connection.
    pub state: Portable,
}

/// What a process leaves behind.
#[derive(Debug, Default)]
pub struct Estate {
    /// All sessions.
    pub sessions: Vec<Kept>,
    /// Connections of some of them.
    pub connections: Vec<Frozen>,
    /// Retained messages, and topics that had one lately.
    pub retained: Vec<Entry>,
    /// Delayed messages, and when they are due.
    pub delayed: Vec<(Duration, Message)>,
    /// When the process before stopped to read.
    pub stopped: Wall,
    /// The place of the node in the cluster, in pieces that are not understood here.
    pub mesh: Vec<Vec<u8>>,
    /// What its copy of the retained messages has been through, not understood here either; empty: nobody knows.
    pub copy: Vec<u8>,
}

/// Bytes that are no estate, or one of a release that this one does not understand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadEstate {
    /// Something else.
    #[error("not the state of an emqx-rs process")]
    Foreign,
    /// Of another release.
    #[error("state in format {0}, this release reads {FORMAT}")]
    Format(u8),
    /// It ends too early.
    #[error("state without its end")]
    Cut,
    /// A record.
    #[error("state: {0}")]
    Record(#[from] BadSession),
}

/// What the bytes begin with.
#[must_use]
pub fn head() -> [u8; HEAD] {
    let mut head = [FORMAT; HEAD];
    for (place, byte) in head.iter_mut().zip(MAGIC) {
        *place = *byte;
    }
    head
}

/// Writes records, one at a time, and counts them.
#[derive(Debug, Default)]
pub struct Records {
    count: u64,
}

impl Records {
    fn put(&mut self, out: &mut Vec<u8>, tag: u8, body: impl FnOnce(&mut Vec<u8>)) {
        self.count += 1;
        record(out, tag, body);
    }

    /// When this process stopped to read.
    pub fn stopped(&mut self, out: &mut Vec<u8>, at: Wall) {
        self.put(out, STOPPED, |out| put_u64(out, at.as_ms()));
    }

    /// A session.
    pub fn session(&mut self, out: &mut Vec<u8>, kept: &Kept, now: Time) {
        self.put(out, SESSION, |out| {
            put_text(out, kept.client_id.as_str());
            put_u64(out, kept.claim);
            put_u64(out, kept.number);
            put_u64(out, kept.since.as_ms());
            put_u64(out, kept.clean_since);
            out.extend_from_slice(&kept.state.encode(now));
        });
    }

    /// A connection, as [`Frozen::encode`] wrote it.
    pub fn connection(&mut self, out: &mut Vec<u8>, frozen: &[u8]) {
        self.put(out, CONNECTION, |out| out.extend_from_slice(frozen));
    }

    /// A retained message, or what is remembered of one.
    pub fn retained(&mut self, out: &mut Vec<u8>, entry: &Entry, now: Time) {
        let stamp = |out: &mut Vec<u8>| {
            put_u64(out, entry.stamp.hlc);
            out.extend_from_slice(&entry.stamp.node);
        };
        match &entry.content {
            Content::Message(message) => {
                self.put(out, RETAINED, |out| {
                    stamp(out);
                    put_whole(out, message, now);
                });
                if entry.number != 0 {
                    self.put(out, NUMBER, |out| put_u64(out, entry.number));
                }
            }
            Content::Gone(until) => self.put(out, GONE, |out| {
                stamp(out);
                put_u64(out, span(until.since(now)));
                out.extend_from_slice(entry.topic.as_bytes());
            }),
        }
    }

    /// A message that is due at `at`.
    pub fn delayed(&mut self, out: &mut Vec<u8>, (at, message): (Time, &Message), now: Time) {
        self.put(out, DELAYED, |out| {
            put_u64(out, span(at.since(now)));
            put_whole(out, message, now);
        });
    }

    /// A piece of the place of the node in the cluster.
    pub fn mesh(&mut self, out: &mut Vec<u8>, piece: &[u8]) {
        self.put(out, MESH, |out| out.extend_from_slice(piece));
    }

    /// What the copy of the retained messages has been through.
    pub fn copy(&mut self, out: &mut Vec<u8>, versions: &[u8]) {
        self.put(out, COPY, |out| out.extend_from_slice(versions));
    }

    /// The end.
    pub fn end(self, out: &mut Vec<u8>) {
        record(out, END, |out| put_u64(out, self.count));
    }
}

/// Takes an estate in, one record at a time.
#[derive(Debug, Default)]
pub struct Reader {
    estate: Estate,
    count: u64,
    ended: bool,
}

impl Reader {
    /// Whether the first [`HEAD`] bytes are right.
    ///
    /// # Errors
    /// [`BadEstate::Foreign`], [`BadEstate::Format`]
    pub fn new(first: [u8; HEAD]) -> Result<Self, BadEstate> {
        match first.split_last() {
            Some((&FORMAT, magic)) if magic == MAGIC => Ok(Self::default()),
            Some((&format, magic)) if magic == MAGIC => Err(BadEstate::Format(format)),
            Some(_) | None => Err(BadEstate::Foreign),
        }
    }

    /// Tag of the record that begins with these bytes, and the length of its body.
    #[must_use]
    pub const fn begin(first: [u8; RECORD]) -> (u8, u32) {
        let [tag, a, b, c, d] = first;
        (tag, u32::from_be_bytes([a, b, c, d]))
    }

    /// Takes a record in. False: it was the last.
    ///
    /// # Errors
    /// [`BadEstate`]: nothing of it is to be used.
    pub fn record(&mut self, tag: u8, body: &[u8], now: Time) -> Result<bool, BadEstate> {
        let mut body = Get(body);
        match tag {
            SESSION => {
                let client_id = ClientId::new(body.text()?);
                let (claim, number) = (body.u64()?, body.u64()?);
                let since = Wall::from_ms(body.u64()?);
                let clean_since = body.u64()?;
                let state = Portable::decode(body.0, now)?;
                let kept = Kept { client_id, claim, number, since, clean_since, state };
                self.estate.sessions.push(kept);
            }
            CONNECTION => self.estate.connections.push(Frozen::decode(body.0, now)?),
            RETAINED => {
                let stamp = body.stamp()?;
                let message = body.whole(now)?;
                let topic = message.topic().into();
                let content = Content::Message(message);
                self.estate.retained.push(Entry { topic, stamp, content, number: 0 });
            }
            NUMBER => {
                let number = body.u64()?;
                if let Some(entry) = self.estate.retained.last_mut() {
                    entry.number = number;
                }
            }
            GONE => {
                let (stamp, left) = (body.stamp()?, Duration::from_millis(body.u64()?));
                let (topic, content) = (body.rest_text()?.into(), Content::Gone(now + left));
                self.estate.retained.push(Entry { topic, stamp, content, number: 0 });
            }
            DELAYED => {
                let left = Duration::from_millis(body.u64()?);
                self.estate.delayed.push((left, body.whole(now)?));
            }
            MESH => self.estate.mesh.push(body.0.to_vec()),
            COPY => self.estate.copy = body.0.to_vec(),
            STOPPED => self.estate.stopped = Wall::from_ms(body.u64()?),
            END => {
                if body.u64()? != self.count {
                    return Err(BadEstate::Cut);
                }
                self.ended = true;
                return Ok(false);
            }
            _ => {}
        }
        self.count += 1;
        Ok(true)
    }

    /// All of it.
    ///
    /// # Errors
    /// [`BadEstate::Cut`]
    pub fn end(self) -> Result<Estate, BadEstate> {
        if self.ended { Ok(self.estate) } else { Err(BadEstate::Cut) }
    }
}

impl Get<'_> {
    fn stamp(&mut self) -> Result<Stamp, BadSession> {
        Ok(Stamp { hlc: self.u64()?, node: self.array()? })
    }
}

/// All bytes of an estate at once.
///
/// # Errors
/// [`BadEstate`]: nothing of it is to be used.
pub fn decode(bytes: &[u8], now: Time) -> Result<Estate, BadEstate> {
    let (first, mut rest) = bytes.split_first_chunk().ok_or(BadEstate::Foreign)?;
    let mut reader = Reader::new(*first)?;
    while let Some((first, body)) = rest.split_first_chunk() {
        let (tag, len) = Reader::begin(*first);
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let (body, behind) = body.split_at_checked(len).ok_or(BadEstate::Cut)?;
        if !reader.record(tag, body, now)? {
            break;
        }
        rest = behind;
    }
    reader.end()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{broker::message::Meta, mqtt::QoS};

    const NOW: Time = Time::from_ms(90_000);

    fn message(topic: &str) -> Message {
        let expires_at = Some(NOW + Duration::from_secs(8));
        let meta = Meta { qos: QoS::ExactlyOnce, retain: true, expires_at, publisher: 0 };
        Message::new(topic, &[1, 1], b"x", meta)
    }

    fn write(estate: &Estate, now: Time) -> Vec<u8> {
        let (mut out, mut records) = (head().to_vec(), Records::default());
        records.stopped(&mut out, estate.stopped);
        estate.sessions.iter().for_each(|kept| records.session(&mut out, kept, now));
        for frozen in &estate.connections {
            records.connection(&mut out, &frozen.encode(now));
        }
        estate.retained.iter().for_each(|entry| records.retained(&mut out, entry, now));
        estate.mesh.iter().for_each(|piece| records.mesh(&mut out, piece));
        records.copy(&mut out, &estate.copy);
        for (left, message) in &estate.delayed {
            records.delayed(&mut out, (now + *left, message), now);
        }
        records.end(&mut out);
        out
    }

    fn sample() -> Vec<u8> {
        let stamp = Stamp { hlc: 9, node: [3; 16] };
        let gone = Content::Gone(NOW + Duration::from_secs(60));
        let estate = Estate {
            sessions: vec![Kept {
                client_id: ClientId::new("c+1"),
                claim: 4,
                number: 5,
                since: Wall::from_ms(7),
                clean_since: 4,
                state: Portable::default(),
            }],
            connections: vec![crate::broker::frozen::tests::sample()],
            retained: vec![
                Entry {
                    topic: "r".into(),
                    stamp,
                    content: Content::Message(message("r")),
                    number: 0,
                },
                Entry { topic: "s".into(), stamp, content: gone, number: 0 },
            ],
            delayed: vec![(Duration::from_secs(3), message("d"))],
            stopped: Wall::from_ms(12),
            mesh: vec![vec![1, 2], Vec::new()],
            copy: vec![5, 6, 7],
        };
        write(&estate, NOW)
    }

    #[test]
    fn what_was_written_is_read() {
        let bytes = sample();
        let later = NOW + Duration::from_secs(5_000);
        let estate = decode(&bytes, later).unwrap();
        assert_eq!((estate.sessions.len(), estate.retained.len()), (1, 2));
        assert_eq!(write(&estate, later), bytes);
    }

    #[test]
    fn the_fuzzer_begins_with_a_whole_one() {
        let estate = decode(include_bytes!("../../fuzz/corpus/estate/whole"), NOW).unwrap();
        let (sessions, connections) = (estate.sessions.len(), estate.connections.len());
        assert_eq!((sessions, connections), (1, 1));
        assert_eq!((estate.retained.len(), estate.delayed.len()), (2, 1));
    }

    #[test]
    fn nothing_is_used_of_what_is_cut_or_of_another_format() {
        let bytes = sample();
        for cut in 0..bytes.len() {
            assert!(decode(&bytes[..cut], NOW).is_err(), "{cut}");
        }
        let mut other = bytes.clone();
        other[HEAD - 1] = FORMAT + 1;
        assert_eq!(decode(&other, NOW).unwrap_err(), BadEstate::Format(FORMAT + 1));
        other[0] = b'x';
        assert_eq!(decode(&other, NOW).unwrap_err(), BadEstate::Foreign);
    }

    #[test]
    fn a_missing_record_is_seen() {
        let mut bytes = sample();
        // The first record says when the process stopped: 8 bytes.
        bytes.drain(HEAD..HEAD + RECORD + 8);
        assert_eq!(decode(&bytes, NOW).unwrap_err(), BadEstate::Cut);
    }

    proptest! {
        #[test]
        fn one_changed_byte_never_panics(at: prop::sample::Index, to: u8) {
            let mut bytes = sample();
            let at = at.index(bytes.len());
            bytes[at] = to;
            let _ = decode(&bytes, NOW);
        }
    }
}
