//! The fields of the document.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use guideway_bgp_config::addresses::{as_number, bounded, or_off, router_id, word};
use guideway_bgp_config::daemon::{listen, listen_of, socket_of};
use guideway_bgp_config::export::prefixes;
use guideway_bgp_config::fields::{Section, number, text};
use guideway_bgp_config::yaml::{self, Node, Value};
use guideway_bgp_config::{BGP_PORT, Import, Local, Problem, ReadFile, peers_with};
use guideway_bgp_rib::loc;
use ipnet::IpNet;

use super::{Aggregate, Config, DEFAULT_DEFER, DEFAULT_ROUTER_ID, OnStop, Pool, RestartConfig, peers};

/// Where the admin API is served unless the configuration says otherwise.
const DEFAULT_SOCKET: &str = "/run/guideway/aggregator.sock";
const DEFAULT_METRICS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9472);
const DEFAULT_LOCAL_PREF: u32 = 100;
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

const ON_STOP: &[(&str, OnStop)] = &[("withdraw", OnStop::Withdraw), ("preserve", OnStop::Preserve)];

/// Reads a document; or every problem of it, in the order of lines.
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
    let own_id = section.required("router_id", problems, router_id);
    let cluster_id = section.optional("cluster_id", problems, router_id);
    let local_pref = section.optional("local_pref", problems, number::<u32>("0 to 4294967295"));
    let listen = section.optional("listen", problems, |value| or_off(value, listen));
    let on_stop = section.optional("on_stop", problems, word(ON_STOP));
    let admin_socket = socket_of(&mut section, "admin", DEFAULT_SOCKET, problems);
    let bfd_socket = socket_of(&mut section, "bfd", guideway_bgp_admin::bfd::DEFAULT_SOCKET, problems);
    let metrics_listen = listen_of(&mut section, "metrics", DEFAULT_METRICS, problems);
    let restart = restart(section.node("restart"), problems);
    let pools = pools(section.node("pools"), problems);
    let local = Local {
        // With a problem noted, any valid number lets the peers be checked too.
        asn: local_as.map_or(1, |found| found.value),
        router_id: own_id.map_or(DEFAULT_ROUTER_ID, |found| found.value),
        import: Import::All,
    };
    let found = peers_with(&mut section, local, problems, read_file, |layers, problems| {
        peers::fields(layers, &pools, problems)
    });
    section.close(problems);
    let found = found.unwrap_or_default().into_iter().enumerate();
    let peers = found
        .filter_map(|(index, (config, own))| peers::peer(index, config, own, &pools, problems))
        .collect();
    let every =
        || vec![(Ipv4Addr::UNSPECIFIED, BGP_PORT).into(), (std::net::Ipv6Addr::UNSPECIFIED, BGP_PORT).into()];
    Some(Config {
        local: loc::Local {
            asn: local_as?.value,
            router_id: own_id?.value,
            cluster_id: cluster_id.or(own_id)?.value,
            local_pref: local_pref.map_or(DEFAULT_LOCAL_PREF, |found| found.value),
        },
        listen: listen.map_or_else(every, |found| found.value.unwrap_or_default()),
        on_stop: on_stop.map_or(OnStop::Preserve, |found| found.value),
        admin_socket: admin_socket?,
        metrics_listen: metrics_listen?,
        bfd_socket: bfd_socket?,
        restart,
        pools,
        peers,
    })
}

