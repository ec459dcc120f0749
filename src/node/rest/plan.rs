//! What is to be done for a request: decided here without I/O, done in `performing`.

use serde_json::Value;

use super::{answer::Answer, call::Call, messages::Publication, users::UserWish};
use crate::ctl::{Reply, Request};

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
    pub(super) refused: Option<&'static str>,
    /// Its number.
    pub(super) id: u64,
}

/// Asks.
pub(super) fn ask(of: Of, request: Request, shape: Shape) -> Plan {
    Plan::Ask { of, requests: vec![request], shape }
}
