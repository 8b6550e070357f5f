//! Real routers: the BFD of BIRD 2 and of FRR.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use guideway_lab::netns::Netns;
use guideway_lab::process::Process;
use guideway_lab::{command, wait};
use nix::unistd::{Group, User, chown};

use super::PATIENCE;
use super::site::Site;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Bird,
    Frr,
}

/// A session as the router has it.
#[derive(Debug, Clone)]
pub struct Peer {
    pub address: String,
    /// Own address, where the router has to be told: for multihop.
    pub local: Option<String>,
    pub interface: Option<&'static str>,
    pub millis: u32,
    pub mult: u8,
    /// BIRD's words for authentication.
    pub authentication: Option<String>,
    /// More lines for FRR.
    pub more: Vec<&'static str>,
}

impl Peer {
    pub fn on_link(address: &str) -> Self {
        Self {
            address: address.to_owned(),
            local: None,
            interface: Some("fw1"),
            millis: 50,
            mult: 3,
            authentication: None,
            more: Vec::new(),
        }
    }

    pub fn multihop(address: &str, local: &str) -> Self {
        Self { local: Some(local.to_owned()), interface: None, ..Self::on_link(address) }
    }
}

pub struct Router {
    kind: Kind,
    netns: Netns,
    folder: PathBuf,
    processes: Vec<Process>,
}

impl Router {
    pub fn start(kind: Kind, site: &Site, peer: &Peer) -> Result<Self> {
        let folder = site.folder("router")?;
        let netns = site.router.clone();
        let processes = match kind {
            Kind::Bird => start_bird(&netns, &folder, peer)?,
            Kind::Frr => start_frr(&netns, &folder, peer)?,
        };
        Ok(Self { kind, netns, folder, processes })
    }

    /// Real-time scheduling for the router's processes: a real one is a machine of its own, which this one's load does not
    /// touch.
    pub fn set_real_time(&self) -> Result<()> {
        for process in &self.processes {
            command::sh(&format!("chrt -a -f -p 45 {}", process.pid()))?;
        }
        Ok(())
    }

    /// Its processes run on this CPU only, and in real time.
    pub fn set_cpu(&self, cpu: usize) -> Result<()> {
        self.set_real_time()?;
        for process in &self.processes {
            command::sh(&format!("taskset -a -p -c {cpu} {}", process.pid()))?;
        }
        Ok(())
    }

    /// Another configuration, at run time.
    pub fn configure(&self, peer: &Peer) -> Result<()> {
        match self.kind {
            Kind::Bird => {
                fs::write(self.folder.join("bird.conf"), bird_config(peer))?;
                self.command("configure").map(drop)
            }
            Kind::Frr => {
                let lines = frr_peer(peer);
                let mut args = vec!["-N", self.netns.name(), "-c", "configure terminal", "-c", "bfd"];
                for line in &lines {
                    args.extend(["-c", line.trim()]);
                }
                self.netns.run("vtysh", &args).map(drop)
            }
        }
    }

    /// FRR's operator takes the session down, or up again. (BIRD's cannot: a disabled session falls silent.)
    pub fn set_frr_shutdown(&self, peer: &Peer, shutdown: bool) -> Result<()> {
        let mut peer = peer.clone();
        peer.more.push(if shutdown { "shutdown" } else { "no shutdown" });
        self.configure(&peer)
    }

    /// The state in the router's words, in lower case: `up`, `down`, `init`, `admindown`; empty: no session.
    pub fn state(&self) -> Result<String> {
        Ok(match self.kind {
            Kind::Bird => {
                let text = self.command("show bfd sessions")?;
                let line = text.lines().find(|line| line.starts_with("10.") || line.starts_with('f'));
                line.and_then(|line| line.split_whitespace().nth(2)).unwrap_or_default().to_lowercase()
            }
            Kind::Frr => {
                let peer = self.frr_session()?;
                let status = peer["status"].as_str().unwrap_or_default();
                if status == "shutdown" { "admindown".to_owned() } else { status.to_owned() }
            }
        })
    }

    pub fn wait_state(&self, state: &str) -> Result<()> {
        let mut seen = String::new();
        let waited = wait::until_true("", PATIENCE, || {
            seen = self.state()?;
            Ok(seen == state)
        });
        waited.map(drop).with_context(|| format!("the router's session is {seen:?}, not {state}"))
    }

    /// How often the session went down; FRR counts.
    pub fn frr_downs(&self) -> Result<u64> {
        let text = self.frr("show bfd peers counters json")?;
        let peers: serde_json::Value = serde_json::from_str(&text)?;
        peers[0]["session-down"].as_u64().context("FRR shows no counter of downs")
    }

    pub fn frr_session(&self) -> Result<serde_json::Value> {
        let peers: serde_json::Value = serde_json::from_str(&self.frr("show bfd peers json")?)?;
        Ok(peers[0].clone())
    }

    pub fn frr(&self, words: &str) -> Result<String> {
        self.netns.run("vtysh", &["-N", self.netns.name(), "-c", words])
    }

