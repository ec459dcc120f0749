//! What is to be done for a request: decided here without I/O, done in `performing`.

use serde_json::Value;

use super::{
    answer::{Answer, code},
    call::Call,
    messages::{MOST, Publication},
    users::UserWish,
};
use crate::ctl::{Reply, Request};

/// Bytes that the messages of one request come to, at most; a single one may be as long as one of a client.
const BYTES: usize = 64 << 20;

/// What is to be done.
pub(super) enum Plan {
    /// Nothing: this is the answer.
    Done(Answer),
    /// Nodes are asked what an operator could ask them, and `shape` makes the answer of it.
    Ask { of: Of, requests: Vec<Request>, shape: Shape },
    /// Messages are published.
    Publish { messages: Vec<Publication>, shape: fn(&[Published]) -> Answer },
    /// The users file is read or changed.
    Users(UserWish),
    /// One after the other; the answers stand behind what they are about.
    Batch(Vec<(Value, Self)>),
}

/// Who is asked.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(super) enum Of {
    /// This node.
    Here,
    /// One that runs.
    Node(String),
    /// Every one that runs.
    All,
    /// Those that know this client; there may be none.
    Home(String),
}

impl Of {
    /// The node of a path, or all.
    pub(super) fn node(name: Option<&str>) -> Self {
        name.map_or(Self::All, |name| Self::Node(name.to_owned()))
    }
}

/// Makes an answer of what was gathered.
pub(super) type Shape = fn(&Call, Gathered) -> Answer;

/// What nodes replied, in the order of the requests. None of the replies is [`Reply::Failed`].
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) nodes: Vec<(String, Vec<Reply>)>,
    /// Members that do not run.
    pub(super) stopped: Vec<String>,
}

impl Gathered {
    /// The first reply of each node.
    pub(super) fn firsts(self) -> impl Iterator<Item = (String, Reply)> {
        let first = |(node, replies): (String, Vec<Reply>)| {
            replies.into_iter().next().map(|reply| (node, reply))
        };
        self.nodes.into_iter().filter_map(first)
    }
}

/// What became of a message.
#[derive(Clone)]
pub(super) struct Published {
    /// Somebody wanted it.
    pub(super) matched: bool,
    /// Why it was not taken.
    pub(super) refused: Option<Refusal>,
    /// Its number.
    pub(super) id: u64,
}

/// Why a message was not taken.
#[derive(Clone, Copy)]
pub(super) struct Refusal {
    /// As EMQX 4 numbers faults.
    pub(super) code: u16,
    pub(super) why: &'static str,
}

impl Refusal {
    /// One that has no number of its own.
    pub(super) const fn of(why: &'static str) -> Self {
        Self { code: code::UNKNOWN, why }
    }
}

/// Messages to publish, or questions, of one request.
#[derive(Default)]
pub(super) struct Load {
    count: usize,
    bytes: usize,
}

impl Load {
    /// This is to be done as well.
    ///
    /// # Errors
    /// It is more than one request may ask for.
    pub(super) fn add(&mut self, plan: &Plan) -> Result<(), Answer> {
        match plan {
            Plan::Ask { requests, .. } => self.count += requests.len(),
            Plan::Publish { messages, .. } => {
                self.count += messages.len();
                self.bytes += messages.iter().map(Publication::size).sum::<usize>();
            }
            Plan::Done(_) | Plan::Users(_) | Plan::Batch(_) => {}
        }
        let what = if self.count > MOST {
            "more than 1000 topics in all"
        } else if self.count > 1 && self.bytes > BYTES {
            "more than 64 MiB to publish in all"
        } else {
            return Ok(());
        };
        Err(Answer::fault(code::BAD_TYPE, what))
    }
}

/// Asks.
pub(super) fn ask(of: Of, request: Request, shape: Shape) -> Plan {
    Plan::Ask { of, requests: vec![request], shape }
}
