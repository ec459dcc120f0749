//! When to ask again, and what of it is told: a strategy that gets an answer asks at its own pace, one that gets none after 1 s,
//! doubling, to 30 s; all of that give or take 20 %, as after a power cut all nodes begin to ask at the same time. A fault is a warning
//! when it is new; what was found before it stays known to the mesh.

use std::time::Duration;

use tokio::sync::mpsc::Sender;

use crate::cluster::{Target, autocluster::Dice};

const FAULT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// How a strategy goes.
#[derive(Debug)]
pub(super) struct Pace {
    strategy: &'static str,
    every: Duration,
    faults: u32,
    /// The gist of what was told last.
    fault: Option<String>,
    dice: Dice,
    names: Vec<String>,
}

impl Pace {
    /// `every`: the time between two answers.
    pub(super) fn new(strategy: &'static str, every: Duration) -> Self {
        let dice = Dice::new(crate::node::random());
        Self { strategy, every, faults: 0, fault: None, dice, names: Vec::new() }
    }

    /// Hands on what was found, tells of a fault, and waits until it is time to ask again. `false` when nobody listens any more.
    pub(super) async fn next(
        &mut self,
        answer: Result<Vec<Target>, String>,
        found: &Sender<Vec<Target>>,
    ) -> bool {
        let wait = match answer {
            Ok(targets) => {
                self.on_answer(&targets);
                if found.send(targets).await.is_err() {
                    return false;
                }
                self.every
            }
            Err(fault) => self.on_fault(fault),
        };
        tokio::select! {
            () = tokio::time::sleep(self.dice.about(wait)) => true,
            () = found.closed() => false,
        }
    }

    fn on_answer(&mut self, targets: &[Target]) {
        let names: Vec<String> = targets.iter().map(|target| target.name.to_string()).collect();
        if self.fault.is_some() || names != self.names {
            let (strategy, nodes) = (self.strategy, names.join(" "));
            tracing::info!(strategy, nodes, "discovery found");
        }
        (self.faults, self.fault, self.names) = (0, None, names);
    }

    /// How long to wait.
    fn on_fault(&mut self, fault: String) -> Duration {
        let wait = (FAULT.0 * (1 << self.faults.min(5))).min(FAULT.1);
        self.faults = self.faults.saturating_add(1);
        let (strategy, retry_s) = (self.strategy, wait.as_secs());
        let gist = Some(gist(&fault));
        if self.fault == gist {
            tracing::debug!(strategy, retry_s, fault, "discovery failed again");
        } else {
            tracing::warn!(name: "discovery-failed", strategy, fault, "discovery failed, what is known stays");
            self.fault = gist;
        }
        wait
    }
}

/// A fault without what differs from one time to the next: ports, numbers of requests, times.
fn gist(fault: &str) -> String {
    fault.chars().filter(|one| !one.is_ascii_hexdigit()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_slow_down_to_half_a_minute_until_an_answer() {
        let mut pace = Pace::new("dns", Duration::from_secs(5));
        let mut waits = |count| -> Vec<u64> {
            (0..count).map(|_| pace.on_fault("no".to_owned()).as_secs()).collect()
        };
        assert_eq!(waits(7), [1, 2, 4, 8, 16, 30, 30]);
        pace.on_answer(&[]);
        assert_eq!(pace.on_fault("no".to_owned()).as_secs(), 1);
    }

    #[test]
    fn a_fault_whose_numbers_vary_is_the_same_one() {
        assert_eq!(
            gist("127.0.0.1:40312: request 7f3a failed"),
            gist("127.0.0.1:5: request b failed")
        );
        assert_ne!(gist("connection refused"), gist("certificate expired"));
    }
}