    /// What the router says of its session, to be read.
    pub fn show(&self) -> Result<String> {
        match self.kind {
            Kind::Bird => self.command("show bfd sessions"),
            Kind::Frr => self.frr("show bfd peers"),
        }
    }

    pub fn stop(self) -> Result<()> {
        for process in self.processes.into_iter().rev() {
            process.stop()?;
        }
        Ok(())
    }

    /// SIGKILL: nobody is told.
    pub fn kill(self) -> Result<()> {
        self.processes.into_iter().rev().try_for_each(Process::kill_hard)
    }

    fn command(&self, words: &str) -> Result<String> {
        let socket = self.folder.join("bird.ctl").display().to_string();
        let mut args = vec!["-s", socket.as_str()];
        args.extend(words.split_whitespace());
        command::run("birdc", &args)
    }
}

fn bird_config(peer: &Peer) -> String {
    let Peer { address, local, interface, millis, mult, authentication, .. } = peer;
    let authentication = authentication.as_deref().unwrap_or_default();
    let options = format!(
        "min rx interval {millis} ms; min tx interval {millis} ms; multiplier {mult}; {authentication}"
    );
    let (block, neighbor) = match (interface, local) {
        (Some(interface), _) => (
            format!("interface \"{interface}\" {{ {options} }};"),
            format!("neighbor {address} dev \"{interface}\";"),
        ),
        (None, local) => {
            let local = local.as_deref().unwrap_or_default();
            (format!("multihop {{ {options} }};"), format!("neighbor {address} local {local} multihop on;"))
        }
    };
    format!(
        "log stderr all;\nrouter id 10.255.0.1;\nprotocol device {{ }}\nprotocol bfd watch {{\n  {block}\n  {neighbor}\n}}\n"
    )
}

fn start_bird(netns: &Netns, folder: &Path, peer: &Peer) -> Result<Vec<Process>> {
    let config = folder.join("bird.conf");
    fs::write(&config, bird_config(peer))?;
    let socket = folder.join("bird.ctl");
    let _ = fs::remove_file(&socket);
    let mut bird = netns.command("bird");
    bird.arg("-f").arg("-c").arg(&config).arg("-s").arg(&socket).arg("-P").arg(folder.join("bird.pid"));
    let mut process = Process::spawn("bird", bird, folder)?;
    wait::until_true("BIRD to listen on its socket", PATIENCE, || {
        process.check_running()?;
        Ok(wait::listens(&socket))
    })?;
    Ok(vec![process])
}

fn frr_peer(peer: &Peer) -> Vec<String> {
    let Peer { address, local, interface, millis, mult, more, .. } = peer;
    let mut head = format!(" peer {address}");
    if interface.is_none() {
        head.push_str(" multihop");
    }
    if let Some(local) = local {
        head.push_str(&format!(" local-address {local}"));
    }
    if let Some(interface) = interface {
        head.push_str(&format!(" interface {interface}"));
    }
    let mut lines = vec![
        head,
        format!("  transmit-interval {millis}"),
        format!("  receive-interval {millis}"),
        format!("  detect-multiplier {mult}"),
    ];
    lines.extend(more.iter().map(|line| format!("  {line}")));
    lines
}

fn start_frr(netns: &Netns, folder: &Path, peer: &Peer) -> Result<Vec<Process>> {
    let space = netns.name();
    frr_owns(&Path::new("/var/run/frr").join(space), "frr", 0o755)?;
    let config = Path::new("/etc/frr").join(space);
    frr_owns(&config, "frrvty", 0o750)?;
    let file = config.join("frr.conf");
    let text = format!(
        "frr version 8.4.4\nfrr defaults datacenter\nhostname tor\nbfd\n{}\n",
        frr_peer(peer).join("\n")
    );
    fs::write(&file, text)?;
    give(&file, "frr", 0o640)?;
    fs::write(config.join("vtysh.conf"), "")?;
    let mut processes = Vec::new();
    for daemon in ["zebra", "bfdd"] {
        let vty = Path::new("/var/run/frr").join(space).join(format!("{daemon}.vty"));
        let _ = fs::remove_file(&vty);
        let mut command = netns.command(format!("/usr/lib/frr/{daemon}"));
        command.args(["-N", space, "-A", "127.0.0.1", "--log", "stdout"]);
        let mut process = Process::spawn(daemon, command, folder)?;
        wait::until_true(&format!("{daemon} to listen"), PATIENCE, || {
            process.check_running()?;
            Ok(wait::listens(&vty))
        })?;
        processes.push(process);
    }
    netns.run("vtysh", &["-N", space, "-b"]).context("FRR refused its configuration")?;
    Ok(processes)
}

/// FRR gives up root and wants its folders to belong to its user.
fn frr_owns(folder: &Path, group: &str, mode: u32) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    give(folder, group, mode)
}

fn give(path: &Path, group: &str, mode: u32) -> Result<()> {
    let user = User::from_name("frr")?.context("there is no user frr: is the package frr installed?")?;
    let group = Group::from_name(group)?.with_context(|| format!("there is no group {group}"))?;
    chown(path, Some(user.uid), Some(group.gid))?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    Ok(())
}
