//! A table of bad input, by the classes of faults that brokers were known for, and what must become of each.

mod layers;
mod packets;
mod texts;

use std::{
    collections::BTreeSet,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    thread,
};

use super::{Over, Target, witness::Witness};
use crate::support::{
    Client, Connect, LIMIT, Packet, Version, prop,
    wire::{WebSocket, Wire, frame},
};

const V3: Version = Version::V3_1_1;
const V5: Version = Version::V5;
/// Longer ones are not read to their end by a node that has closed: the kernel may take its last word away.
const SHORT: usize = 32 << 10;
const THREADS: usize = 4;

/// Where a row is put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Instead of CONNECT.
    Start,
    /// Behind CONNECT.
    Served(Version),
    /// Behind CONNECT, below WebSocket.
    Frames,
    /// Instead of the request for a WebSocket.
    Request,
    /// Instead of a PROXY header.
    Header,
    /// Instead of TLS.
    Hello,
}

/// What must become of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Want {
    /// The connection is served on.
    Lives,
    /// The connection ends, a client of v5 with one of these codes in CONNACK or DISCONNECT; empty: with none or with any.
    Ends(&'static [u8]),
    /// The one or the other.
    Either,
    /// It is not whole: nothing.
    Waits,
}

struct Row {
    name: String,
    at: At,
    bytes: Vec<u8>,
    want: Want,
}

fn row(name: impl Into<String>, at: At, bytes: impl Into<Vec<u8>>, want: Want) -> Row {
    Row { name: name.into(), at, bytes: bytes.into(), want }
}

fn table() -> Vec<Row> {
    [packets::rows(), texts::rows(), layers::rows()].into_iter().flatten().collect()
}

impl Row {
    /// Puts it in and sees what becomes of it.
    /// Two rows at the same time may have the same client id; who was taken over (0x8e) comes again.
    fn run_alone(&self, target: &Target, over: Over) -> Result<(), String> {
        let taken_over =
            |said: &Result<(), String>| said.as_ref().is_err_and(|what| what.contains("Some(8e)"));
        let said = self.run(target, over);
        if taken_over(&said) { self.run(target, over) } else { said }
    }

    fn run(&self, target: &Target, over: Over) -> Result<(), String> {
        let said = match self.at {
            At::Start => self.over_mqtt(target.client(over, V5)),
            At::Served(version) => {
                let mut client = target.client(over, version);
                client.send(&connect(version).bytes());
                client.take_connack();
                self.over_mqtt(client)
            }
            At::Frames => self.over_frames(target.ws),
            At::Request => self.raw(target.ws),
            At::Header => self.raw(target.proxy),
            At::Hello => self.raw(target.ssl),
        };
        said.map_err(|what| {
            let head = &self.bytes[..self.bytes.len().min(40)];
            format!("{} over {over:?}: {what}; {} bytes: {head:02x?}", self.name, self.bytes.len())
        })
    }

    fn over_mqtt(&self, mut client: Client) -> Result<(), String> {
        client.send(&self.bytes);
        if self.want == Want::Waits {
            client.cut();
            return Ok(());
        }
        if !matches!(self.want, Want::Ends(_)) {
            client.send(&[0xc0, 0]);
        }
        let mut code = None;
        let lives = loop {
            match client.next_or_end() {
                None => break false,
                Some(Packet::PingResp) => break true,
                Some(
                    Packet::ConnAck { code: told, .. } | Packet::Disconnect { code: told, .. },
                ) => {
                    code = Some(told).filter(|told| *told != 0);
                }
                Some(_) => {}
            }
        };
        client.cut();
        match self.want {
            Want::Lives if !lives => Err(format!("ended with {code:02x?}")),
            Want::Ends(_) if lives => Err("lives".to_owned()),
            Want::Ends(codes) if client_is_told(self) && !codes.is_empty() => {
                let fits = code.is_some_and(|code| codes.contains(&code));
                if fits { Ok(()) } else { Err(format!("{code:02x?} and none of {codes:02x?}")) }
            }
            Want::Lives | Want::Ends(_) | Want::Either | Want::Waits => Ok(()),
        }
    }

