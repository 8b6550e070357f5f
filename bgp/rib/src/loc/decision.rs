//! Route selection (RFC 4271 section 9.1).

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use guideway_bgp_wire::{AsPath, Community, Origin};

use crate::Route;

use super::source::{SourceKind, SpeakerId, first};

/// A path that may be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Whose it is.
    pub speaker: SpeakerId,
    /// The speaker's address.
    pub address: IpAddr,
    /// What the session with the speaker is.
    pub kind: SourceKind,
    /// Next hop and attributes.
    pub route: Arc<Route>,
    /// The speaker is away for longer than a restart takes, or somebody before us said so (RFC 9494).
    pub long_lived: bool,
}

/// What selection gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Index of the best path.
    pub best: usize,
    /// Indices of the paths that are as good as the best one but for the tie-breaks, the best one among them, in the order of
    /// the candidates: those that a router may use together.
    pub multipath: Vec<usize>,
}

/// Selects among paths to one prefix; `None` when there is none.
///
/// The result depends on the paths alone, not on their order. All next hops are equally far: an aggregator does not forward
/// and has no routing table to ask.
#[must_use]
pub fn decide(candidates: &[Candidate], default_local_pref: u32) -> Option<Decision> {
    let mut left: Vec<usize> = (0..candidates.len()).collect();
    let at = |index: &usize| &candidates[*index];
    // RFC 9494 section 4.3: long-lived stale paths are less preferred than any other.
    keep_least(&mut left, |index| at(index).long_lived);
    keep_least(&mut left, |index| std::cmp::Reverse(at(index).local_pref(default_local_pref)));
    // Section 9.1.2.2: a) to d).
    keep_least(&mut left, |index| at(index).route.attributes.as_path.as_ref().map_or(0, AsPath::hops));
    keep_least(&mut left, |index| match at(index).route.attributes.origin {
        Some(Origin::Igp) => 0,
        Some(Origin::Egp) => 1,
        Some(Origin::Incomplete) | None => 2,
    });
    keep_least_med(&mut left, candidates);
    keep_least(&mut left, |index| at(index).kind != SourceKind::External);
    let multipath = left.clone();
    // f) and g), with RFC 4456 section 9.
    let best = left.into_iter().min_by_key(|index| {
        let path = at(index);
        let originator: Ipv4Addr = path.route.attributes.originator_id.unwrap_or(path.speaker.0);
        (originator, path.route.attributes.cluster_list.len(), path.address, path.speaker)
    })?;
    Some(Decision { best, multipath })
}

impl Candidate {
    /// The degree of preference (RFC 4271 section 9.1.1): what an internal speaker says, that of the configuration for an
    /// external one, and the least when packets shall go elsewhere (RFC 8326 section 4).
    pub(super) fn local_pref(&self, default: u32) -> u32 {
        let attributes = &self.route.attributes;
        if attributes.communities.contains(&Community::GRACEFUL_SHUTDOWN) {
            return 0;
        }
        match self.kind {
            SourceKind::External => default,
            SourceKind::Client | SourceKind::NonClient => attributes.local_pref.unwrap_or(default),
        }
    }
}

fn keep_least<K: Ord>(left: &mut Vec<usize>, key: impl Fn(&usize) -> K) {
    if let Some(least) = left.iter().map(&key).min() {
        left.retain(|index| key(index) == least);
    }
}

/// RFC 4271 section 9.1.2.2 c): MEDs are compared between paths of one neighbouring AS only; a missing one is 0.
fn keep_least_med(left: &mut Vec<usize>, candidates: &[Candidate]) {
    let key = |index: &usize| {
        let attributes = &candidates[*index].route.attributes;
        (attributes.as_path.as_ref().and_then(first), attributes.med.unwrap_or(0))
    };
    let all: Vec<_> = left.iter().map(key).collect();
    left.retain(|index| {
        let (neighbour, med) = key(index);
        !all.iter().any(|(other, less)| *other == neighbour && *less < med)
    });
}
