//! Conversions into the messages of the admin API (`bgp.proto`).

use std::time::{SystemTime, UNIX_EPOCH};

use guideway_bfd_client::{BfdState, Diagnostic};
use guideway_bgp_admin::v1;
use guideway_bgp_config::{Authentication, Remote};
use guideway_bgp_fsm::{Negotiated, PeerRestart, Refresh, RemoteAs, Side};
use guideway_bgp_rib::Route;
use guideway_bgp_wire::{AsWidth, Families, NextHop, Nlri, Origin};

use crate::history::SessionEvent;
use crate::status::{PeerStatus, RangeStatus};

/// A peer with the state of its session.
#[must_use]
pub fn peer(status: &PeerStatus) -> v1::Peer {
    let config = &status.config;
    let session = status.session.as_ref();
    let agreed = session.map(|session| &session.negotiated);
    let configured_as = if let RemoteAs::Is(asn) = config.session.remote_as { asn } else { 0 };
    let interface = match &config.remote {
        Remote::LinkLocal { interface, .. } => interface.clone(),
        _ => String::new(),
    };
    let bfd = config.bfd.as_ref().map(|_| status.bfd.clone().unwrap_or_default());
    v1::Peer {
        address: status.address.map_or_else(|| config.remote.to_string(), |address| address.to_string()),
        remote_as: agreed.map_or(configured_as, |agreed| agreed.peer_as),
        state: status.state.to_string(),
        since_unix_ms: unix_ms(status.since),
        last_error: status.last_error.as_ref().map(|error| error.text.clone()).unwrap_or_default(),
        hold_time_seconds: agreed.map_or(0, |agreed| seconds(agreed.hold_time)),
        peer_router_id: agreed.map(|agreed| agreed.peer_router_id.to_string()).unwrap_or_default(),
        families: agreed.map(|agreed| names(agreed.families)).unwrap_or_default(),
        messages_received: status.received.messages(),
        messages_sent: status.sent.messages(),
        prefixes_advertised: status.told(),
        sessions: status.sessions,
        name: config.name.clone(),
        description: config.description.clone(),
        local_endpoint: session.map(|session| session.local.to_string()).unwrap_or_default(),
        remote_endpoint: session.map(|session| session.remote.to_string()).unwrap_or_default(),
        interface,
        direction: session.map(|session| direction(session.side).to_owned()).unwrap_or_default(),
        dynamic: status.dynamic.clone().unwrap_or_default(),
        capabilities: agreed.map(capabilities).unwrap_or_default(),
        authentication: authentication(&config.authentication).to_owned(),
        bfd: bfd.as_ref().map(|bfd| bfd_state(bfd.state).to_owned()).unwrap_or_default(),
        bfd_diagnostic: bfd
            .filter(|bfd| bfd.diagnostic != Diagnostic::NONE)
            .map(|bfd| bfd.diagnostic.to_string())
            .unwrap_or_default(),
        flaps: status.flaps,
        updates_received: status.received.updates,
        updates_sent: status.sent.updates,
        malformed_updates: status.malformed_updates,
        prefixes_received: status.kept.prefixes,
        prefix_limit: config.max_prefixes.map_or(0, |limit| limit.limit.into()),
        problems: status.problems.clone(),
        prefixes_stale: status.kept.stale,
        bytes_received: status.received.octets,
        bytes_sent: status.sent.octets,
        notifications_received: status.received.notifications,
        notifications_sent: status.sent.notifications,
        refreshes_received: status.received.refreshes,
    }
}

/// A range and how full it is.
#[must_use]
pub fn range(status: &RangeStatus) -> v1::Range {
    let config = &status.config;
    v1::Range {
        name: config.name.clone(),
        description: config.description.clone(),
        prefix: status.prefix.to_string(),
        remote_as: if let RemoteAs::Is(asn) = config.session.remote_as { asn } else { 0 },
        connected: u32::try_from(status.connected).unwrap_or(u32::MAX),
        limit: u32::try_from(status.limit).unwrap_or(u32::MAX),
        problems: status.problems.clone(),
    }
}

