//! Verifies the passwords of clients: slow hashes in two threads of their own at low priority, so that a storm of logins stalls
//! nobody else, and not again for who was verified before.
//!
//! The queue to the threads is bounded and fair between addresses; who finds no place in it is told to come back (0x97, in MQTT 3
//! server unavailable). What was verified is kept as a MAC under a key of this process, and forgotten when the users change.

use std::{
    net::IpAddr,
    sync::{Arc, Condvar, Mutex, RwLock},
    time::Duration,
};

use ring::{
    hmac,
    rand::{SecureRandom, SystemRandom},
};
use tokio::{runtime::Handle, sync::oneshot};

use super::{
    auth_http::{AuthHttp, Client, Said},
    logins::{Full, Logins},
};
use crate::{
    broker::{
        ClientId,
        access::{ConnectAttempt, Grant, Opinion, Refusal, Stage, Verdict},
        channel::{Password, Shared},
        password_hash::Memory,
        recent::Recent,
        scram::NONCE,
        stats::{Metric, Stats},
        users::{Candidate, Users},
    },
    net::{clock::Clock, supervise},
    node::{locks, told::Told},
    time::Wall,
};

/// Threads that verify.
const THREADS: usize = 2;
/// Logins that wait for them.
const QUEUE: usize = 2048;
/// Verified logins that are remembered, at least.
const VERIFIED: usize = 32_768;
/// A thread without work gives its memory back after this time.
const KEEPS_MEMORY: Duration = Duration::from_secs(1);
/// Below connections, above nothing else of ours.
const NICE: i32 = 5;

/// What a client says who it is.
pub(in crate::node) struct Login {
    pub(in crate::node) shared: Arc<Shared>,
    pub(in crate::node) client_id: ClientId,
    pub(in crate::node) username: Option<Box<str>>,
    pub(in crate::node) password: Option<Password>,
    pub(in crate::node) peer: IpAddr,
    pub(in crate::node) wall: Wall,
}

impl Login {
    fn attempt(&self) -> ConnectAttempt<'_> {
        ConnectAttempt {
            zone: &self.shared.zone,
            client_id: self.client_id.as_str(),
            username: self.username.as_deref(),
            password: self.password.as_ref().map(|password| &***password),
            peer: self.peer,
            wall: self.wall,
        }
    }
}

/// The answer to a login.
pub(in crate::node) enum Answer {
    /// It is known.
    Now(Verdict),
    /// It comes here.
    Later(oneshot::Receiver<Verdict>),
}

/// See the module.
pub(in crate::node) struct Authenticator {
    back_ends: BackEnds,
    pub(in crate::node) others: Others,
    /// Gives users that nobody knows their salts, unless the users file does.
    secret: Option<[u8; 32]>,
}

/// Those who are asked about a login, in the order that its [`Access`](crate::broker::access::Access) says.
#[derive(Clone)]
struct BackEnds {
    queue: Arc<Queue>,
    verified: Arc<Mutex<Verified>>,
    others: Others,
    stats: Arc<Stats>,
}

/// Whom to ask about clients that nobody here knows, and what clients may do.
#[derive(Clone, Default)]
pub(in crate::node) struct Others {
    server: Arc<RwLock<Option<Asked>>>,
    told: Arc<Told>,
}

/// The server, and the runtime to ask it on.
type Asked = (Arc<AuthHttp>, Handle);

impl Others {
    /// Whom to ask, if there is anybody.
    pub(in crate::node) fn server(&self) -> Option<Asked> {
        locks::read(&self.server).clone()
    }

    /// A fault of the server, in the log now and then.
    pub(in crate::node) fn tell(&self, fault: &str, clock: Clock) {
        if self.told.is_due("acl", clock.now()) {
            tracing::warn!(name: "auth-server-silent", fault, "HTTP server does not say what clients may do: they may not");
        }
    }
}

/// Who takes time to decide about a login; and who goes on behind, if that does not know the client.
enum Slow {
    /// The password threads; what the login is remembered by.
    Verify(Stage, Option<[u8; 32]>),
    /// The HTTP server.
    Http(Stage, Asked),
}

