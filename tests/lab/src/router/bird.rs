//! BIRD 2.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::{
    Daemon, Learnt, Neighbour, Remote, Session, Spec, Table, link_bandwidth, numbers, wait_until_up,
};
use crate::command;
use crate::netns::Netns;
use crate::process::Process;
use crate::wait;

#[derive(Debug)]
pub(super) struct Bird {
    socket: PathBuf,
    processes: Vec<Process>,
}

impl Bird {
    pub(super) fn start(netns: &Netns, folder: &Path, spec: &Spec) -> Result<Self> {
        let config = folder.join("bird.conf");
        let socket = folder.join("bird.ctl");
        fs::write(&config, text(spec)).with_context(|| format!("cannot write {}", config.display()))?;
        let _ = fs::remove_file(&socket);
        let mut command = netns.command("bird");
        command.arg("-f").arg("-c").arg(&config).arg("-s").arg(&socket);
        command.arg("-P").arg(folder.join("bird.pid"));
        let mut process = Process::spawn("bird", command, folder)?;
        wait_until_up("BIRD", &mut process, || wait::listens(&socket))?;
        Ok(Self { socket, processes: vec![process] })
    }

    /// The arguments of birdc for a command of BIRD.
    fn args(&self, words: &str) -> [String; 3] {
        ["-s".to_owned(), self.socket.to_string_lossy().into_owned(), words.to_owned()]
    }
}

impl Daemon for Bird {
    fn processes(&mut self) -> &mut Vec<Process> {
        &mut self.processes
    }

    fn sessions(&self) -> Result<Vec<Session>> {
        Ok(sessions(&self.command("show protocols all")?))
    }

    fn prefixes(&self) -> Result<BTreeSet<String>> {
        // A further path of the same prefix begins with blanks.
        let answer = self.command("show route where source = RTS_BGP")?;
        let first = |line: &str| line.split_whitespace().next().map(str::to_owned);
        Ok(answer
            .lines()
            .filter(|line| !line.starts_with(' '))
            .filter_map(first)
            .filter(|w| w.contains('/'))
            .collect())
    }

    fn learnt(&self, prefix: &str) -> Result<Vec<Learnt>> {
        let args = self.args(&format!("show route for {prefix} all where source = RTS_BGP"));
        let output = command::output("birdc", &args)?;
        // Without any route to the prefix birdc says so and ends with 1.
        if String::from_utf8_lossy(&output.stdout).contains("Network not found") {
            return Ok(Vec::new());
        }
        Ok(paths(&command::stdout("birdc", &args, output)?))
    }

    fn refresh(&self) -> Result<()> {
        self.command("reload in all").map(drop)
    }

    fn reset(&self) -> Result<()> {
        self.command("restart all").map(drop)
    }

    fn describe(&self) -> Result<String> {
        Ok(self.command("show protocols all")? + &self.command("show route all")?)
    }

    fn command(&self, words: &str) -> Result<String> {
        command::run("birdc", &self.args(words))
    }
}

fn text(spec: &Spec) -> String {
    let Spec { local_as, router_id, neighbours, announces, table } = spec;
    let mut text = format!(
        "log stderr all;\nrouter id {router_id};\nprotocol device {{ scan time 10; }}\n\
         protocol direct {{ ipv4; ipv6; }}\n"
    );
    if *table == Table::Kernel {
        for family in ["ipv4", "ipv6"] {
            let _ = writeln!(
                text,
                "protocol kernel {{ {family} {{ import none; export where source = RTS_BGP; }}; merge paths on limit 64; }}"
            );
        }
    }
    for (number, prefix) in announces.iter().enumerate() {
        let family = super::Family::of(prefix).word();
        let _ = writeln!(text, "protocol static s{number} {{ {family}; route {prefix} unreachable; }}");
    }
    if let Some(bfd) = neighbours.iter().find_map(|neighbour| neighbour.bfd) {
        let _ = writeln!(
            text,
            "protocol bfd {{ interface \"*\" {{ interval {} ms; multiplier {}; }}; }}",
            bfd.interval.as_millis(),
            bfd.multiplier
        );
    }
    for neighbour in neighbours {
        text.push_str(&protocol(*local_as, neighbour));
    }
    text
}

