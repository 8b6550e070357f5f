//! Bytes between sessions, which never wait, and whoever writes them, who may.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// A queue with a limit in octets.
#[derive(Debug)]
pub(crate) struct Queue {
    inner: Mutex<Inner>,
    changed: Notify,
    limit: usize,
    overflow: Overflow,
}

/// What happens to a message that has no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overflow {
    /// It is dropped, and those that follow are not.
    Drop,
    /// Everything is dropped until the queue is opened again: the reader cannot use a stream with a gap.
    Break,
}

#[derive(Debug, Default)]
struct Inner {
    messages: VecDeque<Arc<[u8]>>,
    octets: usize,
    state: State,
    lost: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// Nobody reads: nothing is kept, and nothing lost.
    #[default]
    Shut,
    Open,
    /// There was no room for something.
    Broken,
    /// Nothing will come any more.
    Ended,
}

/// What a reader finds.
#[derive(Debug)]
pub(crate) enum Taken {
    /// Messages, together at most as long as was asked for, but for a single one.
    Messages(Vec<Arc<[u8]>>),
    /// Some were lost: see [`Overflow::Break`].
    Broken,
    /// That was all.
    Ended,
}

impl Queue {
    /// A shut queue.
    pub(crate) fn new(limit: usize, overflow: Overflow) -> Self {
        Self { inner: Mutex::default(), changed: Notify::new(), limit, overflow }
    }

    /// Begins with nothing. An ended one stays so.
    pub(crate) fn open(&self) {
        let mut inner = self.lock();
        if inner.state != State::Ended {
            *inner = Inner { state: State::Open, lost: inner.lost, ..Inner::default() };
        }
    }

    /// Forgets everything, and what comes.
    pub(crate) fn shut(&self) {
        let mut inner = self.lock();
        if inner.state != State::Ended {
            *inner = Inner { lost: inner.lost, ..Inner::default() };
        }
    }

    /// What is in the queue can still be taken.
    pub(crate) fn end(&self) {
        self.lock().state = State::Ended;
        self.changed.notify_one();
    }

    pub(crate) fn push(&self, message: Arc<[u8]>) {
        let mut inner = self.lock();
        if inner.state == State::Broken {
            inner.lost += 1;
        }
        if inner.state != State::Open {
            return;
        }
        if inner.octets + message.len() > self.limit {
            inner.lost += 1;
            if self.overflow == Overflow::Break {
                inner.lost += inner.messages.len() as u64;
                inner.messages = VecDeque::new();
                inner.octets = 0;
                inner.state = State::Broken;
            }
        } else {
            inner.octets += message.len();
            inner.messages.push_back(message);
        }
        drop(inner);
        self.changed.notify_one();
    }

    /// Waits for something. Cancel safe.
    pub(crate) async fn take(&self, octets: usize) -> Taken {
        loop {
            if let Some(taken) = self.try_take(octets) {
                return taken;
            }
            self.changed.notified().await;
        }
    }

    /// Waits until something was lost. Not beside [`Queue::take`]: both use up the same wake-up.
    pub(crate) async fn broken(&self) {
        while self.lock().state != State::Broken {
            self.changed.notified().await;
        }
    }

    /// Waits for the end. Not beside [`Queue::take`] either.
    pub(crate) async fn ended(&self) {
        while self.lock().state != State::Ended {
            self.changed.notified().await;
        }
    }

    /// True once nothing will come any more.
    pub(crate) fn is_ended(&self) -> bool {
        self.lock().state == State::Ended
    }

    /// Messages that were lost so far.
    pub(crate) fn lost(&self) -> u64 {
        self.lock().lost
    }

    fn try_take(&self, octets: usize) -> Option<Taken> {
        let mut inner = self.lock();
        if inner.state == State::Broken {
            return Some(Taken::Broken);
        }
        let (mut taken, mut sum) = (Vec::new(), 0);
        while let Some(next) = inner.messages.front()
            && (taken.is_empty() || sum + next.len() <= octets)
        {
            sum += next.len();
            taken.extend(inner.messages.pop_front());
        }
        inner.octets -= sum;
        match (taken.is_empty(), inner.state) {
            (false, _) => Some(Taken::Messages(taken)),
            (true, State::Ended) => Some(Taken::Ended),
            (true, _) => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nobody panics with the lock held.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes(length: usize) -> Arc<[u8]> {
        vec![0; length].into()
    }

    #[tokio::test]
    async fn a_stream_with_a_gap_is_broken_until_it_begins_again() {
        let queue = Queue::new(100, Overflow::Break);
        queue.push(bytes(10));
        assert_eq!(queue.lost(), 0, "nobody reads");
        queue.open();
        (0..10).for_each(|_| queue.push(bytes(10)));
        assert!(matches!(queue.take(50).await, Taken::Messages(taken) if taken.len() == 5));
        (0..6).for_each(|_| queue.push(bytes(10)));
        queue.broken().await;
        assert!(matches!(queue.take(50).await, Taken::Broken));
        queue.push(bytes(1));
        assert_eq!(queue.lost(), 12);
        queue.open();
        queue.push(bytes(200));
        assert!(matches!(queue.take(50).await, Taken::Broken));
        queue.end();
        assert!(matches!(queue.take(50).await, Taken::Ended));
    }

    proptest! {
        #[test]
        fn it_never_holds_more_than_its_limit(ops in proptest::collection::vec((0..4u8, 0..60usize), 0..100)) {
            for overflow in [Overflow::Drop, Overflow::Break] {
                let queue = Queue::new(100, overflow);
                queue.open();
                let (mut pushed, mut seen) = (0, 0);
                for (op, length) in &ops {
                    match op {
                        0 => if let Some(Taken::Messages(messages)) = queue.try_take(*length) {
                            seen += messages.len() as u64;
                        },
                        1 if *length == 0 => queue.open(),
                        _ => {
                            queue.push(bytes(*length));
                            pushed += 1;
                        }
                    }
                    let inner = queue.lock();
                    prop_assert_eq!(inner.octets, inner.messages.iter().map(|message| message.len()).sum::<usize>());
                    prop_assert!(inner.octets <= 100);
                    // What an opening forgets is neither lost nor seen.
                    prop_assert!(inner.lost + seen + inner.messages.len() as u64 <= pushed);
                }
            }
        }
    }
}
