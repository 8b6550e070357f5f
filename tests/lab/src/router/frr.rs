//! FRRouting: zebra, bgpd and bfdd in a path space of their own, named like the namespace.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use nix::unistd::{Group, User, chown};
use serde_json::Value;

use super::{Daemon, Family, Learnt, Neighbour, Remote, Session, Spec, Table, numbers, wait_until_up};
use crate::netns::Netns;
use crate::process::Process;
use crate::wait;

#[derive(Debug)]
pub(super) struct Frr {
    netns: Netns,
    processes: Vec<Process>,
}

impl Frr {
    pub(super) fn start(netns: &Netns, folder: &Path, spec: &Spec) -> Result<Self> {
        let space = netns.name();
        owned_folder(&Path::new("/var/run/frr").join(space), "frr", 0o755)?;
        let config = Path::new("/etc/frr").join(space);
        owned_folder(&config, "frrvty", 0o750)?;
        let text = text(spec);
        fs::write(folder.join("frr.conf"), &text)?;
        fs::write(config.join("frr.conf"), text)?;
        owned(&config.join("frr.conf"), "frr", 0o640)?;
        fs::write(config.join("vtysh.conf"), "")?;

        let mut processes = Vec::new();
        let bfd = spec.neighbours.iter().any(|neighbour| neighbour.bfd.is_some());
        for daemon in ["zebra", "bgpd", "bfdd"].into_iter().filter(|daemon| bfd || *daemon != "bfdd") {
            let socket = Path::new("/var/run/frr").join(space).join(format!("{daemon}.vty"));
            let _ = fs::remove_file(&socket);
            let mut command = netns.command(format!("/usr/lib/frr/{daemon}"));
            command.args(["-N", space, "-A", "127.0.0.1", "--log", "stdout"]);
            let mut process = Process::spawn(daemon, command, folder)?;
            wait_until_up(daemon, &mut process, || wait::listens(&socket))?;
            processes.push(process);
        }
        netns.run("vtysh", &["-N", space, "-b"]).context("FRR refused its configuration")?;
        Ok(Self { netns: netns.clone(), processes })
    }

    fn json(&self, words: &str) -> Result<Value> {
        let answer = self.command(words)?;
        serde_json::from_str(&answer)
            .with_context(|| format!("FRR's answer to `{words}` is no JSON: {answer}"))
    }
}

impl Daemon for Frr {
    fn processes(&mut self) -> &mut Vec<Process> {
        &mut self.processes
    }

    fn sessions(&self) -> Result<Vec<Session>> {
        let answer = self.json("show bgp neighbors json")?;
        let neighbours = answer.as_object().into_iter().flatten().filter(|(_, value)| value.is_object());
        Ok(neighbours
            .map(|(name, value)| {
                let state = value["bgpState"].as_str().unwrap_or_default();
                Session {
                    neighbour: name.clone(),
                    established: state == "Established",
                    state: match value["lastResetDueTo"].as_str() {
                        Some(reason) => format!("{state}; last reset: {reason}"),
                        None => state.to_owned(),
                    },
                }
            })
            .collect())
    }

    fn prefixes(&self) -> Result<BTreeSet<String>> {
        let mut prefixes = BTreeSet::new();
        for family in ["ipv4", "ipv6"] {
            let answer = self.json(&format!("show bgp {family} unicast json"))?;
            for (prefix, paths) in answer["routes"].as_object().into_iter().flatten() {
                // What it announces itself has no peer.
                let is_learnt = |path: &Value| path["peerId"] != "(unspec)";
                if paths.as_array().into_iter().flatten().any(is_learnt) {
                    prefixes.insert(prefix.clone());
                }
            }
        }
        Ok(prefixes)
    }

    fn learnt(&self, prefix: &str) -> Result<Vec<Learnt>> {
        let answer = self.json(&format!("show bgp {} unicast {prefix} json", Family::of(prefix).word()))?;
        Ok(answer["paths"].as_array().into_iter().flatten().map(path).collect())
    }

    fn refresh(&self) -> Result<()> {
        self.command("clear bgp ipv4 unicast * soft in")?;
        self.command("clear bgp ipv6 unicast * soft in").map(drop)
    }

