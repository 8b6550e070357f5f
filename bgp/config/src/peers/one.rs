//! One peer of the list.

use std::net::IpAddr;
use std::time::Duration;

use guideway_bgp_fsm::{self as fsm, GracefulRestart, RemoteAs};
use guideway_bgp_wire::{Families, Family, Role};

use super::blocks::{bfd, max_prefixes};
use super::secrets::authentication;
use super::{Local, ReadFile};
use crate::addresses::{
    as_number, bounded, families, hold_time, interface, local_address, next_hop_v4, next_hop_v6, or_off,
    peer_address, prefix, switch, word,
};
use crate::export::peer_export;
use crate::fields::{Found, Problem, number, text};
use crate::layers::Layers;
use crate::peer::{Direction, Import, PeerConfig, Remote, Ttl};
use crate::yaml::Value;

/// RFC 4724 section 3: the field has 12 bits.
const MAX_RESTART_TIME: Duration = Duration::from_secs(4095);
const DEFAULT_RESTART_TIME: Duration = Duration::from_secs(120);
/// RFC 9494 section 3.1: the field has 24 bits.
const MAX_STALE_TIME: Duration = Duration::from_secs(0xff_ffff);
const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 10_000;
const MAX_TEXT: usize = 128;

const ROLES: &[(&str, Role)] = &[
    ("provider", Role::Provider),
    ("route-server", Role::RouteServer),
    ("route-server-client", Role::RouteServerClient),
    ("customer", Role::Customer),
    ("peer", Role::Peer),
];
const DIRECTIONS: &[(&str, Direction)] =
    &[("both", Direction::Both), ("active", Direction::Active), ("passive", Direction::Passive)];
/// Whether a family's paths are sent and received with identifiers.
const ADD_PATH: &[(&str, (bool, bool))] =
    &[("off", (false, false)), ("send", (true, false)), ("receive", (false, true)), ("both", (true, true))];

/// A peer: who it is, and its settings.
pub(super) fn peer(
    layers: &mut Layers<'_>,
    local: Local,
    problems: &mut Vec<Problem>,
    read_file: ReadFile<'_>,
) -> Option<PeerConfig> {
    let remote = remote(layers, problems);
    let remote_as = layers.required("remote_as", problems, remote_as);
    let name = layers.optional("name", problems, short_text);
    let remote_of_settings = remote.clone();
    let mut peer = settings_of(layers, local, remote_of_settings.as_ref(), problems, read_file);
    peer.session.remote_as = remote_as?.value;
    peer.remote = remote?;
    peer.name = name.map_or_else(|| peer.remote.to_string(), |found| found.value);
    Some(peer)
}

/// Settings that stand in a template or in the defaults. What they come to without a peer is of no interest, what is wrong
/// with them is.
pub(super) fn settings(
    layers: &mut Layers<'_>,
    local: Local,
    problems: &mut Vec<Problem>,
    read_file: ReadFile<'_>,
) {
    layers.optional("remote_as", problems, remote_as);
    settings_of(layers, local, None, problems, read_file);
}

fn settings_of(
    layers: &mut Layers<'_>,
    local: Local,
    remote: Option<&Remote>,
    problems: &mut Vec<Problem>,
    read_file: ReadFile<'_>,
) -> PeerConfig {
    let unknown = Remote::LinkLocal { interface: String::new(), address: None };
    let session = fsm::Config::new(local.asn, local.router_id, RemoteAs::External);
    let mut peer = PeerConfig::new(remote.cloned().unwrap_or(unknown), session);
    peer.import = local.import;
    if let Some(found) = layers.optional("description", problems, short_text) {
        peer.description = found.value;
    }
    if let Some(found) = layers.optional("port", problems, port) {
        peer.port = found.value;
    }
    peer.authentication = authentication(layers, problems, read_file);
    peer.ttl = ttl(layers, problems);
    peer.bfd = bfd(layers, problems, read_file);
    peer.export = peer_export(layers, problems);
    peer.max_prefixes = max_prefixes(layers, problems);
    if let Some(found) = layers.optional("direction", problems, word(DIRECTIONS)) {
        if matches!(peer.remote, Remote::Range { .. }) && found.value == Direction::Active {
            problems
                .push(layers.problem("direction", "must be passive: the peers of a range are not dialled"));
        }
        peer.direction = found.value;
    }
    if matches!(peer.remote, Remote::Range { .. }) {
        peer.direction = Direction::Passive;
    }
    local_end(&mut peer, layers, remote, problems);
    routes(&mut peer, layers, remote, problems);
    session_settings(&mut peer, layers, problems);
    peer
}

