//! OpenBGPD. Debian's build does not touch the kernel's routes.
//!
//! Its two lesser processes lock themselves up in `/run/openbgpd`, whatever the configuration says. Each instance gets a
//! `/run` of its own (a mount namespace), so that there is nothing to tidy up and instances do not meet.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use nix::unistd::{User, chown};
use serde_json::Value;

use super::{
    Daemon, Learnt, Neighbour, Remote, Session, Spec, Table, link_bandwidth, numbers, wait_until_up,
};
use crate::command;
use crate::netns::Netns;
use crate::process::Process;

#[derive(Debug)]
pub(super) struct OpenBgpd {
    socket: PathBuf,
    processes: Vec<Process>,
}

impl OpenBgpd {
    pub(super) fn start(netns: &Netns, folder: &Path, spec: &Spec) -> Result<Self> {
        if spec.table == Table::Kernel
            || spec.neighbours.iter().any(|n| n.bfd.is_some() || n.extended_next_hop)
        {
            bail!("OpenBGPD 7.7 on Linux has neither routes in the kernel nor BFD nor RFC 8950");
        }
        let run = folder.join("run");
        let jail = run.join("openbgpd");
        fs::create_dir_all(&jail)?;
        let user = User::from_name("_openbgpd")?;
        let user = user.context("there is no user _openbgpd: is the package openbgpd installed?")?;
        chown(&jail, Some(user.uid), Some(user.gid))?;
        let config = folder.join("bgpd.conf");
        fs::write(&config, text(spec)).with_context(|| format!("cannot write {}", config.display()))?;
        // It refuses a file that others can read.
        fs::set_permissions(&config, fs::Permissions::from_mode(0o600))?;
        let mut command = netns.command("unshare");
        command.args([
            "--mount",
            "--",
            "sh",
            "-c",
            "mount --bind \"$0\" /run && exec /usr/sbin/bgpd -d -f \"$1\"",
        ]);
        command.arg(&run).arg(&config);
        let process = Process::spawn("openbgpd", command, folder)?;
        let mut daemon = Self { socket: jail.join("control.sock"), processes: vec![process] };
        let socket = daemon.socket.to_string_lossy().into_owned();
        wait_until_up("bgpd of OpenBGPD", &mut daemon.processes[0], || {
            command::run("bgpctl", &["-s", &socket, "show", "summary"]).is_ok()
        })?;
        Ok(daemon)
    }

    fn json(&self, words: &str) -> Result<Value> {
        let answer = self.command(&format!("-j {words}"))?;
        serde_json::from_str(&answer)
            .with_context(|| format!("bgpctl's answer to `{words}` is no JSON: {answer}"))
    }
}

impl Daemon for OpenBgpd {
    fn processes(&mut self) -> &mut Vec<Process> {
        &mut self.processes
    }

    fn sessions(&self) -> Result<Vec<Session>> {
        let answer = self.json("show neighbor")?;
        let neighbours = answer["neighbors"].as_array().into_iter().flatten();
        // A range is shown too, as a template.
        Ok(neighbours.filter(|value| value["config"]["template"] != true).map(session).collect())
    }

    fn prefixes(&self) -> Result<BTreeSet<String>> {
        let answer = self.json("show rib")?;
        let learnt = answer["rib"].as_array().into_iter().flatten().filter(|route| is_learnt(route));
        Ok(learnt.filter_map(|route| route["prefix"].as_str().map(str::to_owned)).collect())
    }

    fn learnt(&self, prefix: &str) -> Result<Vec<Learnt>> {
        let answer = self.json(&format!("show rib detail {prefix}"))?;
        let routes = answer["rib"].as_array().into_iter().flatten().filter(|route| is_learnt(route));
        Ok(routes.filter(|route| route["prefix"] == prefix).map(path).collect())
    }

    fn refresh(&self) -> Result<()> {
        self.each("refresh")
    }

    fn reset(&self) -> Result<()> {
        self.each("clear")
    }

    fn describe(&self) -> Result<String> {
        Ok(self.command("show neighbor")? + &self.command("show rib detail")?)
    }

    fn command(&self, words: &str) -> Result<String> {
        let socket = self.socket.to_string_lossy().into_owned();
        let mut args = vec!["-s", socket.as_str()];
        args.extend(words.split_whitespace());
        command::run("bgpctl", &args)
    }
}

impl OpenBgpd {
    fn each(&self, what: &str) -> Result<()> {
        self.sessions()?
            .iter()
            .try_for_each(|session| self.command(&format!("neighbor {} {what}", session.neighbour)).map(drop))
    }
}

fn session(value: &Value) -> Session {
    let state = value["state"].as_str().unwrap_or_default();
    let error = value["last_error_sent"].as_str().or_else(|| value["last_error_received"].as_str());
    Session {
        neighbour: value["remote_addr"].as_str().unwrap_or_default().to_owned(),
        established: state == "Established",
        state: error.map_or_else(|| state.to_owned(), |error| format!("{state}; last error: {error}")),
    }
}

