//! One link coming up: bytes in, bytes out. Noise XXpsk3 keyed by the cookie, the same on TCP and inside TLS.
//!
//! ```text
//! 0 I->R  EMRS, wire_min, wire_max, suites, key_id, cluster 16     R->I  1 byte: the suite, or why not
//! 1 I->R  len u16, e                 prologue = message 0 and its answer (and X, the TLS exporter): nothing of 0 can be altered
//! 2 R->I  len u16, e, ee, s, es      nothing in it depends on the cookie
//! 3 I->R  len u16, s, se, psk, Hello a wrong cookie shows here: R answers the byte 0xF4 and closes
//! 4 R->I  a sealed record: verdict, Hello
//! ```
//! The responder asks its owner between 3 and 4 whether it wants this peer. Both ends then hold a [`Sealer`] and an [`Opener`];
//! inside TLS these change nothing, and X makes sure that both ends of the TLS session are the ends of this handshake.
//! Invariant: nothing is trusted, stored or sized by the peer before 3 (responder) or 4 (initiator) has been decrypted.

use snow::{Builder, HandshakeState, params::NoiseParams};
use zeroize::Zeroizing;

use super::{
    member::{Guid, NodeId},
    node_name::NodeName,
    records::{BadRecord, Opener, Sealer, Suite},
    secret::{Keys, name_hash, sha256_16},
    wire::{self, Reader, WireError, put_bytes, put_v},
};

/// Lowest and highest wire version spoken here.
pub const WIRE: (u8, u8) = (1, 1);
/// Longest message of a peer that has proven nothing yet.
pub const MESSAGE_MAX: usize = 1024;
/// Longest name of a cluster.
pub const CLUSTER_NAME_MAX: usize = 255;

const MAGIC: &[u8; 4] = b"EMRS";
const OPENING: usize = 24;
const COOKIE_REFUSED: u8 = 0xf4;
/// First byte of the first record of whoever dials with TLS, and of a refusal of whoever listens with TLS.
const TLS_HANDSHAKE: u8 = 0x16;
const TLS_ALERT: u8 = 0x15;
/// A TLS alert: fatal, protocol_version. A dialler that speaks TLS understands it.
const NO_TLS_HERE: [u8; 7] = [TLS_ALERT, 3, 3, 0, 2, 2, 70];

/// The ciphers a node can use, as bits: 1 AES, 2 ChaCha.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suites(u8);

impl Suites {
    /// `aes`: the CPU has AES instructions. ChaCha works everywhere.
    #[must_use]
    pub const fn new(aes: bool) -> Self {
        Self(if aes { 3 } else { 2 })
    }

    const fn best(self, other: u8) -> Option<Suite> {
        match self.0 & other {
            both if both & 1 != 0 => Some(Suite::AesGcm),
            both if both & 2 != 0 => Some(Suite::ChaChaPoly),
            _ => None,
        }
    }
}

/// Why a link did not come up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// No mesh port, or no emqx-rs.
    #[error("not a mesh peer")]
    Foreign,
    /// The other end speaks TLS, this one does not.
    #[error("the other end speaks TLS: cluster.proto_dist must be the same on all nodes")]
    OtherTransport,
    /// Its cluster has another name.
    #[error("other cluster")]
    OtherCluster,
    /// The cookies differ.
    #[error("cookie mismatch")]
    Cookie,
    /// No wire version or cipher in common.
    #[error("no common wire version or cipher")]
    Version,
    /// Altered on the way, or random.
    #[error("handshake message {0} altered or malformed")]
    Message(u8),
    /// More bytes than a stranger may send.
    #[error("handshake message of {0} bytes, limit {MESSAGE_MAX}")]
    TooLong(usize),
    /// The peer said no.
    #[error("refused: {0}")]
    Refused(Verdict),
    /// This end said no.
    #[error("refused by this node: {0}")]
    Rejected(Verdict),
    /// The random number generator or the cipher failed.
    #[error("cryptography failed: {0}")]
    Crypto(&'static str),
}

impl From<BadRecord> for HandshakeError {
    fn from(_: BadRecord) -> Self {
        Self::Message(4)
    }
}

