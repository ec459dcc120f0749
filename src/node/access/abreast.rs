//! Futures that run side by side within one task, each with a number. Dropping it drops all of them.

use std::{future::poll_fn, pin::Pin, task::Poll};

/// See the module. For a few: all of them are polled whenever one is woken.
pub(in crate::node) struct Abreast<F> {
    running: Vec<(usize, Pin<Box<F>>)>,
}

impl<F: Future> Abreast<F> {
    /// None yet.
    pub(in crate::node) const fn new() -> Self {
        Self { running: Vec::new() }
    }

    /// One more.
    pub(in crate::node) fn push(&mut self, number: usize, future: F) {
        self.running.push((number, Box::pin(future)));
    }

    /// How many run.
    pub(in crate::node) fn len(&self) -> usize {
        self.running.len()
    }

    /// The number of one that has ended, and what came of it. Waits for ever where none runs.
    pub(in crate::node) async fn next(&mut self) -> (usize, F::Output) {
        poll_fn(|cx| {
            for at in 0..self.running.len() {
                let Some((number, future)) = self.running.get_mut(at) else { break };
                let number = *number;
                if let Poll::Ready(output) = future.as_mut().poll(cx) {
                    drop(self.running.swap_remove(at));
                    return Poll::Ready((number, output));
                }
            }
            Poll::Pending
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn each_ends_when_it_is_ready_and_keeps_its_number() {
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..3).map(|_| oneshot::channel()).unzip();
        let mut all = Abreast::new();
        for (number, receiver) in receivers.into_iter().enumerate() {
            all.push(number, receiver);
        }
        let mut senders: Vec<Option<oneshot::Sender<&str>>> =
            senders.into_iter().map(Some).collect();
        for (at, word) in [(1, "b"), (2, "c"), (0, "a")] {
            senders[at].take().unwrap().send(word).unwrap();
            assert_eq!(all.next().await, (at, Ok(word)));
        }
        assert_eq!(all.len(), 0);
    }
}
