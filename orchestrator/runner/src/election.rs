//! One runner acts: the holder of a Lease.
//!
//! Clocks of machines are not compared: a holder is taken for dead when its Lease has not changed for as long as the
//! Lease says, by the clock of whoever looks. A holder that cannot renew stops before others may think so. Every write
//! of the Lease names the revision that it was read at.

use std::time::Duration;

use guideway_controllers::{Resource, kinds};
use jiff::Timestamp;
use kube::Client;
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::api;
use crate::config::ElectionConfig;
use crate::metrics::Metrics;

/// What is known of the Lease, without IO.
#[derive(Debug, Default)]
struct Observed {
    /// Its state and since when it has been like this.
    last: Option<(Value, Instant)>,
}

impl Observed {
    /// The Lease as it is now.
    fn see(&mut self, lease: Value, now: Instant) {
        let changed = self.last.as_ref().is_none_or(|(last, _)| {
            last["metadata"]["uid"] != lease["metadata"]["uid"] || last["spec"] != lease["spec"]
        });
        let since = match &self.last {
            Some((_, since)) if !changed => *since,
            _ => now,
        };
        self.last = Some((lease, since));
    }

    /// Whether `identity` may take it.
    fn is_free(&self, identity: &str, now: Instant) -> bool {
        let Some((lease, since)) = &self.last else { return false };
        let spec = &lease["spec"];
        let holder = spec["holderIdentity"].as_str().unwrap_or_default();
        let seconds = spec["leaseDurationSeconds"].as_u64().unwrap_or(15);
        holder.is_empty() || holder == identity || now.duration_since(*since) >= Duration::from_secs(seconds)
    }
}

/// Takes part until `shutdown`: `lead` is called with a token each time this runner becomes the one that acts, and is
/// waited for after the token was cancelled. The Lease is then given up.
pub(crate) async fn run<F>(
    client: Client,
    config: &ElectionConfig,
    metrics: &Metrics,
    shutdown: &CancellationToken,
    mut lead: impl FnMut(CancellationToken) -> F,
) where
    F: Future<Output = ()>,
{
    let mut observed = Observed::default();
    loop {
        let lease = tokio::select! {
            () = shutdown.cancelled() => return,
            lease = acquire(&client, config, &mut observed) => lease,
        };
        tracing::info!(lease = config.name, identity = config.identity, "leading");
        metrics.leading.set(1);
        let leading = shutdown.child_token();
        let acting = lead(leading.clone());
        let held = async {
            let held = hold(&client, config, lease, &leading).await;
            leading.cancel();
            held
        };
        let (held, ()) = tokio::join!(held, acting);
        metrics.leading.set(0);
        match held {
            Some(lease) => release(&client, config, lease).await,
            None => tracing::warn!(lease = config.name, "the lease is lost, nothing more is done"),
        }
    }
}

fn jittered(period: Duration) -> Duration {
    period.mul_f64(0.8 + 0.4 * rand::random::<f64>())
}

/// Tries until the Lease is ours.
async fn acquire(client: &Client, config: &ElectionConfig, observed: &mut Observed) -> Value {
    loop {
        match attempt(client, config, observed).await {
            Ok(Some(lease)) => return lease,
            Ok(None) => {}
            Err(error) => tracing::debug!(%error, "the lease could not be taken"),
        }
        tokio::time::sleep(jittered(config.retry_period)).await;
    }
}

async fn attempt(
    client: &Client,
    config: &ElectionConfig,
    observed: &mut Observed,
) -> Result<Option<Value>, api::ApiError> {
    let kind: Resource = kinds::leases();
    let lease = match api::get(client, &kind, &config.namespace, &config.name).await {
        Err(error) if error.code() == 404 => {
            let lease = json!({
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": { "name": config.name, "namespace": config.namespace },
                "spec": spec(config, 0, &Timestamp::now()),
            });
            return api::create(client, &kind, &lease).await.map(Some);
        }
        lease => lease?,
    };
    observed.see(lease.clone(), Instant::now());
    if !observed.is_free(&config.identity, Instant::now()) {
        return Ok(None);
    }
    let before = &lease["spec"];
    let transitions = before["leaseTransitions"].as_u64().unwrap_or(0);
    let same = before["holderIdentity"] == *config.identity;
    let mut taken = lease.clone();
    taken["spec"] = spec(config, if same { transitions } else { transitions + 1 }, &Timestamp::now());
    match api::replace(client, &kind, None, &taken).await {
        Ok(lease) => Ok(Some(lease)),
        // Another one was faster.
        Err(error) if error.code() == 409 => Ok(None),
        Err(error) => Err(error),
    }
}

