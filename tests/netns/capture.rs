//! What somebody with a cable in the switch of a [`Lan`] hears: every frame, as a packet socket in the namespace of the bridge gives it.

use std::{
    net::{IpAddr, Ipv4Addr},
    os::fd::{AsFd, AsRawFd},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::JoinHandle,
    time::Duration,
};

use nix::sys::socket::{MsgFlags, recv, setsockopt, sockopt::RcvBufForce};
use socket2::{Domain, Protocol, SockFilter, Socket, Type};

use super::lan::Lan;

/// Frames are as long as a host sends them: nothing here cuts them for a real cable.
const LONGEST: usize = 1 << 17;
const ETH_P_ALL: u16 = 3;

/// A capture that goes on.
pub struct Capture {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Box<[u8]>>>,
}

/// What was captured. A frame is in it twice or more: on its way into the bridge and out of it.
pub struct Frames(Vec<Box<[u8]>>);

impl Capture {
    /// Everything from now on.
    pub fn all(lan: &Lan) -> Self {
        Self::start(lan, Vec::new())
    }

    /// TCP over IPv4 alone; the kernel drops the rest, of which there is too much to look at.
    pub fn tcp(lan: &Lan) -> Self {
        const HALF: u16 = 0x28;
        const BYTE: u16 = 0x30;
        const EQUAL: u16 = 0x15;
        const RETURN: u16 = 0x06;
        Self::start(
            lan,
            vec![
                SockFilter::new(HALF, 0, 0, 12),
                SockFilter::new(EQUAL, 0, 3, 0x0800),
                SockFilter::new(BYTE, 0, 0, 23),
                SockFilter::new(EQUAL, 0, 1, 6),
                SockFilter::new(RETURN, 0, 0, u32::MAX),
                SockFilter::new(RETURN, 0, 0, 0),
            ],
        )
    }

    fn start(lan: &Lan, filter: Vec<SockFilter>) -> Self {
        let (entrance, stop) = (lan.entrance("sw"), Arc::new(AtomicBool::new(false)));
        let (ready, opened) = mpsc::channel();
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            entrance.enter();
            let all = Protocol::from(i32::from(ETH_P_ALL.to_be()));
            let socket = Socket::new(Domain::PACKET, Type::RAW, Some(all)).unwrap();
            if !filter.is_empty() {
                socket.attach_filter(&filter).unwrap();
            }
            setsockopt(&socket.as_fd(), RcvBufForce, &(64 << 20)).unwrap();
            socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
            ready.send(()).unwrap();
            let (mut frames, mut buffer) = (Vec::new(), vec![0; LONGEST]);
            loop {
                match recv(socket.as_raw_fd(), &mut buffer, MsgFlags::empty()) {
                    Ok(count) => frames.push(buffer[..count].into()),
                    // What came before the end is in.
                    Err(_) if stopped.load(Ordering::Relaxed) => return frames,
                    Err(_) => {}
                }
            }
        });
        opened.recv().unwrap();
        Self { stop, thread }
    }

    /// Ends it.
    pub fn end(self) -> Frames {
        self.stop.store(true, Ordering::Relaxed);
        Frames(self.thread.join().unwrap())
    }
}

impl Frames {
    pub fn bytes(&self) -> usize {
        self.0.iter().map(|frame| frame.len()).sum()
    }

    /// Those of `needles` that are in a frame, by name.
    pub fn find<'a>(&self, needles: &'a [(String, Vec<u8>)]) -> Vec<&'a str> {
        let mut by_first: Vec<Vec<usize>> = vec![Vec::new(); 256];
        for (at, (_, needle)) in needles.iter().enumerate() {
            by_first[usize::from(needle[0])].push(at);
        }
        let mut found = vec![false; needles.len()];
        for frame in &self.0 {
            for (at, byte) in frame.iter().enumerate() {
                for needle in &by_first[usize::from(*byte)] {
                    found[*needle] |= frame[at..].starts_with(&needles[*needle].1);
                }
            }
        }
        let found = needles.iter().zip(found).filter(|(_, found)| *found);
        found.map(|((name, _), _)| name.as_str()).collect()
    }

    /// Who opened a connection to whom over TCP on IPv4.
    pub fn dials(&self) -> Vec<(IpAddr, IpAddr)> {
        const SYN_ACK: u8 = 0x12;
        const SYN: u8 = 0x02;
        let v4 = |bytes: &[u8]| IpAddr::V4(Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3]));
        let dial = |frame: &[u8]| {
            let is_tcp = frame.len() >= 54 && frame[12..14] == [8, 0] && frame[23] == 6;
            let header = 14 + usize::from(frame.get(14)? & 15) * 4;
            let is_dial = is_tcp && frame.get(header + 13)? & SYN_ACK == SYN;
            is_dial.then(|| (v4(&frame[26..30]), v4(&frame[30..34])))
        };
        self.0.iter().filter_map(|frame| dial(frame)).collect()
    }
}