/// What a node says to a peer that has proven the cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Come in.
    Ok,
    /// Dialled for another name.
    WrongTarget,
    /// Another node of this name is alive.
    DuplicateName,
    /// Another identity than the one known under this name (`cluster.pin = strict`).
    Pin,
    /// Was forced out; must `cluster join` again.
    Forgotten,
    /// No room for another node.
    TooManyNodes,
    /// No wire version in common.
    Version,
    /// Both dialled at once; the other connection stays.
    Tie,
    /// The node is about to stop.
    ShuttingDown,
    /// From an earlier incarnation, or it makes no sense.
    Nonsense,
    /// The certificate does not name the host of the node that showed it.
    Certificate,
    /// Another process has this identity, and this is the older of the two: a copy of its data folder.
    Cloned,
    /// Of a later release.
    Other(u8),
}

impl Verdict {
    const ALL: [Self; 12] = [
        Self::Ok,
        Self::WrongTarget,
        Self::DuplicateName,
        Self::Pin,
        Self::Forgotten,
        Self::TooManyNodes,
        Self::Version,
        Self::Tie,
        Self::ShuttingDown,
        Self::Nonsense,
        Self::Certificate,
        Self::Cloned,
    ];

    fn from_u8(code: u8) -> Self {
        Self::ALL.get(usize::from(code)).copied().unwrap_or(Self::Other(code))
    }

    fn as_u8(self) -> u8 {
        match self {
            Self::Other(code) => code,
            known @ (Self::Ok
            | Self::WrongTarget
            | Self::DuplicateName
            | Self::Pin
            | Self::Forgotten
            | Self::TooManyNodes
            | Self::Version
            | Self::Tie
            | Self::ShuttingDown
            | Self::Nonsense
            | Self::Certificate
            | Self::Cloned) => {
                let at = Self::ALL.iter().position(|verdict| *verdict == known);
                at.and_then(|at| u8::try_from(at).ok()).unwrap_or(u8::MAX)
            }
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ok => f.write_str("ok"),
            Self::WrongTarget => f.write_str("another node was meant"),
            Self::DuplicateName => f.write_str("a node of this name is alive"),
            Self::Pin => f.write_str("identity is not the one known under this name"),
            Self::Forgotten => f.write_str("was forced out, must join again"),
            Self::TooManyNodes => f.write_str("too many nodes"),
            Self::Version => f.write_str("no common version"),
            Self::Tie => f.write_str("another connection stays"),
            Self::ShuttingDown => f.write_str("shutting down"),
            Self::Nonsense => f.write_str("stale or nonsense"),
            Self::Certificate => {
                f.write_str("certificate does not name the host of the node that showed it")
            }
            Self::Cloned => f.write_str(
                "its identity is in use on another box too, as after cloning a disk: on one of the two stop the node, remove \
                 identity.key from node.data_dir, and start it",
            ),
            Self::Other(code) => write!(f, "code {code}"),
        }
    }
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkKind {
    /// Frames of the cluster.
    Control,
    /// Messages, in this stream.
    Data {
        /// Number of the stream.
        stream: u8,
    },
}

/// What an end says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// What the connection is for.
    pub kind: LinkKind,
    /// Name of the cluster.
    pub cluster_name: String,
    /// Its own name.
    pub name: NodeName,
    /// The name it means to reach; `None` where only an address is known.
    pub target: Option<NodeName>,
    /// Its process life.
    pub incarnation: u64,
    /// When the process started, by its hybrid clock.
    pub started: u64,
    /// Wire versions it speaks.
    pub wire: (u8, u8),
    /// Features it has.
    pub caps: u64,
    /// Data streams it wants.
    pub streams: u8,
    /// Longest message that it takes.
    pub message_max: u64,
    /// How much of the addressee's messages of this stream it has; for data connections.
    pub received: wire::Received,
}

/// A peer that has proven who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerHello {
    /// Who it is, by the key it has.
    pub node_id: NodeId,
    /// What it says.
    pub hello: Hello,
}

impl PeerHello {
    /// Its age.
    #[must_use]
    pub const fn guid(&self) -> Guid {
        Guid { started: self.hello.started, node: self.node_id }
    }
}

