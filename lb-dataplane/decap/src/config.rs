//! The configuration file.

mod raw;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

use guideway_bpf::{Global, Service, ServiceKey, ServicePort, Transport, XdpMode};
use serde_saphyr::{Location, Spanned};

use crate::kubernetes::{Mode, Source};
use crate::vip::Vip;
use crate::wanted::Wanted;
use raw::{RawConfig, RawKubernetes, RawProtocol, RawService};

const DEFAULT_METRICS_PORT: u16 = 9472;
/// A file that is longer is not read.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// A configuration without mistakes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) wanted: Wanted,
    /// Where further services come from.
    pub(crate) kubernetes: Option<Source>,
    pub(crate) admin_socket: PathBuf,
    pub(crate) metrics_listen: SocketAddr,
}

/// One mistake and where it stands; line and column are counted from 1, and 0 when they are not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    line: u64,
    column: u64,
    reason: String,
}

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// It cannot be read.
    #[error("{}: cannot read the configuration", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    /// It has mistakes; one a line, as FILE:LINE:COLUMN: reason.
    #[error("{}", lines(path, problems))]
    Wrong { path: PathBuf, problems: Vec<Problem> },
}

fn lines(path: &Path, problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(|problem| format!("{}:{problem}", path.display())).collect();
    lines.join("\n")
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.line, self.column, self.reason)
    }
}

impl Config {
    pub(crate) fn load(path: &Path) -> Result<Self, ConfigError> {
        let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
        let length = fs::metadata(path).map_err(unreadable)?.len();
        if length > MAX_FILE_BYTES {
            let source = io::Error::other(format!("{length} bytes, at most {MAX_FILE_BYTES} are read"));
            return Err(unreadable(source));
        }
        let text = fs::read_to_string(path).map_err(unreadable)?;
        Self::parse(&text).map_err(|problems| ConfigError::Wrong { path: path.to_owned(), problems })
    }

    /// What YAML or the fields' types forbid is told alone, all other mistakes together.
    pub(crate) fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        let options = serde_saphyr::options! {
            budget: serde_saphyr::budget! { max_anchors: 0, max_aliases: 0, max_nodes: 8 << 20, max_events: 16 << 20 },
            merge_keys: serde_saphyr::MergeKeyPolicy::Error,
        };
        let raw: RawConfig =
            serde_saphyr::from_str_with_options(text, options).map_err(|error| vec![yaml_problem(&error)])?;
        let mut problems = Vec::new();
        let config = from_raw(&raw, &mut problems);
        if problems.is_empty() { Ok(config) } else { Err(problems) }
    }
}

fn yaml_problem(error: &serde_saphyr::Error) -> Problem {
    let (line, column) = error.location().map_or((0, 0), |at| (at.line(), at.column()));
    let text = error.without_snippet().to_string();
    let first = text.lines().next().unwrap_or_default();
    let reason = first.rsplit_once(" at line ").map_or(first, |(reason, _)| reason);
    Problem { line, column, reason: reason.to_owned() }
}

fn problem<T>(at: &Spanned<T>, reason: impl Into<String>) -> Problem {
    let at: &Location = &at.referenced;
    Problem { line: at.line(), column: at.column(), reason: reason.into() }
}

fn from_raw(raw: &RawConfig, problems: &mut Vec<Problem>) -> Config {
    let mut interfaces = BTreeMap::new();
    for interface in &raw.interfaces.value {
        let name = &interface.name.value;
        let wrong = name.is_empty() || name.len() > 15 || name.contains(['/', ':', ' ']);
        if wrong || name == "lo" {
            let reason = format!("interfaces: {name:?} is no name of an interface that packets come in by");
            problems.push(problem(&interface.name, reason));
        } else if interfaces.insert(name.clone(), XdpMode::from(interface.mode)).is_some() {
            problems.push(problem(&interface.name, format!("interfaces: {name} is named already")));
        }
    }
    if raw.interfaces.value.is_empty() {
        problems.push(problem(&raw.interfaces, "interfaces: at least one is needed"));
    }
    let mut gue_port = Global::GUE_PORT;
    if let Some(port) = &raw.gue_port {
        match number(port, "gue_port") {
            Ok(number) => gue_port = number,
            Err(found) => problems.push(found),
        }
    }
    let kubernetes = raw.kubernetes.as_ref().and_then(|raw| kubernetes(raw, problems));
    let mut services = BTreeMap::new();
    if raw.services.is_none() && raw.kubernetes.is_none() {
        let reason = "services: a list is needed, or `kubernetes` as their source".to_owned();
        problems.push(Problem { line: 1, column: 1, reason });
    }
    for raw in raw.services.iter().flat_map(|services| &services.value) {
        match service(raw) {
            Ok((key, service)) => {
                if services.insert(key, service).is_some() {
                    problems.push(problem(raw, "services: the same VIP, port, protocol and outer as before"));
                }
            }
            Err(found) => problems.push(found),
        }
    }
    if let Some(all) = &raw.services
        && services.len() > guideway_abi::DECAP_SERVICES_MAX as usize / 2
    {
        let reason = format!("services: {} at most", guideway_abi::DECAP_SERVICES_MAX / 2);
        problems.push(problem(all, reason));
    }
    let local_metrics = SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_METRICS_PORT));
    Config {
        wanted: Wanted {
            interfaces,
            gue_port,
            source_v4: raw.hand_over.as_ref().and_then(|hand_over| hand_over.source_v4),
            source_v6: raw.hand_over.as_ref().and_then(|hand_over| hand_over.source_v6),
            services,
        },
        kubernetes,
        admin_socket: raw.admin.as_ref().map_or_else(
            || guideway_dataplane_admin::decap::DEFAULT_SOCKET.into(),
            |admin| admin.socket.clone(),
        ),
        metrics_listen: raw.metrics.as_ref().map_or(local_metrics, |metrics| metrics.listen),
    }
}

