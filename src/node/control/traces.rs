//! Traces of clients, topics and addresses.

use std::time::Duration;

use super::Desk;
use crate::{
    ctl::{Reply, render::shown},
    node::traces::{Target, Wish, level_named},
};

impl Desk {
    pub(super) fn start_trace(
        &self,
        (kind, what): (&str, &str),
        (file, level, seconds): (Option<&str>, Option<&str>, Option<u64>),
    ) -> Reply {
        let target = match Target::parse(kind, what) {
            Ok(target) => target,
            Err(why) => return failed("trace", (kind, what), &why),
        };
        let level = match level.map(|word| level_named(word).ok_or(word)).transpose() {
            Ok(level) => level,
            Err(word) => {
                let word = shown(word);
                return Reply::Failed(format!("{word}: expected error, warning, info or debug"));
            }
        };
        let wish = Wish { file, level, life: seconds.map(Duration::from_secs) };
        match self.node.hub().traces.start(target, wish) {
            Ok(row) => Reply::TraceStarted(row),
            Err(why) => failed("trace", (kind, what), &why),
        }
    }

    pub(super) fn stop_trace(&self, kind: &str, what: &str) -> Reply {
        let target = match Target::parse(kind, what) {
            Ok(target) => target,
            Err(why) => return failed("stop tracing", (kind, what), &why),
        };
        if !self.node.hub().traces.stop(&target) {
            return failed("stop tracing", (kind, what), "it is not traced");
        }
        let (kind, what) = target.words();
        Reply::TraceStopped { kind: kind.into(), what }
    }
}

/// As EMQX says it.
fn failed(what: &str, (kind, of): (&str, &str), why: &str) -> Reply {
    let (kind, of) = (shown(kind), shown(of));
    Reply::Failed(format!("[error] {what} {kind} {of}: {why}"))
}
