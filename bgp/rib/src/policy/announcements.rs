//! The prefixes to announce.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ipnet::IpNet;

use super::node::Node;
use super::settings::{Drain, Specifics};

/// How a VIP's prefix stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vip {
    /// It is to be announced.
    Announced,
    /// Traffic is being moved away from it.
    Draining,
    /// Traffic was moved away: it is withdrawn.
    Drained,
    /// It came and went too often ([`crate::Damping`]): it is withdrawn for a time.
    Damped,
}

/// A prefix that is to be announced to whoever may have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Candidate {
    /// The prefix.
    pub prefix: IpNet,
    /// What it stands for.
    pub kind: CandidateKind,
    /// Whether traffic is being moved away from everything that it stands for.
    pub drain: Drain,
}

/// What an announced prefix stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CandidateKind {
    /// A VIP.
    Vip,
    /// The VIPs of a pool in it.
    Aggregate,
}

/// What becomes of a VIP, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VipStatus {
    /// There is no such prefix: nothing behind it works, or nobody configured it.
    Unknown,
    /// It is announced to whoever may have it.
    Candidate(Candidate),
    /// Only an aggregate that covers it is.
    Covered(IpNet),
    /// It was drained.
    Drained,
    /// It is held back because it flaps.
    Damped,
}

/// All VIPs of the node and the prefixes that are announced for them. A change costs a few searches.
#[derive(Debug)]
pub struct Announcements {
    node: Arc<Node>,
    vips: BTreeMap<IpNet, Vip>,
    aggregates: BTreeMap<IpNet, Members>,
}

/// The announced VIPs of an aggregate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Members {
    announced: usize,
    draining: usize,
}

impl Announcements {
    /// No VIPs.
    #[must_use]
    pub fn new(node: Arc<Node>) -> Self {
        Self { node, vips: BTreeMap::new(), aggregates: BTreeMap::new() }
    }

    /// Sets how a VIP stands; `None` when it does not work or is gone. The prefixes whose [`Announcements::candidate`] is not
    /// what it was: at most the VIP and its aggregate.
    pub fn set(&mut self, prefix: IpNet, vip: Option<Vip>) -> Vec<IpNet> {
        let old = match vip {
            Some(vip) => self.vips.insert(prefix, vip),
            None => self.vips.remove(&prefix),
        };
        if old == vip {
            return Vec::new();
        }
        let mut changed = Vec::new();
        let members = self.members(&prefix);
        if self.judge(&prefix, old, members) != self.judge(&prefix, vip, members) {
            changed.push(prefix);
        }
        if let Some((covering, _)) = self.node.aggregate(&prefix) {
            let of_covering = self.vips.get(&covering).copied();
            let before = self.members(&covering);
            let mut after = before.unwrap_or_default();
            after.announced -= usize::from(old == Some(Vip::Announced));
            after.draining -= usize::from(old == Some(Vip::Draining));
            after.announced += usize::from(vip == Some(Vip::Announced));
            after.draining += usize::from(vip == Some(Vip::Draining));
            let after = Some(after).filter(|members| *members != Members::default());
            match after {
                Some(members) => self.aggregates.insert(covering, members),
                None => self.aggregates.remove(&covering),
            };
            if self.judge(&covering, of_covering, before) != self.judge(&covering, of_covering, after) {
                changed.push(covering);
            }
        }
        changed
    }

    /// Makes the VIPs equal to `vips`. The prefixes whose candidate is not what it was.
    pub fn replace(&mut self, vips: &BTreeMap<IpNet, Vip>) -> BTreeSet<IpNet> {
        let gone: Vec<IpNet> =
            self.vips.keys().filter(|prefix| !vips.contains_key(prefix)).copied().collect();
        let gone = gone.into_iter().map(|prefix| (prefix, None));
        let wanted = vips.iter().map(|(prefix, vip)| (*prefix, Some(*vip)));
        gone.chain(wanted).flat_map(|(prefix, vip)| self.set(prefix, vip)).collect()
    }

