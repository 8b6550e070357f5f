//! A queue of keys: each key is in it once, and is with one worker at a time.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use guideway_controllers::ObjectRef;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Pause after the first failure of a key; doubles with each further one.
const FIRST: Duration = Duration::from_millis(10);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(60);

/// How a look at a key has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Nothing is left to do.
    Settled,
    /// Again after this time.
    Again(Duration),
    /// Something failed: again after a pause that grows.
    Failed,
}

/// The queue of a controller.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    inner: Mutex<Inner>,
    wake: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    ready: VecDeque<ObjectRef>,
    /// What is in `ready`, and what is to be looked at again when its worker is done.
    wanted: HashSet<ObjectRef>,
    busy: HashSet<ObjectRef>,
    /// By time; the number keeps two of one time apart.
    later: BTreeMap<(Instant, u64), ObjectRef>,
    due: HashMap<ObjectRef, (Instant, u64)>,
    failures: HashMap<ObjectRef, u32>,
    count: u64,
}

impl Inner {
    fn want(&mut self, key: ObjectRef) -> bool {
        if let Some(time) = self.due.remove(&key) {
            self.later.remove(&time);
        }
        if !self.wanted.insert(key.clone()) || self.busy.contains(&key) {
            return false;
        }
        self.ready.push_back(key);
        true
    }

    fn want_at(&mut self, key: ObjectRef, time: Instant) {
        if self.wanted.contains(&key) || self.due.get(&key).is_some_and(|(due, _)| *due <= time) {
            return;
        }
        if let Some(time) = self.due.remove(&key) {
            self.later.remove(&time);
        }
        self.count += 1;
        self.later.insert((time, self.count), key.clone());
        self.due.insert(key, (time, self.count));
    }

    /// Moves what is due, and says when the next is.
    fn promote(&mut self, now: Instant) -> Option<Instant> {
        while let Some(entry) = self.later.first_entry() {
            if entry.key().0 > now {
                return Some(entry.key().0);
            }
            let key = entry.remove();
            self.due.remove(&key);
            self.want(key);
        }
        None
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the key looked at as soon as a worker is free.
    pub(crate) fn add(&self, key: ObjectRef) {
        if self.lock().want(key) {
            self.wake.notify_one();
        }
    }

    /// Keys that wait for a worker.
    pub(crate) fn len(&self) -> usize {
        self.lock().ready.len()
    }

    /// The next key. [`Queue::done`] has to follow.
    pub(crate) async fn next(&self) -> ObjectRef {
        loop {
            let next = {
                let mut inner = self.lock();
                let next = inner.promote(Instant::now());
                if let Some(key) = inner.ready.pop_front() {
                    inner.wanted.remove(&key);
                    inner.busy.insert(key.clone());
                    if !inner.ready.is_empty() {
                        self.wake.notify_one();
                    }
                    return key;
                }
                next
            };
            match next {
                Some(time) => {
                    let _ = tokio::time::timeout_at(time, self.wake.notified()).await;
                }
                None => self.wake.notified().await,
            }
        }
    }

    /// A worker is done with a key. `jitter` (0 to 1) spreads the pauses of keys that failed together.
    pub(crate) fn done(&self, key: ObjectRef, end: End, jitter: f64) {
        let mut inner = self.lock();
        inner.busy.remove(&key);
        if end == End::Failed {
            let failures = inner.failures.entry(key.clone()).or_default();
            *failures = failures.saturating_add(1);
            let pause = pause(*failures, jitter);
            // What has changed meanwhile does not shorten the pause, or a key that always fails would spin.
            inner.wanted.remove(&key);
            inner.want_at(key, Instant::now() + pause);
        } else {
            inner.failures.remove(&key);
            if inner.wanted.contains(&key) {
                inner.ready.push_back(key);
            } else if let End::Again(delay) = end {
                inner.want_at(key, Instant::now() + delay);
            }
        }
        drop(inner);
        // Somebody has to see the new key, or the new time.
        self.wake.notify_one();
    }
}

/// From half of the doubled time to all of it.
fn pause(failures: u32, jitter: f64) -> Duration {
    let doubled = FIRST.saturating_mul(1 << failures.saturating_sub(1).min(20)).min(LONGEST);
    doubled.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use guideway_controllers::GroupResource;

    use super::*;

    fn key(name: &str) -> ObjectRef {
        ObjectRef::new(&GroupResource::new("", "pods"), "default", name)
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_is_there_once_and_with_one_worker() {
        let queue = Queue::default();
        queue.add(key("a"));
        queue.add(key("a"));
        queue.add(key("b"));
        assert_eq!(queue.len(), 2);
        let first = queue.next().await;
        assert_eq!(first, key("a"));
        queue.add(key("a"));
        assert_eq!(queue.next().await, key("b"), "a is with a worker");
        assert_eq!(queue.len(), 0);
        queue.done(first, End::Settled, 0.0);
        assert_eq!(queue.next().await, key("a"), "it changed meanwhile");
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_later_comes_in_its_time_or_when_something_happens() {
        let queue = Queue::default();
        queue.add(key("a"));
        queue.add(key("b"));
        let (a, b) = (queue.next().await, queue.next().await);
        let start = Instant::now();
        queue.done(a, End::Again(Duration::from_secs(5)), 0.0);
        queue.done(b, End::Again(Duration::from_secs(3)), 0.0);
        assert_eq!(queue.next().await, key("b"));
        assert_eq!(start.elapsed().as_secs(), 3);
        queue.add(key("a"));
        assert_eq!(queue.next().await, key("a"));
        assert_eq!(start.elapsed().as_secs(), 3);
        queue.done(key("a"), End::Settled, 0.0);
        queue.done(key("b"), End::Settled, 0.0);
        assert!(
            tokio::time::timeout(Duration::from_secs(60), queue.next()).await.is_err(),
            "the old time is void"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_and_end() {
        let queue = Queue::default();
        queue.add(key("a"));
        let mut last = Duration::ZERO;
        for _ in 0..20 {
            let key = queue.next().await;
            // Changes while it fails do not make it spin.
            queue.add(key.clone());
            let start = Instant::now();
            queue.done(key, End::Failed, 1.0);
            let key = queue.next().await;
            let waited = start.elapsed();
            assert!(
                waited >= last.min(LONGEST) && waited <= LONGEST + Duration::from_millis(2),
                "{waited:?} after {last:?}"
            );
            last = waited;
            queue.add(key.clone());
            queue.done(key, End::Failed, 1.0);
        }
        assert!(last > LONGEST / 2);
        assert!(pause(1, 0.0) >= FIRST / 2);
        assert_eq!(pause(100, 1.0), LONGEST);
        assert!(pause(3, 0.0) < pause(3, 1.0));
    }

    #[tokio::test]
    async fn workers_wake_for_each_key() {
        let queue = Arc::new(Queue::default());
        let workers: Vec<_> = (0..4)
            .map(|_| {
                let queue = queue.clone();
                tokio::spawn(async move {
                    let key = queue.next().await;
                    queue.done(key, End::Settled, 0.0);
                })
            })
            .collect();
        for name in ["a", "b", "c", "d"] {
            queue.add(key(name));
        }
        for worker in workers {
            tokio::time::timeout(Duration::from_secs(10), worker).await.unwrap().unwrap();
        }
    }
}