fn restart(node: Option<&Node>, problems: &mut Vec<Problem>) -> RestartConfig {
    let mut restart = RestartConfig {
        defer: DEFAULT_DEFER,
        keep: Duration::from_secs(600),
        resync: Duration::from_secs(300),
        long_lived: Some(DAY),
    };
    let Some(node) = node else { return restart };
    let mut section = Section::open("restart", node, problems);
    let defer = |value: &Value| bounded(value, Duration::from_secs(1), HOUR, "1s to 1h");
    if let Some(found) = section.optional("defer", problems, defer) {
        restart.defer = found.value;
    }
    // RFC 4724 section 3: no Restart Time is longer.
    let keep = |value: &Value| bounded(value, Duration::ZERO, Duration::from_secs(4095), "0s to 4095s");
    if let Some(found) = section.optional("keep", problems, keep) {
        restart.keep = found.value;
    }
    if let Some(found) = section.optional("resync", problems, defer) {
        restart.resync = found.value;
    }
    let long_lived = |value: &Value| bounded(value, Duration::from_secs(1), DAY * 194, "off, or 1s to 4656h");
    if let Some(found) = section.optional("long_lived", problems, |value| or_off(value, long_lived)) {
        restart.long_lived = found.value;
    }
    section.close(problems);
    restart
}

fn pools(node: Option<&Node>, problems: &mut Vec<Problem>) -> Vec<Pool> {
    let Some(node) = node else { return Vec::new() };
    let Value::List(list) = &node.value else {
        let reason = format!("must be a list of pools, not {}", node.value.kind());
        problems.push(Problem { line: node.line, field: "pools".to_owned(), reason });
        return Vec::new();
    };
    let mut taken: HashMap<IpNet, u64> = HashMap::new();
    let mut pools: Vec<Pool> = Vec::new();
    for (index, node) in list.iter().enumerate() {
        let path = format!("pools[{index}]");
        let Some(pool) = pool(&path, node, problems) else { continue };
        if pools.iter().any(|other| other.name == pool.name) {
            let reason = format!("another pool has the name `{}` too", pool.name.escape_debug());
            problems.push(Problem { line: node.line, field: format!("{path}.name"), reason });
        }
        for prefix in &pool.prefixes {
            let overlapping = |(other, _): &(&IpNet, &u64)| other.contains(prefix) || prefix.contains(*other);
            if let Some((other, line)) = taken.iter().find(overlapping) {
                let reason = format!("{prefix} overlaps with {other} in line {line}");
                problems.push(Problem { line: node.line, field: format!("{path}.prefixes"), reason });
            }
            taken.insert(*prefix, node.line);
        }
        pools.push(pool);
    }
    pools
}

fn pool(path: &str, node: &Node, problems: &mut Vec<Problem>) -> Option<Pool> {
    let mut section = Section::open(path, node, problems);
    let name = section.required("name", problems, text);
    let inside = match section.node("prefixes") {
        Some(node) => Some(prefixes(node, &format!("{path}.prefixes"), problems)),
        None => {
            let reason = "is required and missing".to_owned();
            problems.push(Problem { line: node.line, field: format!("{path}.prefixes"), reason });
            None
        }
    };
    let aggregate = section.node("aggregate").and_then(|node| aggregate(path, node, problems));
    section.close(problems);
    Some(Pool { name: name?.value, prefixes: inside?, aggregate })
}

/// `aggregate: off`, or a map.
fn aggregate(path: &str, node: &Node, problems: &mut Vec<Problem>) -> Option<Aggregate> {
    if let Value::Bool(false) = node.value {
        return None;
    }
    let mut section = Section::open(&format!("{path}.aggregate"), node, problems);
    let minimum =
        section.optional("minimum", problems, |value| match number::<usize>("1 to 1000000")(value)? {
            minimum @ 1..=1_000_000 => Ok(minimum),
            other => Err(format!("{other} is not in 1 to 1000000")),
        });
    let time = |value: &Value| bounded(value, Duration::ZERO, HOUR, "0s to 1h");
    let up_after = section.optional("up_after", problems, time);
    let down_after = section.optional("down_after", problems, time);
    section.close(problems);
    Some(Aggregate {
        minimum: minimum.map_or(1, |found| found.value),
        up_after: up_after.map_or(Duration::from_secs(5), |found| found.value),
        down_after: down_after.map_or(Duration::from_secs(30), |found| found.value),
    })
}
