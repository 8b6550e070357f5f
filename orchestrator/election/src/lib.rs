//! One of several processes acts: the holder of a Lease.
//!
//! Clocks of machines are not compared: a holder is taken for dead when its Lease has not changed for as long as the
//! Lease says, by the clock of whoever looks. A holder that cannot renew stops before others may think so. Every write
//! of the Lease names the revision that it was read at.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod lease;
mod observed;

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use lease::{Renewal, attempt, release, renew};
use observed::Observed;

/// Settings of the election of the one process that acts.
#[derive(Clone, Debug)]
pub struct ElectionConfig {
    /// Namespace of the Lease.
    pub namespace: String,
    /// Name of the Lease.
    pub name: String,
    /// Who this process is: differs for every one.
    pub identity: String,
    /// For how long others leave a holder alone that they have not seen renew. The Lease says it in whole seconds.
    pub lease_duration: Duration,
    /// A holder that has not been able to renew for this long stops. Less than `lease_duration`.
    pub renew_deadline: Duration,
    /// Time between two attempts to get or renew the Lease, jittered.
    pub retry_period: Duration,
}

impl ElectionConfig {
    /// Kubernetes' own times: 15 s, 10 s and 2 s.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>, identity: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
            identity: identity.into(),
            lease_duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry_period: Duration::from_secs(2),
        }
    }
}

/// Takes part until `shutdown`: `lead` is called with a token each time this process becomes the one that acts, and is
/// waited for after the token was cancelled. The Lease is then given up. Who holds it is told to `holder`.
///
/// Who acts may cancel the token as well; then the Lease is given up, and others have its time to take it.
pub async fn run<F>(
    client: Client,
    config: &ElectionConfig,
    holder: Option<&watch::Sender<Option<String>>>,
    shutdown: &CancellationToken,
    mut lead: impl FnMut(CancellationToken) -> F,
) where
    F: Future<Output = ()>,
{
    let leases: Api<Lease> = Api::namespaced(client, &config.namespace);
    let mut observed = Observed::default();
    loop {
        let lease = tokio::select! {
            () = shutdown.cancelled() => return,
            lease = acquire(&leases, config, holder, &mut observed) => lease,
        };
        tracing::info!(lease = config.name, identity = config.identity, "leading");
        tell(holder, Some(&config.identity));
        let leading = shutdown.child_token();
        let acting = lead(leading.clone());
        let held = async {
            let held = hold(&leases, config, lease, &leading).await;
            leading.cancel();
            held
        };
        let (held, ()) = tokio::join!(held, acting);
        let Some(lease) = held else {
            tracing::warn!(lease = config.name, "the lease is lost, nothing more is done");
            continue;
        };
        release(&leases, config, lease).await;
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(config.lease_duration) => {}
        }
    }
}

fn tell(to: Option<&watch::Sender<Option<String>>>, holder: Option<&str>) {
    if let Some(to) = to {
        to.send_if_modified(|known| {
            let changed = known.as_deref() != holder;
            *known = holder.map(ToOwned::to_owned);
            changed
        });
    }
}

fn jittered(period: Duration) -> Duration {
    period.mul_f64(0.8 + 0.4 * rand::random::<f64>())
}

/// Tries until the Lease is ours.
async fn acquire(
    leases: &Api<Lease>,
    config: &ElectionConfig,
    holder: Option<&watch::Sender<Option<String>>>,
    observed: &mut Observed,
) -> Lease {
    loop {
        match attempt(leases, config, observed).await {
            Ok(Some(lease)) => return lease,
            Ok(None) => tell(holder, observed.holder()),
            Err(error) => tracing::debug!(%error, "the lease could not be taken"),
        }
        tokio::time::sleep(jittered(config.retry_period)).await;
    }
}

/// Renews until `leading` is cancelled, which gives the Lease back, or until it is lost.
async fn hold(
    leases: &Api<Lease>,
    config: &ElectionConfig,
    mut lease: Lease,
    leading: &CancellationToken,
) -> Option<Lease> {
    let mut renewed = Instant::now();
    let mut next = renewed + jittered(config.retry_period);
    loop {
        let deadline = renewed + config.renew_deadline;
        tokio::select! {
            () = leading.cancelled() => return Some(lease),
            () = tokio::time::sleep_until(next.min(deadline)) => {}
        }
        // Counted from before the request: nobody can have seen the Lease later.
        let start = Instant::now();
        next = start + jittered(config.retry_period / 4);
        match tokio::time::timeout_at(deadline, renew(leases, config, &lease)).await {
            Err(_) | Ok(Renewal::Lost) => return None,
            Ok(Renewal::Renewed(now)) => {
                (lease, renewed) = (*now, start);
                next = start + jittered(config.retry_period);
            }
            Ok(Renewal::Changed(now)) => lease = *now,
            Ok(Renewal::Failed) => {}
        }
    }
}

#[cfg(test)]
mod tests;
