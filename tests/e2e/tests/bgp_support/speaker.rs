//! The speaker under test.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use guideway_bgp_admin::v1::speaker_client::SpeakerClient;
use guideway_bgp_admin::v1::{ListPeersRequest, ListRoutesRequest, Peer, Route};
use guideway_lab::netns::Netns;
use guideway_lab::process::Process;
use guideway_lab::{binaries, wait};
use nix::sys::signal::Signal;
use tokio::runtime::Runtime;

use super::{PATIENCE, ROUTER_V4, ROUTER_V6, SPEAKER_V4, SPEAKER_V6, Site};

/// One peer in the configuration.
#[derive(Debug, Clone)]
pub struct PeerSpec {
    pub address: &'static str,
    pub remote_as: u32,
    pub hold_time: u16,
    pub password: Option<&'static str>,
}

impl PeerSpec {
    pub fn v4() -> Self {
        Self { address: ROUTER_V4, remote_as: 65000, hold_time: 9, password: None }
    }

    pub fn v6() -> Self {
        Self { address: ROUTER_V6, ..Self::v4() }
    }

    fn text(&self) -> String {
        let Self { address, remote_as, hold_time, password } = self;
        let password = password.map(|word| format!("    password: {word}\n")).unwrap_or_default();
        // Only the family that is not the session's own needs a next hop.
        let next_hop = if address.contains(':') {
            format!("next_hop_v4: {SPEAKER_V4}")
        } else {
            format!("next_hop_v6: \"{SPEAKER_V6}\"")
        };
        format!(
            "  - address: \"{address}\"\n    remote_as: {remote_as}\n    hold_time: {hold_time}s\n    connect_retry: 1s\n    \
             graceful_restart: off\n{password}    families: [ipv4, ipv6]\n    {next_hop}\n"
        )
    }
}

/// A running speaker.
pub struct Speaker {
    pub process: Process,
    folder: PathBuf,
    netns: Netns,
    runtime: Runtime,
    hold: Duration,
}

impl Speaker {
    /// The socket where the speaker looks for the agent.
    pub fn agent_socket(site: &Site) -> Result<PathBuf> {
        Ok(site.folder("agent")?.join("dataplane.sock"))
    }

    pub fn start(site: &Site, agent_hold: Duration, peers: &[PeerSpec]) -> Result<Self> {
        let folder = site.folder("speaker")?;
        write_config(&folder, site, agent_hold, peers)?;
        let mut command = site.speaker.command(binaries::binary("bgp-speaker")?);
        command.arg("run").arg("--config").arg(folder.join("bgp.yaml")).arg("--state-dir").arg(folder.join("state"));
        let process = Process::spawn("bgp-speaker", command, &folder)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut speaker = Self { process, folder, netns: site.speaker.clone(), runtime, hold: agent_hold };
        wait::until_true("the speaker to serve its admin socket", PATIENCE, || {
            speaker.process.check_running()?;
            Ok(speaker.peers().is_ok())
        })?;
        Ok(speaker)
    }

    /// Writes another configuration and sends SIGHUP.
    pub fn reload(&self, site: &Site, peers: &[PeerSpec]) -> Result<()> {
        write_config(&self.folder, site, self.hold, peers)?;
        self.process.signal(Signal::SIGHUP)
    }

    /// Puts something else in place of the configuration and sends SIGHUP.
    pub fn reload_text(&self, text: &str) -> Result<()> {
        fs::write(self.folder.join("bgp.yaml"), text)?;
        self.process.signal(Signal::SIGHUP)
    }

    pub fn peers(&self) -> Result<Vec<Peer>> {
        self.runtime.block_on(async {
            let channel = guideway_dataplane_admin::connect(self.folder.join("bgp.sock")).await?;
            Ok(SpeakerClient::new(channel).list_peers(ListPeersRequest {}).await?.into_inner().peers)
        })
    }

    pub fn routes(&self) -> Result<Vec<Route>> {
        self.runtime.block_on(async {
            let channel = guideway_dataplane_admin::connect(self.folder.join("bgp.sock")).await?;
            Ok(SpeakerClient::new(channel).list_routes(ListRoutesRequest {}).await?.into_inner().routes)
        })
    }

    pub fn peer(&self, address: &str) -> Result<Peer> {
        self.peers()?
            .into_iter()
            .find(|peer| peer.address == address)
            .with_context(|| format!("no peer {address}"))
    }

    pub fn wait_established(&self, address: &str) -> Result<Peer> {
        self.wait_peer(address, "an established session", |peer| peer.state == "Established")
    }

    /// Waits until the peer is as wanted.
    pub fn wait_peer(&self, address: &str, what: &str, wanted: impl Fn(&Peer) -> bool) -> Result<Peer> {
        let waited = wait::until(&format!("{what} with {address}"), PATIENCE, || {
            Ok(self.peers()?.into_iter().find(|peer| peer.address == address).filter(&wanted))
        });
        match waited {
            Ok((peer, _)) => Ok(peer),
            Err(error) => bail!("{error:#}; the peer is {:?}", self.peer(address)),
        }
    }

    /// Status code and body of a path of the metrics address.
    pub fn http(&self, path: &str) -> Result<(u16, String)> {
        let url = format!("http://127.0.0.1:9471{path}");
        let answer = self.netns.run("curl", &["-s", "-w", "\n%{http_code}", &url])?;
        let (body, code) = answer.rsplit_once('\n').context("curl gave no status code")?;
        Ok((code.parse()?, body.to_owned()))
    }
}

fn write_config(folder: &std::path::Path, site: &Site, hold: Duration, peers: &[PeerSpec]) -> Result<()> {
    let peers: String = peers.iter().map(PeerSpec::text).collect();
    let text = format!(
        "local_as: 65001\nrouter_id: 10.255.1.1\nagent: {{socket: {}, hold: {}s}}\nadmin: {{socket: {}}}\n\
         metrics: {{listen: \"127.0.0.1:9471\"}}\npeers:\n{peers}",
        Speaker::agent_socket(site)?.display(),
        hold.as_secs(),
        folder.join("bgp.sock").display(),
    );
    fs::write(folder.join("bgp.yaml"), text).context("cannot write the speaker's configuration")
}