fn session_settings(peer: &mut PeerConfig, layers: &mut Layers<'_>, problems: &mut Vec<Problem>) {
    let session = &mut peer.session;
    session.passive = peer.direction == Direction::Passive;
    if let Some(found) = layers.optional("hold_time", problems, hold_time) {
        session.hold_time = found.value;
    }
    let retry =
        |value: &Value| bounded(value, Duration::from_secs(1), Duration::from_secs(600), "1s to 600s");
    if let Some(found) = layers.optional("connect_retry", problems, retry) {
        session.connect_retry = found.value;
    }
    session.role = layers.optional("role", problems, word(ROLES)).map(|found| found.value);
    if let Some(found) = layers.optional("strict_role", problems, switch) {
        if found.value && session.role.is_none() {
            problems.push(layers.problem("strict_role", "has no use without role"));
        }
        session.strict_role = found.value;
    }
    if let Some(found) = layers.optional("add_path", problems, word(ADD_PATH)) {
        let (send, receive) = found.value;
        let families = |wanted: bool| if wanted { session.families } else { Families::NONE };
        (session.add_path_send, session.add_path_receive) = (families(send), families(receive));
    }
    let restart = layers.optional("graceful_restart", problems, |value| or_off(value, restart_time));
    let restart = restart.map_or(Some(DEFAULT_RESTART_TIME), |found| found.value);
    session.graceful_restart = restart.map(|restart_time| GracefulRestart { restart_time });
    let long_lived = layers.optional("long_lived", problems, |value| or_off(value, stale_time));
    session.long_lived = long_lived.and_then(|found| found.value);
    if session.long_lived.is_some() && session.graceful_restart.is_none() {
        problems.push(layers.problem("long_lived", "needs graceful_restart (RFC 9494 section 4.1)"));
    }
}

/// Exactly one of `address`, `interface` and `range`; each stands in the peer itself.
fn remote(layers: &mut Layers<'_>, problems: &mut Vec<Problem>) -> Option<Remote> {
    let before = problems.len();
    let address = layers.optional("address", problems, peer_address);
    let interface = layers.optional("interface", problems, interface);
    let range = layers.optional("range", problems, prefix);
    let limit = layers.optional("limit", problems, limit);
    if problems.len() > before {
        return None;
    }
    if limit.is_some() && range.is_none() {
        problems.push(layers.problem("limit", "has no use without range"));
    }
    match (address, interface, range) {
        (Some(Found { value: (IpAddr::V6(address), Some(interface)), .. }), None, None) => {
            Some(Remote::LinkLocal { interface, address: Some(address) })
        }
        (Some(found), None, None) => Some(Remote::Address(found.value.0)),
        (None, Some(found), None) => Some(Remote::LinkLocal { interface: found.value, address: None }),
        (None, None, Some(found)) => {
            let limit = limit.map_or(DEFAULT_LIMIT, |found| found.value);
            Some(Remote::Range { prefix: found.value, limit })
        }
        (None, None, None) => {
            problems.push(layers.problem("address", "is required and missing (or interface, or range)"));
            None
        }
        _ => {
            let reason = "cannot stand beside each other: one of address, interface and range";
            problems.push(layers.problem("address", reason));
            None
        }
    }
}

fn local_end(
    peer: &mut PeerConfig,
    layers: &mut Layers<'_>,
    remote: Option<&Remote>,
    problems: &mut Vec<Problem>,
) {
    let Some(found) = layers.optional("local_address", problems, local_address) else { return };
    peer.local_address = Some(found.value);
    let mut wrong = |reason: String| {
        problems.push(Problem { line: found.line, ..layers.problem("local_address", reason) });
    };
    match remote {
        Some(Remote::Address(address)) if address.is_ipv4() != found.value.is_ipv4() => {
            wrong(format!("must be of the same family as the peer's address {address}"));
        }
        Some(Remote::Address(address)) if *address == found.value => {
            wrong("is the peer's own address; it must be one of this machine".to_owned());
        }
        Some(Remote::Range { prefix, .. }) if prefix.addr().is_ipv4() != found.value.is_ipv4() => {
            wrong(format!("must be of the same family as the range {prefix}"));
        }
        Some(Remote::LinkLocal { .. }) => {
            wrong("has no use: the session uses the interface's link-local address".to_owned());
        }
        _ => {}
    }
}

/// The family that a session with this peer is of, and whether its own address can be a next hop.
fn own_family(remote: &Remote) -> (Family, bool) {
    match remote {
        Remote::Address(address) => (Family::of_address(*address), !address.is_loopback()),
        Remote::Range { prefix, .. } => (Family::of_address(prefix.addr()), true),
        Remote::LinkLocal { .. } => (Family::Ipv6, true),
    }
}