    fn reset(&self) -> Result<()> {
        self.command("clear bgp *").map(drop)
    }

    fn describe(&self) -> Result<String> {
        let mut text = self.command("show bgp neighbors")?;
        for family in ["ipv4", "ipv6"] {
            text.push_str(&self.command(&format!("show bgp {family} unicast"))?);
        }
        Ok(text)
    }

    fn command(&self, words: &str) -> Result<String> {
        self.netns.run("vtysh", &["-N", self.netns.name(), "-c", words])
    }
}

fn path(value: &Value) -> Learnt {
    let number = |field: &str| value[field].as_u64().and_then(|number| u32::try_from(number).ok());
    let words = |field: &str| {
        value[field]["string"].as_str().unwrap_or_default().split_whitespace().map(str::to_owned)
    };
    Learnt {
        next_hops: value["nexthops"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|hop| hop["ip"].as_str()?.parse().ok())
            .collect(),
        as_path: numbers(value["aspath"]["string"].as_str().unwrap_or_default()),
        med: number("metric"),
        local_pref: number("locPrf"),
        communities: words("community").map(|word| numeric(&word)).collect(),
        large_communities: words("largeCommunity").collect(),
        // `LB:65001:125000000 (1.000 Gbps)`
        link_bandwidth: words("extendedCommunity")
            .find_map(|word| word.strip_prefix("LB:")?.split(':').nth(1)?.parse().ok()),
    }
}

/// FRR has names for some communities.
fn numeric(word: &str) -> String {
    match word {
        "graceful-shutdown" => "65535:0".to_owned(),
        "no-export" => "65535:65281".to_owned(),
        "no-advertise" => "65535:65282".to_owned(),
        "llgr-stale" => "65535:6".to_owned(),
        "no-llgr" => "65535:7".to_owned(),
        other => other.to_owned(),
    }
}

/// `no zebra nexthop kernel enable`: with kernel nexthop objects FRR 8.4 loses a leg of the group when a link flaps.
fn text(spec: &Spec) -> String {
    let Spec { local_as, router_id, neighbours, announces, table } = spec;
    let mut text =
        "frr version 8.4.4\nfrr defaults datacenter\nhostname tor\nno zebra nexthop kernel enable\n\
                    ip nht resolve-via-default\n!\n"
            .to_owned();
    for Neighbour { interface, .. } in neighbours.iter().filter(|n| n.remote == Remote::Interface) {
        let _ = writeln!(text, "interface {interface}\n ipv6 nd ra-interval 1\n no ipv6 nd suppress-ra\n!");
    }
    let _ = write!(
        text,
        "router bgp {local_as}\n bgp router-id {router_id}\n bgp log-neighbor-changes\n no bgp ebgp-requires-policy\n \
         no bgp default ipv4-unicast\n no bgp network import-check\n bgp bestpath as-path multipath-relax\n"
    );
    if let Some(time) = neighbours.iter().find_map(|neighbour| neighbour.graceful_restart) {
        let _ = write!(
            text,
            " bgp graceful-restart\n bgp graceful-restart restart-time {}\n bgp graceful-restart preserve-fw-state\n",
            time.as_secs()
        );
    }
    if let Some(time) = neighbours.iter().find_map(|neighbour| neighbour.long_lived) {
        let _ = writeln!(text, " bgp long-lived-graceful-restart stale-time {}", time.as_secs());
    }
    for neighbour in neighbours {
        session(&mut text, neighbour);
    }
    for family in Family::BOTH {
        let _ = writeln!(text, " address-family {} unicast", family.word());
        if *table == Table::Kernel {
            text.push_str("  maximum-paths 64\n  maximum-paths ibgp 64\n");
        }
        for neighbour in neighbours.iter().filter(|neighbour| neighbour.families.contains(&family)) {
            let _ = writeln!(text, "  neighbor {} activate", called(neighbour));
            if neighbour.shows_all {
                let _ = writeln!(text, "  neighbor {} addpath-tx-all-paths", called(neighbour));
            }
        }
        for prefix in announces.iter().filter(|prefix| Family::of(prefix) == family) {
            let _ = writeln!(text, "  network {prefix}");
        }
        text.push_str(" exit-address-family\n");
    }
    if let Some(bfd) = neighbours.iter().find_map(|neighbour| neighbour.bfd) {
        let milliseconds = bfd.interval.as_millis();
        let _ = write!(
            text,
            "!\nbfd\n profile quick\n  transmit-interval {milliseconds}\n  receive-interval {milliseconds}\n  \
             detect-multiplier {}\n exit\nexit\n",
            bfd.multiplier
        );
    }
    text.push_str("!\nline vty\n");
    text
}

