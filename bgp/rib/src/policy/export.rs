//! The route of a prefix for one kind of peer.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;
use guideway_bgp_wire::{
    AsPath, AsSegment, Attributes, Community, ExtendedCommunity, Families, Family, NextHop, Origin, Role,
    SegmentKind, Transitivity,
};
use ipnet::IpNet;

use super::announcements::Candidate;
use super::explain::{Refusal, Rule};
use super::longest::Longest;
use super::node::{Node, Places, Source};
use super::settings::{Drain, LinkBandwidth, PeerExport, RouteSettings};
use crate::route::Route;

/// AS_TRANS (RFC 6793 section 9), for AS numbers that do not fit into two octets.
const AS_TRANS: u16 = 23456;

/// What of a session matters to the routes. Peers with equal ones and equal [`PeerExport`]s are told the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ExportSession {
    /// Own AS number.
    pub local_as: u32,
    /// The peer is in another AS.
    pub external: bool,
    /// The own role towards an external peer (RFC 9234); `None` when the session has none.
    pub role: Option<Role>,
    /// Families that were agreed on.
    pub families: Families,
    /// Next hop of IPv4 routes; `None` when there is none that the peer could use.
    pub next_hop_v4: Option<NextHop>,
    /// Next hop of IPv6 routes.
    pub next_hop_v6: Option<NextHop>,
}

/// What of the node matters to the routes and changes by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct NodeState {
    /// What it can carry, in octets per second; `None` when that is not known.
    pub capacity: Option<u64>,
    /// Whether the whole node is being drained.
    pub drain: Drain,
}

/// Export policy for peers of one kind.
#[derive(Debug)]
pub struct Export {
    node: Arc<Node>,
    peer: PeerExport,
    /// Places in the peer's `vips`.
    vips: Longest<usize>,
    session: ExportSession,
    state: NodeState,
    /// Prefixes that everything says the same of have one route.
    made: HashMap<Key, Arc<Route>, FixedState>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    family: Family,
    pool: Option<usize>,
    vip: Option<usize>,
    peer_vip: Option<usize>,
    drain: Drain,
}

impl Export {
    /// The policy of these settings.
    #[must_use]
    pub fn new(node: Arc<Node>, peer: PeerExport, session: ExportSession, state: NodeState) -> Self {
        let vips = Longest::new(peer.vips.iter().enumerate().map(|(index, (prefix, _))| (*prefix, index)));
        Self { node, peer, vips, session, state, made: HashMap::default() }
    }

    /// What the node can do has changed. True when routes may be others now.
    pub fn set_state(&mut self, state: NodeState) -> bool {
        let is_new = std::mem::replace(&mut self.state, state) != state;
        if is_new {
            self.made.clear();
        }
        is_new
    }

    /// The route of a candidate; equal routes are the same one. `None` when these peers may not have it.
    pub fn route(&mut self, candidate: &Candidate) -> Option<Arc<Route>> {
        self.refusal(&candidate.prefix).is_none().then_some(())?;
        let places = self.node.places(&candidate.prefix);
        let key = Key {
            family: Family::of_prefix(&candidate.prefix),
            pool: places.pool.map(|(index, _)| index),
            vip: places.vip.map(|(index, _)| index),
            peer_vip: self.vips.find(&candidate.prefix).map(|(_, index)| *index),
            drain: self.drain(candidate),
        };
        if let Some(made) = self.made.get(&key) {
            return Some(made.clone());
        }
        let made = Arc::new(self.make(candidate, places, &mut Rules::Ignored)?);
        self.made.insert(key, made.clone());
        Some(made)
    }

    /// The route of a candidate and the rules that made it.
    pub(super) fn explained(&self, candidate: &Candidate) -> Result<(Route, Vec<Rule>), Refusal> {
        if let Some(refusal) = self.refusal(&candidate.prefix) {
            return Err(refusal);
        }
        let mut rules = Vec::new();
        let places = self.node.places(&candidate.prefix);
        let route = self.make(candidate, places, &mut Rules::Noted(&mut rules));
        Ok((route.ok_or(Refusal::NextHop(Family::of_prefix(&candidate.prefix)))?, rules))
    }

    fn refusal(&self, prefix: &IpNet) -> Option<Refusal> {
        let family = Family::of_prefix(prefix);
        let only = &self.peer.only;
        if !self.session.families.contains(family) {
            return Some(Refusal::Family(family));
        }
        if !only.is_empty() && !only.iter().any(|within| within.contains(prefix)) {
            return Some(Refusal::Only);
        }
        self.next_hop(family).is_none().then_some(Refusal::NextHop(family))
    }

    fn next_hop(&self, family: Family) -> Option<NextHop> {
        match family {
            Family::Ipv4 => self.session.next_hop_v4,
            Family::Ipv6 => self.session.next_hop_v6,
        }
    }

    fn drain(&self, candidate: &Candidate) -> Drain {
        if self.state.drain == Drain::Yes { Drain::Yes } else { candidate.drain }
    }