fn protocol(local_as: u32, neighbour: &Neighbour) -> String {
    let Neighbour { name, remote, remote_as, local, interface, hold_time, .. } = neighbour;
    let own = if *remote == Remote::Interface { String::new() } else { format!("{local} ") };
    let mut text = format!("protocol bgp {name} {{\n  local {own}as {local_as};\n");
    match remote {
        Remote::Address(address) if neighbour.is_link_local() => {
            let _ = writeln!(text, "  neighbor {address} % '{interface}' as {remote_as};");
        }
        Remote::Address(address) => {
            let _ = writeln!(text, "  neighbor {address} as {remote_as};");
        }
        // With a password or GTSM a range wants address and interface.
        Remote::Range(prefix) => {
            let _ = writeln!(
                text,
                "  neighbor range {prefix} as {remote_as}; interface \"{interface}\"; dynamic name \"{name}_\";"
            );
        }
        Remote::Interface => {
            let _ = writeln!(
                text,
                "  neighbor range fe80::/10 as {remote_as}; interface \"{interface}\"; dynamic name \"{name}_\";"
            );
        }
    }
    let _ = writeln!(
        text,
        "  hold time {hold_time}; connect retry time 1; connect delay time 1; error wait time 0, 0;"
    );
    let mut option = |wanted: bool, words: &str| {
        if wanted {
            let _ = writeln!(text, "  {words};");
        }
    };
    if let Some(word) = &neighbour.password {
        option(true, &format!("password \"{word}\""));
    }
    if let Some(time) = neighbour.graceful_restart {
        option(true, &format!("graceful restart on; graceful restart time {}", time.as_secs()));
    }
    if let Some(time) = neighbour.long_lived {
        option(true, &format!("long lived graceful restart on; long lived stale time {}", time.as_secs()));
    }
    if let Some(role) = &neighbour.role {
        option(true, &format!("local role {role}"));
    }
    match neighbour.security_hops {
        Some(1) => option(true, "ttl security on"),
        Some(hops) => option(true, &format!("multihop {hops}; ttl security on")),
        None => {}
    }
    if let Some(hops) = neighbour.multihop {
        option(true, &format!("multihop {hops}"));
    }
    option(neighbour.passive, "passive on");
    option(neighbour.bfd.is_some(), "bfd on");
    for family in &neighbour.families {
        let mut channel = match neighbour.shows_all {
            true => "import all; export where source ~ [RTS_BGP, RTS_STATIC]; add paths tx;".to_owned(),
            false => "import all; export where source = RTS_STATIC; next hop self;".to_owned(),
        };
        if neighbour.add_path {
            channel.push_str(" add paths rx;");
        }
        if neighbour.passes_on {
            channel.push_str(" gateway recursive;");
        }
        if neighbour.extended_next_hop && *family == super::Family::V4 {
            channel.push_str(" extended next hop on;");
        }
        let _ = writeln!(text, "  {} {{ {channel} }};", family.word());
    }
    text.push_str("}\n");
    text
}

/// Reads `show protocols all`: a block for each protocol, its first line with name, kind and state.
fn sessions(answer: &str) -> Vec<Session> {
    let mut sessions: Vec<Session> = Vec::new();
    let mut of_bgp = false;
    for line in answer.lines() {
        if !line.starts_with(' ') && !line.is_empty() {
            let words: Vec<&str> = line.split_whitespace().collect();
            of_bgp = words.get(1) == Some(&"BGP");
            // A range shows its own line, which is never established.
            if of_bgp {
                let state = words.get(5..).unwrap_or_default().join(" ");
                let established = state.starts_with("Established");
                sessions.push(Session { neighbour: words[0].to_owned(), established, state });
            }
        } else if of_bgp && let Some(session) = sessions.last_mut() {
            if let Some(address) = line.trim().strip_prefix("Neighbor address:") {
                session.neighbour = address.trim().to_owned();
            } else if line.trim().starts_with("Neighbor range:") {
                sessions.pop();
                of_bgp = false;
            } else if let Some(error) = line.trim().strip_prefix("Last error:") {
                session.state.push_str(&format!("; last error: {}", error.trim()));
            }
        }
    }
    sessions
}

