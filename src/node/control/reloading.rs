//! Reloads: the operator of the node reads its files again.
//!
//! That may take seconds (a private key behind millions of rounds, a folder of another host), in which no task of a worker may stand
//! still: it is done on a thread that may block. Invariant: one at a time, in the order in which they were asked for, so what was read
//! earlier is not put in force later. Who goes away before its turn has asked for nothing; what has begun is done to the end.

use std::{panic::resume_unwind, sync::Arc};

use tokio::sync::Semaphore;

use super::{Desk, Operator};
use crate::ctl::{self, Reply};

/// See the head of this file.
pub(super) struct Reloads {
    operator: Arc<dyn Operator>,
    turn: Arc<Semaphore>,
}

impl Reloads {
    pub(super) fn new(operator: Arc<dyn Operator>) -> Self {
        Self { operator, turn: Arc::new(Semaphore::new(1)) }
    }

    /// Waits for its turn, and until `reload` is done.
    async fn run<T: Send + 'static>(
        &self,
        reload: fn(&dyn Operator) -> Result<T, String>,
    ) -> Result<T, String> {
        let stops = || Err("the node stops".to_owned());
        let Ok(turn) = self.turn.clone().acquire_owned().await else { return stops() };
        let operator = self.operator.clone();
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            reload(&*operator)
        });
        match done.await.map_err(tokio::task::JoinError::try_into_panic) {
            Ok(result) => result,
            // It is a panic of the task that asked, which is seen and counted.
            Err(Ok(panic)) => resume_unwind(panic),
            Err(Err(_)) => stops(),
        }
    }
}

impl Desk {
    /// Reads the configuration again.
    ///
    /// # Errors
    /// As [`Operator::reload`].
    pub async fn reload(&self) -> Result<ctl::Reloaded, String> {
        self.reloads.run(|operator| operator.reload()).await
    }

    /// Reads the users again.
    pub(in crate::node) async fn reload_users(&self) -> Result<(), String> {
        self.reloads.run(|operator| operator.reload_users()).await
    }

    pub(super) async fn conf_reload(&self) -> Reply {
        self.reload().await.map_or_else(Reply::Failed, Reply::Reloaded)
    }

    pub(super) async fn users_reload(&self) -> Reply {
        done(self.reload_users().await)
    }

    pub(super) async fn certificates_reload(&self) -> Reply {
        done(self.reloads.run(|operator| operator.reload_certificates()).await)
    }
}

fn done(result: Result<(), String>) -> Reply {
    result.map_or_else(Reply::Failed, |()| Reply::Done)
}
