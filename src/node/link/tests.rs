//! Two ends in one process over loopback, cut and joined again.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use tokio::{
    net::TcpListener,
    sync::{Notify, watch},
    task::JoinHandle,
};

use super::*;
use crate::{
    cluster::{
        handshake::{Identity, LinkKind, Verdict},
        secret::{KeySet, Keys},
        settings::{Cookie, Kdf},
        wire::{Flags, Targets},
    },
    net::supervise,
    node::{dial::Local, tls::MeshTls},
};

const LIMIT: Duration = Duration::from_secs(20);

/// A node of the tests here and of `node::tls`.
pub(crate) fn local(name: &str, incarnation: u64, tls: Option<MeshTls>) -> Arc<Local> {
    let cookie = Cookie::new("a cookie for the test of data links".to_owned());
    Arc::new(Local {
        v6: false,
        tls: tls.map(Arc::new),
        identity: Identity::generate().unwrap(),
        keys: Keys::new(KeySet::derive(&cookie, "emqxcl", Kdf::Fast).unwrap(), None),
        cluster_name: "emqxcl".into(),
        name: NodeName::parse(name).unwrap(),
        incarnation,
        started: incarnation,
        streams: 1,
        message_max: 1 << 21,
        dead_after: Duration::from_millis(1500),
        connect_timeout: LIMIT,
        handshake_timeout: LIMIT,
        told: crate::node::told::Told::default(),
        refusals: Mutex::default(),
        gate: Mutex::default(),
        hosts: crate::node::discovery::Hosts::default(),
    })
}

/// Notes what arrives.
struct Inbox {
    got: Mutex<Vec<(u8, Vec<u8>)>>,
    /// Payloads that came back, and for which groups.
    back: Mutex<Vec<(u64, Vec<u8>)>>,
    /// The next message with this payload ends its connection.
    fatal: Mutex<Option<Vec<u8>>>,
    count: watch::Sender<usize>,
}

impl Inbox {
    fn new() -> Arc<Self> {
        let (got, back, fatal) = (Mutex::default(), Mutex::default(), Mutex::default());
        Arc::new(Self { got, back, fatal, count: watch::channel(0).0 })
    }

    async fn wait_for(&self, count: usize) {
        let mut seen = self.count.subscribe();
        let wait = seen.wait_for(|n| *n >= count);
        assert!(tokio::time::timeout(LIMIT, wait).await.is_ok(), "{count} messages");
    }

    fn numbers(&self) -> Vec<u32> {
        let got = lock(&self.got);
        got.iter().map(|(_, bytes)| u32::from_be_bytes(*bytes.first_chunk().unwrap())).collect()
    }
}

impl Deliver for Inbox {
    fn deliver(&self, from: u64, envelope: &Envelope<'_>) -> Handed {
        let name = NodeName::parse("peer@h").unwrap();
        assert!((1..4).any(|life| origin(&name, life) == from));
        assert_eq!((envelope.topic, envelope.properties), ("t/a", &[1, 1][..]));
        // The lock is not held: it would be poisoned.
        let ends = lock(&self.fatal).take_if(|payload| payload == envelope.payload).is_some();
        assert!(!ends, "planted");
        lock(&self.got).push((envelope.flags.qos, envelope.payload.to_vec()));
        // Of two groups the second has nobody here.
        let missing = if envelope.targets.groups().count() == 2 { 2 } else { 0 };
        // Much work: others get their turn behind every second message.
        Handed { matched: missing == 0, missing, work: work::TURN / 2 }
    }

    fn returned(&self, _by: &Arc<Peer>, groups: u64, envelope: &Envelope<'_>) {
        assert_eq!(envelope.targets.groups().nth(1), Some(("h", "t/+")));
        lock(&self.back).push((groups, envelope.payload.to_vec()));
    }

    fn end_of_batch(&self) {
        let count = lock(&self.got).len();
        self.count.send_replace(count);
    }
}

/// A node's end of the pair.
struct End {
    local: Arc<Local>,
    peer: Arc<Peer>,
    inbox: Arc<Inbox>,
}

impl End {
    fn new(name: &str, own: u64, other: u64) -> Self {
        Self::over(name, own, other, None)
    }