fn is_learnt(route: &Value) -> bool {
    route["neighbor"]["description"] != "LOCAL"
}

fn path(route: &Value) -> Learnt {
    let number = |field: &str| route[field].as_u64().and_then(|number| u32::try_from(number).ok());
    let words = |field: &str| {
        let words = route[field].as_array().into_iter().flatten();
        words.filter_map(|word| word.as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    Learnt {
        next_hops: route["exit_nexthop"]
            .as_str()
            .and_then(|hop| hop.parse::<IpAddr>().ok())
            .into_iter()
            .collect(),
        as_path: numbers(route["aspath"].as_str().unwrap_or_default()),
        med: number("metric"),
        local_pref: number("localpref"),
        communities: words("communities").iter().map(|word| numeric(word)).collect(),
        large_communities: words("large_communities").into_iter().collect(),
        link_bandwidth: words("extended_communities").iter().find_map(|word| bandwidth(word)),
    }
}

/// OpenBGPD has names for some communities.
fn numeric(word: &str) -> String {
    match word {
        "GRACEFUL_SHUTDOWN" => "65535:0",
        "NO_EXPORT" => "65535:65281",
        "NO_ADVERTISE" => "65535:65282",
        "NO_LLGR" => "65535:7",
        "LLGR_STALE" => "65535:6",
        other => other,
    }
    .to_owned()
}

/// It does not know the transitive community: `[4] 65001:1290693416`, subtype, AS and value.
fn bandwidth(text: &str) -> Option<u64> {
    let (asn, value) = text.strip_prefix("[4] ")?.split_once(':')?;
    link_bandwidth(4 << 48 | asn.parse::<u64>().ok()? << 32 | value.parse::<u64>().ok()?)
}

fn text(spec: &Spec) -> String {
    let Spec { local_as, router_id, neighbours, announces, .. } = spec;
    let mut text = format!(
        "AS {local_as}\nrouter-id {router_id}\nfib-update no\nconnect-retry 1\nsocket \"/run/openbgpd/control.sock\"\n"
    );
    for local in neighbours.iter().map(|neighbour| neighbour.local).collect::<BTreeSet<_>>() {
        let _ = writeln!(text, "listen on {local}");
    }
    for prefix in announces {
        let _ = writeln!(text, "network {prefix}");
    }
    for neighbour in neighbours {
        text.push_str(&peer(neighbour));
    }
    // The first line of a filter that matches nothing else; its default is to deny.
    text.push_str("allow from any\nallow to any\n");
    text
}

/// Every statement needs a line of its own.
fn peer(neighbour: &Neighbour) -> String {
    let Neighbour { name, remote, remote_as, hold_time, interface, .. } = neighbour;
    let who = match remote {
        Remote::Address(address) if neighbour.is_link_local() => format!("{address}%{interface}"),
        Remote::Address(address) => address.to_string(),
        Remote::Range(prefix) => prefix.clone(),
        Remote::Interface => "fe80::/10".to_owned(),
    };
    let mut text =
        format!("neighbor {who} {{\n  remote-as {remote_as}\n  descr \"{name}\"\n  holdtime {hold_time}\n");
    let mut option = |wanted: bool, words: &str| {
        if wanted {
            let _ = writeln!(text, "  {words}");
        }
    };
    if let Some(word) = &neighbour.password {
        option(true, &format!("tcp md5sig password \"{word}\""));
    }
    if let Some(role) = &neighbour.role {
        option(true, &format!("role {role}"));
    }
    option(neighbour.security_hops.is_some(), "ttl-security yes");
    option(neighbour.passive, "passive");
    option(neighbour.add_path, "announce add-path recv yes");
    option(neighbour.graceful_restart.is_some(), "announce restart yes");
    option(true, "announce enhanced refresh yes");
    for family in &neighbour.families {
        option(
            true,
            if *family == super::Family::V4 { "announce IPv4 unicast" } else { "announce IPv6 unicast" },
        );
    }
    text.push_str("}\n");
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_route_is_read() {
        let route = serde_json::json!({
            "prefix": "203.0.113.10/32", "aspath": "65001 65001", "exit_nexthop": "10.1.1.2", "metric": 50,
            "localpref": 100, "communities": ["65001:100", "GRACEFUL_SHUTDOWN"],
            "extended_communities": ["[4] 65001:1290693416"], "large_communities": ["65001:1:2"],
        });
        let path = super::path(&route);
        assert_eq!((path.med, path.link_bandwidth), (Some(50), Some(125_000_000)));
        assert!(path.communities.contains("65535:0") && path.large_communities.contains("65001:1:2"));
    }
}
