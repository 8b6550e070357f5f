//! What is known of the Lease, without IO.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use tokio::time::Instant;

/// What is known of the Lease.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    /// Its state and since when it has been like this.
    last: Option<(Lease, Instant)>,
}

impl Observed {
    /// The Lease as it is now.
    pub(crate) fn see(&mut self, lease: Lease, now: Instant) {
        let changed = self
            .last
            .as_ref()
            .is_none_or(|(last, _)| last.metadata.uid != lease.metadata.uid || last.spec != lease.spec);
        let since = match &self.last {
            Some((_, since)) if !changed => *since,
            _ => now,
        };
        self.last = Some((lease, since));
    }

    /// Who has it.
    pub(crate) fn holder(&self) -> Option<&str> {
        let (lease, _) = self.last.as_ref()?;
        lease.spec.as_ref()?.holder_identity.as_deref().filter(|holder| !holder.is_empty())
    }

    /// Whether `identity` may take it.
    pub(crate) fn is_free(&self, identity: &str, now: Instant) -> bool {
        let Some((lease, since)) = &self.last else { return false };
        let spec = lease.spec.as_ref();
        let holder = spec.and_then(|spec| spec.holder_identity.as_deref()).unwrap_or_default();
        let seconds = spec.and_then(|spec| spec.lease_duration_seconds).unwrap_or(15);
        let seconds = u64::try_from(seconds).unwrap_or(0);
        holder.is_empty() || holder == identity || now.duration_since(*since) >= Duration::from_secs(seconds)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use k8s_openapi::api::coordination::v1::LeaseSpec;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;

    use super::*;

    fn lease(holder: &str, renewed: i64) -> Lease {
        Lease {
            spec: Some(LeaseSpec {
                holder_identity: Some(holder.to_owned()),
                lease_duration_seconds: Some(15),
                renew_time: Some(MicroTime(Timestamp::from_second(renewed).unwrap())),
                ..LeaseSpec::default()
            }),
            ..Lease::default()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_holder_is_dead_when_its_lease_has_not_changed_for_its_time() {
        let mut observed = Observed::default();
        let start = Instant::now();
        assert!(!observed.is_free("me", start), "nothing is known");
        // The clock of the holder may be years off.
        observed.see(lease("other", 0), start);
        assert!(!observed.is_free("me", start + Duration::from_secs(14)));
        assert!(observed.is_free("other", start));
        observed.see(lease("other", 2), start + Duration::from_secs(14));
        assert!(!observed.is_free("me", start + Duration::from_secs(28)));
        observed.see(lease("other", 2), start + Duration::from_secs(28));
        assert!(observed.is_free("me", start + Duration::from_secs(29)));
        observed.see(lease("", 3), start + Duration::from_secs(30));
        assert!(observed.is_free("me", start + Duration::from_secs(30)), "given up");
    }
}
