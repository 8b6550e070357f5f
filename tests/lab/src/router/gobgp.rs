//! GoBGP. Without zebra it never touches the kernel's routes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::net::IpAddr;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::{Daemon, Family, Learnt, Neighbour, Remote, Session, Spec, Table, wait_until_up};
use crate::netns::Netns;
use crate::process::Process;

/// `SESSION_STATE` of its API.
const STATES: [&str; 7] = ["Unknown", "Idle", "Connect", "Active", "OpenSent", "OpenConfirm", "Established"];

#[derive(Debug)]
pub(super) struct GoBgp {
    netns: Netns,
    processes: Vec<Process>,
}

impl GoBgp {
    pub(super) fn start(netns: &Netns, folder: &Path, spec: &Spec) -> Result<Self> {
        if spec.table == Table::Kernel || spec.neighbours.iter().any(|n| n.bfd.is_some() || n.role.is_some())
        {
            bail!("GoBGP 3.10 has neither routes in the kernel nor BFD nor roles");
        }
        let config = folder.join("gobgp.toml");
        fs::write(&config, text(spec)).with_context(|| format!("cannot write {}", config.display()))?;
        let mut command = netns.command("gobgpd");
        command.arg("-f").arg(&config).args(["--api-hosts", "127.0.0.1:50051", "--pprof-disable"]);
        let process = Process::spawn("gobgpd", command, folder)?;
        let mut gobgp = Self { netns: netns.clone(), processes: vec![process] };
        let asking = netns.clone();
        // It answers before it has read its configuration.
        let neighbours = spec.neighbours.iter().filter(|n| !matches!(n.remote, Remote::Range(_))).count();
        wait_until_up("gobgpd", &mut gobgp.processes[0], || {
            let answer = asking.run("gobgp", &["-j", "neighbor"]).unwrap_or_default();
            matches!(serde_json::from_str(&answer), Ok(Value::Array(list)) if list.len() >= neighbours)
        })?;
        for prefix in &spec.announces {
            let family = Family::of(prefix);
            let own = spec
                .neighbours
                .iter()
                .map(|n| n.local)
                .find(|local| local.is_ipv6() == (family == Family::V6));
            let next_hop = own.map(|own| format!(" nexthop {own}")).unwrap_or_default();
            gobgp.command(&format!("global rib add {prefix} -a {} origin igp{next_hop}", family.word()))?;
        }
        Ok(gobgp)
    }

    fn json(&self, words: &str) -> Result<Value> {
        let answer = self.command(&format!("-j {words}"))?;
        serde_json::from_str(&answer)
            .with_context(|| format!("GoBGP's answer to `{words}` is no JSON: {answer}"))
    }

    fn table(&self, family: Family) -> Result<BTreeMap<String, Vec<Value>>> {
        let answer = self.json(&format!("global rib -a {}", family.word()))?;
        let Value::Object(prefixes) = answer else { return Ok(BTreeMap::new()) };
        let learnt = |path: &Value| path["neighbor-ip"].as_str().is_some_and(|ip| !ip.starts_with('<'));
        Ok(prefixes
            .into_iter()
            .filter_map(|(prefix, paths)| {
                let paths: Vec<Value> =
                    paths.as_array()?.iter().filter(|path| learnt(path)).cloned().collect();
                (!paths.is_empty()).then_some((prefix, paths))
            })
            .collect())
    }
}

impl Daemon for GoBgp {
    fn processes(&mut self) -> &mut Vec<Process> {
        &mut self.processes
    }

    fn sessions(&self) -> Result<Vec<Session>> {
        let answer = self.json("neighbor")?;
        Ok(answer.as_array().into_iter().flatten().map(session).collect())
    }

    fn prefixes(&self) -> Result<BTreeSet<String>> {
        let mut prefixes = BTreeSet::new();
        for family in Family::BOTH {
            prefixes.extend(self.table(family)?.into_keys());
        }
        Ok(prefixes)
    }