fn kubernetes(spanned: &Spanned<RawKubernetes>, problems: &mut Vec<Problem>) -> Option<Source> {
    let raw = &spanned.value;
    let mode = match &raw.mode {
        None => Some(Mode::default()),
        Some(name) => {
            let mode = Mode::named(&name.value);
            if mode.is_none() {
                let reason = format!("kubernetes.mode: {:?} is neither `Pod` nor `Node`", name.value);
                problems.push(problem(name, reason));
            }
            mode
        }
    };
    let node = match &raw.node {
        Some(node) if node.value.is_empty() => {
            problems
                .push(problem(node, "kubernetes.node: empty: write the name of this Node, or leave it out"));
            None
        }
        Some(node) => Some(node.value.clone()),
        None => {
            let name = fs::read_to_string("/proc/sys/kernel/hostname").map(|name| name.trim().to_lowercase());
            if name.is_err() {
                problems
                    .push(problem(spanned, "kubernetes.node: needed, as this machine tells no host name"));
            }
            name.ok()
        }
    };
    Some(Source { kubeconfig: raw.kubeconfig.clone(), node: node?, mode: mode? })
}

fn service(spanned: &Spanned<RawService>) -> Result<(ServiceKey, Service), Problem> {
    let raw = &spanned.value;
    let wrong = |reason: &str| problem(spanned, format!("services: {reason}"));
    let vip: Vip = raw.vip.value.parse().map_err(|reason| problem(&raw.vip, format!("vip: {reason}")))?;
    let vip = vip.address();
    let port = match (raw.port.as_ref(), raw.protocol, raw.outer.as_ref()) {
        (None, None, None) => ServicePort::Any,
        (Some(port), Some(protocol), None) => ServicePort::Port(transport(protocol), number(port, "port")?),
        (Some(port), Some(protocol), Some(outer)) => {
            ServicePort::PortBy(transport(protocol), number(port, "port")?, unicast(outer, "outer")?)
        }
        (Some(_), None, _) => return Err(wrong("`port` needs `protocol: tcp` or `udp`")),
        (None, Some(_), _) => return Err(wrong("`protocol` needs `port`")),
        (None, None, Some(_)) => return Err(wrong("`outer` needs `port` and `protocol`")),
    };
    let Some(target) = &raw.target else { return Ok((ServiceKey { vip, port }, Service::AsIs)) };
    let to: SocketAddr = target.value.parse().map_err(|_| {
        problem(target, "target: not address:port; for example 10.244.1.7:8080 or [fd00::7]:8080")
    })?;
    if port == ServicePort::Any {
        return Err(wrong("`target` needs `port` and `protocol`"));
    }
    if to.is_ipv4() != vip.is_ipv4() {
        return Err(problem(target, "target: the VIP is of the other address family"));
    }
    if to.port() == 0 || to.ip().is_loopback() || to.ip().is_unspecified() || to.ip().is_multicast() {
        return Err(problem(
            target,
            "target: an address of this node or of a Pod is needed (not of the loopback network, which no packet from \
             outside reaches), and a port that is not 0",
        ));
    }
    Ok((ServiceKey { vip, port }, Service::Translate(to)))
}

fn number(port: &Spanned<u64>, field: &str) -> Result<u16, Problem> {
    let found = u16::try_from(port.value).ok().filter(|port| *port != 0);
    found.ok_or_else(|| problem(port, format!("{field}: {} is not in 1 to 65535", port.value)))
}

fn unicast(address: &Spanned<IpAddr>, field: &str) -> Result<IpAddr, Problem> {
    let found = address.value.to_canonical();
    if found.is_unspecified() || found.is_multicast() || found.is_loopback() {
        return Err(problem(address, format!("{field}: not an address of a node or Pod")));
    }
    Ok(found)
}

const fn transport(protocol: RawProtocol) -> Transport {
    match protocol {
        RawProtocol::Tcp => Transport::Tcp,
        RawProtocol::Udp => Transport::Udp,
    }
}