    /// Packs the table after so many changes when they were most of it: made one by one it has twice the size.
    pub fn pack(&mut self, changes: usize) {
        if changes * 2 > self.vips.len() {
            self.vips = std::mem::take(&mut self.vips).into_iter().collect();
        }
    }

    /// Other settings of the node. Everything may have changed.
    pub fn set_node(&mut self, node: Arc<Node>) {
        let vips = std::mem::take(&mut self.vips);
        *self = Self::new(node);
        for (prefix, vip) in vips {
            self.set(prefix, Some(vip));
        }
    }

    /// How each VIP stands, in order.
    #[must_use]
    pub fn vips(&self) -> &BTreeMap<IpNet, Vip> {
        &self.vips
    }

    /// What is to be announced for a prefix.
    #[must_use]
    pub fn candidate(&self, prefix: &IpNet) -> Option<Candidate> {
        self.judge(prefix, self.vips.get(prefix).copied(), self.members(prefix))
    }

    /// Everything that is to be announced, in order.
    pub fn candidates(&self) -> impl Iterator<Item = Candidate> {
        let prefixes: BTreeSet<&IpNet> = self.vips.keys().chain(self.aggregates.keys()).collect();
        prefixes.into_iter().filter_map(|prefix| self.candidate(prefix))
    }

    /// What becomes of a VIP or an aggregate.
    #[must_use]
    pub fn status(&self, prefix: &IpNet) -> VipStatus {
        if let Some(candidate) = self.candidate(prefix) {
            return VipStatus::Candidate(candidate);
        }
        match (self.vips.get(prefix), self.node.aggregate(prefix)) {
            (None, _) => VipStatus::Unknown,
            (Some(Vip::Drained), _) => VipStatus::Drained,
            (Some(Vip::Damped), _) => VipStatus::Damped,
            (Some(Vip::Announced | Vip::Draining), Some((covering, _))) => VipStatus::Covered(covering),
            // Announced and not covered is a candidate.
            (Some(Vip::Announced | Vip::Draining), None) => VipStatus::Unknown,
        }
    }

    /// The aggregate of a VIP that goes on being announced, for other VIPs, when this one is withdrawn.
    #[must_use]
    pub fn outlived_by(&self, vip: &IpNet) -> Option<(IpNet, Specifics)> {
        let (covering, specifics) = self.node.aggregate(vip)?;
        let own = usize::from(self.vips.get(vip).is_some_and(|vip| vip.drain().is_some()));
        let members = self.members(&covering)?;
        (members.announced + members.draining > own).then_some((covering, specifics))
    }

    fn members(&self, aggregate: &IpNet) -> Option<Members> {
        self.aggregates.get(aggregate).copied()
    }

    /// What is to be announced for a prefix that is this VIP and this aggregate, or only one of them.
    fn judge(&self, prefix: &IpNet, vip: Option<Vip>, members: Option<Members>) -> Option<Candidate> {
        let is_hidden = || matches!(self.node.aggregate(prefix), Some((_, Specifics::Hidden)));
        let vip = vip.and_then(Vip::drain).filter(|_| !is_hidden());
        let members = members.map(|members| if members.announced == 0 { Drain::Yes } else { Drain::No });
        let (kind, drain) = match (vip, members) {
            (Some(Drain::Yes), Some(Drain::Yes) | None) => (CandidateKind::Vip, Drain::Yes),
            (Some(_), _) => (CandidateKind::Vip, Drain::No),
            (None, Some(drain)) => (CandidateKind::Aggregate, drain),
            (None, None) => return None,
        };
        Some(Candidate { prefix: *prefix, kind, drain })
    }
}

impl Vip {
    /// `None` when it is withdrawn.
    fn drain(self) -> Option<Drain> {
        match self {
            Self::Announced => Some(Drain::No),
            Self::Draining => Some(Drain::Yes),
            Self::Drained | Self::Damped => None,
        }
    }
}
