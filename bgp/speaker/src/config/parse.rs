//! The fields of the file.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use guideway_bgp_fsm::{self as fsm, HoldTime, NextHop};
use guideway_bgp_wire::iana::AS_TRANS;
use guideway_bgp_wire::{Families, Family};

use super::fields::{Found, Section, duration, number, parsed, text};
use super::yaml::{self, Node, Value};
use super::{AgentConfig, Config, Password, PeerConfig, Problem};

const BGP_PORT: u16 = 179;
const MAX_SOCKET_PATH: usize = 107;
const DEFAULT_METRICS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9471);
const DEFAULT_HOLD: Duration = Duration::from_secs(60);
const DEFAULT_CONNECT_RETRY: Duration = Duration::from_secs(1);
/// Long enough for two lost SYNs, short enough that a router that comes back is not waited for longer than it takes.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Reads a password file: its text, or why it cannot be read.
pub(super) type ReadFile<'a> = &'a dyn Fn(&Path) -> Result<String, String>;

/// What all peers share.
#[derive(Clone, Copy)]
struct Local {
    asn: u32,
    router_id: Ipv4Addr,
}

pub(super) fn parse(text: &str, read_file: ReadFile<'_>) -> Result<Config, Vec<Problem>> {
    let root =
        yaml::parse(text).map_err(|(line, reason)| vec![Problem { line, field: String::new(), reason }])?;
    let mut problems = Vec::new();
    let config = document(&root, &mut problems, read_file);
    problems.sort_by_key(|problem| problem.line);
    match config {
        Some(config) if problems.is_empty() => Ok(config),
        _ => Err(problems),
    }
}

fn document(root: &Node, problems: &mut Vec<Problem>, read_file: ReadFile<'_>) -> Option<Config> {
    let mut section = Section::open("", root, problems);
    let local_as = section.required("local_as", problems, as_number);
    let router_id = section.required("router_id", problems, router_id);
    let agent = agent(section.node("agent"), problems);
    let admin_socket = admin(section.node("admin"), problems);
    let metrics_listen = metrics(section.node("metrics"), problems);
    let local = Local {
        // With a problem noted, any valid number lets the peers be checked too.
        asn: local_as.map_or(1, |found| found.value),
        router_id: router_id.map_or(Ipv4Addr::BROADCAST, |found| found.value),
    };
    let peers = section
        .required("peers", problems, |value| match value {
            Value::List(peers) => Ok(peers.clone()),
            other => Err(format!("must be a list of peers, not {}", other.kind())),
        })
        .map(|found| peers(&found.value, local, problems, read_file));
    section.close(problems);
    Some(Config {
        local_as: local_as?.value,
        router_id: router_id?.value,
        agent: agent?,
        admin_socket: admin_socket?,
        metrics_listen: metrics_listen?,
        peers: peers?,
    })
}

fn agent(node: Option<&Node>, problems: &mut Vec<Problem>) -> Option<AgentConfig> {
    let before = problems.len();
    let mut agent =
        AgentConfig { socket: guideway_dataplane_admin::DEFAULT_SOCKET.into(), hold: DEFAULT_HOLD };
    if let Some(node) = node {
        let mut section = Section::open("agent", node, problems);
        if let Some(found) = section.optional("socket", problems, socket) {
            agent.socket = found.value;
        }
        if let Some(found) = section.optional("hold", problems, |v| bounded(v, Duration::ZERO, 3600)) {
            agent.hold = found.value;
        }
        section.close(problems);
    }
    (problems.len() == before).then_some(agent)
}

fn admin(node: Option<&Node>, problems: &mut Vec<Problem>) -> Option<PathBuf> {
    let Some(node) = node else { return Some(guideway_bgp_admin::DEFAULT_SOCKET.into()) };
    let mut section = Section::open("admin", node, problems);
    let socket = section.required("socket", problems, socket);
    section.close(problems);
    socket.map(|found| found.value)
}

fn metrics(node: Option<&Node>, problems: &mut Vec<Problem>) -> Option<SocketAddr> {
    let Some(node) = node else { return Some(DEFAULT_METRICS) };
    let mut section = Section::open("metrics", node, problems);
    let listen =
        section.required("listen", problems, parsed("an address with a port, such as 127.0.0.1:9471"));
    section.close(problems);
    listen.map(|found| found.value)
}

