//! Who holds an address.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use guideway_dataplane_config::Protocol;

use crate::claim::{Claim, ServiceKey};
use crate::ports::Span;
use crate::refusal::{NoSharing, Refusal};
use crate::steps;

/// The terms under which an address is shared: all that hold it have the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Terms {
    cluster: Arc<str>,
    key: String,
    local_backends: Option<String>,
}

impl Terms {
    /// Those of a claim; `None`: it does not share.
    pub(crate) fn of(claim: &Claim) -> Option<Self> {
        let key = claim.sharing_key.clone().filter(|key| !key.is_empty())?;
        Some(Self { cluster: claim.owner.cluster.clone(), key, local_backends: claim.local_backends.clone() })
    }
}

/// An address in use. Has at least one owner, and more only with terms.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) terms: Option<Terms>,
    owners: BTreeSet<ServiceKey>,
    /// Disjoint, by protocol and first port: the last port and whose they are.
    ports: BTreeMap<(Protocol, u16), (u16, ServiceKey)>,
}

impl Held {
    pub(crate) fn new(terms: Option<Terms>) -> Self {
        Self { terms, owners: BTreeSet::new(), ports: BTreeMap::new() }
    }

    pub(crate) fn owners(&self) -> &BTreeSet<ServiceKey> {
        &self.owners
    }

    pub(crate) fn add(&mut self, owner: &ServiceKey, spans: &[Span]) {
        self.owners.insert(owner.clone());
        for span in spans {
            steps::count();
            self.ports.insert((span.protocol, span.first), (span.last, owner.clone()));
        }
    }

    /// Whether nobody is left.
    pub(crate) fn remove(&mut self, owner: &ServiceKey, spans: &[Span]) -> bool {
        self.owners.remove(owner);
        for span in spans {
            steps::count();
            self.ports.remove(&(span.protocol, span.first));
        }
        self.owners.is_empty()
    }

    /// Who is in the way of somebody with these terms and ports.
    pub(crate) fn blockers(&self, terms: Option<&Terms>, spans: &[Span]) -> BTreeSet<ServiceKey> {
        if self.terms.as_ref() != terms || terms.is_none() {
            return self.owners.clone();
        }
        let overlapping = |span: &Span| {
            let (protocol, first) = (span.protocol, span.first);
            let begun = self.ports.range(..=(protocol, span.last)).rev();
            begun
                .take_while(move |((of, _), (last, _))| *of == protocol && *last >= first)
                .map(|(_, (_, owner))| owner.clone())
                .collect::<Vec<_>>()
        };
        spans.iter().flat_map(overlapping).collect()
    }

    /// Whether somebody with these terms and ports may join.
    pub(crate) fn admits(
        &self,
        address: IpAddr,
        terms: Option<&Terms>,
        spans: &[Span],
    ) -> Result<(), Refusal> {
        let Some(by) = self.owners.first().cloned() else { return Ok(()) };
        let Some(held) = &self.terms else {
            return Err(Refusal::InUse { address, by, who: NoSharing::Holder });
        };
        let Some(wanted) = terms else {
            return Err(Refusal::InUse { address, by, who: NoSharing::Claimant });
        };
        if (&held.cluster, &held.key) != (&wanted.cluster, &wanted.key) {
            return Err(Refusal::OtherKey { address, by });
        }
        if held.local_backends != wanted.local_backends {
            return Err(Refusal::OtherBackends { address, by });
        }
        for span in spans {
            steps::count();
            // Spans are disjoint: only the last one that begins no later can reach into this one.
            let before = self.ports.range(..=(span.protocol, span.last)).next_back();
            if let Some(((protocol, _), (last, by))) = before
                && *protocol == span.protocol
                && *last >= span.first
            {
                return Err(Refusal::PortConflict { address, by: by.clone() });
            }
        }
        Ok(())
    }
}