impl BackEnds {
    /// Decides about a login from `stage` on, as far as that takes no time.
    fn at_once(&self, login: &Login, mut stage: Stage) -> Result<Verdict, Slow> {
        let asked = || self.others.server().filter(|(http, _)| http.auth.is_some());
        loop {
            match login.shared.access.ask(&login.attempt(), stage) {
                Opinion::Decided(verdict) => return Ok(verdict),
                Opinion::Verify(next) => {
                    let mut verified = locks::lock(&self.verified);
                    let mac = verified.mac(login);
                    if let Some(grant) = mac.as_ref().and_then(|mac| verified.logins.touch(mac)) {
                        self.stats.count(Metric::AuthRemembered);
                        return Ok(Ok(grant.clone()));
                    }
                    return Err(Slow::Verify(next, mac));
                }
                Opinion::Http(next) => match asked() {
                    Some(asked) => return Err(Slow::Http(next, asked)),
                    None => stage = next,
                },
            }
        }
    }

    /// Decides about a login from `stage` on.
    fn go_on(&self, login: Login, stage: Stage, reply: oneshot::Sender<Verdict>) {
        // Who it is for may have gone meanwhile.
        match self.at_once(&login, stage) {
            Ok(verdict) => drop(reply.send(verdict)),
            Err(slow) => self.wait_for(slow, login, reply),
        }
    }

    fn wait_for(&self, slow: Slow, login: Login, reply: oneshot::Sender<Verdict>) {
        match slow {
            Slow::Verify(behind, mac) => {
                if let Err(job) = self.put(Job { login, behind, mac, reply }) {
                    drop(job.reply.send(Err(Refusal::Busy)));
                }
            }
            Slow::Http(behind, (http, runtime)) => {
                let asking = self.clone().ask_http(http, login, behind, reply);
                supervise::spawn_on(&runtime, "HTTP login", asking);
            }
        }
    }

    async fn ask_http(
        self,
        http: Arc<AuthHttp>,
        login: Login,
        behind: Stage,
        mut reply: oneshot::Sender<Verdict>,
    ) {
        let attempt = login.attempt();
        let client = Client::of(&attempt, login.shared.port);
        let said = tokio::select! {
            said = http.ask(&client, &self.stats) => said,
            () = reply.closed() => return,
        };
        let verdict = match said {
            Said::Yes(superuser) => Ok(Grant { superuser, ..Grant::default() }),
            Said::No(status) => Err(Refusal::Http(status)),
            Said::Nothing => Err(Refusal::NoHttp),
            Said::Ignore => return self.go_on(login, behind, reply),
        };
        drop(reply.send(verdict));
    }

    /// Has the users asked; the job comes back where there is no place for it.
    fn put(&self, job: Job) -> Result<(), Box<Job>> {
        let mut jobs = locks::lock(&self.queue.jobs);
        jobs.waiting.push(job.login.peer, job).map_err(|Full(job)| Box::new(job))?;
        let start = jobs.threads < THREADS && jobs.threads < jobs.waiting.len();
        jobs.threads += usize::from(start);
        drop(jobs);
        self.queue.bell.notify_one();
        if start && !self.start_thread() {
            locks::lock(&self.queue.jobs).threads -= 1;
        }
        Ok(())
    }

    /// Threads are started when there is work for them, and stay.
    fn start_thread(&self) -> bool {
        let worker = self.clone();
        let thread = std::thread::Builder::new().name("password".to_owned());
        match thread.spawn(move || worker.run()) {
            Ok(_) => true,
            Err(error) => {
                tracing::error!(%error, "no thread to verify passwords");
                false
            }
        }
    }

    /// A thread that verifies.
    fn run(self) {
        if let Err(error) = rustix::process::setpriority_process(None, NICE) {
            tracing::debug!(%error, "passwords are verified at normal priority");
        }
        let mut memory = Memory::default();
        loop {
            let job = self.next(&mut memory);
            // Who has gone meanwhile is not verified.
            if !job.reply.is_closed() {
                self.verify(job, &mut memory);
            }
        }
    }

    fn next(&self, memory: &mut Memory) -> Job {
        let mut jobs = locks::lock(&self.queue.jobs);
        loop {
            if let Some(job) = jobs.waiting.pop() {
                return job;
            }
            let (woken, timeout) = locks::wait(&self.queue.bell, jobs, KEEPS_MEMORY);
            jobs = woken;
            if timeout {
                *memory = Memory::default();
            }
        }
    }

