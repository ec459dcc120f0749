//! The HTTP API (`management.*`): the paths of EMQX 4 (`/api/v4`) and of EMQX 5 (`/api/v5`) over one set of handlers.
//!
//! A request goes through these files: `server` (sockets, TLS, time limits, places), [`call`] (path, query, body), a plan (`v4`,
//! `v5`: which questions of the control socket are asked of which nodes, decided without I/O), `performing` (they are asked, on
//! other nodes over the mesh), and a shape that makes the answer of the replies. So what the API knows is what `emqx-rs-ctl` knows.
//!
//! Who may ask: whoever has the secret of an application ([`apps`]). Without one only `/status` and the figures for Prometheus are
//! told.

mod alarms;
mod answer;
pub mod apps;
mod bans;
pub mod call;
mod clients;
mod guesses;
mod listeners;
mod messages;
mod nodes;
mod page;
mod performing;
mod places;
mod plan;
mod prometheus;
mod publishing;
mod server;
pub mod settings;
mod subscriptions;
mod users;
mod v4;
mod v5;

use bytes::Bytes;
use hyper::Method;

use answer::Answer;
use call::Call;
use plan::Plan;

pub use server::Api;

/// What is to be done for a request.
fn plan(call: &Call) -> Plan {
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    let plan = match path.as_slice() {
        ["status"] | ["api", "v5", "status"] if call.reads() => Ok(nodes::status()),
        ["metrics"] | ["api", "v4", "emqx_prometheus"] | ["api", "v5", "prometheus", "stats"]
            if call.reads() =>
        {
            Ok(prometheus::plan())
        }
        ["api", "v4", path @ ..] => v4::plan(call, path),
        ["api", "v5", path @ ..] => v5::plan(call, path),
        _ => Ok(Plan::Done(Answer::NOWHERE)),
    };
    plan.unwrap_or_else(Plan::Done)
}

/// Nobody is asked for a secret here: whether the node is there, and figures of which none names a client.
fn is_open(call: &Call) -> bool {
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    matches!(
        path.as_slice(),
        ["status" | "metrics"]
            | ["api", "v4", "emqx_prometheus"]
            | ["api", "v5", "status"]
            | ["api", "v5", "prometheus", "stats"]
    )
}

/// Plans what a request asks for and does nothing of it: any bytes are a request or a fault. For fuzzing.
#[must_use]
pub fn takes(method: &str, target: &str, body: &[u8]) -> bool {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let Ok(method) = Method::from_bytes(method.as_bytes()) else { return false };
    let Some(mut call) = Call::parse(method, path, query, 10_000) else { return false };
    call.body = Bytes::copy_from_slice(body);
    !matches!(plan(&call), Plan::Done(_))
}