/// Reads `show route all`.
fn paths(answer: &str) -> Vec<Learnt> {
    let mut paths: Vec<Learnt> = Vec::new();
    for line in answer.lines().map(str::trim) {
        if line == "Type: BGP univ" {
            paths.push(Learnt::default());
        }
        let Some(path) = paths.last_mut() else { continue };
        let Some((name, value)) = line.strip_prefix("BGP.").and_then(|line| line.split_once(": ")) else {
            continue;
        };
        // `(65001,100) (65001,200)`: without parentheses and blanks, colons for commas.
        let tuples = || {
            let tuple = |text: &str| text.trim_matches(['(', ' ']).replace(", ", ":").replace(',', ":");
            value.split(')').map(tuple).filter(|text| !text.is_empty()).collect::<Vec<_>>()
        };
        match name {
            "as_path" => path.as_path = numbers(value),
            "next_hop" => {
                path.next_hops = value.split_whitespace().filter_map(|word| word.parse().ok()).collect();
            }
            "med" => path.med = value.parse().ok(),
            "local_pref" => path.local_pref = value.parse().ok(),
            "community" => path.communities = tuples().into_iter().collect(),
            "large_community" => path.large_communities = tuples().into_iter().collect(),
            "ext_community" => path.link_bandwidth = tuples().iter().find_map(|text| bandwidth(text)),
            _ => {}
        }
    }
    paths
}

/// BIRD does not know the community: `unknown 0x4:65001:1290693416`.
fn bandwidth(text: &str) -> Option<u64> {
    let mut parts = text.strip_prefix("unknown 0x")?.split(':');
    let kind = u64::from_str_radix(parts.next()?, 16).ok()?;
    let asn: u64 = parts.next()?.parse().ok()?;
    let value: u64 = parts.next()?.parse().ok()?;
    link_bandwidth(kind << 48 | asn << 32 | value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_attributes_of_two_paths_are_read() {
        let answer = "BIRD 2.0.12 ready.\nTable master4:\n\
            203.0.113.10/32      unicast [a 15:49:18.147] * (100) [AS65001i]\n\tvia 10.1.1.2 on fw1\n\
            \tType: BGP univ\n\tBGP.origin: IGP\n\tBGP.as_path: 65001 65001\n\tBGP.next_hop: 10.1.1.2\n\
            \tBGP.med: 50\n\tBGP.local_pref: 100\n\tBGP.community: (65001,100) (65535,0)\n\
            \tBGP.ext_community: (unknown 0x4, 65001, 1290693416)\n\tBGP.large_community: (65001, 1, 2)\n\
            \x20                    unicast [b 15:49:18.103] (100) [AS65001i]\n\tvia fd00:1::2 on fw1\n\
            \tType: BGP univ\n\tBGP.as_path: \n\tBGP.next_hop: fd00:1::2 fe80::30c3:91ff:fe6b:1747\n";
        let [first, second] = &paths(answer)[..] else { panic!("not two paths") };
        let set = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(
            *first,
            Learnt {
                next_hops: vec!["10.1.1.2".parse().unwrap()],
                as_path: vec![65001, 65001],
                med: Some(50),
                local_pref: Some(100),
                communities: set(&["65001:100", "65535:0"]),
                large_communities: set(&["65001:1:2"]),
                link_bandwidth: Some(125_000_000),
            }
        );
        assert_eq!(second.next_hops.len(), 2);
    }

    #[test]
    fn sessions_are_read_and_ranges_are_none() {
        let answer = "BIRD 2.0.12 ready.\nName       Proto      Table      State  Since         Info\n\
            device1    Device     ---        up     15:47:19.074  \n\n\
            tor4       BGP        ---        up     15:47:19.838  Established   \n  BGP state:          Established\n\
            \x20   Neighbor address: 10.1.1.1\n\n\
            lb         BGP        ---        start  15:47:19.838  Passive       \n  BGP state:          Passive\n\
            \x20   Neighbor range:   10.1.0.0/16\n\n\
            tor6       BGP        ---        start  15:47:19.838  Connect       Socket: Connection refused\n\
            \x20   Neighbor address: fd00:1::1%fw1\n    Last error:       Socket: Connection refused\n";
        let sessions = sessions(answer);
        assert_eq!(sessions.len(), 2);
        assert!(sessions[0].established && sessions[0].neighbour == "10.1.1.1");
        assert!(!sessions[1].established && sessions[1].state.contains("refused"), "{sessions:?}");
    }
}
