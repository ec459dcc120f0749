//! Somebody who does nothing wrong meanwhile, and measures how long he waits.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::support::{Connect, Version, unique};

/// The longest that a round trip may take.
const STALL: Duration = Duration::from_millis(100);
/// A machine that does other things as well may take so much longer.
const STRETCH: u32 = 5;
/// A small part of work that a machine is slow at.
const SMALL: u32 = 4;
const PAUSE: Duration = Duration::from_millis(2);

/// Publishes to itself and pings, for as long as this lives. Beside it somebody does the same without a broker: what he waits
/// for is the machine.
pub(super) struct Witness {
    stop: Arc<AtomicBool>,
    served: JoinHandle<Trips>,
    machine: JoinHandle<Trips>,
}

#[derive(Default)]
struct Trips {
    count: u32,
    longest: Duration,
}

impl Trips {
    /// Goes to and fro until told to stop.
    fn make(stop: &AtomicBool, mut trip: impl FnMut()) -> Self {
        let mut all = Self::default();
        while !stop.load(Ordering::Relaxed) || all.count == 0 {
            let began = Instant::now();
            trip();
            all.longest = all.longest.max(began.elapsed());
            all.count += 1;
            thread::sleep(PAUSE);
        }
        all
    }
}

impl Witness {
    pub(super) fn start(at: SocketAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let topic = unique("witness/");
        let mut client = Connect::new(Version::V5).id(&topic).open(at);
        client.subscribe(&topic, 1);
        let until = stop.clone();
        let served = thread::spawn(move || {
            Trips::make(&until, || {
                client.publish(&topic, "round", 1);
                assert_eq!(client.message().text(), "round");
                client.ping();
            })
        });
        let (mut near, mut far) = pair();
        let until = stop.clone();
        thread::spawn(move || {
            let mut byte = [0];
            while far.read_exact(&mut byte).is_ok() && far.write_all(&byte).is_ok() {}
        });
        let machine = thread::spawn(move || {
            Trips::make(&until, || {
                // As often as the other.
                for _ in 0..3 {
                    near.write_all(&[0]).unwrap();
                    near.read_exact(&mut [0]).unwrap();
                }
            })
        });
        Self { stop, served, machine }
    }

    /// It was served throughout and never waited long.
    #[track_caller]
    pub(super) fn end(self) {
        self.end_beside(Duration::ZERO);
    }

    /// It was served throughout and waited no more than a small part of the time that work beside it took, or not long.
    #[track_caller]
    pub(super) fn end_beside(self, work: Duration) {
        self.stop.store(true, Ordering::Relaxed);
        let served = self.served.join().expect("the witness was served throughout");
        let machine = self.machine.join().unwrap();
        let (longest, without) = (served.longest, machine.longest);
        println!(
            "witness: {} trips, longest {longest:?}; without a broker {without:?}",
            served.count
        );
        let limit = (STRETCH * STALL.max(without)).max(work / SMALL);
        assert!(longest < limit, "the witness waited {longest:?}, without a broker {without:?}");
    }
}

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (far, _) = listener.accept().unwrap();
    near.set_nodelay(true).unwrap();
    far.set_nodelay(true).unwrap();
    (near, far)
}
