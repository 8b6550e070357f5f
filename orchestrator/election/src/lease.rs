//! Reading and writing the Lease.

use std::time::Duration;

use jiff::{Timestamp, Unit};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::Api;
use kube::api::{ObjectMeta, PostParams};
use thiserror::Error;
use tokio::time::Instant;

use crate::ElectionConfig;
use crate::observed::Observed;

/// Why the Lease could not be read or written.
#[derive(Debug, Error)]
pub(crate) enum LeaseError {
    /// It took too long; whether it was done is not known.
    #[error("no answer within {0:?}")]
    Late(Duration),
    /// The API has refused it, or cannot be reached.
    #[error("{0}")]
    Failed(Box<kube::Error>),
}

impl LeaseError {
    fn code(&self) -> u16 {
        match self {
            Self::Failed(error) => match &**error {
                kube::Error::Api(status) => status.code,
                _ => 0,
            },
            Self::Late(_) => 0,
        }
    }
}

/// A request takes less than the time between a leader's stop and its successor's start.
async fn asked<T>(
    config: &ElectionConfig,
    request: impl Future<Output = kube::Result<T>>,
) -> Result<T, LeaseError> {
    let timeout = config.lease_duration.saturating_sub(config.renew_deadline).mul_f64(0.8);
    match tokio::time::timeout(timeout, request).await {
        Err(_) => Err(LeaseError::Late(timeout)),
        Ok(result) => result.map_err(|error| LeaseError::Failed(Box::new(error))),
    }
}

async fn replace(leases: &Api<Lease>, config: &ElectionConfig, lease: &Lease) -> Result<Lease, LeaseError> {
    asked(config, leases.replace(&config.name, &PostParams::default(), lease)).await
}

/// Takes the Lease if it is free.
pub(crate) async fn attempt(
    leases: &Api<Lease>,
    config: &ElectionConfig,
    observed: &mut Observed,
) -> Result<Option<Lease>, LeaseError> {
    let lease = match asked(config, leases.get(&config.name)).await {
        Err(error) if error.code() == 404 => {
            let lease = Lease {
                metadata: ObjectMeta { name: Some(config.name.clone()), ..ObjectMeta::default() },
                spec: Some(spec(config, LeaseSpec::default(), 0)),
            };
            return asked(config, leases.create(&PostParams::default(), &lease)).await.map(Some);
        }
        lease => lease?,
    };
    observed.see(lease.clone(), Instant::now());
    if !observed.is_free(&config.identity, Instant::now()) {
        return Ok(None);
    }
    let before = lease.spec.clone().unwrap_or_default();
    let transitions = before.lease_transitions.unwrap_or(0);
    let same = before.holder_identity.as_deref() == Some(&config.identity);
    let transitions = if same { transitions } else { transitions.saturating_add(1) };
    let taken = Lease { spec: Some(spec(config, before, transitions)), ..lease };
    match replace(leases, config, &taken).await {
        Ok(lease) => Ok(Some(lease)),
        // Another one was faster.
        Err(error) if error.code() == 409 => Ok(None),
        Err(error) => Err(error),
    }
}

fn spec(config: &ElectionConfig, before: LeaseSpec, transitions: i32) -> LeaseSpec {
    let now = Some(now());
    let seconds = i32::try_from(config.lease_duration.as_secs().max(1)).unwrap_or(i32::MAX);
    LeaseSpec {
        holder_identity: Some(config.identity.clone()),
        lease_duration_seconds: Some(seconds),
        acquire_time: now.clone(),
        renew_time: now,
        lease_transitions: Some(transitions),
        ..before
    }
}

/// To the microsecond, as the field has it: what is read is then what was written.
fn now() -> MicroTime {
    let now = Timestamp::now();
    MicroTime(now.round(Unit::Microsecond).unwrap_or(now))
}

/// How an attempt to renew has ended.
pub(crate) enum Renewal {
    /// The Lease is ours for its time.
    Renewed(Box<Lease>),
    /// It is ours, but has changed since it was read.
    Changed(Box<Lease>),
    /// It is another's, or gone.
    Lost,
    /// Nobody knows.
    Failed,
}

pub(crate) async fn renew(leases: &Api<Lease>, config: &ElectionConfig, lease: &Lease) -> Renewal {
    let renewed = LeaseSpec { renew_time: Some(now()), ..lease.spec.clone().unwrap_or_default() };
    match replace(leases, config, &Lease { spec: Some(renewed), ..lease.clone() }).await {
        Ok(lease) => return Renewal::Renewed(Box::new(lease)),
        Err(error) if error.code() == 404 => return Renewal::Lost,
        Err(error) if error.code() != 409 => {
            tracing::debug!(%error, "the lease could not be renewed");
            return Renewal::Failed;
        }
        Err(_) => {}
    }
    // A renewal of ours that was not answered, a label that somebody has set, or another holder.
    match asked(config, leases.get(&config.name)).await {
        Ok(lease) if holder(&lease) == Some(&config.identity) => Renewal::Changed(Box::new(lease)),
        Ok(_) => Renewal::Lost,
        Err(error) if error.code() == 404 => Renewal::Lost,
        Err(_) => Renewal::Failed,
    }
}

fn holder(lease: &Lease) -> Option<&str> {
    lease.spec.as_ref()?.holder_identity.as_deref()
}

/// Gives the Lease up, so that another process need not wait.
pub(crate) async fn release(leases: &Api<Lease>, config: &ElectionConfig, lease: Lease) {
    let given_up = LeaseSpec {
        holder_identity: Some(String::new()),
        lease_duration_seconds: Some(1),
        renew_time: Some(now()),
        ..lease.spec.clone().unwrap_or_default()
    };
    if let Err(error) = replace(leases, config, &Lease { spec: Some(given_up), ..lease }).await {
        tracing::debug!(%error, lease = config.name, "the lease could not be given up");
    }
}
