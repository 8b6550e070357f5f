//! Workers: they take keys while this runner is the one that acts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use guideway_controllers::{Failure, ObjectRef};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::look::look;
use crate::queue::End;
use crate::shared::{Running, Shared};

/// What failed at the last look, by key.
type Failures = Mutex<HashMap<ObjectRef, Vec<Failure>>>;

/// Runs the workers of all controllers until `leading` is cancelled. Looks that have begun come to an end, without
/// beginning another write.
pub(crate) async fn run(shared: Arc<Shared>, leading: CancellationToken) {
    shared.look_at_everything();
    let mut workers = JoinSet::new();
    for running in &shared.controllers {
        let failures: Arc<Failures> = Arc::default();
        for _ in 0..shared.config.workers.max(1) {
            let (shared, running, failures, leading) =
                (shared.clone(), running.clone(), failures.clone(), leading.clone());
            workers.spawn(async move {
                tokio::select! {
                    () = leading.cancelled() => return,
                    () = ready(&shared, &running) => {}
                }
                work(&shared, &running, &failures, &leading).await;
            });
        }
    }
    while let Some(ended) = workers.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "a worker has ended");
        }
    }
}

/// Waits until everything that the controller must see has been listed.
async fn ready(shared: &Shared, running: &Running) {
    let mut changes = shared.changes();
    while !shared.is_ready(&*running.controller) {
        if changes.changed().await.is_err() {
            return;
        }
    }
}

async fn work(shared: &Shared, running: &Running, failures: &Failures, leading: &CancellationToken) {
    let metrics = &shared.config.metrics;
    loop {
        let key = tokio::select! {
            () = leading.cancelled() => return,
            key = running.queue.next() => key,
        };
        running.count();
        let start = Instant::now();
        let known = lock(failures).remove(&key).unwrap_or_default();
        let (end, failed) = look(shared, running, &key, &known, leading).await;
        if !failed.is_empty() {
            lock(failures).insert(key.clone(), failed);
        }
        metrics.reconcile.get_or_create(&running.name).observe(start.elapsed().as_secs_f64());
        running.queue.done(key, end, rand::random());
        if end == End::Failed && leading.is_cancelled() {
            return;
        }
    }
}

fn lock(failures: &Failures) -> std::sync::MutexGuard<'_, HashMap<ObjectRef, Vec<Failure>>> {
    failures.lock().unwrap_or_else(PoisonError::into_inner)
}