    fn learnt(&self, prefix: &str) -> Result<Vec<Learnt>> {
        let paths = self.table(Family::of(prefix))?.remove(prefix).unwrap_or_default();
        Ok(paths.iter().map(path).collect())
    }

    fn refresh(&self) -> Result<()> {
        self.command("neighbor all softresetin").map(drop)
    }

    fn reset(&self) -> Result<()> {
        self.command("neighbor all reset").map(drop)
    }

    fn describe(&self) -> Result<String> {
        let mut text = self.command("neighbor")?;
        for session in self.sessions()? {
            text.push_str(&self.command(&format!("neighbor {}", session.neighbour))?);
        }
        for family in Family::BOTH {
            text.push_str(&self.command(&format!("global rib -a {}", family.word()))?);
        }
        Ok(text)
    }

    fn command(&self, words: &str) -> Result<String> {
        self.netns.run("gobgp", &words.split_whitespace().collect::<Vec<_>>())
    }
}

fn session(value: &Value) -> Session {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let state = value["state"]["session_state"].as_u64().and_then(|n| usize::try_from(n).ok());
    let state = STATES.get(state.unwrap_or_default()).copied().unwrap_or("Unknown");
    Session {
        neighbour: text(&value["state"]["neighbor_address"])
            .or_else(|| text(&value["conf"]["neighbor_address"]))
            .unwrap_or_default(),
        established: state == "Established",
        state: state.to_owned(),
    }
}

/// Reads the attributes of a path by their numbers.
fn path(value: &Value) -> Learnt {
    let mut learnt = Learnt::default();
    let number = |value: &Value| value.as_u64().and_then(|number| u32::try_from(number).ok());
    for attribute in value["attrs"].as_array().into_iter().flatten() {
        let list = |field: &str| attribute[field].as_array().cloned().unwrap_or_default();
        match attribute["type"].as_u64() {
            Some(2) => {
                let asns = list("as_paths");
                learnt.as_path =
                    asns.iter().flat_map(|s| s["asns"].as_array()).flatten().filter_map(number).collect();
            }
            Some(3 | 14) => {
                let hop = attribute["nexthop"].as_str().and_then(|hop| hop.parse::<IpAddr>().ok());
                learnt.next_hops.extend(hop);
            }
            Some(4) => learnt.med = number(&attribute["metric"]),
            Some(5) => learnt.local_pref = number(&attribute["value"]),
            Some(8) => {
                let split = |number: u32| format!("{}:{}", number >> 16, number & 0xffff);
                learnt.communities = list("communities").iter().filter_map(number).map(split).collect();
            }
            Some(16) => {
                let bandwidth = |value: &Value| {
                    let is_it = value["subtype"] == 4 && matches!(value["type"].as_u64(), Some(0 | 64));
                    // Octets per second, printed as a decimal fraction.
                    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                    is_it.then(|| value["bandwidth"].as_f64().map(|bandwidth| bandwidth as u64)).flatten()
                };
                learnt.link_bandwidth = list("value").iter().find_map(bandwidth);
            }
            Some(32) => {
                let three = |value: &Value| {
                    format!("{}:{}:{}", value["ASN"], value["LocalData1"], value["LocalData2"])
                };
                learnt.large_communities = list("value").iter().map(three).collect();
            }
            _ => {}
        }
    }
    learnt
}

