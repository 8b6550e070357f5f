//! Who announces: the speaker, or BIRD in its place.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use guideway_interop::site::{Over, sides};
use guideway_interop::{Agent, Site, Speaker, SpeakerConfig};
use guideway_lab::process::Process;
use guideway_lab::{command, wait};

/// Which one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Guideway,
    Bird,
}

impl Kind {
    pub(crate) const BOTH: [Self; 2] = [Self::Bird, Self::Guideway];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Guideway => "bgp-speaker",
            Self::Bird => "BIRD",
        }
    }
}

/// A running one.
pub(crate) enum Sender {
    Guideway { agent: Box<Agent>, _speaker: Box<Speaker> },
    Bird { socket: PathBuf, _process: Process },
}

/// What is announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Nothing,
    One,
    All,
}

impl Sender {
    /// Starts it in the place of speaker 1, with nothing to announce.
    pub(crate) fn start(kind: Kind, site: &Site, all: &[String], hold_time: u16) -> Result<Self> {
        let (mut ours, _) = sides(1, Over::V4);
        for neighbour in &mut ours.neighbours {
            neighbour.hold_time = hold_time;
        }
        match kind {
            Kind::Guideway => {
                let agent = Box::new(Speaker::agent(site, 1, &[])?);
                let _speaker = Box::new(Speaker::start(site, 1, &SpeakerConfig::new(ours))?);
                Ok(Self::Guideway { agent, _speaker })
            }
            Kind::Bird => {
                let folder = site.folder("bird-speaker")?;
                let (config, socket) = (folder.join("bird.conf"), folder.join("bird.ctl"));
                std::fs::write(&config, bird(all, hold_time))?;
                let _stale = std::fs::remove_file(&socket);
                let netns = site.speakers.first().context("a site without speakers")?;
                let mut run = netns.command("bird");
                run.arg("-f")
                    .arg("-c")
                    .arg(&config)
                    .arg("-s")
                    .arg(&socket)
                    .arg("-P")
                    .arg(folder.join("bird.pid"));
                let mut _process = Process::spawn("bird", run, &folder)?;
                wait::until_true("BIRD to answer", Duration::from_secs(20), || {
                    _process.check_running()?;
                    Ok(wait::listens(&socket))
                })?;
                Ok(Self::Bird { socket, _process })
            }
        }
    }

    /// Announces this from now on. Gives the moment of the request.
    pub(crate) fn announce(&self, what: What, all: &[String]) -> Result<Instant> {
        match self {
            Self::Guideway { agent, .. } => {
                let addresses = match what {
                    What::Nothing => &[],
                    What::One => &all[..1],
                    What::All => all,
                };
                let at = Instant::now();
                agent.set(addresses);
                Ok(at)
            }
            Self::Bird { socket, .. } => {
                let birdc = |words: &str| command::sh(&format!("birdc -s {} {words}", socket.display()));
                // One of both is the change that is asked for; the other is as it should be already.
                let at = Instant::now();
                match what {
                    What::Nothing => birdc("disable \"vip*\"")?,
                    What::One => birdc("enable vipone")?,
                    What::All => birdc("enable vipall")?,
                };
                Ok(at)
            }
        }
    }
}

fn bird(all: &[String], hold_time: u16) -> String {
    let mut text = "router id 10.255.1.1;\nprotocol device { scan time 10; }\n".to_owned();
    for (name, addresses) in [("vipone", &all[..1]), ("vipall", all)] {
        let _ = writeln!(text, "protocol static {name} {{ disabled; ipv4;");
        for address in addresses {
            let _ = writeln!(text, "  route {address}/32 via \"lo\";");
        }
        text.push_str("}\n");
    }
    let _ = writeln!(
        text,
        "protocol bgp tor {{ local as 65001; neighbor 10.1.1.1 as 65000; hold time {hold_time}; connect retry time 1; \
         connect delay time 1; error wait time 0, 0; \
         ipv4 {{ import all; export where source = RTS_STATIC; next hop self; }}; }}"
    );
    text
}
