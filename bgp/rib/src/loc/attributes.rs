//! What becomes of a path's attributes on the way to a router: RFC 4456 inside the AS, RFC 7947 between others.

use std::net::Ipv4Addr;

use guideway_bgp_wire::{
    AsPath, AsSegment, Attributes, Community, Family, NextHop, Role, SegmentKind, Transitivity,
};
use thiserror::Error;

use crate::Route;

use super::decision::Candidate;
use super::source::SourceKind;

/// The aggregator itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Local {
    /// Own AS.
    pub asn: u32,
    /// Own BGP identifier.
    pub router_id: Ipv4Addr,
    /// Cluster identifier (RFC 4456 section 7).
    pub cluster_id: Ipv4Addr,
    /// LOCAL_PREF of paths from other ASes.
    pub local_pref: u32,
}

/// Who is told: routers with equal targets are told the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Target {
    /// Whose routes.
    pub family: Family,
    /// Inside the own AS or not.
    pub kind: TargetKind,
    /// IPv4 routes may have an IPv6 next hop (RFC 8950).
    pub extended_next_hop: bool,
    /// The router has the long-lived graceful restart capability: it may be told paths that are kept for long (RFC 9494
    /// section 4.3).
    pub long_lived: bool,
    /// The router's role, if it told one (RFC 9234).
    pub role: Option<Role>,
}

/// Where a router is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TargetKind {
    /// In another AS: the aggregator is a route server (RFC 7947).
    External,
    /// In the own AS, and a client of the reflector (RFC 4456 section 6).
    Client,
    /// In the own AS, not a client: it is told paths of clients and of other ASes.
    NonClient,
}

/// Why a router is not told a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Error)]
pub enum NotSent {
    /// RFC 4456 section 6.
    #[error("neither the speaker nor the router is a client of the reflector")]
    NotAClient,
    /// RFC 1997.
    #[error("its community no-advertise forbids it")]
    NoAdvertise,
    /// RFC 1997.
    #[error("its community no-export keeps it inside the AS")]
    NoExport,
    /// RFC 9494 section 4.3.
    #[error("it is long-lived stale, and the router does not know what that is")]
    LongLived,
    /// RFC 8950.
    #[error("its next hop is an IPv6 address, and the router has not agreed to that")]
    ExtendedNextHop,
    /// RFC 9234 section 5.
    #[error("only customers may have it: it carries Only-to-Customer")]
    OnlyToCustomer,
}

/// The route as the router is told it.
pub(super) fn advertise(local: &Local, target: &Target, path: &Candidate) -> Result<Route, NotSent> {
    if path.long_lived && !target.long_lived {
        return Err(NotSent::LongLived);
    }
    let next_hop = match path.route.next_hop {
        NextHop::V6 { .. } if target.family == Family::Ipv4 && !target.extended_next_hop => {
            return Err(NotSent::ExtendedNextHop);
        }
        // A link-local address is of use on the speaker's link only.
        NextHop::V6 { global, .. } => NextHop::V6 { global, link_local: None },
        next_hop @ NextHop::V4(_) => next_hop,
    };
    let mut attributes = path.route.attributes.clone();
    attributes.mark_partial();
    match (path.kind, target.kind) {
        // RFC 7947 section 2.2: AS_PATH, NEXT_HOP, MED and communities stay as they are, and no community is obeyed.
        (SourceKind::External, TargetKind::External) => attributes.local_pref = None,
        (SourceKind::External, TargetKind::Client | TargetKind::NonClient) => {
            obey_no_advertise(&attributes)?;
            attributes.local_pref = Some(path.local_pref(local.local_pref));
        }
        (SourceKind::Client | SourceKind::NonClient, TargetKind::External) => {
            obey_no_advertise(&attributes)?;
            obey_no_export(&attributes)?;
            leave_as(&mut attributes, local);
        }
        (SourceKind::NonClient, TargetKind::NonClient) => return Err(NotSent::NotAClient),
        (SourceKind::Client | SourceKind::NonClient, TargetKind::Client | TargetKind::NonClient) => {
            obey_no_advertise(&attributes)?;
            // RFC 4456 section 8.
            attributes.originator_id.get_or_insert(path.speaker.0);
            attributes.cluster_list.insert(0, local.cluster_id);
        }
    }
    if target.kind == TargetKind::External {
        only_to_customer(&mut attributes, local, target)?;
    }
    if path.long_lived && !attributes.communities.contains(&Community::LLGR_STALE) {
        attributes.communities.push(Community::LLGR_STALE);
    }
    Ok(Route { next_hop, attributes })
}

fn obey_no_advertise(attributes: &Attributes) -> Result<(), NotSent> {
    let forbidden = attributes.communities.contains(&Community::NO_ADVERTISE);
    if forbidden { Err(NotSent::NoAdvertise) } else { Ok(()) }
}

fn obey_no_export(attributes: &Attributes) -> Result<(), NotSent> {
    let forbidden = [Community::NO_EXPORT, Community::NO_EXPORT_SUBCONFED];
    let forbidden = attributes.communities.iter().any(|community| forbidden.contains(community));
    if forbidden { Err(NotSent::NoExport) } else { Ok(()) }
}

/// A path of the own AS for another one (RFC 4271 section 5.1).
fn leave_as(attributes: &mut Attributes, local: &Local) {
    attributes.local_pref = None;
    attributes.originator_id = None;
    attributes.cluster_list.clear();
    attributes.extended_communities.retain(|community| community.transitivity() == Transitivity::Transitive);
    let path = attributes.as_path.get_or_insert_with(AsPath::default);
    // Section 5.1.4: a MED of another AS goes no further.
    if !path.segments.is_empty() {
        attributes.med = None;
    }
    match path.segments.first_mut() {
        Some(segment) if segment.kind == SegmentKind::Sequence => segment.asns.insert(0, local.asn),
        _ => path.segments.insert(0, AsSegment { kind: SegmentKind::Sequence, asns: vec![local.asn] }),
    }
}

/// RFC 9234 section 5, towards another AS.
fn only_to_customer(attributes: &mut Attributes, local: &Local, target: &Target) -> Result<(), NotSent> {
    match (target.role, attributes.only_to_customer) {
        (Some(Role::Provider | Role::Peer | Role::RouteServer), Some(_)) => Err(NotSent::OnlyToCustomer),
        (Some(Role::Customer | Role::Peer | Role::RouteServerClient), None) => {
            attributes.only_to_customer = Some(local.asn);
            Ok(())
        }
        _ => Ok(()),
    }
}