/// Families and next hops.
fn routes(
    peer: &mut PeerConfig,
    layers: &mut Layers<'_>,
    remote: Option<&Remote>,
    problems: &mut Vec<Problem>,
) {
    let unnumbered = matches!(remote, Some(Remote::LinkLocal { .. }));
    let given = layers.optional("families", problems, families);
    let extended = layers.optional("extended_next_hop", problems, switch);
    let v4 = layers.optional("next_hop_v4", problems, next_hop_v4);
    let v6 = layers.optional("next_hop_v6", problems, next_hop_v6);
    let extended = extended.map_or(unnumbered, |found| found.value);
    peer.session.extended_next_hop = extended;
    (peer.next_hop_v4, peer.next_hop_v6) = (v4.map(|found| found.value), v6.map(|found| found.value));
    if let Some(Found { value: IpAddr::V6(_), line }) = v4
        && !extended
        && remote.is_some()
    {
        let reason = "an IPv6 next hop of IPv4 routes needs extended_next_hop: true (RFC 8950)";
        problems.push(Problem { line, ..layers.problem("next_hop_v4", reason) });
    }
    let Some(remote) = remote else {
        peer.session.families = given.map_or(Families::NONE, |found| found.value);
        return;
    };
    let (own, usable) = own_family(remote);
    let families = match given {
        Some(found) => found.value,
        None if unnumbered => Family::ALL.into_iter().collect(),
        None => Families::NONE.with(own),
    };
    peer.session.families = families;
    let line = given.map(|found| found.line);
    let mut check = |family: Family, field: &str, next_hop: Option<u64>, free: bool| {
        let reason = match next_hop {
            Some(_) if !families.contains(family) => {
                format!("has no use: {family} is not one of the families")
            }
            None if families.contains(family) && !free => {
                let session = if usable { format!("an {own}") } else { "a loopback".to_owned() };
                format!("is required: {family} routes over {session} session need a next hop")
            }
            _ => return,
        };
        let problem = layers.problem(field, reason);
        problems.push(Problem { line: next_hop.or(line).unwrap_or(problem.line), ..problem });
    };
    // Who passes routes on keeps their next hops.
    let keeps = peer.import == Import::All;
    // The session's own address will do, for IPv4 routes an IPv6 one too where that is agreed on.
    check(
        Family::Ipv4,
        "next_hop_v4",
        v4.map(|found| found.line),
        keeps || usable && (own == Family::Ipv4 || extended),
    );
    // Of IPv6 routes over IPv4 it is an address of the same interface.
    check(Family::Ipv6, "next_hop_v6", v6.map(|found| found.line), keeps || usable);
}

fn ttl(layers: &mut Layers<'_>, problems: &mut Vec<Problem>) -> Ttl {
    let security = layers.optional("ttl_security", problems, |value| or_off(value, number::<u8>("1 to 254")));
    let multihop = layers.optional("multihop", problems, |value| or_off(value, number::<u8>("2 to 255")));
    let (security, multihop) =
        (security.and_then(|found| found.value), multihop.and_then(|found| found.value));
    match (security, multihop) {
        (None, None) => Ttl::Default,
        (Some(hops @ 1..=254), None) => Ttl::Security { hops },
        (None, Some(ttl @ 2..)) => Ttl::Multihop(ttl),
        (Some(_), None) => {
            problems.push(layers.problem("ttl_security", "must be 1 to 254 hops, or off"));
            Ttl::Default
        }
        (None, Some(_)) => {
            problems.push(layers.problem("multihop", "must be a TTL of 2 to 255, or off"));
            Ttl::Default
        }
        (Some(_), Some(_)) => {
            let reason = "cannot stand beside multihop: ttl_security gives the number of hops too";
            problems.push(layers.problem("ttl_security", reason));
            Ttl::Default
        }
    }
}

fn remote_as(value: &Value) -> Result<RemoteAs, String> {
    match value {
        Value::Text(text) if text == "external" => Ok(RemoteAs::External),
        Value::Text(text) if text == "internal" => Ok(RemoteAs::Internal),
        value @ Value::Integer(_) => as_number(value).map(RemoteAs::Is),
        other => Err(format!("must be a number, external or internal, not {}", other.kind())),
    }
}

fn port(value: &Value) -> Result<u16, String> {
    match number::<u16>("1 to 65535")(value)? {
        0 => Err("0 is not in 1 to 65535".to_owned()),
        port => Ok(port),
    }
}

fn limit(value: &Value) -> Result<usize, String> {
    match number::<usize>("1 to 10000")(value)? {
        limit @ 1..=MAX_LIMIT => Ok(limit),
        other => Err(format!("{other} is not in 1 to {MAX_LIMIT}")),
    }
}

fn restart_time(value: &Value) -> Result<Duration, String> {
    bounded(value, Duration::from_secs(1), MAX_RESTART_TIME, "off, or 1s to 4095s (RFC 4724)")
}

fn stale_time(value: &Value) -> Result<Duration, String> {
    bounded(value, Duration::from_secs(1), MAX_STALE_TIME, "off, or 1s to 16777215s (RFC 9494)")
}

fn short_text(value: &Value) -> Result<String, String> {
    let text = text(value)?;
    if text.len() > MAX_TEXT {
        return Err(format!("has {} octets, at most {MAX_TEXT} are allowed", text.len()));
    }
    if text.chars().any(char::is_control) {
        return Err("must not have control characters".to_owned());
    }
    Ok(text)
}
