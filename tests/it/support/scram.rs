//! SCRAM-SHA-256 as a client does it (RFC 5802, RFC 7677), with nothing of the broker's.

use std::num::NonZeroU32;

use base64ct::{Base64, Base64Unpadded, Encoding};
use ring::{digest, hmac, pbkdf2};

use super::{
    Client, Connect, Packet, Version,
    client::find,
    codec::{Props, Value, packet, prop, properties},
    unique,
};

pub const METHOD: &str = "SCRAM-SHA-256";
/// The fewest iterations there are, so that tests do not wait for them.
const ITERATIONS: NonZeroU32 = NonZeroU32::new(4096).unwrap();

fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text).as_ref().to_vec()
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, bytes).as_ref().to_vec()
}

fn salted(password: &str, salt: &[u8], iterations: NonZeroU32) -> [u8; 32] {
    let mut salted = [0; 32];
    let algorithm = pbkdf2::PBKDF2_HMAC_SHA256;
    pbkdf2::derive(algorithm, iterations, salt, password.as_bytes(), &mut salted);
    salted
}

/// The line of this user in a users file.
pub fn line(name: &str, password: &str) -> String {
    let salted = salted(password, b"0123456789abcdef", ITERATIONS);
    let stored = sha256(&mac(&salted, b"Client Key"));
    let server = mac(&salted, b"Server Key");
    let base64 = Base64Unpadded::encode_string;
    let salt = base64(b"0123456789abcdef");
    format!("{name}:$scram-sha-256$i={ITERATIONS}${salt}${}${}\n", base64(&stored), base64(&server))
}

/// An AUTH with these properties.
pub fn auth(code: u8, props: &[(u8, Value)]) -> Vec<u8> {
    packet(0xf0, &[&[code], &properties(props)[..]].concat())
}

/// Method and data, for CONNECT and AUTH.
pub fn props(data: &[u8]) -> Props {
    vec![prop::text(prop::AUTH_METHOD, METHOD), prop::binary(prop::AUTH_DATA, data)]
}

/// One exchange.
pub struct Scram {
    password: String,
    bare: String,
    /// What the server signs, and with what.
    signed: String,
    salted: [u8; 32],
}

impl Scram {
    pub fn new(user: &str, password: &str) -> Self {
        let name = user.replace('=', "=3D").replace(',', "=2C");
        let bare = format!("n={name},r={}", unique("nonce"));
        Self { password: password.to_owned(), bare, signed: String::new(), salted: [0; 32] }
    }

    pub fn first(&self) -> Vec<u8> {
        format!("n,,{}", self.bare).into_bytes()
    }

    /// The answer to a server-first message.
    #[track_caller]
    pub fn last(&mut self, server: &[u8]) -> Vec<u8> {
        let server = std::str::from_utf8(server).unwrap();
        let (nonce, salt, iterations) = parts(server);
        let ours = self.bare.split_once(",r=").unwrap().1;
        assert!(nonce.starts_with(ours) && nonce.len() >= ours.len() + 16, "{server}");
        self.salted = salted(&self.password, &salt, iterations);
        let last = format!("c=biws,r={nonce}");
        self.signed = format!("{},{server},{last}", self.bare);
        let key = mac(&self.salted, b"Client Key");
        let signature = mac(&sha256(&key), self.signed.as_bytes());
        let proof: Vec<u8> = key.iter().zip(signature).map(|(a, b)| a ^ b).collect();
        format!("{last},p={}", Base64::encode_string(&proof)).into_bytes()
    }

    /// The server-final message shows that the server has the keys of this user.
    #[track_caller]
    pub fn check(&self, server: &[u8]) {
        let signature = mac(&mac(&self.salted, b"Server Key"), self.signed.as_bytes());
        let want = format!("v={}", Base64::encode_string(&signature));
        assert_eq!(String::from_utf8_lossy(server), want);
    }
}

/// Nonce, salt and iterations of a server-first message.
#[track_caller]
pub fn parts(server: &str) -> (String, Vec<u8>, NonZeroU32) {
    let fields: Vec<&str> = server.split(',').collect();
    let [nonce, salt, iterations] = fields[..] else { panic!("{server}") };
    let value = |text: &str, front| text.strip_prefix(front).unwrap().to_owned();
    let salt = Base64::decode_vec(&value(salt, "s=")).unwrap();
    (value(nonce, "r="), salt, value(iterations, "i=").parse().unwrap())
}

/// The data of a packet that goes with the method.
#[track_caller]
pub fn data(props: &Props) -> Vec<u8> {
    assert_eq!(find(props, prop::AUTH_METHOD), Some(&Value::Text(METHOD.to_owned())));
    match find(props, prop::AUTH_DATA) {
        Some(Value::Binary(data)) => data.clone(),
        other => panic!("authentication data and not {other:?}"),
    }
}

/// A CONNECT that begins this exchange.
pub fn connect(scram: &Scram) -> Connect {
    let mut connect = Connect::new(Version::V5);
    connect.props = props(&scram.first());
    connect
}

/// The data of the AUTH that asks for more.
#[track_caller]
pub fn challenge(client: &mut Client) -> Vec<u8> {
    match client.recv() {
        Packet::Auth { code: 0x18, props } => data(&props),
        other => panic!("AUTH expected, not {other:?}"),
    }
}

/// Connects by SCRAM up to CONNACK, whatever it says.
#[track_caller]
pub fn attempt(connect: &Connect, mut scram: Scram, mut client: Client) -> (Scram, Client) {
    connect.id.clone_into(&mut client.id);
    client.send(&connect.bytes());
    let last = scram.last(&challenge(&mut client));
    client.send(&auth(0x18, &props(&last)));
    client.take_connack();
    if client.code == 0 {
        scram.check(&data(&client.props));
    }
    (scram, client)
}
