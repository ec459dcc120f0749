//! `data export` and `data import`: retained messages and bans, a few at a time, so that neither end holds all of them.

use std::{io, sync::Arc, time::Duration};

use base64ct::{Base64, Encoding};
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use super::{Desk, IDLE, write_reply};
use crate::{
    broker::{
        Message,
        bans::{Ban, Target},
        message::{Meta, carried},
        retained::{Portion, is_system},
    },
    ctl::{
        Reply,
        data::{FORMAT, Head, Imported, LINE_MAX, Retained, Row},
        render::shown,
    },
    mqtt::{self, Packet, PublishHead, PublishParts, QoS, Version, encode, frame},
    node::{access::banned::of_row, locks, sys_topics::local_time},
    topic::{TopicFilter, TopicName},
};

/// Topics looked at under one lock.
const STEP: usize = 256;
/// Bans that are set at once, with one write of their file.
const BANS: usize = 4096;
/// Bytes of rows after which a line is sent.
const PIECE: usize = 1 << 20;
/// What a row takes beside its texts.
const ROW: usize = 64;

impl Desk {
    /// Writes all rows, as replies of one line each.
    pub(super) async fn export(&self, write: &mut (impl AsyncWriteExt + Unpin)) -> io::Result<()> {
        let hub = self.node.hub();
        let head = Head {
            format: FORMAT,
            node: self.name.to_string(),
            version: env!("CARGO_PKG_VERSION").into(),
            datetime: local_time(hub.clock.wall()),
        };
        // Those of behaviour end by themselves.
        let bans = hub.bans.listed(hub.clock).into_iter().map(Row::Ban);
        let mut rows: Vec<Row> = std::iter::once(Row::EmqxRs(head)).chain(bans).collect();
        let (mut after, mut bytes) = (None::<Arc<str>>, 0);
        loop {
            let topics = locks::read(&hub.retained).topics(after.as_deref(), STEP);
            let Some(last) = topics.last().cloned() else { break };
            after = Some(last);
            tokio::task::yield_now().await;
            for topic in topics.iter().filter(|topic| !is_system(topic)) {
                let Some(row) = self.retained(topic) else { continue };
                bytes += row.topic.len() + row.payload.len() + row.properties.len() + ROW;
                rows.push(Row::Retained(row));
                if bytes >= PIECE {
                    write_reply(write, &Reply::Data(std::mem::take(&mut rows))).await?;
                    bytes = 0;
                }
            }
        }
        write_reply(write, &Reply::Data(rows)).await
    }

    pub(super) fn retained(&self, topic: &str) -> Option<Retained> {
        let hub = self.node.hub();
        let filter = TopicFilter::parse(topic).ok()?;
        let mut found = Vec::new();
        let one = Portion { most: 1, bytes: usize::MAX, look: 1 };
        locks::read(&hub.retained).matching(&filter, None, one, &mut found);
        let message = found.pop()?;
        let (now, wall) = (hub.clock.now(), hub.clock.wall());
        if message.is_expired(now) {
            return None;
        }
        let left = |at: crate::time::Time| u64::try_from(at.since(now).as_millis()).unwrap_or(0);
        Some(Retained {
            topic: message.topic().to_owned(),
            qos: message.qos().as_u8(),
            payload: Base64::encode_string(message.payload()),
            properties: Base64::encode_string(message.properties()),
            until: message.expires_at().map(|at| wall.as_ms().saturating_add(left(at))),
        })
    }

    /// Takes rows in until there are no more. What was taken before a line that is none stays.
    pub(super) async fn import(&self, read: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Reply> {
        let (mut done, mut bans) = (Imported::default(), Vec::new());
        let read = self.take_rows(read, &mut done, &mut bans).await;
        // Also where the rest does not come.
        let banned = self.ban_imported(&mut bans, &mut done);
        Ok(match read?.and(banned) {
            Ok(()) => Reply::Imported(done),
            Err(why) => Reply::Failed(format!("{why}; before it were taken\n{done}")),
        })
    }

    /// Takes rows in until there are no more, but for the bans. The fault of a line that is none.
    async fn take_rows(
        &self,
        read: &mut (impl AsyncBufRead + Unpin),
        done: &mut Imported,
        bans: &mut Vec<(Target, Ban)>,
    ) -> io::Result<Result<(), String>> {
        let mut line = Vec::new();
        loop {
            line.clear();
            let mut limited = AsyncReadExt::take(&mut *read, LINE_MAX as u64);
            timeout(IDLE, limited.read_until(b'\n', &mut line)).await??;
            if line.is_empty() {
                return Ok(Ok(()));
            }
            let taken = match serde_json::from_slice(&line) {
                Ok(Row::Retained(row)) => self.keep(&row).map(|kept| {
                    done.retained += u64::from(kept);
                    done.left_out += u64::from(!kept);
                }),
                Ok(Row::Ban(row)) => match of_row(row) {
                    Some(ban) => {
                        bans.push(ban);
                        if bans.len() < BANS { Ok(()) } else { self.ban_imported(bans, done) }
                    }
                    None => Err("no ban".to_owned()),
                },
                Ok(Row::EmqxRs(_) | Row::User(_)) => Ok(()),
                Err(error) => Err(error.to_string()),
            };
            if taken.is_err() {
                return Ok(taken);
            }
        }
    }

    fn ban_imported(
        &self,
        bans: &mut Vec<(Target, Ban)>,
        done: &mut Imported,
    ) -> Result<(), String> {
        if bans.is_empty() {
            return Ok(());
        }
        let (set, banned) = self.node.hub().ban_all(std::mem::take(bans));
        done.bans += set;
        banned
    }

    /// Keeps a retained message; `false`: its time is over, or there is no room for it.
    fn keep(&self, row: &Retained) -> Result<bool, String> {
        let hub = self.node.hub();
        let topic = shown(&row.topic);
        let bad = |what: &str| format!("retained message of {topic}: {what}");
        let name = TopicName::parse(&row.topic).map_err(|error| bad(&error.to_string()))?;
        let qos = QoS::from_u8(row.qos).ok_or_else(|| bad("QoS should be 0, 1, 2"))?;
        let bytes = |text: &str| Base64::decode_vec(text).map_err(|_| bad("no base64"));
        let (payload, properties) = (bytes(&row.payload)?, bytes(&row.properties)?);
        if is_system(name.as_str()) || payload.is_empty() {
            return Err(bad("no client could have retained it"));
        }
        // Read as a packet of a client is: what is handed on to others is good.
        let mut packet = Vec::new();
        let head = PublishHead { dup: false, qos: QoS::AtMostOnce, retain: true, packet_id: None };
        let (properties, extra_properties) = (&*properties, &[][..]);
        let parts =
            PublishParts { topic: &row.topic, properties, extra_properties, payload: &payload };
        encode::publish(&mut packet, Version::V5, head, &parts);
        let split = frame::split(&packet, LINE_MAX).ok().flatten();
        let read = split.map(|(header, body, _)| mqtt::decode(Version::V5, header, body));
        let Some(Ok(Packet::Publish(publish))) = read else { return Err(bad("no properties")) };
        let carried = carried(&publish.properties);
        let (now, wall) = (hub.clock.now(), hub.clock.wall());
        let left = row.until.map(|until| until.saturating_sub(wall.as_ms()));
        if left == Some(0) {
            return Ok(false);
        }
        let expires_at = left.map(|ms| now + Duration::from_millis(ms));
        let meta = Meta { qos, retain: true, expires_at, publisher: 0 };
        Ok(hub.retain(&Message::new(publish.topic, &carried.raw, publish.payload, meta)))
    }
}