    /// Behind a good CONNECT over WebSocket, as bytes below it.
    fn over_frames(&self, at: SocketAddr) -> Result<(), String> {
        let mut wire = WebSocket::mqtt(Client::tcp(at));
        wire.read_within(LIMIT);
        wire.write_all(&connect(V3).bytes()).unwrap();
        wire.read_exact(&mut [0; 4]).map_err(|error| error.to_string())?;
        wire.send_raw(&self.bytes);
        match self.want {
            Want::Waits => Ok(()),
            Want::Lives | Want::Either => {
                wire.send_raw(&frame(0x82, &[0xc0, 0]));
                let (mut all, mut byte) = (Vec::new(), [0]);
                while !all.ends_with(&[0xd0, 0]) {
                    match wire.read(&mut byte) {
                        Ok(1..) => all.push(byte[0]),
                        _ if self.want == Want::Either => return Ok(()),
                        ended => return Err(format!("ended: {ended:?} {:?}", wire.closed)),
                    }
                }
                Ok(())
            }
            Want::Ends(_) => ends(&mut wire),
        }
    }

    /// On a connection of which nothing is known.
    fn raw(&self, at: SocketAddr) -> Result<(), String> {
        let mut wire = Client::tcp(at);
        let _ = wire.write_all(&self.bytes);
        match self.want {
            Want::Waits | Want::Either => Ok(()),
            Want::Ends(_) => ends(&mut wire),
            Want::Lives => {
                wire.read_within(LIMIT);
                let count = wire.read(&mut [0; 64]).map_err(|error| error.to_string())?;
                if count > 0 { Ok(()) } else { Err("ended".to_owned()) }
            }
        }
    }
}

fn client_is_told(row: &Row) -> bool {
    row.at != At::Served(V3) && row.bytes.len() < SHORT
}

/// Reads until the other end closes, which it must.
fn ends(wire: &mut impl Wire) -> Result<(), String> {
    wire.read_within(LIMIT);
    let mut chunk = [0; 4096];
    loop {
        match wire.read(&mut chunk) {
            Ok(1..) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                return Err("neither an answer nor an end".to_owned());
            }
            Ok(_) | Err(_) => return Ok(()),
        }
    }
}

/// A good CONNECT.
fn connect(version: Version) -> Connect {
    let connect = Connect::new(version);
    if version.is_v5() { connect.with(prop::two(prop::ALIAS_MAXIMUM, 5)) } else { connect }
}

#[test]
fn the_table_is_of_more_than_600_different_inputs() {
    let table = table();
    let names: BTreeSet<&str> = table.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names.len(), table.len(), "each has a name of its own");
    let place = |row: &Row| format!("{:?}", row.at);
    let different: BTreeSet<_> = table.iter().map(|row| (place(row), &row.bytes)).collect();
    println!("{} inputs, {} of them different", table.len(), different.len());
    assert!(different.len() >= 600, "{}", different.len());
}

#[test]
fn every_bad_input_of_the_table() {
    const ALL: [Over; 5] = [Over::Tcp, Over::Unix, Over::Ssl, Over::Ws, Over::Wss];
    let target = Target::start();
    let table = table();
    // Once before anything is measured: what a node takes once and keeps is no leak.
    let one_of_a_kind = |at: usize| if at.is_multiple_of(5) { ALL[at / 5 % 5] } else { Over::Tcp };
    let round = |overs: &(dyn Fn(usize) -> Over + Sync)| {
        let part = &|first: usize| {
            let mine = table.iter().enumerate().skip(first).step_by(THREADS);
            mine.filter_map(|(at, row)| row.run_alone(&target, overs(at)).err()).collect::<Vec<_>>()
        };
        let faults: Vec<String> = thread::scope(|scope| {
            let threads: Vec<_> =
                (0..THREADS).map(|first| scope.spawn(move || part(first))).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        target.assert_well();
        assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    };
    round(&one_of_a_kind);
    let before = target.settle();
    let witness = Witness::start(target.node.mqtt());
    round(&|_| Over::Tcp);
    round(&|at| ALL[1 + at % 4]);
    witness.end();
    println!("{} inputs over TCP and over another listener", table.len());
    target.assert_settles(before);
}

/// As in a row of [`At::Request`]: the port of a listener of another kind.
#[test]
fn every_listener_takes_what_is_meant_for_another() {
    let target = Target::start();
    let witness = Witness::start(target.node.mqtt());
    let all = [target.node.mqtt(), target.ssl, target.ws, target.wss, target.proxy];
    let words = layers::of_other_protocols();
    for at in all {
        for (name, bytes) in &words {
            let mut wire: TcpStream = Client::tcp(at);
            let _ = wire.write_all(bytes);
            // Half a packet or half a hello is waited for: this end goes.
            let _ = wire.shutdown(std::net::Shutdown::Write);
            ends(&mut wire).unwrap_or_else(|what| panic!("{name} at {at}: {what}"));
        }
    }
    witness.end();
    target.assert_well();
}