/// The name by which the configuration calls the neighbour.
fn called(neighbour: &Neighbour) -> String {
    match &neighbour.remote {
        Remote::Address(address) => address.to_string(),
        Remote::Range(_) => neighbour.name.clone(),
        Remote::Interface => neighbour.interface.clone(),
    }
}

fn session(text: &mut String, neighbour: &Neighbour) {
    let Neighbour { remote_as, hold_time, interface, .. } = neighbour;
    let name = called(neighbour);
    match &neighbour.remote {
        Remote::Address(_) => {
            let _ = writeln!(text, " neighbor {name} remote-as {remote_as}");
            if neighbour.is_link_local() {
                let _ = writeln!(text, " neighbor {name} interface {interface}");
            }
        }
        Remote::Interface => {
            let _ = writeln!(text, " neighbor {name} interface remote-as {remote_as}");
        }
        Remote::Range(prefix) => {
            let _ = write!(
                text,
                " neighbor {name} peer-group\n neighbor {name} remote-as {remote_as}\n \
                 bgp listen range {prefix} peer-group {name}\n bgp listen limit 200\n"
            );
        }
    }
    let mut option = |words: &str| {
        let _ = writeln!(text, " neighbor {name} {words}");
    };
    option(&format!("timers {} {hold_time}", hold_time / 3));
    if !matches!(neighbour.remote, Remote::Range(_)) {
        option("timers connect 1");
    }
    if let Some(word) = &neighbour.password {
        option(&format!("password {word}"));
    }
    if let Some(hops) = neighbour.security_hops {
        option(&format!("ttl-security hops {hops}"));
    }
    if let Some(hops) = neighbour.multihop {
        option(&format!("ebgp-multihop {hops}"));
    }
    if neighbour.passive {
        option("passive");
    }
    if neighbour.extended_next_hop {
        option("capability extended-nexthop");
    }
    if let Some(role) = &neighbour.role {
        option(&format!("local-role {role}"));
    }
    if neighbour.bfd.is_some() {
        option("bfd");
        option("bfd profile quick");
    }
}

/// FRR gives up root for user frr and wants its folders to belong to it.
fn owned_folder(path: &Path, group: &str, mode: u32) -> Result<()> {
    fs::create_dir_all(path).with_context(|| format!("cannot make {}", path.display()))?;
    owned(path, group, mode)
}

fn owned(path: &Path, group: &str, mode: u32) -> Result<()> {
    let user = User::from_name("frr")?.context("there is no user frr: is the package frr installed?")?;
    let group = Group::from_name(group)?.with_context(|| format!("there is no group {group}"))?;
    chown(path, Some(user.uid), Some(group.gid))?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_path_is_read() {
        let value = serde_json::json!({
            "aspath": {"string": "65001 65001"}, "metric": 50, "locPrf": 100,
            "community": {"string": "65001:100 graceful-shutdown"},
            "extendedCommunity": {"string": "LB:65001:125000000 (1.000 Gbps)"},
            "largeCommunity": {"string": "65001:1:2"},
            "nexthops": [{"ip": "fd00:1::2"}, {"ip": "fe80::1"}],
        });
        let path = super::path(&value);
        assert_eq!((path.as_path.len(), path.next_hops.len()), (2, 2));
        assert_eq!(path.link_bandwidth, Some(125_000_000));
        assert!(path.communities.contains("65535:0") && path.large_communities.contains("65001:1:2"));
    }
}
