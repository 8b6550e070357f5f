//! Runs the [controllers](guideway_controllers) of the API server against a Kubernetes API: ours in this process, or
//! any other.
//!
//! One informer for each kind feeds one [`guideway_controllers::World`]; each controller has a queue of keys, and does
//! what it decides through the same client. Of several runners against one API, the one that holds the Lease acts; the
//! others keep their world up to date and wait.
//!
//! | task | how many | does |
//! |---|---|---|
//! | kinds | 1 | asks which kinds are served, starts and stops informers |
//! | informer | 1 for each kind | lists and watches, feeds the world, gives keys to the queues |
//! | election | 1 | holds the Lease; while it does, the workers run |
//! | worker | [`Config::workers`] for each controller | takes a key, reconciles, acts, waits for the watch to show it |
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod api;
mod config;
mod discover;
mod informer;
mod kinds;
mod look;
mod metrics;
mod queue;
mod shared;
mod watched;
mod work;

pub use config::{Config, TokenSigner};
pub use guideway_election::ElectionConfig;
pub use metrics::Metrics;

use std::sync::Arc;

use guideway_controllers::Controller;
use guideway_controllers::accounts::{DefaultAccount, RootCa};
use guideway_controllers::api_service::ApiServiceController;
use guideway_controllers::cluster_role::ClusterRoleController;
use guideway_controllers::definition::DefinitionController;
use guideway_controllers::disruption::DisruptionController;
use guideway_controllers::endpoints::{EndpointsController, MirrorController, SliceController};
use guideway_controllers::expiry::Expiry;
use guideway_controllers::gc::GarbageCollector;
use guideway_controllers::namespace::NamespaceController;
use guideway_controllers::quota::QuotaController;
use guideway_controllers::token::TokenSecrets;
use guideway_events::Recorder;
use kube::Client;
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use shared::Shared;

/// Why the controllers could not be run.
#[derive(Debug, Error)]
pub enum RunError {
    /// A task ended in a way that it never should.
    #[error("the task that {0} ended unexpectedly")]
    Task(&'static str),
}

/// Runs all controllers until `shutdown` is cancelled, then lets what is being done finish and gives the Lease up.
///
/// What fails on the way (an API that does not answer, a kind that cannot be listed) is tried again for ever, with
/// growing pauses.
///
/// # Errors
///
/// Only when a task of the runner itself panics.
pub async fn run(client: Client, config: Config, shutdown: CancellationToken) -> Result<(), RunError> {
    let controllers = controllers(&config);
    run_controllers(client, config, controllers, shutdown).await
}

/// All controllers, as `config` wants them.
fn controllers(config: &Config) -> Vec<Box<dyn Controller>> {
    let mut controllers: Vec<Box<dyn Controller>> = vec![
        Box::new(DefinitionController),
        Box::new(NamespaceController),
        Box::new(GarbageCollector),
        Box::new(DefaultAccount),
        Box::new(SliceController),
        Box::new(EndpointsController),
        Box::new(MirrorController),
        Box::new(DisruptionController),
        Box::new(ClusterRoleController),
        Box::new(QuotaController),
        Box::new(ApiServiceController),
        Box::new(Expiry { events: config.event_ttl }),
    ];
    if let Some(certificates) = &config.root_ca {
        controllers.push(Box::new(RootCa { certificates: certificates.clone() }));
    }
    if config.root_ca.is_some() && config.token_signer.is_some() {
        controllers.push(Box::new(TokenSecrets));
    }
    controllers
}

/// Like [`run`], with the controllers given: those of another part of a control plane.
///
/// # Errors
///
/// As [`run`].
pub async fn run_controllers(
    client: Client,
    config: Config,
    controllers: Vec<Box<dyn Controller>>,
    shutdown: CancellationToken,
) -> Result<(), RunError> {
    let identity = config.election.as_ref().map_or(api::MANAGER, |election| &election.identity);
    let recorder = Recorder::new(client.clone(), api::MANAGER, identity);
    let shared = Arc::new(Shared::new(client.clone(), config, controllers, recorder));
    let kinds = tokio::spawn(kinds::run(shared.clone(), shutdown.clone()));
    let acting = tokio::spawn({
        let (shared, shutdown) = (shared.clone(), shutdown.clone());
        async move {
            match shared.config.election.clone() {
                None => {
                    shared.config.metrics.leading.set(1);
                    work::run(shared.clone(), shutdown).await;
                    shared.config.metrics.leading.set(0);
                }
                Some(election) => {
                    let lead = |leading| {
                        let shared = shared.clone();
                        async move {
                            shared.config.metrics.leading.set(1);
                            work::run(shared.clone(), leading).await;
                            shared.config.metrics.leading.set(0);
                        }
                    };
                    guideway_election::run(client, &election, None, &shutdown, lead).await;
                }
            }
        }
    });
    let acted = acting.await;
    shutdown.cancel();
    let watched = kinds.await;
    acted.map_err(|_| RunError::Task("acts"))?;
    watched.map_err(|_| RunError::Task("watches"))
}