fn spec(config: &ElectionConfig, transitions: u64, now: &Timestamp) -> Value {
    let now = micros(now);
    json!({
        "holderIdentity": config.identity,
        "leaseDurationSeconds": config.lease_duration.as_secs().max(1),
        "acquireTime": now,
        "renewTime": now,
        "leaseTransitions": transitions,
    })
}

fn micros(now: &Timestamp) -> String {
    now.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

/// How an attempt to renew has ended.
enum Renewal {
    /// The Lease is ours for its time.
    Renewed(Value),
    /// It is ours, but has changed since it was read.
    Changed(Value),
    /// It is another's, or gone.
    Lost,
    /// Nobody knows.
    Failed,
}

async fn renew(client: &Client, config: &ElectionConfig, lease: &Value) -> Renewal {
    let kind = kinds::leases();
    let mut wanted = lease.clone();
    wanted["spec"]["renewTime"] = micros(&Timestamp::now()).into();
    match api::replace(client, &kind, None, &wanted).await {
        Ok(lease) => return Renewal::Renewed(lease),
        Err(error) if error.code() == 404 => return Renewal::Lost,
        Err(error) if error.code() != 409 => {
            tracing::debug!(%error, "the lease could not be renewed");
            return Renewal::Failed;
        }
        Err(_) => {}
    }
    // A renewal of ours that was not answered, a label that somebody has set, or another holder.
    match api::get(client, &kind, &config.namespace, &config.name).await {
        Ok(lease) if lease["spec"]["holderIdentity"] == *config.identity => Renewal::Changed(lease),
        Ok(_) => Renewal::Lost,
        Err(error) if error.code() == 404 => Renewal::Lost,
        Err(_) => Renewal::Failed,
    }
}

/// Renews until `leading` is cancelled, which gives the Lease back, or until it is lost.
async fn hold(
    client: &Client,
    config: &ElectionConfig,
    mut lease: Value,
    leading: &CancellationToken,
) -> Option<Value> {
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
        match tokio::time::timeout_at(deadline, renew(client, config, &lease)).await {
            Err(_) | Ok(Renewal::Lost) => return None,
            Ok(Renewal::Renewed(now)) => {
                (lease, renewed) = (now, start);
                next = start + jittered(config.retry_period);
            }
            Ok(Renewal::Changed(now)) => lease = now,
            Ok(Renewal::Failed) => {}
        }
    }
}

/// Gives the Lease up, so that another runner need not wait.
async fn release(client: &Client, config: &ElectionConfig, mut lease: Value) {
    lease["spec"]["holderIdentity"] = "".into();
    lease["spec"]["leaseDurationSeconds"] = 1.into();
    lease["spec"]["renewTime"] = micros(&Timestamp::now()).into();
    if let Err(error) = api::replace(client, &kinds::leases(), None, &lease).await {
        tracing::debug!(%error, lease = config.name, "the lease could not be given up");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(holder: &str, renewed: &str) -> Value {
        json!({
            "metadata": { "uid": "1", "resourceVersion": renewed },
            "spec": { "holderIdentity": holder, "leaseDurationSeconds": 15, "renewTime": renewed },
        })
    }

    #[tokio::test(start_paused = true)]
    async fn a_holder_is_dead_when_its_lease_has_not_changed_for_its_time() {
        let mut observed = Observed::default();
        let start = Instant::now();
        assert!(!observed.is_free("me", start), "nothing is known");
        // The clock of the holder may be years off.
        observed.see(lease("other", "1999-01-01T00:00:00Z"), start);
        assert!(!observed.is_free("me", start + Duration::from_secs(14)));
        assert!(observed.is_free("other", start));
        observed.see(lease("other", "1999-01-01T00:00:02Z"), start + Duration::from_secs(14));
        assert!(!observed.is_free("me", start + Duration::from_secs(28)));
        observed.see(lease("other", "1999-01-01T00:00:02Z"), start + Duration::from_secs(28));
        assert!(observed.is_free("me", start + Duration::from_secs(29)));
        observed.see(lease("", "1999-01-01T00:00:03Z"), start + Duration::from_secs(30));
        assert!(observed.is_free("me", start + Duration::from_secs(30)), "given up");
    }
}
