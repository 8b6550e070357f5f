//! What two OPEN messages agree on.

use std::net::Ipv4Addr;
use std::time::Duration;

use guideway_bgp_wire::{
    AddPathMode, AsWidth, Capability, Context, Families, Family, Message, Open, Role, iana,
};

use crate::config::{Config, HoldTime, RemoteAs};
use crate::refusal::Refusal;

/// The agreed properties of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Negotiated {
    /// The smaller of both hold times; zero means that nobody sends KEEPALIVE.
    pub hold_time: Duration,
    /// A third of the hold time.
    pub keepalive_interval: Duration,
    /// Families that both sides have.
    pub families: Families,
    /// How messages are read and written.
    pub context: Context,
    /// The peer's AS number.
    pub peer_as: u32,
    /// The peer's BGP identifier.
    pub peer_router_id: Ipv4Addr,
    /// True when the peer is in another AS.
    pub external: bool,
    /// The role that the peer told (RFC 9234).
    pub peer_role: Option<Role>,
    /// What the peer understands of route refresh.
    pub refresh: Refresh,
    /// What the peer said about graceful restart; `None` unless both sides have it.
    pub graceful_restart: Option<PeerRestart>,
    /// Long-lived graceful restart (RFC 9494) of the peer: which families, whether it has kept forwarding in them, and how
    /// long their stale routes are to be kept. Empty unless both sides have it and graceful restart.
    pub long_lived: Vec<LongLived>,
    /// The own OPEN, the header included.
    pub open_sent: Vec<u8>,
    /// The peer's OPEN, the header included. It is written anew from what was read: the order of the capabilities is kept,
    /// their grouping in optional parameters is not.
    pub open_received: Vec<u8>,
}

impl Negotiated {
    /// [`Negotiated::send_hold_time`] when there is no hold time, and for connections before they are established.
    pub const LONGEST_SEND_HOLD_TIME: Duration = Duration::from_secs(480);

    /// After how long a peer that reads nothing is given up, with [`crate::Event::SendStuck`] (RFC 9687): the hold time,
    /// or eight minutes without one. The RFC's default is longer, the greater of eight minutes and twice the hold time;
    /// but such a peer goes on sending packets by routes that were withdrawn.
    #[must_use]
    pub fn send_hold_time(&self) -> Duration {
        if self.hold_time.is_zero() { Self::LONGEST_SEND_HOLD_TIME } else { self.hold_time }
    }
}

/// How routes can be asked for again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refresh {
    /// Not at all.
    None,
    /// RFC 2918.
    Plain,
    /// RFC 7313: with markers of begin and end.
    Enhanced,
}

/// Graceful restart as the peer offers it (RFC 4724 section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PeerRestart {
    /// The R bit: the peer has restarted.
    pub restarting: bool,
    /// Both sides have the N bit (RFC 8538): a NOTIFICATION other than Hard Reset loses no routes.
    pub notification: bool,
    /// How long the peer's routes are kept while it restarts.
    pub restart_time: Duration,
    /// The families in which the peer has kept forwarding (F bits). At a new session the stale routes of every other
    /// family are to be forgotten at once.
    pub forwarding: Families,
    /// The agreed families whose routes are to be kept. Stale routes of every other family are to be forgotten at once.
    pub families: Families,
}

/// One family of [`Negotiated::long_lived`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LongLived {
    /// The family.
    pub family: Family,
    /// The F bit.
    pub forwarding: bool,
    /// How long stale routes are kept after the restart time (RFC 9494 section 4.2).
    pub stale_time: Duration,
}

/// Checks the peer's OPEN against the configuration that the own OPEN `sent` was made from (RFC 4271 section 6.2).
pub(crate) fn negotiate(config: &Config, sent: &Open, received: &Open) -> Result<Negotiated, Refusal> {
    let external = check_identity(config, received)?;
    let peer_role = check_role(config, external, received)?;
    let families = config.families.intersection(received.families());
    if families.is_empty() {
        return Err(Refusal::Families(config.families));
    }
    // RFC 4271 section 4.2: the smaller one; one and two seconds never get here.
    let hold_time =
        HoldTime::from_secs(received.hold_time).unwrap_or(HoldTime::DEFAULT).min(config.hold_time);
    let hold_time = Duration::from_secs(hold_time.secs().into());
    let has = |wanted: &Capability| received.capabilities.contains(wanted);
    let as_width = if received.four_octet_as().is_some() { AsWidth::Four } else { AsWidth::Two };
    let context = Context {
        as_width,
        add_path_send: config
            .add_path_send
            .intersection(families)
            .intersection(add_path(received, AddPathMode::receives)),
        add_path_receive: config
            .add_path_receive
            .intersection(families)
            .intersection(add_path(received, AddPathMode::sends)),
        extended_next_hop: config.extended_next_hop
            && families.contains(Family::Ipv4)
            && has_ipv4_over_ipv6(received),
        families,
        external,
    };
    let refresh = if has(&Capability::EnhancedRouteRefresh) {
        Refresh::Enhanced
    } else if has(&Capability::RouteRefresh) {
        Refresh::Plain
    } else {
        Refresh::None
    };
    let graceful_restart = config.graceful_restart.and_then(|_| peer_restart(families, received));
    // RFC 9494 section 4.1: without graceful restart the capability is ignored.
    let wanted = config.long_lived.is_some() && graceful_restart.is_some();
    Ok(Negotiated {
        hold_time,
        keepalive_interval: hold_time / 3,
        families,
        context,
        peer_as: received.asn(),
        peer_router_id: received.router_id,
        external,
        peer_role,
        refresh,
        graceful_restart,
        long_lived: if wanted { long_lived(families, received) } else { Vec::new() },
        open_sent: bytes(sent),
        open_received: bytes(received),
    })
}