    fn over(name: &str, own: u64, other: u64, tls: Option<MeshTls>) -> Self {
        let peer_name = NodeName::parse("peer@h").unwrap();
        let peer = Peer::new(peer_name, (1, 64 << 20), own, other, &Arc::new(Stats::new(1)));
        peer.set_up(true);
        Self { local: local(name, own, tls), peer, inbox: Inbox::new() }
    }

    fn push(&self, qos: u8, n: u32, size: usize) -> Pushed {
        let mut payload = n.to_be_bytes().to_vec();
        payload.resize(size.max(4), 7);
        let stream = self.peer.stream_of(0).unwrap();
        let pushed = stream.push(&Outgoing {
            number: u64::from(n),
            flags: Flags { qos, ..Flags::default() },
            expiry: None,
            targets: Targets::PLAIN,
            topic: "t/a",
            properties: &[1, 1],
            payload: &payload,
            patient: true,
        });
        if pushed.first {
            stream.wake();
        }
        pushed
    }

    fn out(&self) -> &Arc<OutStream> {
        &self.peer.streams()[0]
    }

    /// Waits for the acknowledgement the way a publisher does.
    async fn acked(&self, seq: u64) {
        let done = Arc::new(Notify::new());
        let bell = done.clone();
        let waker: Waker = Arc::new(move || bell.notify_one());
        if self.out().wait(seq, &waker) {
            assert!(tokio::time::timeout(LIMIT, done.notified()).await.is_ok());
        }
        assert!(self.out().acked() >= seq);
    }
}

/// Joins the two by a new connection, and waits until it carries the stream at both ends.
async fn join(a: &End, b: &End) -> [JoinHandle<()>; 2] {
    let before = [a, b].map(|end| lock(&end.out().inner).stream.epoch());
    let tasks = connect(a, b).await;
    for (end, before) in [a, b].into_iter().zip(before) {
        let attached = async {
            loop {
                let mut changed = pin!(end.out().attached.notified());
                changed.as_mut().enable();
                if lock(&end.out().inner).stream.epoch() > before {
                    return;
                }
                changed.await;
            }
        };
        assert!(tokio::time::timeout(LIMIT, attached).await.is_ok());
    }
    tasks
}

