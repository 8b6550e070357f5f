//! What is written back to Services: finalizer, addresses, conditions, Events.
//!
//! Each write names the `resourceVersion` that it was decided for. One that is refused is decided again from what is then
//! there; nothing is written from memory.

pub(crate) mod resources;
mod write;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use guideway_controller_index::{ClusterName, ServiceEvent, ServiceStatus};
use guideway_controller_ipam::ServiceKey;
use guideway_events::Recorder;
use kube::Client;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::sources::{Feed, Seen};
use write::{Outcome, write};

/// Services of a cluster that are written at the same time.
const WRITES: usize = 16;
/// How long to wait before a write that failed is decided again; doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// What another one has written is about to be seen.
const CONFLICT: Duration = Duration::from_millis(50);

/// Who Events are from.
pub(crate) const REPORTER: &str = "guideway.dev/lb-controller";

/// Writes to the Services of one cluster, until it is dropped.
pub(crate) struct Writer {
    waiting: Arc<Waiting>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Waiting {
    statuses: Mutex<BTreeMap<ServiceKey, ServiceStatus>>,
    /// Those that are being written, with what Events are to say of them.
    busy: Mutex<BTreeMap<ServiceKey, Vec<ServiceEvent>>>,
    more: Notify,
}

impl Writer {
    /// Begins.
    pub(crate) fn new(client: Client, identity: &str, feed: Feed) -> Self {
        let waiting = Arc::new(Waiting::default());
        let recorder = Recorder::new(client.clone(), REPORTER, identity);
        let task = tokio::spawn(run(client, recorder, Arc::clone(&waiting), feed));
        Self { waiting, task }
    }

    /// Has it written. What waits already for the same Service is out of date, except for its Events.
    pub(crate) fn put(&self, mut status: ServiceStatus) {
        let mut statuses = self.waiting.statuses.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = statuses.remove(&status.service) {
            status.events.splice(0..0, before.events);
            status.events.dedup();
        }
        statuses.insert(status.service.clone(), status);
        drop(statuses);
        self.waiting.more.notify_one();
    }
}

impl Writer {
    /// Services of which nobody will know whether they were written, and Events that may not have been told.
    pub(crate) fn abandon(self) -> BTreeMap<ServiceKey, Vec<ServiceEvent>> {
        let mut untold = self.waiting.busy().clone();
        let statuses = self.waiting.statuses.lock().unwrap_or_else(PoisonError::into_inner);
        for (service, status) in statuses.iter() {
            untold.entry(service.clone()).or_default().extend(status.events.iter().cloned());
        }
        untold
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Waiting {
    fn busy(&self) -> MutexGuard<'_, BTreeMap<ServiceKey, Vec<ServiceEvent>>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first that is not being written, if there is room for one more. It is being written from now on.
    fn next(&self) -> Option<ServiceStatus> {
        let mut statuses = self.statuses.lock().unwrap_or_else(PoisonError::into_inner);
        let mut busy = self.busy();
        if busy.len() >= WRITES {
            return None;
        }
        let key = statuses.keys().find(|key| !busy.contains_key(*key))?.clone();
        let status = statuses.remove(&key)?;
        busy.insert(key, status.events.clone());
        Some(status)
    }
}

async fn run(client: Client, recorder: Recorder, waiting: Arc<Waiting>, feed: Feed) {
    let mut failures: BTreeMap<ServiceKey, u32> = BTreeMap::new();
    let mut writes = FuturesUnordered::new();
    loop {
        while let Some(status) = waiting.next() {
            let (client, recorder) = (&client, &recorder);
            writes.push(async move {
                let outcome = write(client, recorder, &status).await;
                (status.service, outcome)
            });
        }
        tokio::select! {
            () = waiting.more.notified() => {}
            Some((service, outcome)) = writes.next() => {
                let untold = waiting.busy().remove(&service).unwrap_or_default();
                note(&feed, &service, &outcome);
                let pause = match outcome {
                    Outcome::Done => {
                        failures.remove(&service);
                        continue;
                    }
                    Outcome::Conflict => CONFLICT,
                    Outcome::Refused(error) | Outcome::Failed(error) => {
                        let count = failures.entry(service.clone()).or_default();
                        let pause = FIRST_PAUSE.saturating_mul(1 << (*count).min(16)).min(LONGEST_PAUSE);
                        *count += 1;
                        tracing::warn!(%service, error, ?pause, "cannot be written to the Service");
                        pause
                    }
                };
                let feed = feed.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(pause).await;
                    feed.tell(Seen::Retry(service, untold)).await;
                });
            }
        }
    }
}

/// Who looks at the cluster sees that nothing can be written to its Services.
fn note(feed: &Feed, service: &ServiceKey, outcome: &Outcome) {
    let Ok(cluster) = ClusterName::new(&service.cluster) else { return };
    let refusal = match outcome {
        Outcome::Done => None,
        Outcome::Refused(error) => Some(format!("Services cannot be written to: {error}")),
        Outcome::Conflict | Outcome::Failed(_) => return,
    };
    feed.contacts().refuses(&cluster, "writes", refusal, Instant::now());
}
