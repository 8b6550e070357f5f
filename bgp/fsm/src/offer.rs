//! The own OPEN.

use guideway_bgp_wire::{AddPathMode, Capability, Family, GracefulRestart, LlgrFamily, Open};

use crate::config::{Config, RestartFlags};

/// The OPEN that says what `config` wants. The 4-octet AS capability and both kinds of route refresh are always there.
pub(crate) fn offer(config: &Config, flags: RestartFlags) -> Open {
    let mut capabilities: Vec<_> = config.families.iter().map(Capability::family).collect();
    capabilities.push(Capability::RouteRefresh);
    capabilities.push(Capability::EnhancedRouteRefresh);
    if config.extended_next_hop && config.families.contains(Family::Ipv4) {
        capabilities.push(Capability::ipv4_over_ipv6());
    }
    let add_path = add_path(config);
    if !add_path.is_empty() {
        capabilities.push(Capability::AddPath(add_path));
    }
    if let Some(restart) = config.graceful_restart {
        let family = |family: Family| (family.afi(), family.safi(), flags.forwarding.contains(family));
        let seconds = u16::try_from(restart.restart_time.as_secs()).unwrap_or(u16::MAX);
        capabilities.push(Capability::GracefulRestart(GracefulRestart {
            restarting: flags.restarting,
            notification: true,
            restart_time: seconds,
            families: config.families.iter().map(family).collect(),
        }));
        if let Some(stale_time) = config.long_lived {
            let seconds = u32::try_from(stale_time.as_secs()).unwrap_or(u32::MAX);
            let family = |family: Family| LlgrFamily {
                afi: family.afi(),
                safi: family.safi(),
                forwarding: flags.forwarding.contains(family),
                stale_time: seconds,
            };
            capabilities
                .push(Capability::LongLivedGracefulRestart(config.families.iter().map(family).collect()));
        }
    }
    // RFC 9234 section 4.1: only external peers are told.
    if let Some(role) = config.role.filter(|_| config.is_external()) {
        capabilities.push(Capability::Role(role));
    }
    Open::new(config.local_as, config.hold_time.secs(), config.router_id, capabilities)
}

fn add_path(config: &Config) -> Vec<(u16, u8, AddPathMode)> {
    let mode = |family: Family| {
        let receive = config.add_path_receive.contains(family);
        match (receive, config.add_path_send.contains(family)) {
            (true, true) => Some(AddPathMode::Both),
            (true, false) => Some(AddPathMode::Receive),
            (false, true) => Some(AddPathMode::Send),
            (false, false) => None,
        }
    };
    let families = config.families.iter();
    families.filter_map(|family| Some((family.afi(), family.safi(), mode(family)?))).collect()
}
