//! When to ask again, and what of it is told: a strategy that gets an answer asks at its own pace, one that gets none after 1 s,
//! doubling, to 30 s. A fault is a warning when it is new; what was found before it stays known to the mesh.

use std::time::Duration;

use tokio::sync::mpsc::Sender;

use crate::cluster::Target;

const FAULT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// How a strategy goes.
#[derive(Debug)]
pub(super) struct Pace {
    strategy: &'static str,
    every: Duration,
    faults: u32,
    /// What was told last.
    fault: Option<String>,
    names: Vec<String>,
}

impl Pace {
    /// `every`: the time between two answers.
    pub(super) fn new(strategy: &'static str, every: Duration) -> Self {
        Self { strategy, every, faults: 0, fault: None, names: Vec::new() }
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
            () = tokio::time::sleep(wait) => true,
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
        if self.fault.as_ref() == Some(&fault) {
            tracing::debug!(strategy, retry_s, fault, "discovery failed again");
        } else {
            tracing::warn!(name: "discovery-failed", strategy, fault, "discovery failed, what is known stays");
            self.fault = Some(fault);
        }
        wait
    }
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
}
