//! The fields of the document.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use guideway_bgp_config::addresses::{as_number, bounded, or_off, router_id, word};
use guideway_bgp_config::fields::{Section, number, parsed, text};
use guideway_bgp_config::yaml::{self, Node, Value};
use guideway_bgp_config::{Import, Layers, Local, PeerConfig, Problem, ReadFile, peers_with};

use super::announce::{damping, node_export};
use super::include::include;
use super::monitoring::monitoring;
use super::{AgentConfig, Config, DrainConfig, Listen, OnStop};

const MAX_SOCKET_PATH: usize = 107;
const MAX_LISTEN: usize = 16;
const DEFAULT_METRICS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9471);
const DEFAULT_HOLD: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

const ON_STOP: &[(&str, OnStop)] = &[("withdraw", OnStop::Withdraw), ("preserve", OnStop::Preserve)];

/// Reads a document; or every problem of it, in the order of lines.
pub(super) fn parse(
    text: &str,
    read_file: ReadFile<'_>,
    read_included: ReadFile<'_>,
) -> Result<Config, Vec<Problem>> {
    let mut root =
        yaml::parse(text).map_err(|(line, reason)| vec![Problem { line, field: String::new(), reason }])?;
    let mut problems = Vec::new();
    let included = include(&mut root, &mut problems, read_included);
    let config = document(&root, &mut problems, read_file);
    let config = match included {
        Some(included) => {
            included.place(&mut problems);
            config.map(|config| Config { include: Some(included.path), ..config })
        }
        None => config,
    };
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
    let listen = section.optional("listen", problems, |value| or_off(value, listen));
    let on_stop = section.optional("on_stop", problems, word(ON_STOP));
    let agent = agent(section.node("agent"), problems);
    let admin_socket = one_socket(&mut section, "admin", guideway_bgp_admin::DEFAULT_SOCKET, problems);
    let bfd_socket = one_socket(&mut section, "bfd", guideway_bgp_admin::bfd::DEFAULT_SOCKET, problems);
    let metrics_listen = metrics(section.node("metrics"), problems);
    let node = node_export(&mut section, problems);
    let damping = damping(&mut section, problems);
    let drain = drain(section.node("drain"), problems);
    let monitoring = monitoring(&mut section, problems);
    let local = Local {
        // With a problem noted, any valid number lets the peers be checked too.
        asn: local_as.map_or(1, |found| found.value),
        router_id: router_id.map_or(Ipv4Addr::BROADCAST, |found| found.value),
        import: Import::None,
    };
    let peers = peers_with(&mut section, local, problems, read_file, own_end);
    // Taken already.
    section.node("include");
    section.close(problems);
    let listen = listen.map_or(Listen::Default, |found| Listen::On(found.value.unwrap_or_default()));
    Some(Config {
        local_as: local_as?.value,
        router_id: router_id?.value,
        listen,
        on_stop: on_stop.map_or(OnStop::Withdraw, |found| found.value),
        agent: agent?,
        admin_socket: admin_socket?,
        metrics_listen: metrics_listen?,
        bfd_socket: bfd_socket?,
        node,
        damping,
        drain,
        monitoring,
        peers: peers?.into_iter().map(with_own_end).collect(),
        include: None,
    })
}

/// What the speaker is to one peer, where it is not what the document says.
type OwnEnd = (Option<u32>, Option<Ipv4Addr>);

fn own_end(layers: &mut Layers<'_>, problems: &mut Vec<Problem>) -> OwnEnd {
    let asn = layers.optional("local_as", problems, as_number).map(|found| found.value);
    (asn, layers.optional("router_id", problems, router_id).map(|found| found.value))
}

fn with_own_end((mut peer, (asn, identifier)): (PeerConfig, OwnEnd)) -> PeerConfig {
    peer.session.local_as = asn.unwrap_or(peer.session.local_as);
    peer.session.router_id = identifier.unwrap_or(peer.session.router_id);
    peer
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
        let hold = |value: &Value| bounded(value, Duration::ZERO, HOUR, "0s to 3600s");
        if let Some(found) = section.optional("hold", problems, hold) {
            agent.hold = found.value;
        }
        section.close(problems);
    }
    (problems.len() == before).then_some(agent)
}

/// A map with nothing but a socket.
fn one_socket(
    section: &mut Section<'_>,
    field: &'static str,
    default: &str,
    problems: &mut Vec<Problem>,
) -> Option<PathBuf> {
    let Some(node) = section.node(field) else { return Some(default.into()) };
    let mut section = Section::open(field, node, problems);
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

fn drain(node: Option<&Node>, problems: &mut Vec<Problem>) -> DrainConfig {
    let mut drain =
        DrainConfig { timeout: Duration::from_secs(300), below: None, evidence_wait: Duration::from_secs(5) };
    let Some(node) = node else { return drain };
    let mut section = Section::open("drain", node, problems);
    let timeout = |value: &Value| bounded(value, Duration::from_secs(1), HOUR * 24, "1s to 24h");
    if let Some(found) = section.optional("timeout", problems, timeout) {
        drain.timeout = found.value;
    }
    drain.below = section
        .optional("below", problems, number::<u64>("0 to 18446744073709551615"))
        .map(|found| found.value);
    let wait = |value: &Value| bounded(value, Duration::from_secs(1), Duration::from_secs(60), "1s to 60s");
    if let Some(found) = section.optional("evidence_wait", problems, wait) {
        drain.evidence_wait = found.value;
    }
    section.close(problems);
    drain
}

fn listen(value: &Value) -> Result<Vec<SocketAddr>, String> {
    let what = "off, or a list of addresses with ports, such as [\"0.0.0.0:179\", \"[::]:179\"]";
    let Value::List(list) = value else { return Err(format!("must be {what}")) };
    if list.is_empty() || list.len() > MAX_LISTEN {
        return Err(format!("must be {what}; 1 to {MAX_LISTEN} of them"));
    }
    let mut addresses = Vec::new();
    for node in list {
        let address = parsed::<SocketAddr>("an address with a port, such as 10.1.1.2:179")(&node.value)?;
        if addresses.contains(&address) {
            return Err(format!("{address} stands here twice"));
        }
        addresses.push(address);
    }
    Ok(addresses)
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
