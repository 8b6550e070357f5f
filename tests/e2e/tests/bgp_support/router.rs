//! Real routers: BIRD 2 and FRR, each with the sessions that a scenario asks for.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use guideway_lab::netns::Netns;
use guideway_lab::process::Process;
use guideway_lab::{command, wait};
use nix::sys::signal::Signal;
use nix::unistd::{Group, User, chown};

use super::{PATIENCE, SPEAKER_V4, SPEAKER_V6, Site};

/// The router software.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Bird,
    Frr,
}

/// What the router is configured with.
#[derive(Debug, Clone)]
pub struct Spec {
    pub local_as: u32,
    pub hold_time: u16,
    pub password: Option<&'static str>,
    /// Sessions over IPv4, IPv6 or both; each carries both families.
    pub sessions: Vec<Over>,
}

/// The protocol that carries a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    V4,
    V6,
}

impl Over {
    fn speaker(self) -> &'static str {
        match self {
            Self::V4 => SPEAKER_V4,
            Self::V6 => SPEAKER_V6,
        }
    }
}

impl Default for Spec {
    fn default() -> Self {
        Self { local_as: 65000, hold_time: 9, password: None, sessions: vec![Over::V4] }
    }
}

/// A running router.
pub struct Router {
    kind: Kind,
    netns: Netns,
    folder: PathBuf,
    /// BIRD, or zebra and bgpd.
    processes: Vec<Process>,
}

impl Router {
    pub fn start(kind: Kind, site: &Site, spec: &Spec) -> Result<Self> {
        let folder = site.folder("router")?;
        let netns = site.router.clone();
        let processes = match kind {
            Kind::Bird => start_bird(&netns, &folder, spec)?,
            Kind::Frr => start_frr(&netns, &folder, spec)?,
        };
        Ok(Self { kind, netns, folder, processes })
    }

    /// The prefixes that the router has learnt, both families.
    pub fn routes(&self) -> Result<BTreeSet<String>> {
        let mut routes = BTreeSet::new();
        match self.kind {
            Kind::Bird => {
                for line in self.command("show route")?.lines() {
                    routes.extend(
                        line.split_whitespace().next().filter(|word| word.contains('/')).map(str::to_owned),
                    );
                }
            }
            Kind::Frr => {
                for family in ["ipv4", "ipv6"] {
                    let answer = self.command(&format!("show bgp {family} unicast json"))?;
                    let answer: serde_json::Value =
                        serde_json::from_str(&answer).context("FRR's answer is no JSON")?;
                    routes.extend(
                        answer["routes"].as_object().into_iter().flatten().map(|(prefix, _)| prefix.clone()),
                    );
                }
            }
        }
        Ok(routes)
    }

    /// Everything that the router knows about one prefix, as text.
    pub fn route(&self, prefix: &str) -> Result<String> {
        match self.kind {
            Kind::Bird => self.command(&format!("show route for {prefix} all")),
            Kind::Frr => {
                let family = if prefix.contains(':') { "ipv6" } else { "ipv4" };
                self.command(&format!("show bgp {family} unicast {prefix}"))
            }
        }
    }

    /// What the router says about its sessions, as text.
    pub fn sessions(&self) -> Result<String> {
        match self.kind {
            Kind::Bird => self.command("show protocols all"),
            Kind::Frr => self.command("show bgp neighbors"),
        }
    }

    /// Asks for all routes again.
    pub fn refresh(&self) -> Result<()> {
        match self.kind {
            Kind::Bird => self.command("reload in all").map(drop),
            Kind::Frr => {
                self.command("clear bgp ipv4 unicast * soft in")?;
                self.command("clear bgp ipv6 unicast * soft in").map(drop)
            }
        }
    }

    pub fn signal(&self, signal: Signal) -> Result<()> {
        self.processes.iter().try_for_each(|process| process.signal(signal))
    }

    /// Ends the router and waits until it is gone.
    pub fn stop(self) -> Result<()> {
        for process in self.processes.into_iter().rev() {
            process.stop()?;
        }
        Ok(())
    }

