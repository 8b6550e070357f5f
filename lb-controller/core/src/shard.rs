//! Shards: the forwarders that announce a VIP.

use std::collections::BTreeSet;

use crate::{ForwarderName, ShardName};

/// Forwarders that announce the same VIPs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Its name.
    pub name: ShardName,
    /// Who announces its VIPs.
    pub members: BTreeSet<ForwarderName>,
    /// Who announces them still, until the members do: make before break.
    pub leaving: BTreeSet<ForwarderName>,
    /// The failure domain that it lies in, if it lies in one.
    pub zone: Option<String>,
}

impl Shard {
    /// Whether `forwarder` announces the shard's VIPs, as a member or until the members do.
    #[must_use]
    pub fn announces(&self, forwarder: &str) -> bool {
        self.members.contains(forwarder) || self.leaving.contains(forwarder)
    }
}
