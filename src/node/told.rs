//! Says something about a peer at most once a minute: who fails at the door does so again and again.

use std::{collections::BTreeMap, sync::Mutex, time::Duration};

use super::locks;
use crate::time::Time;

const PAUSE: Duration = Duration::from_secs(60);
/// Peers remembered; of more nothing is said until one of them is forgotten.
const PEERS: usize = 256;

/// Who was spoken of, and when.
#[derive(Debug, Default)]
pub(crate) struct Told(Mutex<BTreeMap<String, Time>>);

impl Told {
    /// Whether `peer` may be spoken of now; if so, it is taken that it is.
    pub(crate) fn is_due(&self, peer: &str, now: Time) -> bool {
        let mut told = locks::lock(&self.0);
        if told.get(peer).is_some_and(|at| now.since(*at) < PAUSE) {
            return false;
        }
        if told.len() >= PEERS {
            told.retain(|_, at| now.since(*at) < PAUSE);
        }
        let room = told.len() < PEERS;
        if room {
            told.insert(peer.to_owned(), now);
        }
        room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_peer_is_spoken_of_once_a_minute() {
        let told = Told::default();
        assert!(told.is_due("a", Time::ZERO) && told.is_due("b", Time::ZERO));
        assert!(!told.is_due("a", Time::from_ms(59_999)));
        assert!(told.is_due("a", Time::from_ms(60_000)));
        for n in 0..1_000 {
            told.is_due(&n.to_string(), Time::from_ms(60_001));
        }
        assert_eq!(told.0.lock().unwrap().len(), PEERS);
        assert!(told.is_due("b", Time::from_ms(120_001)));
    }
}