    /// `None` without a next hop.
    fn make(&self, candidate: &Candidate, places: Places, rules: &mut Rules<'_>) -> Option<Route> {
        let next_hop = self.next_hop(Family::of_prefix(&candidate.prefix))?;
        rules.note("next-hop", || next_hop.to_string(), Source::Session);
        let peer_vip = self.vips.find(&candidate.prefix).and_then(|(prefix, index)| {
            Some((Source::PeerVip(*index, prefix), &self.peer.vips.get(*index)?.1))
        });
        let peer = [Some((Source::Peer, &self.peer.settings)), peer_vip];
        let levels = || self.node.levels(places).chain(peer.into_iter().flatten());
        let last = |value: fn(&RouteSettings) -> Option<u32>| {
            levels().filter_map(|(source, settings)| Some((value(settings)?, source))).last()
        };
        let mut attributes = Attributes { origin: Some(Origin::Igp), ..Attributes::default() };

        let prepend = last(|settings| settings.prepend.map(u32::from)).filter(|_| self.session.external);
        attributes.as_path = Some(self.as_path(prepend.map_or(0, |(times, _)| times)));
        if let Some((times, source)) = prepend {
            rules.note("prepend", || times.to_string(), source);
        }
        if !self.session.external {
            let set = last(|settings| settings.local_pref);
            let (local_pref, source) = set.unwrap_or((RouteSettings::LOCAL_PREF, Source::Session));
            attributes.local_pref = Some(local_pref);
            rules.note("local-pref", || local_pref.to_string(), source);
        }
        if let Some((med, source)) = last(|settings| settings.med) {
            attributes.med = Some(med);
            rules.note("med", || med.to_string(), source);
        }
        self.communities(levels(), &mut attributes, rules);
        if self.drain(candidate) == Drain::Yes {
            // RFC 8326 section 4: the community for everyone, the least preference inside the own AS.
            attributes.communities.push(Community::GRACEFUL_SHUTDOWN);
            rules.note("communities", || Community::GRACEFUL_SHUTDOWN.to_string(), Source::Drain);
            if !self.session.external {
                attributes.local_pref = Some(0);
                rules.note("local-pref", || "0".to_owned(), Source::Drain);
            }
        }
        self.only_to_customer(&mut attributes, rules);
        tidy(&mut attributes.communities);
        tidy(&mut attributes.extended_communities);
        tidy(&mut attributes.large_communities);
        Some(Route { next_hop, attributes })
    }

    fn as_path(&self, prepend: u32) -> AsPath {
        if !self.session.external {
            return AsPath::default();
        }
        let asns = vec![self.session.local_as; prepend as usize + 1];
        AsPath { segments: vec![AsSegment { kind: SegmentKind::Sequence, asns }] }
    }

    fn communities<'a>(
        &self,
        levels: impl Iterator<Item = (Source, &'a RouteSettings)>,
        attributes: &mut Attributes,
        rules: &mut Rules<'_>,
    ) {
        let mut bandwidth = None;
        for (source, settings) in levels {
            bandwidth = settings.link_bandwidth.map(|set| (set, source)).or(bandwidth);
            attributes.communities.extend(&settings.communities);
            attributes.extended_communities.extend(&settings.extended_communities);
            attributes.large_communities.extend(&settings.large_communities);
            rules.note_all("communities", &settings.communities, source);
            rules.note_all("extended-communities", &settings.extended_communities, source);
            rules.note_all("large-communities", &settings.large_communities, source);
        }
        let bandwidth = match bandwidth {
            Some((LinkBandwidth::Fixed(octets), source)) => Some((octets, source)),
            Some((LinkBandwidth::Live, _)) => self.state.capacity.map(|octets| (octets, Source::Capacity)),
            Some((LinkBandwidth::Off, _)) | None => None,
        };
        if let Some((octets, source)) = bandwidth {
            let asn = u16::try_from(self.session.local_as).unwrap_or(AS_TRANS);
            // Transitive, so that routers behind an external session weigh by it too.
            let community = ExtendedCommunity::link_bandwidth(asn, octets as f32, Transitivity::Transitive);
            attributes.extended_communities.push(community);
            rules.note("link-bandwidth", || format!("{octets} octets/s"), source);
        }
    }

    /// RFC 9234 section 5: routes to customers, peers and clients of a route server go no further up.
    fn only_to_customer(&self, attributes: &mut Attributes, rules: &mut Rules<'_>) {
        let is_marked = matches!(self.session.role, Some(Role::Provider | Role::Peer | Role::RouteServer));
        if self.session.external && is_marked {
            let local_as = self.session.local_as;
            attributes.only_to_customer = Some(local_as);
            rules.note("only-to-customer", || local_as.to_string(), Source::Session);
        }
    }
}

/// The order of communities says nothing, and equal routes shall be equal.
fn tidy<T: Ord>(communities: &mut Vec<T>) {
    communities.sort_unstable();
    communities.dedup();
}

/// Notes what made a route, for those who ask.
enum Rules<'a> {
    Ignored,
    Noted(&'a mut Vec<Rule>),
}

impl Rules<'_> {
    fn note(&mut self, attribute: &'static str, value: impl FnOnce() -> String, source: Source) {
        if let Self::Noted(rules) = self {
            rules.push(Rule { attribute, value: value(), source });
        }
    }

    fn note_all<T: ToString>(&mut self, attribute: &'static str, values: &[T], source: Source) {
        for value in values {
            self.note(attribute, || value.to_string(), source);
        }
    }
}