/// Joins the two by a new connection.
async fn connect(a: &End, b: &End) -> [JoinHandle<()>; 2] {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let addr = listener.local_addr().unwrap();
    let accept = async {
        let (tcp, from) = listener.accept().await.unwrap();
        let received = b.peer.received(0);
        b.local.accept(tcp, from, async |_| (Verdict::Ok, received)).await.unwrap()
    };
    let kind = LinkKind::Data { stream: 0 };
    let (what, never) = ((kind, a.peer.received(0)), Notify::new());
    let dial = a.local.dial(addr, what, b.local.name.clone(), &never);
    let (theirs, ours) = tokio::join!(accept, dial);
    let run = |proven: crate::node::dial::Proven, end: &End| {
        let (peer, inbox) = (end.peer.clone(), end.inbox.clone());
        let data = run_data(proven.socket, proven.established, proven.leftover, peer, 0, inbox);
        supervise::spawn("data link under test", data)
    };
    [run(ours.unwrap(), a), run(theirs, b)]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_arrive_in_order_and_are_acknowledged() {
    arrive_in_order(End::new("a@h", 1, 2), End::new("b@h", 2, 1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_arrive_in_order_over_tls_too() {
    let [one, other] = crate::node::tls::tests::pair("h");
    let (a, b) = (End::over("a@h", 1, 2, Some(one)), End::over("b@h", 2, 1, Some(other)));
    arrive_in_order(a, b).await;
}

async fn arrive_in_order(a: End, b: End) {
    assert!(a.push(0, 0, 0).first, "before the first connection: it waits");
    let _tasks = join(&a, &b).await;
    // While a stream resumes, QoS 0 may overtake what is kept: let it come up first.
    a.acked(a.push(1, 1, 0).seq).await;
    b.push(1, 1, 0);
    for n in 2..1000 {
        a.push(u8::try_from(n % 3).unwrap(), n, 60);
        b.push(1, n, 60);
    }
    let last = a.push(1, 1000, 3 << 20);
    b.inbox.wait_for(1001).await;
    a.inbox.wait_for(999).await;
    a.acked(last.seq).await;
    assert!(b.inbox.numbers().into_iter().eq(0..1001));
    assert!(a.inbox.numbers().into_iter().eq(1..1000));
    assert_eq!(lock(&b.inbox.got)[1000].1.len(), 3 << 20, "in fragments");
    let counters = a.peer.counters();
    assert_eq!((counters.forwarded, counters.dropped, counters.kept_bytes), (1001, 0, 0));
    assert_eq!(b.peer.counters().received, 1001);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cuts_lose_and_repeat_nothing_numbered() {
    let (a, b) = (End::new("a@h", 1, 2), End::new("b@h", 2, 1));
    let mut n = 0;
    let mut push = |count: u32, size| {
        for _ in 0..count {
            assert!(a.push(1 + (n % 2) as u8, n, size).seq > 0);
            n += 1;
        }
    };
    push(10, 4);
    for round in 0..10u8 {
        let seen = b.inbox.numbers().len();
        let tasks = join(&a, &b).await;
        push(200, 5000);
        b.inbox.wait_for(seen + 1).await;
        // One end at a time, or both, and in the last rounds a second connection over a first that still stands.
        for (at, task) in tasks.iter().enumerate() {
            if round < 7 && usize::from(round % 3) != at {
                task.abort();
            }
        }
        push(5, 100);
    }
    let _tasks = join(&a, &b).await;
    push(1, 4);
    b.inbox.wait_for(n as usize).await;
    assert!(b.inbox.numbers().into_iter().eq(0..n));
    a.acked(u64::from(n)).await;
    assert_eq!((b.peer.counters().lost, a.peer.counters().kept_bytes), (0, 0));
}

#[tokio::test]
async fn who_waits_is_called_when_the_peer_goes_down() {
    let a = End::new("a@h", 1, 2);
    let called = Arc::new(AtomicU64::new(0));
    let waker = || -> Waker {
        let called = called.clone();
        Arc::new(move || {
            called.fetch_add(1, Ordering::Relaxed);
        })
    };
    let pushed = a.push(1, 1, 4);
    let first = waker();
    assert!(a.out().wait(pushed.seq, &first) && a.out().is_up());
    a.peer.set_up(false);
    assert_eq!((called.load(Ordering::Relaxed), a.out().is_up()), (1, false));
    assert!(!a.out().wait(pushed.seq, &waker()), "down: nothing to wait for");
    assert_eq!(a.out().acked(), 0, "kept");
    assert_eq!(a.peer.gone().into_iter().flatten().count(), 1);
    assert_eq!((a.out().acked(), called.load(Ordering::Relaxed)), (1, 1));
}

/// A peer that is up and acknowledges nothing: those who wait no longer leave nothing behind.
#[tokio::test]
async fn who_gives_a_wait_up_is_forgotten() {
    let a = End::new("a@h", 1, 2);
    let (seq, called) = (a.push(1, 1, 4).seq, Arc::new(AtomicU64::new(0)));
    let waker = || -> Waker {
        let called = called.clone();
        Arc::new(move || {
            called.fetch_add(1, Ordering::Relaxed);
        })
    };
    let patient = waker();
    assert!(a.out().wait(seq, &patient));
    for _ in 0..10 * WAITS {
        assert!(a.out().wait(seq, &waker()));
    }
    assert!(lock(&a.out().inner).waiters.len() <= WAITS);
    assert_eq!(Arc::strong_count(&called), 2, "what the others held is free");
    a.peer.set_up(false);
    assert_eq!(called.load(Ordering::Relaxed), 1);
    assert!(lock(&a.out().inner).waiters.is_empty());
}

/// Also one that had to be cut into fragments.
#[tokio::test]
async fn a_message_without_a_member_comes_back_before_it_is_acknowledged() {
    let (a, b) = (End::new("a@h", 1, 2), End::new("b@h", 2, 1));
    let _tasks = join(&a, &b).await;
    let payloads = [vec![1; 9], vec![2; 700_000], vec![3; 9]];
    let mut last = 0;
    for (n, payload) in payloads.iter().enumerate() {
        let pushed = a.out().push(&Outgoing {
            number: n as u64,
            flags: Flags { qos: 1, ..Flags::default() },
            expiry: None,
            targets: Targets::new(n == 0, &[("g", "t/+"), ("h", "t/+")]),
            topic: "t/a",
            properties: &[1, 1],
            payload,
            patient: true,
        });
        a.out().wake();
        last = pushed.seq;
    }
    a.acked(last).await;
    let want: Vec<(u64, Vec<u8>)> = payloads.map(|payload| (2, payload)).into();
    assert!(*lock(&a.inbox.back) == want, "what came back is what was sent");
}

/// One that was acknowledged, two that were sent, and those that came later.
#[tokio::test]
async fn what_was_kept_for_groups_of_a_process_that_is_over_comes_back() {
    let (a, b) = (End::new("a@h", 1, 2), End::new("b@h", 2, 1));
    let push = |qos: u8, payload: &[u8], groups: &[(&str, &str)]| {
        let pushed = a.out().push(&Outgoing {
            number: 1,
            flags: Flags { qos, ..Flags::default() },
            expiry: None,
            targets: Targets::new(groups.is_empty(), groups),
            topic: "t/a",
            properties: &[1, 1],
            payload,
            patient: true,
        });
        a.out().wake();
        pushed.seq
    };
    let both = [("g", "t/+"), ("h", "t/+")];
    let tasks = join(&a, &b).await;
    a.acked(push(1, &[1; 4], &[])).await;
    for task in tasks {
        task.abort();
        let _ = task.await;
    }
    let epoch = a.out().change(|stream| stream.attach(2, Received::default()));
    let more = (push(1, &[2; 4], &both), push(2, &[3; 4], &both));
    assert!(more.0 > 0 && more.1 > 0);
    assert!(a.out().change(|stream| stream.take(epoch, &mut Vec::new())));
    a.out().change(|stream| stream.detach(epoch));
    a.peer.set_up(false);
    push(2, &[4; 400_000], &both);
    push(1, &[5; 4], &[]);
    let left = a.peer.gone();
    give_back(a.peer.clone(), left, a.inbox.clone()).await;
    let back = lock(&a.inbox.back);
    let seen: Vec<(u64, u8)> = back.iter().map(|(groups, payload)| (*groups, payload[0])).collect();
    assert_eq!(seen, [(3, 2), (3, 4)], "QoS 2 that may have arrived stays away");
    let dropped = |name| a.out().stats.metrics().find(|(one, _)| *one == name).unwrap().1;
    assert_eq!(dropped("emqx_rs.mesh.forward_dropped"), 2, "what went to nobody else");
}

/// The connection ends in the middle of the batch: the message counts as received, and its sender has not heard of it.
#[tokio::test]
async fn a_message_without_a_member_comes_back_after_a_cut() {
    let (a, b) = (End::new("a@h", 1, 2), End::new("b@h", 2, 1));
    let push = |qos, groups: &[(&str, &str)], payload: &[u8]| {
        let pushed = a.out().push(&Outgoing {
            number: 1,
            flags: Flags { qos, ..Flags::default() },
            expiry: None,
            targets: Targets::new(false, groups),
            topic: "t/a",
            properties: &[1, 1],
            payload,
            patient: true,
        });
        pushed.seq
    };
    let groups = [("g", "t/+"), ("h", "t/+")];
    *lock(&b.inbox.fatal) = Some(b"the end".to_vec());
    push(1, &groups, b"returned");
    push(1, &groups[..1], b"the end");
    let [_ours, theirs] = connect(&a, &b).await;
    assert!(tokio::time::timeout(LIMIT, theirs).await.is_ok_and(|end| end.is_err()));
    assert_eq!(lock(&b.inbox.got).len(), 1);
    let _tasks = join(&a, &b).await;
    a.acked(2).await;
    assert_eq!(*lock(&a.inbox.back), [(2, b"returned".to_vec())]);
    // QoS 0 is not kept: it is counted where it went to nobody.
    push(0, &groups, b"lost");
    a.out().wake();
    b.inbox.wait_for(2).await;
    let dropped = |name| b.out().stats.metrics().find(|(one, _)| *one == name).unwrap().1;
    assert_eq!(dropped("messages.dropped.no_subscribers"), 1);
    assert_eq!((b.peer.counters().repeats, lock(&a.inbox.back).len()), (2, 1));
}

/// What comes behind is no message, or its delivery panics.
#[tokio::test]
async fn who_got_messages_before_a_connection_fails_is_woken() {
    for qos in [3, 1] {
        let (a, b) = (End::new("a@h", 1, 2), End::new("b@h", 2, 1));
        *lock(&b.inbox.fatal) = Some(2_u32.to_be_bytes().to_vec());
        a.push(1, 1, 0);
        a.push(qos, 2, 0);
        let [_ours, theirs] = connect(&a, &b).await;
        assert!(tokio::time::timeout(LIMIT, theirs).await.is_ok(), "it ends");
        assert_eq!(lock(&b.inbox.got).len(), 1);
        assert_eq!(*b.inbox.count.borrow(), 1, "QoS {qos}");
    }
}

/// The process there ends before it has told so, and another goes on with its life.
#[tokio::test]
async fn a_message_without_a_member_comes_back_after_a_restart() {
    let (a, b) = (End::new("a@h", 1, 2), End::new("b@h", 2, 1));
    let groups = [("g", "t/+"), ("h", "t/+")];
    *lock(&b.inbox.fatal) = Some(b"the end".to_vec());
    for (groups, payload) in [(&groups[..], &b"returned"[..]), (&groups[..1], b"the end")] {
        a.out().push(&Outgoing {
            number: 1,
            flags: Flags { qos: 1, ..Flags::default() },
            expiry: None,
            targets: Targets::new(false, groups),
            topic: "t/a",
            properties: &[1, 1],
            payload,
            patient: true,
        });
    }
    let [_ours, theirs] = connect(&a, &b).await;
    assert!(tokio::time::timeout(LIMIT, theirs).await.is_ok_and(|end| end.is_err()));
    let (streams, nacks) = (b.peer.take_streams(), b.peer.take_nacks());
    let name = b.peer.name().clone();
    let next = Peer::going_on((name, 1), (2, 64 << 20), streams, &Arc::new(Stats::new(1)));
    next.put_nacks(nacks);
    next.set_up(true);
    let b = End { peer: next, local: b.local.clone(), inbox: b.inbox.clone() };
    let _tasks = join(&a, &b).await;
    a.acked(2).await;
    assert_eq!(*lock(&a.inbox.back), [(2, b"returned".to_vec())]);
}

#[tokio::test]
async fn a_connection_of_another_process_life_is_not_taken() {
    let (a, b) = (End::new("a@h", 1, 2), End::new("b@h", 3, 1));
    let [ours, _theirs] = connect(&a, &b).await;
    assert!(tokio::time::timeout(LIMIT, ours).await.is_ok());
    assert!(a.push(1, 1, 4).seq == 1 && b.inbox.numbers().is_empty());
}

/// "How fast is one stream, both ends in one process?" Run by hand with `--release -- --nocapture`; here it only has to work.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_small_messages() {
    let (a, b) = (End::new("a@h", 1, 2), End::new("b@h", 2, 1));
    let _tasks = join(&a, &b).await;
    let count = 200_000;
    #[expect(clippy::disallowed_methods, reason = "a test that times itself")]
    let start = Instant::now();
    let mut last = 0;
    for n in 0..count {
        last = a.push(1, n, 100).seq;
    }
    b.inbox.wait_for(count as usize).await;
    a.acked(last).await;
    println!("{count} messages of 100 bytes, QoS 1: {:?}", start.elapsed());
    assert!(b.inbox.numbers().into_iter().eq(0..count));
}

#[tokio::test]
async fn who_says_nothing_is_awaited_as_long_as_is_set() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = silent.local_addr().unwrap();
    let mut local = local("a@127.0.0.1", 1, None);
    Arc::get_mut(&mut local).unwrap().handshake_timeout = Duration::from_millis(50);
    let (name, hasten) = (NodeName::parse("b@127.0.0.1").unwrap(), Notify::new());
    let dial = local.dial(addr, (LinkKind::Control, Received::default()), name, &hasten);
    let error = tokio::time::timeout(LIMIT, dial).await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "no answer within 50ms");
    let _mute = tokio::net::TcpStream::connect(addr).await.unwrap();
    let (tcp, addr) = silent.accept().await.unwrap();
    let accept = local.accept(tcp, addr, async |_| (Verdict::Nonsense, Received::default()));
    let unaccepted = tokio::time::timeout(LIMIT, accept).await.unwrap().unwrap_err();
    // The first that was accepted is the one that dialed and is gone.
    assert!(unaccepted.node.is_none());
}
