//! The speaker under test.

mod config;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use guideway_bgp_admin::v1::speaker_client::SpeakerClient;
use guideway_bgp_admin::v1::{
    self as api, AdjRibRequest, ListPeersRequest, ListRoutesRequest, ResetPeerRequest, SessionHistoryRequest,
};
use guideway_lab::netns::Netns;
use guideway_lab::process::Process;
use guideway_lab::{binaries, command, wait};
use nix::sys::signal::Signal;
use tokio::runtime::Runtime;
use tonic::transport::Channel;

use crate::{Agent, PATIENCE, Site};

pub use config::SpeakerConfig;

/// A running speaker.
#[derive(Debug)]
pub struct Speaker {
    /// The process.
    pub process: Process,
    folder: PathBuf,
    netns: Netns,
    runtime: Runtime,
}

impl Speaker {
    /// The socket where speaker `number` of the site looks for the agent.
    ///
    /// # Errors
    /// When its folder cannot be made.
    pub fn agent_socket(site: &Site, number: usize) -> Result<PathBuf> {
        Ok(site.folder(&format!("agent{number}"))?.join("dataplane.sock"))
    }

    /// Starts a stand-in of the agent for speaker `number` of the site, counted from 1.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn agent(site: &Site, number: usize, addresses: &[String]) -> Result<Agent> {
        Agent::start(&Self::agent_socket(site, number)?, addresses)
    }

    /// Starts speaker `number` of the site, counted from 1, and waits until it serves its admin socket.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start(site: &Site, number: usize, config: &SpeakerConfig) -> Result<Self> {
        let folder = site.folder(&format!("speaker{number}"))?;
        let netns = site.speakers.get(number - 1).context("the site has fewer speakers")?.clone();
        let agent = Self::agent_socket(site, number)?;
        fs::write(folder.join("bgp.yaml"), config.yaml(&agent, &folder))?;
        let mut command = netns.command(binaries::binary("bgp-speaker")?);
        command.arg("run").arg("--config").arg(folder.join("bgp.yaml"));
        command.arg("--state-dir").arg(folder.join("state"));
        let process = Process::spawn("bgp-speaker", command, &folder)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut speaker = Self { process, folder, netns, runtime };
        wait::until_true("the speaker to serve its admin socket", PATIENCE, || {
            speaker.process.check_running()?;
            Ok(speaker.peers().is_ok())
        })?;
        Ok(speaker)
    }

    /// Writes another configuration and sends SIGHUP.
    ///
    /// # Errors
    /// When the file cannot be written or the process is gone.
    pub fn reload(&self, site: &Site, number: usize, config: &SpeakerConfig) -> Result<()> {
        self.reload_text(&config.yaml(&Self::agent_socket(site, number)?, &self.folder))
    }

    /// Puts something else in place of the configuration and sends SIGHUP.
    ///
    /// # Errors
    /// When the file cannot be written or the process is gone.
    pub fn reload_text(&self, text: &str) -> Result<()> {
        fs::write(self.folder.join("bgp.yaml"), text)?;
        self.process.signal(Signal::SIGHUP)
    }

    /// The folder with its configuration, sockets and logs.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The namespace that it runs in.
    #[must_use]
    pub fn netns(&self) -> &Netns {
        &self.netns
    }

    /// Asks over the admin socket.
    fn ask<T>(
        &self,
        question: impl AsyncFnOnce(SpeakerClient<Channel>) -> Result<T, tonic::Status>,
    ) -> Result<T> {
        self.runtime.block_on(async {
            let channel = guideway_dataplane_admin::connect(self.folder.join("bgp.sock")).await?;
            let answer = tokio::time::timeout(Duration::from_secs(10), question(SpeakerClient::new(channel)));
            Ok(answer.await.context("no answer on the admin socket")??)
        })
    }

    /// The whole answer of `lbctl bgp peers`.
    ///
    /// # Errors
    /// When the speaker does not answer.
    pub fn status(&self) -> Result<api::ListPeersResponse> {
        self.ask(async |mut client| Ok(client.list_peers(ListPeersRequest {}).await?.into_inner()))
    }

    /// Its peers.
    ///
    /// # Errors
    /// When the speaker does not answer.
    pub fn peers(&self) -> Result<Vec<api::Peer>> {
        Ok(self.status()?.peers)
    }

    /// Its routes.
    ///
    /// # Errors
    /// When the speaker does not answer.
    pub fn routes(&self) -> Result<Vec<api::Route>> {
        self.ask(async |mut client| Ok(client.list_routes(ListRoutesRequest {}).await?.into_inner().routes))
    }

    /// What a peer announces.
    ///
    /// # Errors
    /// When the speaker does not answer or has no such peer.
    pub fn adj_rib_in(&self, peer: &str) -> Result<Vec<api::Path>> {
        let request = AdjRibRequest { peer: peer.to_owned(), prefix: String::new() };
        self.ask(async |mut client| gather(client.adj_rib_in(request).await?.into_inner()).await)
    }

    /// What a peer was told.
    ///
    /// # Errors
    /// When the speaker does not answer or has no such peer.
    pub fn adj_rib_out(&self, peer: &str) -> Result<Vec<api::Path>> {
        let request = AdjRibRequest { peer: peer.to_owned(), prefix: String::new() };
        self.ask(async |mut client| gather(client.adj_rib_out(request).await?.into_inner()).await)
    }

    /// What became of the sessions with a peer.
    ///
    /// # Errors
    /// When the speaker does not answer or has no such peer.
    pub fn history(&self, peer: &str) -> Result<Vec<api::SessionEvent>> {
        let request = SessionHistoryRequest { peer: peer.to_owned() };
        self.ask(async |mut client| Ok(client.session_history(request).await?.into_inner().events))
    }

    /// Sends all routes of the live session again and asks for the peer's.
    ///
    /// # Errors
    /// When the speaker does not answer or has no such peer.
    pub fn refresh(&self, peer: &str) -> Result<()> {
        let request = ResetPeerRequest { peer: peer.to_owned(), soft: true, reason: String::new() };
        self.ask(async |mut client| client.reset_peer(request).await.map(drop))
    }

    /// The peer with this name or address.
    ///
    /// # Errors
    /// When there is none.
    pub fn peer(&self, name: &str) -> Result<api::Peer> {
        let peers = self.peers()?;
        let found = peers.iter().find(|peer| peer.name == name || peer.address == name).cloned();
        found.with_context(|| format!("the speaker has no peer {name}: {peers:#?}"))
    }

    /// Waits until a peer is as wanted, and returns it.
    ///
    /// # Errors
    /// When none is in time; the text shows how they are.
    pub fn wait_any(&self, what: &str, wanted: impl Fn(&api::Peer) -> bool) -> Result<api::Peer> {
        let waited = wait::until(what, PATIENCE, || Ok(self.peers()?.into_iter().find(&wanted)));
        match waited {
            Ok((peer, _)) => Ok(peer),
            Err(error) => bail!("{error:#}; the peers are {:#?}", self.peers()),
        }
    }

    /// [`Speaker::wait_any`] for the peer with this name or address.
    ///
    /// # Errors
    /// As [`Speaker::wait_any`].
    pub fn wait_peer(
        &self,
        name: &str,
        what: &str,
        wanted: impl Fn(&api::Peer) -> bool,
    ) -> Result<api::Peer> {
        self.wait_any(&format!("{what} of {name}"), |peer| {
            (peer.name == name || peer.address == name) && wanted(peer)
        })
    }

    /// Waits until some session is established.
    ///
    /// # Errors
    /// As [`Speaker::wait_any`].
    pub fn wait_established(&self) -> Result<api::Peer> {
        self.wait_any("an established session", |peer| peer.state == "Established")
    }

    /// Status code and body of a path of the metrics address.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn http(&self, path: &str) -> Result<(u16, String)> {
        let url = format!("http://127.0.0.1:9471{path}");
        let answer = self.netns.run("curl", &["-s", "-w", "\n%{http_code}", &url])?;
        let (body, code) = answer.rsplit_once('\n').context("curl gave no status code")?;
        Ok((code.parse()?, body.to_owned()))
    }

    /// `lbctl bgp` with these words, for people. Exit status 1 is an answer too.
    ///
    /// # Errors
    /// When lbctl cannot answer.
    pub fn lbctl(&self, words: &[&str]) -> Result<String> {
        let program = binaries::binary("lbctl")?.to_string_lossy().into_owned();
        let socket = self.folder.join("bgp.sock").to_string_lossy().into_owned();
        let mut args = vec!["--bgp-socket", socket.as_str(), "bgp"];
        args.extend_from_slice(words);
        let output = command::output(&program, &args)?;
        match output.status.code() {
            Some(0 | 1) => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            _ => bail!("lbctl bgp {words:?}: {}", String::from_utf8_lossy(&output.stderr).trim()),
        }
    }

    /// SIGKILL.
    ///
    /// # Errors
    /// When the process cannot be waited for.
    pub fn kill(self) -> Result<()> {
        self.process.kill_hard()
    }
}

async fn gather(mut stream: tonic::Streaming<api::Paths>) -> Result<Vec<api::Path>, tonic::Status> {
    let mut paths = Vec::new();
    while let Some(part) = stream.message().await? {
        paths.extend(part.paths);
    }
    Ok(paths)
}
