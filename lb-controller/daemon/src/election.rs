//! Who leads: the holder of the Lease tells the driver, whose term in the record is what counts.

use guideway_election::ElectionConfig;
use kube::Client;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::config;
use crate::rollout::{Command, Driver, Told};

/// The Lease of the RBAC manifests.
const LEASE: &str = "lb-controller";

/// What the Lease is taken with.
pub(crate) fn settings(home: &config::Home, identity: &str) -> ElectionConfig {
    let mut election = ElectionConfig::new(home.namespace.as_str(), LEASE, identity);
    election.lease_duration = home.election.lease_duration;
    election.renew_deadline = home.election.renew_deadline;
    election.retry_period = home.election.retry_period;
    election
}

/// Takes part until `stop`. Without a Lease there is nobody else.
pub(crate) async fn run(
    lease: Option<(Client, ElectionConfig)>,
    driver: &Driver,
    holder: &watch::Sender<Option<String>>,
    stop: &CancellationToken,
) {
    let lead = |leading| lead(driver, leading);
    match lease {
        Some((client, election)) => {
            guideway_election::run(client, &election, Some(holder), stop, lead).await;
        }
        None => lead(stop.clone()).await,
    }
}

/// Leads until `leading` is cancelled, by the election or because the record says that another one does.
async fn lead(driver: &Driver, leading: CancellationToken) {
    let mut told = driver.told.subscribe();
    if driver.commands.send(Command::Leads).await.is_err() {
        return;
    }
    let resigned = async {
        loop {
            match told.recv().await {
                Ok(Told::Resign) | Err(RecvError::Closed) => return,
                Ok(_) | Err(RecvError::Lagged(_)) => {}
            }
        }
    };
    tokio::select! {
        () = leading.cancelled() => {}
        () = resigned => leading.cancel(),
    }
    let (done, ended) = oneshot::channel();
    if driver.commands.send(Command::LeadsNoMore(done)).await.is_ok() {
        let _ended = ended.await;
    }
}