impl Hello {
    fn put(&self, out: &mut Vec<u8>) {
        let (kind, stream) = match self.kind {
            LinkKind::Control => (0, 0),
            LinkKind::Data { stream } => (1, stream),
        };
        out.extend_from_slice(&[kind, stream, self.wire.0, self.wire.1, self.streams]);
        put_bytes(out, self.cluster_name.as_bytes());
        put_bytes(out, self.name.as_str().as_bytes());
        put_bytes(out, self.target.as_ref().map_or("", NodeName::as_str).as_bytes());
        for value in [self.incarnation, self.started, self.caps, self.message_max] {
            put_v(out, value);
        }
        put_v(out, self.received.incarnation);
        put_v(out, self.received.seq);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        let [kind, stream, wire_min, wire_max, streams] = from.array()?;
        let kind = match kind {
            0 => LinkKind::Control,
            1 => LinkKind::Data { stream },
            _ => return Err(WireError::Field("kind of link")),
        };
        let cluster_name: String = from.text()?.into();
        let name = wire::node_name(from)?;
        let target = match from.text()? {
            "" => None,
            text => Some(NodeName::parse(text).map_err(|_| WireError::Field("target name"))?),
        };
        let (incarnation, started, caps, message_max) =
            (from.v()?, from.v()?, from.v()?, from.v()?);
        let received = wire::Received { stream, incarnation: from.v()?, seq: from.v()? };
        let wire = (wire_min, wire_max);
        Ok(Self {
            kind,
            cluster_name,
            name,
            target,
            incarnation,
            started,
            wire,
            caps,
            streams,
            message_max,
            received,
        })
    }
}

/// The identity of a node: an X25519 key pair. Wiped when dropped.
#[derive(Clone)]
pub struct Identity {
    private: Zeroizing<[u8; 32]>,
    node_id: NodeId,
}

impl Identity {
    /// From a stored private key.
    ///
    /// # Errors
    /// When the public key cannot be made.
    pub fn from_private(private: Zeroizing<[u8; 32]>) -> Result<Self, HandshakeError> {
        let mut dh = snow::resolvers::CryptoResolver::resolve_dh(
            &snow::resolvers::DefaultResolver,
            &snow::params::DHChoice::Curve25519,
        )
        .ok_or(HandshakeError::Crypto("no X25519"))?;
        dh.set(&*private);
        let node_id = NodeId(sha256_16(dh.pubkey()));
        Ok(Self { private, node_id })
    }

    /// A new one, from the kernel's randomness.
    ///
    /// # Errors
    /// When there is none.
    pub fn generate() -> Result<Self, HandshakeError> {
        let mut private = Zeroizing::new([0; 32]);
        ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut *private)
            .map_err(|_| HandshakeError::Crypto("no randomness"))?;
        Self::from_private(private)
    }

    /// For storing it.
    #[must_use]
    pub fn private(&self) -> &[u8; 32] {
        &self.private
    }

    /// Who the node is.
    #[must_use]
    pub const fn node_id(&self) -> NodeId {
        self.node_id
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("node_id", &self.node_id).finish_non_exhaustive()
    }
}

/// What both ends need, whatever the peer.
#[derive(Clone, Copy, Debug)]
pub struct Credentials<'a> {
    /// Who this node is.
    pub identity: &'a Identity,
    /// Keys made from the cookie.
    pub keys: &'a Keys,
    /// Ciphers this CPU can do.
    pub suites: Suites,
    /// TLS exporter, when inside TLS: ties the handshake to this very connection.
    pub exporter: Option<&'a [u8; 32]>,
}

/// A link that is up.
#[derive(Debug)]
pub struct Established {
    /// The other end.
    pub peer: PeerHello,
    /// Seals what goes out.
    pub sealer: Sealer,
    /// Opens what comes in.
    pub opener: Opener,
    /// Hash of the whole handshake: the same on both ends, and on no other link.
    pub hash: [u8; 32],
}

fn noise(
    credentials: &Credentials<'_>,
    suite: Suite,
    prologue: &[u8],
    psk: &[u8; 32],
    dialling: bool,
) -> Result<Box<HandshakeState>, HandshakeError> {
    let crypto = |_| HandshakeError::Crypto("noise");
    let name = match suite {
        Suite::AesGcm => "Noise_XXpsk3_25519_AESGCM_SHA256",
        Suite::ChaChaPoly => "Noise_XXpsk3_25519_ChaChaPoly_SHA256",
    };
    let params: NoiseParams = name.parse().map_err(crypto)?;
    let builder = Builder::new(params)
        .local_private_key(credentials.identity.private())
        .and_then(|builder| builder.prologue(prologue))
        .and_then(|builder| builder.psk(3, psk))
        .map_err(crypto)?;
    let built = if dialling { builder.build_initiator() } else { builder.build_responder() };
    built.map(Box::new).map_err(crypto)
}

