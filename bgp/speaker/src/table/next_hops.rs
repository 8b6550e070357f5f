//! What of a session matters to the routes that it is told.

use std::net::IpAddr;

use guideway_bgp_peer::SessionView;
use guideway_bgp_rib::policy::ExportSession;
use guideway_bgp_wire::NextHop;

use super::class::ClassKey;
use super::families;

/// The classes of a session, one for each family.
pub(super) fn class_keys(view: &SessionView) -> Vec<ClassKey> {
    let session = export_session(view);
    let key =
        |family| ClassKey::new(family, &view.negotiated.context, view.config.export.clone(), session.clone());
    families(view).map(key).collect()
}

fn export_session(view: &SessionView) -> ExportSession {
    let config = &view.config;
    ExportSession {
        local_as: config.session.local_as,
        external: view.negotiated.external,
        role: config.session.role.filter(|_| view.negotiated.external),
        families: view.negotiated.families,
        next_hop_v4: v4(view),
        next_hop_v6: v6(view),
    }
}

/// The next hop of IPv4 routes: as configured, else the own address of the session; an IPv6 one where RFC 8950 is agreed on.
fn v4(view: &SessionView) -> Option<NextHop> {
    let extended = view.negotiated.context.extended_next_hop;
    match (view.config.next_hop_v4, view.local.ip().to_canonical()) {
        (Some(IpAddr::V4(address)), _) => Some(NextHop::V4(address)),
        (Some(IpAddr::V6(_)), _) if !extended => None,
        (Some(IpAddr::V6(global)), _) => Some(NextHop::V6 { global, link_local: None }),
        (None, IpAddr::V4(address)) => Some(NextHop::V4(address)),
        (None, IpAddr::V6(_)) if extended => session_v6(view),
        (None, IpAddr::V6(_)) => None,
    }
}

/// The next hop of IPv6 routes: as configured, else the own address of the session, or of its interface where that is IPv4.
fn v6(view: &SessionView) -> Option<NextHop> {
    match view.config.next_hop_v6 {
        Some(global) => Some(NextHop::V6 { global, link_local: None }),
        None if view.local.ip().to_canonical().is_ipv4() => {
            view.global_v6.map(|global| NextHop::V6 { global, link_local: None })
        }
        None => session_v6(view),
    }
}

/// RFC 2545 section 3: the global address, and the link-local one beside it for a peer on the link. A session between
/// link-local addresses may have no other.
fn session_v6(view: &SessionView) -> Option<NextHop> {
    let IpAddr::V6(local) = view.local.ip().to_canonical() else { return None };
    if !local.is_unicast_link_local() {
        return Some(NextHop::V6 { global: local, link_local: None });
    }
    Some(match view.global_v6 {
        Some(global) => NextHop::V6 { global, link_local: Some(local) },
        None => NextHop::V6 { global: local, link_local: None },
    })
}
