//! Which forwarders a tenant has.

use std::collections::BTreeSet;

use guideway_dataplane_config::Seed;

use crate::{ForwarderName, rendezvous};

/// The `size` forwarders of `tenant`, or all when there are no more: shuffle sharding. Two tenants seldom have all of them
/// in common, so that a flood on one leaves the other some. A forwarder that comes is added for the tenants that it wins,
/// one by one in place of a single other; all other tenants keep theirs.
#[must_use]
pub fn shuffle(
    seed: &Seed,
    tenant: &str,
    forwarders: &BTreeSet<ForwarderName>,
    size: usize,
) -> BTreeSet<ForwarderName> {
    rendezvous::best(seed, "shard", tenant, forwarders.iter(), size).into_iter().cloned().collect()
}

#[cfg(test)]
mod tests;