/// Appends a message of the handshake behind its length.
fn write(
    noise: &mut HandshakeState,
    payload: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), HandshakeError> {
    let mut message = [0; MESSAGE_MAX];
    let len = noise
        .write_message(payload, &mut message)
        .map_err(|_| HandshakeError::Crypto("message does not fit"))?;
    let bytes = message.get(..len).unwrap_or_default();
    out.extend_from_slice(&u16::try_from(len).unwrap_or_default().to_be_bytes());
    out.extend_from_slice(bytes);
    Ok(())
}

/// Takes a message behind its length from the front of `input`; `None`: more bytes are needed.
fn message(input: &mut Vec<u8>) -> Result<Option<Vec<u8>>, HandshakeError> {
    let Some((head, rest)) = input.split_first_chunk::<2>() else { return Ok(None) };
    let len = usize::from(u16::from_be_bytes(*head));
    if len > MESSAGE_MAX {
        return Err(HandshakeError::TooLong(len));
    }
    let Some(body) = rest.get(..len) else { return Ok(None) };
    let body = body.to_vec();
    input.drain(..2 + len);
    Ok(Some(body))
}

fn read(noise: &mut HandshakeState, bytes: &[u8], number: u8) -> Result<Vec<u8>, HandshakeError> {
    let mut payload = vec![0; MESSAGE_MAX];
    let len =
        noise.read_message(bytes, &mut payload).map_err(|_| HandshakeError::Message(number))?;
    payload.truncate(len);
    Ok(payload)
}

fn peer_id(noise: &HandshakeState) -> Result<NodeId, HandshakeError> {
    let key = noise.get_remote_static().ok_or(HandshakeError::Crypto("no key of the peer"))?;
    Ok(NodeId(sha256_16(key)))
}

/// The two directions: `(initiator to responder, responder to initiator)`, and the hash.
fn split(noise: &mut HandshakeState) -> ([u8; 32], [u8; 32], [u8; 32]) {
    let (there, back) = noise.dangerously_get_raw_split();
    let hash = noise.get_handshake_hash().first_chunk().copied().unwrap_or_default();
    (there, back, hash)
}

fn prologue(opening: &[u8], answer: u8, exporter: Option<&[u8; 32]>) -> Vec<u8> {
    let mut prologue = opening.to_vec();
    prologue.push(answer);
    prologue.extend_from_slice(exporter.map_or(&[], |x| &x[..]));
    prologue
}

/// The end that dialled.
#[derive(Debug)]
pub struct Initiator {
    hello: Hello,
    state: Dialled,
}

#[derive(Debug)]
enum Dialled {
    Opening(Vec<u8>),
    Second(Suite, Box<HandshakeState>),
    Fourth { node_id: NodeId, halves: Box<(Sealer, Opener)>, hash: [u8; 32] },
    Over,
}

impl Initiator {
    /// Begins: appends message 0.
    #[must_use]
    pub fn start(credentials: &Credentials<'_>, hello: Hello, out: &mut Vec<u8>) -> Self {
        let mut opening = MAGIC.to_vec();
        let key_id = credentials.keys.current().key_id();
        opening.extend_from_slice(&[WIRE.0, WIRE.1, credentials.suites.0, key_id]);
        opening.extend_from_slice(&name_hash(&hello.cluster_name));
        out.extend_from_slice(&opening);
        Self { hello, state: Dialled::Opening(opening) }
    }