    fn command(&self, words: &str) -> Result<String> {
        match self.kind {
            Kind::Bird => {
                let socket = self.folder.join("bird.ctl").display().to_string();
                let mut args = vec!["-s", socket.as_str()];
                args.extend(words.split_whitespace());
                command::run("birdc", &args)
            }
            Kind::Frr => self.netns.run("vtysh", &["-N", self.netns.name(), "-c", words]),
        }
    }
}

fn start_bird(netns: &Netns, folder: &Path, spec: &Spec) -> Result<Vec<Process>> {
    let mut text = "log stderr all;\nrouter id 10.255.0.1;\nprotocol device { }\n".to_owned();
    for over in &spec.sessions {
        let password = spec.password.map(|word| format!("password \"{word}\";")).unwrap_or_default();
        text.push_str(&format!(
            "protocol bgp fw1_{over:?} {{
  local as {}; neighbor {} as 65001; {password}
  hold time {}; connect retry time 1; connect delay time 1; error wait time 1, 2;
  ipv4 {{ import all; export none; import keep filtered off; }};
  ipv6 {{ import all; export none; }};
}}\n",
            spec.local_as,
            over.speaker(),
            spec.hold_time
        ));
    }
    let config = folder.join("bird.conf");
    fs::write(&config, text)?;
    let socket = folder.join("bird.ctl");
    let mut bird = netns.command("bird");
    bird.arg("-f").arg("-c").arg(&config).arg("-s").arg(&socket).arg("-P").arg(folder.join("bird.pid"));
    let mut process = Process::spawn("bird", bird, folder)?;
    wait::until_true("BIRD to listen on its socket", PATIENCE, || {
        process.check_running()?;
        Ok(socket.exists())
    })?;
    Ok(vec![process])
}

fn start_frr(netns: &Netns, folder: &Path, spec: &Spec) -> Result<Vec<Process>> {
    let space = netns.name();
    frr_owns(&Path::new("/var/run/frr").join(space), "frr", 0o755)?;
    let config = Path::new("/etc/frr").join(space);
    frr_owns(&config, "frrvty", 0o750)?;
    let file = config.join("frr.conf");
    fs::write(&file, frr_config(spec))?;
    give(&file, "frr", 0o640)?;
    fs::write(config.join("vtysh.conf"), "")?;
    let mut processes = Vec::new();
    for daemon in ["zebra", "bgpd"] {
        let vty = Path::new("/var/run/frr").join(space).join(format!("{daemon}.vty"));
        let _ = fs::remove_file(&vty);
        let mut command = netns.command(format!("/usr/lib/frr/{daemon}"));
        command.args(["-N", space, "-A", "127.0.0.1", "--log", "stdout"]);
        let mut process = Process::spawn(daemon, command, folder)?;
        wait::until_true(&format!("{daemon} to listen"), PATIENCE, || {
            process.check_running()?;
            Ok(vty.exists())
        })?;
        processes.push(process);
    }
    netns.run("vtysh", &["-N", space, "-b"]).context("FRR refused its configuration")?;
    Ok(processes)
}

fn frr_config(spec: &Spec) -> String {
    let Spec { local_as, hold_time, password, sessions } = spec;
    let mut text = format!(
        "frr version 8.4.4\nfrr defaults datacenter\nhostname tor\nno zebra nexthop kernel enable\n!\n\
         router bgp {local_as}\n bgp router-id 10.255.0.1\n no bgp ebgp-requires-policy\n"
    );
    for over in sessions {
        let address = over.speaker();
        text.push_str(&format!(" neighbor {address} remote-as 65001\n"));
        text.push_str(&format!(" neighbor {address} timers {} {hold_time}\n", hold_time / 3));
        text.push_str(&format!(" neighbor {address} timers connect 1\n"));
        if let Some(password) = password {
            text.push_str(&format!(" neighbor {address} password {password}\n"));
        }
    }
    for family in ["ipv4", "ipv6"] {
        text.push_str(&format!(" address-family {family} unicast\n"));
        for over in sessions {
            text.push_str(&format!("  neighbor {} activate\n", over.speaker()));
        }
        text.push_str(" exit-address-family\n");
    }
    text.push_str("!\nline vty\n");
    text
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
