//! ExaBGP. It keeps no table: what it hears goes as lines of JSON to a process, here a shell that writes them to a file
//! and hands on the commands of another one. The table is made of these lines.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::{Daemon, Family, Learnt, Neighbour, Remote, Session, Spec, Table, link_bandwidth, wait_until_up};
use crate::netns::Netns;
use crate::process::Process;

#[derive(Debug)]
pub(super) struct ExaBgp {
    events: PathBuf,
    commands: PathBuf,
    families: Vec<Family>,
    processes: Vec<Process>,
}

impl ExaBgp {
    pub(super) fn start(netns: &Netns, folder: &Path, spec: &Spec) -> Result<Self> {
        if spec.table == Table::Kernel || spec.neighbours.iter().any(|n| n.bfd.is_some() || n.role.is_some())
        {
            bail!("ExaBGP 4.2 has neither routes in the kernel nor BFD nor roles");
        }
        let (events, commands) = (folder.join("events.json"), folder.join("commands"));
        fs::write(&events, "")?;
        fs::write(&commands, "")?;
        let script = folder.join("api.sh");
        // A shell takes the standard input from processes in the background, but not another descriptor.
        fs::write(
            &script,
            format!(
                "#!/bin/sh\nexec 3<&0\ncat <&3 >> {} &\nexec tail -n +1 -s 0.05 -f {}\n",
                events.display(),
                commands.display()
            ),
        )?;
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
        let config = folder.join("exabgp.conf");
        fs::write(&config, text(spec, &script))
            .with_context(|| format!("cannot write {}", config.display()))?;
        let listen: BTreeSet<String> = spec.neighbours.iter().map(|n| n.local.to_string()).collect();
        let mut command = netns.command("exabgp");
        command
            .env("exabgp.daemon.user", "root")
            .env("exabgp.daemon.daemonize", "false")
            .env("exabgp.log.destination", "stderr")
            .env("exabgp.api.cli", "false")
            .env("exabgp.tcp.bind", listen.into_iter().collect::<Vec<_>>().join(" "))
            .env("exabgp.tcp.port", "179")
            // Nobody's settings in /etc.
            .arg("-e")
            .arg(folder.join("none.env"))
            .arg(&config);
        let mut process = Process::spawn("exabgp", command, folder)?;
        let log = process.log().to_owned();
        wait_until_up("ExaBGP", &mut process, || {
            fs::read_to_string(&log).is_ok_and(|text| text.contains("loaded new configuration"))
        })?;
        let families = spec.neighbours.iter().flat_map(|n| n.families.clone()).collect();
        Ok(Self { events, commands, families, processes: vec![process] })
    }

    fn history(&self) -> Result<History> {
        let text = fs::read_to_string(&self.events).context("cannot read what ExaBGP heard")?;
        Ok(History::of(&text))
    }
}

impl Daemon for ExaBgp {
    fn processes(&mut self) -> &mut Vec<Process> {
        &mut self.processes
    }

    fn sessions(&self) -> Result<Vec<Session>> {
        let history = self.history()?;
        let session =
            |(neighbour, state): (String, String)| Session { neighbour, established: state == "up", state };
        Ok(history.states.into_iter().map(session).collect())
    }

    fn prefixes(&self) -> Result<BTreeSet<String>> {
        Ok(self.history()?.routes.into_keys().map(|(_, prefix)| prefix).collect())
    }

    fn learnt(&self, prefix: &str) -> Result<Vec<Learnt>> {
        Ok(self
            .history()?
            .routes
            .into_iter()
            .filter(|((_, of), _)| of == prefix)
            .map(|(_, path)| path)
            .collect())
    }

    fn refresh(&self) -> Result<()> {
        Family::BOTH.into_iter().filter(|family| self.families.contains(family)).try_for_each(|family| {
            self.command(&format!("announce route-refresh {} unicast", family.word())).map(drop)
        })
    }