/// A step of a session history.
#[must_use]
pub fn event(event: &SessionEvent) -> v1::SessionEvent {
    let reason = match event.times {
        0 | 1 => event.reason.clone(),
        times => format!("{} ({times} times)", event.reason),
    };
    v1::SessionEvent { at_unix_ms: unix_ms(event.at), state: event.state.to_string(), reason }
}

/// A route of a table.
#[must_use]
pub fn path(nlri: &Nlri, route: &Route) -> v1::Path {
    let attributes = &route.attributes;
    let (next_hop, link_local) = match route.next_hop {
        NextHop::V4(address) => (address.to_string(), None),
        NextHop::V6 { global, link_local } => (global.to_string(), link_local),
    };
    let texts = |list: &mut dyn Iterator<Item = String>| list.collect::<Vec<_>>();
    let bandwidth =
        attributes.extended_communities.iter().find_map(|community| community.as_link_bandwidth());
    v1::Path {
        prefix: nlri.prefix.to_string(),
        path_id: nlri.path_id,
        next_hop,
        next_hop_link_local: link_local.map(|address| address.to_string()).unwrap_or_default(),
        origin: attributes.origin.map(origin).unwrap_or_default().to_owned(),
        as_path: attributes.as_path.as_ref().map(ToString::to_string).unwrap_or_default(),
        med: attributes.med,
        local_pref: attributes.local_pref,
        communities: texts(&mut attributes.communities.iter().map(ToString::to_string)),
        extended_communities: texts(&mut attributes.extended_communities.iter().map(ToString::to_string)),
        large_communities: texts(&mut attributes.large_communities.iter().map(ToString::to_string)),
        originator_id: attributes.originator_id.map(|id| id.to_string()).unwrap_or_default(),
        cluster_list: texts(&mut attributes.cluster_list.iter().map(ToString::to_string)),
        only_to_customer: attributes.only_to_customer,
        atomic_aggregate: attributes.atomic_aggregate,
        aggregator: attributes
            .aggregator
            .map(|aggregator| format!("{} {}", aggregator.asn, aggregator.address))
            .unwrap_or_default(),
        link_bandwidth: bandwidth.map_or(0, |(_, octets)| whole(octets)),
        stale: false,
        since_unix_ms: 0,
        unknown_attributes: attributes.other.iter().map(|attribute| attribute.kind.into()).collect(),
    }
}

/// What both sides agreed on, in words.
#[must_use]
pub fn capabilities(agreed: &Negotiated) -> Vec<String> {
    let mut words = Vec::new();
    let mut add = |condition: bool, word: &str| {
        if condition {
            words.push(word.to_owned());
        }
    };
    add(agreed.context.as_width == AsWidth::Four, "4-octet AS");
    add(agreed.refresh != Refresh::None, "route refresh");
    add(agreed.refresh == Refresh::Enhanced, "enhanced route refresh");
    add(agreed.context.extended_next_hop, "extended next hop");
    for family in agreed.context.add_path_send.iter() {
        add(true, &format!("add-path {family} send"));
    }
    for family in agreed.context.add_path_receive.iter() {
        add(true, &format!("add-path {family} receive"));
    }
    if let Some(restart) = &agreed.graceful_restart {
        add(true, &graceful_restart(restart));
        add(restart.notification, "graceful restart after notifications");
    }
    for family in &agreed.long_lived {
        let time = family.stale_time.as_secs();
        add(true, &format!("long-lived graceful restart {time}s {}", family.family));
    }
    if let Some(role) = agreed.peer_role {
        add(true, &format!("role of the peer {role:?}"));
    }
    words
}

/// Without families the peer keeps our routes while we restart, and asks for nothing itself (RFC 4724 section 3).
fn graceful_restart(restart: &PeerRestart) -> String {
    let (time, families) = (restart.restart_time.as_secs(), names(restart.families));
    match families.as_slice() {
        [] => "graceful restart as helper only".to_owned(),
        families => format!("graceful restart {time}s {}", families.join(" ")),
    }
}