/// Who the peer is; true when it is external.
fn check_identity(config: &Config, open: &Open) -> Result<bool, Refusal> {
    let theirs = open.asn();
    let fits = match config.remote_as {
        RemoteAs::Is(asn) => theirs == asn,
        // RFC 6793 section 9: AS_TRANS is nobody's number.
        RemoteAs::External => theirs != config.local_as && theirs != u32::from(iana::AS_TRANS),
        RemoteAs::Internal => theirs == config.local_as,
    };
    if !fits {
        return Err(Refusal::PeerAs { theirs, wanted: config.remote_as });
    }
    // RFC 6286 section 2.2: identifiers are unique within an AS.
    if theirs == config.local_as && open.router_id == config.router_id {
        return Err(Refusal::Identifier(open.router_id));
    }
    Ok(theirs != config.local_as)
}

/// RFC 9234 section 4.2.
fn check_role(config: &Config, external: bool, open: &Open) -> Result<Option<Role>, Refusal> {
    let Some(own) = config.role.filter(|_| external) else {
        return Ok(open.role().ok().flatten().filter(|_| external));
    };
    match open.role() {
        Err(_) => Err(Refusal::AmbiguousRole(own)),
        Ok(Some(theirs)) if theirs != own.counterpart() => Err(Refusal::RoleMismatch { own, theirs }),
        Ok(None) if config.strict_role => Err(Refusal::NoRole(own)),
        Ok(theirs) => Ok(theirs),
    }
}

fn add_path(open: &Open, can: fn(AddPathMode) -> bool) -> Families {
    let tuples = open.capabilities.iter().filter_map(|capability| match capability {
        Capability::AddPath(tuples) => Some(tuples),
        _ => None,
    });
    let able = tuples.flatten().filter(|(_, _, mode)| can(*mode));
    able.filter_map(|(afi, safi, _)| Family::from_afi_safi(*afi, *safi)).collect()
}

fn has_ipv4_over_ipv6(open: &Open) -> bool {
    let wanted = (iana::afi::IPV4, u16::from(iana::safi::UNICAST), iana::afi::IPV6);
    open.capabilities.iter().any(|capability| match capability {
        Capability::ExtendedNextHop(tuples) => tuples.contains(&wanted),
        _ => false,
    })
}

fn peer_restart(agreed: Families, open: &Open) -> Option<PeerRestart> {
    let restart = open.graceful_restart()?;
    let families = |which: fn(bool) -> bool| {
        let kept = restart.families.iter().filter(move |(_, _, forwarding)| which(*forwarding));
        let kept: Families = kept.filter_map(|(afi, safi, _)| Family::from_afi_safi(*afi, *safi)).collect();
        kept.intersection(agreed)
    };
    Some(PeerRestart {
        restarting: restart.restarting,
        notification: restart.notification,
        restart_time: Duration::from_secs(restart.restart_time.into()),
        forwarding: families(|forwarding| forwarding),
        families: families(|_| true),
    })
}

fn long_lived(agreed: Families, open: &Open) -> Vec<LongLived> {
    let tuples = open.capabilities.iter().rev().find_map(|capability| match capability {
        Capability::LongLivedGracefulRestart(tuples) => Some(tuples.as_slice()),
        _ => None,
    });
    let one = |family: Family| {
        let of = |tuple: &&guideway_bgp_wire::LlgrFamily| {
            Family::from_afi_safi(tuple.afi, tuple.safi) == Some(family)
        };
        let tuple = tuples?.iter().find(of)?;
        let stale_time = Duration::from_secs(tuple.stale_time.into());
        Some(LongLived { family, forwarding: tuple.forwarding, stale_time })
    };
    agreed.iter().filter_map(one).collect()
}

/// What is told about an OPEN elsewhere. One that was read or written can be written.
fn bytes(open: &Open) -> Vec<u8> {
    Message::Open(open.clone()).encode(&Context::default()).unwrap_or_default()
}