fn text(spec: &Spec) -> String {
    let Spec { local_as, router_id, neighbours, .. } = spec;
    // Without a list of addresses it listens on all.
    let mut text = format!("[global.config]\n  as = {local_as}\n  router-id = \"{router_id}\"\n");
    for neighbour in neighbours {
        match &neighbour.remote {
            Remote::Range(prefix) => {
                let name = &neighbour.name;
                // Its file has the settings in a peer group and the range beside it.
                text.push_str(&peer("peer-groups", &format!("peer-group-name = \"{name}\""), neighbour));
                let _ = write!(
                    text,
                    "[[dynamic-neighbors]]\n  [dynamic-neighbors.config]\n    prefix = \"{prefix}\"\n    \
                     peer-group = \"{name}\"\n"
                );
            }
            Remote::Address(address) if neighbour.is_link_local() => {
                let who = format!("neighbor-address = \"{address}%{}\"", neighbour.interface);
                text.push_str(&peer("neighbors", &who, neighbour));
            }
            Remote::Address(address) => {
                text.push_str(&peer("neighbors", &format!("neighbor-address = \"{address}\""), neighbour));
            }
            Remote::Interface => {
                let who = format!("neighbor-interface = \"{}\"", neighbour.interface);
                text.push_str(&peer("neighbors", &who, neighbour));
            }
        }
    }
    text
}

fn peer(list: &str, who: &str, neighbour: &Neighbour) -> String {
    let Neighbour { remote_as, hold_time, local, .. } = neighbour;
    let mut text = format!("[[{list}]]\n  [{list}.config]\n    {who}\n    peer-as = {remote_as}\n");
    if let Some(word) = &neighbour.password {
        let _ = writeln!(text, "    auth-password = \"{word}\"");
    }
    let _ = write!(
        text,
        "  [{list}.timers.config]\n    connect-retry = 1\n    hold-time = {hold_time}\n    keepalive-interval = {}\n    \
         idle-hold-time-after-reset = 1\n  [{list}.transport.config]\n    passive-mode = {}\n",
        hold_time / 3,
        neighbour.passive
    );
    if neighbour.address().is_some() && !neighbour.is_link_local() {
        let _ = writeln!(text, "    local-address = \"{local}\"");
    }
    if let Some(hops) = neighbour.security_hops {
        let _ = write!(
            text,
            "  [{list}.ttl-security.config]\n    enabled = true\n    ttl-min = {}\n",
            256 - u16::from(hops)
        );
    }
    if let Some(time) = neighbour.graceful_restart {
        let _ = write!(
            text,
            "  [{list}.graceful-restart.config]\n    enabled = true\n    restart-time = {}\n    \
             notification-enabled = true\n",
            time.as_secs()
        );
    }
    for family in &neighbour.families {
        let _ = write!(
            text,
            "  [[{list}.afi-safis]]\n    [{list}.afi-safis.config]\n      afi-safi-name = \"{}-unicast\"\n",
            family.word()
        );
        if neighbour.graceful_restart.is_some() {
            let _ = writeln!(text, "    [{list}.afi-safis.mp-graceful-restart.config]\n      enabled = true");
        }
        if neighbour.add_path {
            let _ = writeln!(text, "    [{list}.afi-safis.add-paths.config]\n      receive = true");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_path_is_read() {
        let value = serde_json::json!({"attrs": [
            {"type": 1, "value": 0}, {"type": 2, "as_paths": [{"segment_type": 2, "asns": [65001, 65001]}]},
            {"type": 4, "metric": 50}, {"type": 8, "communities": [4_259_905_636_u32]},
            {"type": 16, "value": [{"type": 64, "subtype": 4, "asn": 65001, "bandwidth": 125_000_000}]},
            {"type": 32, "value": [{"ASN": 65001, "LocalData1": 1, "LocalData2": 2}]},
            {"type": 14, "nexthop": "fd00:1::2", "afi": 1, "safi": 1},
        ], "neighbor-ip": "fd00:1::2"});
        let path = super::path(&value);
        assert_eq!(path.as_path, [65001, 65001]);
        assert_eq!((path.med, path.link_bandwidth), (Some(50), Some(125_000_000)));
        assert!(path.communities.contains("65001:100") && path.large_communities.contains("65001:1:2"));
        assert_eq!(path.next_hops, ["fd00:1::2".parse::<std::net::IpAddr>().unwrap()]);
    }
}