fn names(families: Families) -> Vec<String> {
    families.iter().map(|family| family.to_string()).collect()
}

fn direction(side: Side) -> &'static str {
    match side {
        Side::Outgoing => "outgoing",
        Side::Incoming => "incoming",
    }
}

fn authentication(authentication: &Authentication) -> &'static str {
    match authentication {
        Authentication::None => "none",
        Authentication::Md5(_) => "md5",
        Authentication::Ao(_) => "ao",
    }
}

pub(crate) fn bfd_state(state: BfdState) -> &'static str {
    match state {
        BfdState::Unknown => "unknown",
        BfdState::AdminDown => "admin-down",
        BfdState::Down => "down",
        BfdState::Init => "init",
        BfdState::Up => "up",
    }
}

fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Igp => "igp",
        Origin::Egp => "egp",
        Origin::Incomplete => "incomplete",
    }
}

fn seconds(time: std::time::Duration) -> u32 {
    u32::try_from(time.as_secs()).unwrap_or(u32::MAX)
}

/// Octets per second without what is behind the point. A community can hold anything: what is no number is nothing.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
fn whole(octets: f32) -> u64 {
    octets as u64
}

/// Unix time in milliseconds.
#[must_use]
pub fn unix_ms(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::Arc;

    use guideway_bgp_config::PeerConfig;
    use guideway_bgp_fsm::{Config, State};
    use guideway_bgp_wire::{AsPath, Attributes, ExtendedCommunity, Family, Transitivity};

    use super::*;
    use crate::router::PeerId;
    use crate::status::LastError;

    #[test]
    fn a_peer_that_was_never_up() {
        let session = Config::new(65001, Ipv4Addr::new(10, 255, 1, 1), RemoteAs::Is(65000));
        let remote = Remote::LinkLocal { interface: "up0".to_owned(), address: None };
        let mut status = PeerStatus::new(PeerId(1), Arc::new(PeerConfig::new(remote, session)), None);
        status.state = State::Active;
        status.last_error = Some(LastError { text: "refused".to_owned(), at: UNIX_EPOCH });
        let peer = peer(&status);
        assert_eq!(
            (peer.address.as_str(), peer.name.as_str(), peer.interface.as_str()),
            ("up0", "up0", "up0")
        );
        assert_eq!((peer.state.as_str(), peer.last_error.as_str()), ("Active", "refused"));
        assert_eq!((peer.remote_as, peer.authentication.as_str(), peer.bfd.as_str()), (65000, "none", ""));
    }

    #[test]
    fn a_restart_without_families_is_that_of_a_helper() {
        let restart = |families| PeerRestart {
            restarting: false,
            notification: false,
            restart_time: std::time::Duration::from_secs(120),
            forwarding: Families::NONE,
            families,
        };
        assert_eq!(graceful_restart(&restart(Families::NONE)), "graceful restart as helper only");
        let both = Families::NONE.with(Family::Ipv4).with(Family::Ipv6);
        assert_eq!(graceful_restart(&restart(both)), "graceful restart 120s ipv4 ipv6");
    }

    #[test]
    fn a_path_with_bandwidth() {
        let attributes = Attributes {
            origin: Some(Origin::Igp),
            as_path: Some(AsPath::originated_by(65001)),
            extended_communities: vec![ExtendedCommunity::link_bandwidth(
                65001,
                1.25e8,
                Transitivity::Transitive,
            )],
            ..Attributes::default()
        };
        let route = Route { next_hop: NextHop::V4(Ipv4Addr::new(10, 1, 1, 2)), attributes };
        let nlri = Nlri { prefix: "203.0.113.10/32".parse().unwrap(), path_id: 7 };
        let path = path(&nlri, &route);
        assert_eq!((path.prefix.as_str(), path.path_id), ("203.0.113.10/32", 7));
        assert_eq!((path.origin.as_str(), path.as_path.as_str()), ("igp", "65001"));
        assert_eq!((path.link_bandwidth, path.next_hop.as_str()), (125_000_000, "10.1.1.2"));
        assert_eq!(whole(f32::NAN), 0);
    }
}