    /// Takes what it can from the front of `input` and appends what is to be sent. `Some`: the link is up, and what is left of
    /// `input` are records.
    ///
    /// # Errors
    /// [`HandshakeError`]: close.
    pub fn on_bytes(
        &mut self,
        credentials: &Credentials<'_>,
        input: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<Option<Established>, HandshakeError> {
        loop {
            match std::mem::replace(&mut self.state, Dialled::Over) {
                Dialled::Opening(opening) => {
                    let Some(answer) = input.first().copied() else {
                        self.state = Dialled::Opening(opening);
                        return Ok(None);
                    };
                    input.drain(..1);
                    let suite = answered(credentials.suites, answer)?;
                    let prologue = prologue(&opening, answer, credentials.exporter);
                    let psk = credentials.keys.current().mesh();
                    let mut noise = noise(credentials, suite, &prologue, psk, true)?;
                    write(&mut noise, &[], out)?;
                    self.state = Dialled::Second(suite, noise);
                }
                Dialled::Second(suite, mut noise) => {
                    let Some(bytes) = message(input)? else {
                        self.state = Dialled::Second(suite, noise);
                        return Ok(None);
                    };
                    read(&mut noise, &bytes, 2)?;
                    let mut hello = Vec::new();
                    self.hello.put(&mut hello);
                    write(&mut noise, &hello, out)?;
                    let node_id = peer_id(&noise)?;
                    let (there, back, hash) = split(&mut noise);
                    let halves = Box::new((Sealer::new(suite, there)?, Opener::new(suite, back)?));
                    self.state = Dialled::Fourth { node_id, halves, hash };
                }
                Dialled::Fourth { node_id, mut halves, hash } => {
                    let Some(payload) = fourth(&mut halves.1, input)? else {
                        self.state = Dialled::Fourth { node_id, halves, hash };
                        return Ok(None);
                    };
                    let peer = self.judged(node_id, &payload)?;
                    let (sealer, opener) = match credentials.exporter {
                        Some(_) => (Sealer::bare(), Opener::bare()),
                        None => *halves,
                    };
                    return Ok(Some(Established { peer, sealer, opener, hash }));
                }
                Dialled::Over => return Err(HandshakeError::Message(4)),
            }
        }
    }

    /// Reads message 4: the verdict and who answered.
    fn judged(&self, node_id: NodeId, payload: &[u8]) -> Result<PeerHello, HandshakeError> {
        let mut from = Reader::new(payload);
        let malformed = |_| HandshakeError::Message(4);
        let verdict = Verdict::from_u8(from.u8().map_err(malformed)?);
        let hello = Hello::read(&mut from).map_err(malformed)?;
        if verdict != Verdict::Ok {
            return Err(HandshakeError::Refused(verdict));
        }
        if self.hello.target.as_ref().is_some_and(|target| *target != hello.name) {
            return Err(HandshakeError::Rejected(Verdict::WrongTarget));
        }
        Ok(PeerHello { node_id, hello })
    }
}

/// What the answer to message 0 means.
fn answered(suites: Suites, answer: u8) -> Result<Suite, HandshakeError> {
    match answer {
        1 => suites.best(1).ok_or(HandshakeError::Version),
        2 => suites.best(2).ok_or(HandshakeError::Version),
        0xf1 => Err(HandshakeError::OtherCluster),
        0xf2 => Err(HandshakeError::Cookie),
        0xf3 => Err(HandshakeError::Version),
        TLS_ALERT => Err(HandshakeError::OtherTransport),
        _ => Err(HandshakeError::Foreign),
    }
}

/// Opens message 4, or understands the byte that says that the cookie is wrong.
fn fourth(opener: &mut Opener, input: &mut Vec<u8>) -> Result<Option<Vec<u8>>, HandshakeError> {
    if input.starts_with(&[0, 1, COOKIE_REFUSED]) {
        return Err(HandshakeError::Cookie);
    }
    if let Some(head) = input.first_chunk::<2>() {
        let len = usize::from(u16::from_be_bytes(*head));
        if len > MESSAGE_MAX {
            return Err(HandshakeError::TooLong(len));
        }
        if len == 1 && input.len() == 2 {
            return Ok(None);
        }
    }
    let Some((payload, used)) = opener.open(input)? else { return Ok(None) };
    let payload = payload.to_vec();
    input.drain(..used);
    Ok(Some(payload))
}

/// The end that listens. First [`Responder::on_bytes`] until it names the peer, then [`Responder::answer`].
#[derive(Debug)]
pub struct Responder {
    state: Listening,
}

#[derive(Debug)]
enum Listening {
    Opening,
    First(Suite, Box<HandshakeState>),
    Third(Suite, Box<HandshakeState>),
    Judging { suite: Suite, noise: Box<HandshakeState>, peer: PeerHello, inside_tls: bool },
    Over,
}

impl Default for Responder {
    fn default() -> Self {
        Self::new()
    }
}

impl Responder {
    /// Waits for message 0.
    #[must_use]
    pub const fn new() -> Self {
        Self { state: Listening::Opening }
    }

