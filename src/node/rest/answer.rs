//! What a request is answered: a status of HTTP, and JSON or text.

use serde_json::{Map, Value};

/// An answer.
#[derive(Clone, PartialEq)]
#[cfg_attr(test, derive(Debug))]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content: Content,
}

/// What stands in it.
#[derive(Clone, PartialEq)]
#[cfg_attr(test, derive(Debug))]
pub(super) enum Content {
    Nothing,
    Json(Value),
    Text(String),
}

/// Numbers that EMQX 4 has for faults.
pub(super) mod code {
    /// Another node does not answer, or the question failed there.
    pub(in crate::node::rest) const BAD_RPC: u16 = 101;
    pub(in crate::node::rest) const UNKNOWN: u16 = 102;
    pub(in crate::node::rest) const WRONG_CREDENTIALS: u16 = 103;
    pub(in crate::node::rest) const NO_CREDENTIALS: u16 = 104;
    pub(in crate::node::rest) const NO_USER: u16 = 105;
    pub(in crate::node::rest) const MISSING: u16 = 107;
    pub(in crate::node::rest) const BAD_TYPE: u16 = 108;
    pub(in crate::node::rest) const NO_JSON: u16 = 109;
    pub(in crate::node::rest) const NOT_ONLINE: u16 = 112;
    pub(in crate::node::rest) const USER_EXISTS: u16 = 113;
    pub(in crate::node::rest) const BAD_TOPIC: u16 = 115;
    pub(in crate::node::rest) const BAD_QOS: u16 = 116;
}

impl Answer {
    /// Nothing is there.
    pub(super) const NOWHERE: Self = Self { status: 404, content: Content::Nothing };

    /// A status alone.
    pub(super) const fn bare(status: u16) -> Self {
        Self { status, content: Content::Nothing }
    }

    /// JSON with a status.
    pub(super) const fn json(status: u16, value: Value) -> Self {
        Self { status, content: Content::Json(value) }
    }

    /// Text with a status.
    pub(super) const fn text(status: u16, text: String) -> Self {
        Self { status, content: Content::Text(text) }
    }

    /// EMQX 4: it was done.
    pub(super) fn done() -> Self {
        Self::json(200, coded(0))
    }

    /// EMQX 4: this is it.
    pub(super) fn data(data: Value) -> Self {
        Self::json(200, object(vec![("code", 0.into()), ("data", data)]))
    }

    /// EMQX 4: it was not done, which is told with a status of 200 there.
    pub(super) fn fault(code: u16, message: &str) -> Self {
        Self::fault_with(200, code, message)
    }

    /// The same with another status.
    pub(super) fn fault_with(status: u16, code: u16, message: &str) -> Self {
        Self::json(status, object(vec![("code", code.into()), ("message", message.into())]))
    }
}

/// `{"code": 0}`
pub(super) fn coded(code: u16) -> Value {
    object(vec![("code", code.into())])
}

/// An object with these fields.
pub(super) fn object(fields: Vec<(&str, Value)>) -> Value {
    let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value));
    Value::Object(fields.collect::<Map<String, Value>>())
}