fn peers(
    list: &[Node],
    local: Local,
    problems: &mut Vec<Problem>,
    read_file: ReadFile<'_>,
) -> Vec<PeerConfig> {
    let mut lines: HashMap<IpAddr, u64> = HashMap::new();
    let mut peers = Vec::new();
    for (index, node) in list.iter().enumerate() {
        let path = format!("peers[{index}]");
        let before = problems.len();
        let mut section = Section::open(&path, node, problems);
        if problems.len() > before {
            // Not a map: that its fields are missing too goes without saying.
            continue;
        }
        let peer = peer(&mut section, local, problems, read_file);
        section.close(problems);
        let Some(peer) = peer else { continue };
        if let Some(first) = lines.insert(peer.address, node.line) {
            let reason = format!("{} is a peer already, in line {first}", peer.address);
            problems.push(Problem { line: node.line, field: format!("{path}.address"), reason });
        }
        peers.push(peer);
    }
    peers
}

fn peer(
    section: &mut Section<'_>,
    local: Local,
    problems: &mut Vec<Problem>,
    read_file: ReadFile<'_>,
) -> Option<PeerConfig> {
    let address = section.required("address", problems, peer_address);
    let remote_as = section.required("remote_as", problems, as_number);
    let local_address = section.optional("local_address", problems, peer_address);
    let password = password(section, problems, read_file);
    let hold_time = section.optional("hold_time", problems, hold_time);
    let connect_retry =
        section.optional("connect_retry", problems, |value| bounded(value, Duration::from_secs(1), 600));
    let families = section.optional("families", problems, families);
    let next_hop_v4 = section.optional("next_hop_v4", problems, next_hop_v4);
    let next_hop_v6 = section.optional("next_hop_v6", problems, next_hop_v6);

    let address = address?;
    if let Some(found) = local_address
        && found.value.is_ipv4() != address.value.is_ipv4()
    {
        let reason = format!("must be of the same family as the peer's address {}", address.value);
        problems.push(Problem { line: found.line, field: section.name("local_address"), reason });
    }
    if let Some(found) = local_address
        && found.value == address.value
    {
        let reason = "is the peer's own address; it must be one of this machine".to_owned();
        problems.push(Problem { line: found.line, field: section.name("local_address"), reason });
    }
    let own = Family::of_address(address.value);
    let line = families.map_or(section.line(), |found| found.line);
    let families = families.map_or(Families::NONE.with(own), |found| found.value);
    let mut check = |family: Family, field: &str, given: Option<u64>| match given {
        Some(line) if !families.contains(family) => {
            let reason = format!("has no use: {family} is not one of the families");
            problems.push(Problem { line, field: section.name(field), reason });
        }
        None if families.contains(family) && (family != own || address.value.is_loopback()) => {
            let session =
                if address.value.is_loopback() { "a loopback".to_owned() } else { format!("an {own}") };
            let reason = format!("is required: {family} routes over {session} session need a next hop");
            problems.push(Problem { line, field: section.name(field), reason });
        }
        _ => {}
    };
    check(Family::Ipv4, "next_hop_v4", next_hop_v4.map(|found| found.line));
    check(Family::Ipv6, "next_hop_v6", next_hop_v6.map(|found| found.line));

    let session = fsm::Config {
        local_as: local.asn,
        router_id: local.router_id,
        remote_as: remote_as?.value,
        hold_time: hold_time.map_or(HoldTime::DEFAULT, |found| found.value),
        connect_timeout: CONNECT_TIMEOUT,
        connect_retry: connect_retry.map_or(DEFAULT_CONNECT_RETRY, |found| found.value),
        ipv4: families.contains(Family::Ipv4).then(|| next_hop(next_hop_v4)),
        ipv6: families.contains(Family::Ipv6).then(|| next_hop(next_hop_v6)),
    };
    Some(PeerConfig {
        address: address.value,
        port: BGP_PORT,
        local_address: local_address.map(|found| found.value),
        password,
        session,
    })
}

fn password(
    section: &mut Section<'_>,
    problems: &mut Vec<Problem>,
    read_file: ReadFile<'_>,
) -> Option<Password> {
    let too_long = || format!("must have 1 to {} octets, which is what TCP-MD5 takes", Password::MAX);
    let direct =
        section.optional("password", problems, |value| Password::new(text(value)?).ok_or_else(too_long));
    let from_file = section.optional("password_file", problems, |value| {
        let file = path(value)?;
        let text = read_file(&file).map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
        Password::new(text.trim_end_matches(['\r', '\n'])).ok_or_else(too_long)
    });
    if let (Some(_), Some(file)) = (&direct, &from_file) {
        let reason = "cannot stand beside password; keep one of them".to_owned();
        problems.push(Problem { line: file.line, field: section.name("password_file"), reason });
    }
    direct.or(from_file).map(|found| found.value)
}

fn next_hop<A>(given: Option<Found<A>>) -> NextHop<A> {
    given.map_or(NextHop::Session, |found| NextHop::Fixed(found.value))
}