    fn reset(&self) -> Result<()> {
        // 4.2 has no command for the session of one neighbour only that keeps the configuration.
        self.command("restart").map(drop)
    }

    fn describe(&self) -> Result<String> {
        fs::read_to_string(&self.events).context("cannot read what ExaBGP heard")
    }

    /// The answer of a command is an event.
    fn command(&self, words: &str) -> Result<String> {
        let mut file = File::options().append(true).open(&self.commands)?;
        writeln!(file, "{words}").context("cannot hand a command to ExaBGP")?;
        Ok(String::new())
    }
}

/// What the events come to.
#[derive(Debug, Default, PartialEq)]
struct History {
    /// By neighbour.
    states: BTreeMap<String, String>,
    /// By neighbour and prefix.
    routes: BTreeMap<(String, String), Learnt>,
}

impl History {
    fn of(text: &str) -> Self {
        let mut history = Self::default();
        // A line may be half written, and some events of 4.2 are no JSON (`"afi": ""ipv4""`).
        for event in text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
            let peer = event["neighbor"]["address"]["peer"].as_str().unwrap_or_default().to_owned();
            match event["type"].as_str() {
                Some("state") => {
                    let state = event["neighbor"]["state"].as_str().unwrap_or_default().to_owned();
                    if state == "down" {
                        history.routes.retain(|(of, _), _| *of != peer);
                    }
                    history.states.insert(peer, state);
                }
                Some("update") => history.update(&peer, &event["neighbor"]["message"]["update"]),
                _ => {}
            }
        }
        history
    }

    fn update(&mut self, peer: &str, update: &Value) {
        let nlri = |value: &Value| value["nlri"].as_str().map(str::to_owned);
        for list in
            update["withdraw"].as_object().into_iter().flatten().filter_map(|(_, list)| list.as_array())
        {
            for prefix in list.iter().filter_map(nlri) {
                self.routes.remove(&(peer.to_owned(), prefix));
            }
        }
        for (_, hops) in update["announce"].as_object().into_iter().flatten() {
            let hops: Vec<(&String, &Value)> = hops.as_object().into_iter().flatten().collect();
            let Some((_, list)) = hops.first() else { continue };
            let mut learnt = attributes(&update["attribute"]);
            // A link-local next hop beside the global one is listed as another one with the same prefixes.
            learnt.next_hops = hops.iter().filter_map(|(hop, _)| hop.parse().ok()).collect();
            for prefix in list.as_array().into_iter().flatten().filter_map(nlri) {
                self.routes.insert((peer.to_owned(), prefix), learnt.clone());
            }
        }
    }
}

fn attributes(value: &Value) -> Learnt {
    let number = |value: &Value| value.as_u64().and_then(|number| u32::try_from(number).ok());
    let list = |field: &str| value[field].as_array().cloned().unwrap_or_default();
    let tuple = |value: &Value| {
        let parts = value.as_array().into_iter().flatten().map(ToString::to_string);
        parts.collect::<Vec<_>>().join(":")
    };
    Learnt {
        next_hops: Vec::new(),
        as_path: list("as-path").iter().filter_map(number).collect(),
        med: number(&value["med"]),
        local_pref: number(&value["local-preference"]),
        communities: list("community").iter().map(tuple).collect(),
        large_communities: list("large-community").iter().map(tuple).collect(),
        link_bandwidth: list("extended-community").iter().find_map(|c| link_bandwidth(c["value"].as_u64()?)),
    }
}

fn text(spec: &Spec, script: &Path) -> String {
    let mut text = format!("process api {{ run {}; encoder json; }}\n", script.display());
    for neighbour in &spec.neighbours {
        text.push_str(&peer(spec, neighbour));
    }
    text
}