    /// Takes what it can from the front of `input` and appends what is to be sent. `Some`: this peer knows the cookie; say with
    /// [`Responder::answer`] whether it may come in.
    ///
    /// # Errors
    /// [`HandshakeError`]: send what is in `out`, then close.
    pub fn on_bytes(
        &mut self,
        credentials: &Credentials<'_>,
        cluster_name: &str,
        input: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<Option<PeerHello>, HandshakeError> {
        loop {
            match std::mem::replace(&mut self.state, Listening::Over) {
                Listening::Opening => {
                    let known = input.len().min(MAGIC.len());
                    if input.first() == Some(&TLS_HANDSHAKE) {
                        out.extend_from_slice(&NO_TLS_HERE);
                        return Err(HandshakeError::OtherTransport);
                    }
                    if input.get(..known) != MAGIC.get(..known) {
                        return Err(HandshakeError::Foreign);
                    }
                    let Some(opening) = input.first_chunk::<OPENING>().copied() else {
                        self.state = Listening::Opening;
                        return Ok(None);
                    };
                    input.drain(..OPENING);
                    let (suite, noise) = opened(credentials, cluster_name, opening, out)?;
                    self.state = Listening::First(suite, noise);
                }
                Listening::First(suite, mut noise) => {
                    let Some(bytes) = message(input)? else {
                        self.state = Listening::First(suite, noise);
                        return Ok(None);
                    };
                    read(&mut noise, &bytes, 1)?;
                    write(&mut noise, &[], out)?;
                    self.state = Listening::Third(suite, noise);
                }
                Listening::Third(suite, mut noise) => {
                    let Some(bytes) = message(input)? else {
                        self.state = Listening::Third(suite, noise);
                        return Ok(None);
                    };
                    let Ok(payload) = read(&mut noise, &bytes, 3) else {
                        out.extend_from_slice(&[0, 1, COOKIE_REFUSED]);
                        return Err(HandshakeError::Cookie);
                    };
                    let hello = Hello::read(&mut Reader::new(&payload))
                        .map_err(|_| HandshakeError::Message(3))?;
                    let peer = PeerHello { node_id: peer_id(&noise)?, hello };
                    let inside_tls = credentials.exporter.is_some();
                    self.state =
                        Listening::Judging { suite, noise, peer: peer.clone(), inside_tls };
                    return Ok(Some(peer));
                }
                Listening::Judging { .. } | Listening::Over => {
                    return Err(HandshakeError::Message(3));
                }
            }
        }
    }

    /// Ends the handshake: appends message 4, with this node's own `hello`.
    ///
    /// # Errors
    /// [`HandshakeError::Rejected`] for every verdict but [`Verdict::Ok`]: send what is in `out`, then close.
    pub fn answer(
        self,
        verdict: Verdict,
        hello: &Hello,
        out: &mut Vec<u8>,
    ) -> Result<Established, HandshakeError> {
        let Listening::Judging { suite, mut noise, peer, inside_tls } = self.state else {
            return Err(HandshakeError::Message(3));
        };
        let (there, back, hash) = split(&mut noise);
        let (opener, mut sealer) = (Opener::new(suite, there)?, Sealer::new(suite, back)?);
        let mut payload = vec![verdict.as_u8()];
        hello.put(&mut payload);
        sealer.seal(&payload, out)?;
        if verdict != Verdict::Ok {
            return Err(HandshakeError::Rejected(verdict));
        }
        let (sealer, opener) =
            if inside_tls { (Sealer::bare(), Opener::bare()) } else { (sealer, opener) };
        Ok(Established { peer, sealer, opener, hash })
    }
}

/// Reads message 0, appends the answer.
fn opened(
    credentials: &Credentials<'_>,
    cluster_name: &str,
    opening: [u8; OPENING],
    out: &mut Vec<u8>,
) -> Result<(Suite, Box<HandshakeState>), HandshakeError> {
    let mut from = Reader::new(&opening);
    let malformed = |_| HandshakeError::Message(0);
    let _magic: [u8; 4] = from.array().map_err(malformed)?;
    let [wire_min, wire_max, suites, key_id] = from.array().map_err(malformed)?;
    let cluster: [u8; 16] = from.array().map_err(malformed)?;
    let mut refuse = |answer, error| {
        out.push(answer);
        Err(error)
    };
    if cluster != name_hash(cluster_name) {
        return refuse(0xf1, HandshakeError::OtherCluster);
    }
    let Some(keys) = credentials.keys.by_id(key_id) else {
        return refuse(0xf2, HandshakeError::Cookie);
    };
    let common = wire_min <= wire_max && wire_min <= WIRE.1 && wire_max >= WIRE.0;
    let Some(suite) = credentials.suites.best(suites).filter(|_| common) else {
        return refuse(0xf3, HandshakeError::Version);
    };
    let answer = match suite {
        Suite::AesGcm => 1,
        Suite::ChaChaPoly => 2,
    };
    out.push(answer);
    let prologue = prologue(&opening, answer, credentials.exporter);
    Ok((suite, noise(credentials, suite, &prologue, keys.mesh(), false)?))
}

#[cfg(test)]
mod tests;