fn as_number(value: &Value) -> Result<u32, String> {
    match number::<u32>("1 to 4294967295")(value)? {
        0 => Err("0 is no AS number (RFC 7607)".to_owned()),
        asn if asn == u32::from(AS_TRANS) => Err(format!("{asn} is reserved (AS_TRANS, RFC 6793)")),
        asn => Ok(asn),
    }
}

fn router_id(value: &Value) -> Result<Ipv4Addr, String> {
    match parsed::<Ipv4Addr>("four numbers such as 10.255.1.1")(value)? {
        Ipv4Addr::UNSPECIFIED => Err("0.0.0.0 is not allowed (RFC 6286)".to_owned()),
        id => Ok(id),
    }
}

fn peer_address(value: &Value) -> Result<IpAddr, String> {
    if let Value::Text(text) = value
        && text.contains('%')
    {
        return Err(format!(
            "`{}` has a zone: link-local addresses are not supported yet; use a global or unique local one",
            text.escape_debug()
        ));
    }
    let address = parsed::<IpAddr>("an IPv4 or IPv6 address")(value)?;
    let refused = match address {
        IpAddr::V4(address) => refused_v4(address),
        IpAddr::V6(address) => refused_v6(address),
    };
    refused.map_or(Ok(address), |kind| Err(format!("{address} is {kind}")))
}

fn next_hop_v4(value: &Value) -> Result<Ipv4Addr, String> {
    let address = parsed::<Ipv4Addr>("an IPv4 address")(value)?;
    match refused_v4(address) {
        Some(kind) => Err(format!("{address} is {kind}")),
        None if address.is_loopback() => Err(format!("{address} is a loopback address")),
        None => Ok(address),
    }
}

fn next_hop_v6(value: &Value) -> Result<Ipv6Addr, String> {
    let address = parsed::<Ipv6Addr>("an IPv6 address")(value)?;
    match refused_v6(address) {
        Some(kind) => Err(format!("{address} is {kind}")),
        None if address.is_loopback() => Err(format!("{address} is a loopback address")),
        None => Ok(address),
    }
}

fn refused_v4(address: Ipv4Addr) -> Option<&'static str> {
    let kind = if address.is_unspecified() || address.octets()[0] == 0 {
        "not a host address"
    } else if address.is_multicast() || address.octets()[0] >= 240 {
        "not a unicast address"
    } else {
        return None;
    };
    Some(kind)
}

fn refused_v6(address: Ipv6Addr) -> Option<&'static str> {
    let kind = if address.is_unspecified() {
        "not a host address"
    } else if address.is_multicast() {
        "not a unicast address"
    } else if address.is_unicast_link_local() {
        "a link-local address, which is not supported yet; use a global or unique local one"
    } else if address.to_ipv4_mapped().is_some() {
        "an IPv4 address in IPv6 form; write it as IPv4"
    } else {
        return None;
    };
    Some(kind)
}

fn hold_time(value: &Value) -> Result<HoldTime, String> {
    let wrong = || "must be 0s (never expires) or 3s to 65535s in whole seconds (RFC 4271)".to_owned();
    let time = duration(value)?;
    let seconds = u16::try_from(time.as_secs()).map_err(|_| wrong())?;
    if time.subsec_nanos() != 0 {
        return Err(wrong());
    }
    HoldTime::from_secs(seconds).ok_or_else(wrong)
}

fn bounded(value: &Value, least: Duration, most_secs: u64) -> Result<Duration, String> {
    let time = duration(value)?;
    if (least..=Duration::from_secs(most_secs)).contains(&time) {
        Ok(time)
    } else {
        Err(format!("must be {}s to {most_secs}s", least.as_secs()))
    }
}

fn families(value: &Value) -> Result<Families, String> {
    let wrong = || "must be a list of ipv4 and ipv6, each once".to_owned();
    let Value::List(list) = value else { return Err(wrong()) };
    let mut families = Families::NONE;
    for node in list {
        let name = text(&node.value).map_err(|_| wrong())?;
        let family = Family::ALL.into_iter().find(|family| family.to_string() == name).ok_or_else(wrong)?;
        if families.contains(family) {
            return Err(wrong());
        }
        families = families.with(family);
    }
    if families.is_empty() { Err(wrong()) } else { Ok(families) }
}

fn path(value: &Value) -> Result<PathBuf, String> {
    text(value).map(PathBuf::from)
}

/// The path of a Unix socket, which has room for 107 octets (`sun_path` of unix(7)).
fn socket(value: &Value) -> Result<PathBuf, String> {
    let path = text(value)?;
    if path.contains('\0') {
        return Err("must not have a NUL octet".to_owned());
    }
    match path.len() {
        ..=MAX_SOCKET_PATH => Ok(PathBuf::from(path)),
        length => Err(format!("has {length} octets: the path of a socket has at most {MAX_SOCKET_PATH}")),
    }
}