fn peer(spec: &Spec, neighbour: &Neighbour) -> String {
    let Neighbour { remote, remote_as, local, hold_time, .. } = neighbour;
    let who = match remote {
        Remote::Address(address) => address.to_string(),
        Remote::Range(prefix) => prefix.clone(),
        Remote::Interface => "fe80::/10".to_owned(),
    };
    let mut text = format!(
        "neighbor {who} {{\n  router-id {}; local-as {}; peer-as {remote_as}; hold-time {hold_time}; local-address {local};\n",
        spec.router_id, spec.local_as
    );
    let mut option = |wanted: bool, words: &str| {
        if wanted {
            let _ = writeln!(text, "  {words};");
        }
    };
    option(neighbour.passive, "passive true");
    if let Some(word) = &neighbour.password {
        option(true, &format!("md5-password '{word}'"));
    }
    if let Some(hops) = neighbour.security_hops {
        option(true, &format!("outgoing-ttl 255; incoming-ttl {}", 256 - u16::from(hops)));
    }
    let families: String =
        neighbour.families.iter().map(|family| format!("{} unicast; ", family.word())).collect();
    let _ = writeln!(text, "  family {{ {families}}}");
    let mut capabilities = "route-refresh enable; ".to_owned();
    if let Some(time) = neighbour.graceful_restart {
        let _ = write!(capabilities, "graceful-restart {}; ", time.as_secs());
    }
    if neighbour.add_path {
        capabilities.push_str("add-path receive; ");
    }
    if neighbour.extended_next_hop {
        capabilities.push_str("nexthop enable; ");
        text.push_str("  nexthop { ipv4 unicast ipv6; }\n");
    }
    let _ = writeln!(text, "  capability {{ {capabilities}}}");
    text.push_str(
        "  api { processes [ api ]; neighbor-changes; receive { parsed; update; open; notification; refresh; } }\n",
    );
    text.push_str("  static {\n");
    for prefix in &spec.announces {
        // `self` is the address of the session.
        if local.is_ipv6() == (Family::of(prefix) == Family::V6) {
            let _ = writeln!(text, "    route {prefix} next-hop self;");
        }
    }
    text.push_str("  }\n}\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: &str = r#""address": { "local": "fd00:1::1", "peer": "fd00:1::2" }"#;

    #[test]
    fn the_table_is_made_of_events() {
        let mut text = format!(
            r#"{{ "type": "state", "neighbor": {{ {PEER}, "state": "up" }} }}
{{ "type": "update", "neighbor": {{ {PEER}, "message": {{ "update": {{ "attribute": {{ "as-path": [ 65001, 65001 ],
"#
        )
        .replace("],\n", "], ");
        text.push_str(
            r#""med": 50, "community": [ [ 65001, 100 ] ], "extended-community": [ { "value": 1405078366743336 } ],
"#
            .trim_end(),
        );
        text.push_str(
            r#" "large-community": [ [ 65001, 1 , 2 ] ] }, "announce": { "ipv4 unicast": { "fd00:1::2": [ { "nlri": "203.0.113.10/32" } ], "fe80::1": [ { "nlri": "203.0.113.10/32" } ] } } } } } }
"#,
        );
        let history = History::of(&text);
        assert_eq!(history.states["fd00:1::2"], "up");
        let path = &history.routes[&("fd00:1::2".to_owned(), "203.0.113.10/32".to_owned())];
        assert_eq!(
            (path.as_path.len(), path.next_hops.len(), path.link_bandwidth),
            (2, 2, Some(125_000_000))
        );
        assert!(path.communities.contains("65001:100") && path.large_communities.contains("65001:1:2"));

        let withdraw = format!(
            r#"{{ "type": "update", "neighbor": {{ {PEER}, "message": {{ "update": {{ "withdraw": {{ "ipv4 unicast": [ {{ "nlri": "203.0.113.10/32" }} ] }} }} }} }} }}
"#
        );
        assert!(History::of(&(text.clone() + &withdraw)).routes.is_empty());
        let down = format!("{{ \"type\": \"state\", \"neighbor\": {{ {PEER}, \"state\": \"down\" }} }}\n");
        assert!(History::of(&(text + "{ \"afi\": \"\"ipv4\"\" }\n" + &down)).routes.is_empty());
    }
}