    fn verify(&self, Job { login, behind, mac, reply }: Job, memory: &mut Memory) {
        let verdict = login.shared.access.verify(&login.attempt(), memory);
        self.stats.count(Metric::AuthVerified);
        let Some(verdict) = verdict else { return self.go_on(login, behind, reply) };
        if let (Ok(grant), Some(mac)) = (&verdict, mac) {
            locks::lock(&self.verified).logins.insert(mac, grant.clone());
        }
        // It may have gone meanwhile.
        drop(reply.send(verdict));
    }
}

/// Logins that were right, as MACs.
struct Verified {
    key: Option<hmac::Key>,
    users: Arc<Users>,
    logins: Recent<[u8; 32], Grant>,
}

#[derive(Default)]
struct Queue {
    jobs: Mutex<Jobs>,
    bell: Condvar,
}

struct Jobs {
    waiting: Logins<Job>,
    threads: usize,
}

impl Default for Jobs {
    fn default() -> Self {
        Self { waiting: Logins::new(QUEUE), threads: 0 }
    }
}

struct Job {
    login: Login,
    /// Who is asked next if the users do not know the client.
    behind: Stage,
    mac: Option<[u8; 32]>,
    reply: oneshot::Sender<Verdict>,
}

impl Authenticator {
    pub(in crate::node) fn new(stats: Arc<Stats>) -> Self {
        let verified = Verified {
            key: Verified::new_key(),
            users: Arc::default(),
            logins: Recent::new(VERIFIED),
        };
        let (others, secret) = (Others::default(), random());
        let back_ends = BackEnds {
            queue: Arc::default(),
            verified: Arc::new(Mutex::new(verified)),
            others: others.clone(),
            stats,
        };
        Self { back_ends, others, secret }
    }

    /// Whom a client that does SCRAM as `username` is by the users of now, and a nonce for it; `None`: no chance to be had.
    pub(in crate::node) fn candidate(&self, username: &str) -> Option<(Candidate, [u8; NONCE])> {
        let users = locks::lock(&self.back_ends.verified).users.clone();
        Some((users.candidate(username, self.secret.as_ref()?), random()?))
    }

    /// Decides about a login, at once where that takes no time.
    pub(in crate::node) fn ask(&self, login: Login) -> Answer {
        match self.back_ends.at_once(&login, Stage::default()) {
            Ok(verdict) => Answer::Now(verdict),
            Err(slow) => {
                let (reply, answer) = oneshot::channel();
                self.back_ends.wait_for(slow, login, reply);
                Answer::Later(answer)
            }
        }
    }

    /// The HTTP server that says who may connect, if there is one. Runs on the runtime that clients are served on.
    pub(in crate::node) fn set_http(&self, http: Option<Arc<AuthHttp>>) {
        *locks::write(&self.others.server) = http.map(|http| (http, Handle::current()));
    }

    /// These are the users from now on. If they differ from those before, what was verified counts no more. Gives the table that
    /// a login must carry for its verdict to be remembered.
    pub(in crate::node) fn adopt(&self, users: Arc<Users>) -> Arc<Users> {
        let mut verified = locks::lock(&self.back_ends.verified);
        if *verified.users != *users {
            *verified = Verified { key: Verified::new_key(), users, logins: Recent::new(VERIFIED) };
        }
        verified.users.clone()
    }
}

/// Random bytes of the kernel.
fn random<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).ok().map(|()| bytes)
}

impl Verified {
    fn new_key() -> Option<hmac::Key> {
        hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).ok()
    }

    /// Of user name and password, and of the client id where it may count, each with its length before it; none for who was
    /// accepted when there were other users.
    fn mac(&self, login: &Login) -> Option<[u8; 32]> {
        if !Arc::ptr_eq(&self.users, &login.shared.access.users) {
            return None;
        }
        let attempt = login.attempt();
        let mut mac = hmac::Context::with_key(self.key.as_ref()?);
        let id = Some(attempt.client_id).filter(|id| self.users.names_client(id));
        let parts =
            [attempt.username.map(str::as_bytes), Some(attempt.password?), id.map(str::as_bytes)];
        for part in parts {
            mac.update(&part.map_or(u64::MAX, |part| part.len() as u64).to_be_bytes());
            mac.update(part.unwrap_or_default());
        }
        mac.sign().as_ref().try_into().ok()
    }
}
