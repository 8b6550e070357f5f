//! lb-bfd with a client in this process, and the router.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use guideway_bfd_client::{BfdState, Client, Session, Spec, Status};
use guideway_bgp_admin::bfd::v1;
use guideway_bgp_admin::bfd::v1::bfd_client::BfdClient;
use guideway_lab::process::Process;
use guideway_lab::{binaries, command, wait};
use tokio::runtime::Runtime;

use super::PATIENCE;
use super::router::{Kind, Peer, Router};
use super::site::{Site, Way};

/// lb-bfd.
pub struct Daemon {
    pub process: Process,
    pub socket: PathBuf,
}

impl Daemon {
    pub fn start(site: &Site, more: &[&str]) -> Result<Self> {
        let folder = site.folder("bfd")?;
        let socket = folder.join("bfd.sock");
        let mut command = site.forwarder.command(binaries::binary("lb-bfd")?);
        command.arg("run").arg("--socket").arg(&socket).args(more);
        let mut process = Process::spawn("lb-bfd", command, &folder)?;
        wait::until_true("lb-bfd to serve its socket", PATIENCE, || {
            process.check_running()?;
            Ok(std::os::unix::net::UnixStream::connect(&socket).is_ok())
        })?;
        Ok(Self { process, socket })
    }
}

impl Daemon {
    /// Takes real-time scheduling away from its threads, as a cgroup without a real-time share does, and gives them the nice
    /// value that lb-bfd takes in that case.
    pub fn make_normal(&self) -> Result<()> {
        let pid = self.process.pid();
        command::sh(&format!("chrt -a -o -p 0 {pid}"))?;
        for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
            let thread = thread?.file_name().to_string_lossy().into_owned();
            let name = std::fs::read_to_string(format!("/proc/{pid}/task/{thread}/comm"))?;
            if ["bfd-timing", "bfd-standby"].contains(&name.trim()) {
                command::sh(&format!("renice -n -20 -p {thread}"))?;
            }
        }
        Ok(())
    }
}

/// A session with every state that the client was told, and when.
pub struct Watched {
    pub session: Session,
    seen: Arc<Mutex<Vec<(Instant, Status)>>>,
}

impl Watched {
    pub fn seen(&self) -> Vec<(Instant, Status)> {
        self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    pub fn status(&self) -> Status {
        self.session.state().borrow().clone()
    }

    /// Waits for a state after `from` and returns when the client was told.
    pub fn wait_after(&self, from: Instant, state: BfdState) -> Result<Instant> {
        let found = || {
            let seen = self.seen();
            seen.iter().find(|(at, status)| *at >= from && status.state == state).map(|(at, _)| *at)
        };
        let waited = wait::until(&format!("{state}"), PATIENCE, || Ok(found()));
        let (at, _) = waited.with_context(|| format!("the client was told {:?}", self.seen()))?;
        Ok(at)
    }

    pub fn wait(&self, state: BfdState) -> Result<()> {
        let waited = wait::until_true(&format!("{state}"), PATIENCE, || Ok(self.status().state == state));
        waited.map(drop).with_context(|| format!("the client was told {:?}", self.seen()))
    }
}

/// Everything, with the router up and lb-bfd running.
pub struct World {
    pub router: Router,
    pub daemon: Daemon,
    pub client: Client,
    pub runtime: Runtime,
    pub site: Site,
}

impl World {
    pub fn build(kind: Kind, way: Way, peer: &Peer) -> Result<Self> {
        Self::on(Site::build(way)?, kind, peer, &[])
    }

    pub fn on(site: Site, kind: Kind, peer: &Peer, more: &[&str]) -> Result<Self> {
        let router = Router::start(kind, &site, peer)?;
        let daemon = Daemon::start(&site, more)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let client = {
            let _inside = runtime.enter();
            Client::new(daemon.socket.clone(), "test")
        };
        Ok(Self { router, daemon, client, runtime, site })
    }

    /// Another client, as after a restart of the daemon that uses lb-bfd.
    pub fn new_client(&mut self) {
        let _inside = self.runtime.enter();
        self.client = Client::new(self.daemon.socket.clone(), "test");
    }

    pub fn watch(&self, spec: Spec) -> Watched {
        let session = self.client.session(spec);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (mut receiver, list) = (session.state(), Arc::clone(&seen));
        self.runtime.spawn(async move {
            while receiver.changed().await.is_ok() {
                let status = receiver.borrow_and_update().clone();
                list.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((Instant::now(), status));
            }
        });
        Watched { session, seen }
    }

    /// Waits until both sides are Up and have agreed on the intervals.
    pub fn wait_up(&self, watched: &Watched, millis: u32) -> Result<()> {
        watched.wait(BfdState::Up).with_context(|| format!("{:#?}", self.sessions()))?;
        self.router.wait_state("up")?;
        self.wait_detection(millis * 3)
    }

    pub fn wait_detection(&self, millis: u32) -> Result<()> {
        let mut seen = 0;
        let waited = wait::until_true("", PATIENCE, || {
            let sessions = self.sessions()?;
            seen = sessions.first().map_or(0, |session| session.detection_time_us);
            Ok(seen == millis * 1000)
        });
        waited.map(drop).with_context(|| format!("the detection time is {seen} us, not {millis} ms"))
    }

    pub fn list(&self) -> Result<v1::ListSessionsResponse> {
        self.runtime.block_on(async {
            let channel = guideway_dataplane_admin::connect(self.daemon.socket.clone()).await?;
            Ok(BfdClient::new(channel).list_sessions(v1::ListSessionsRequest {}).await?.into_inner())
        })
    }

    pub fn sessions(&self) -> Result<Vec<v1::Session>> {
        Ok(self.list()?.sessions)
    }

    /// The only session; the daemon hears of it a moment after it was asked for.
    pub fn session(&self) -> Result<v1::Session> {
        let only = || match self.sessions()?.as_slice() {
            [] => Ok(None),
            [session] => Ok(Some(session.clone())),
            sessions => bail!("{} sessions rather than one", sessions.len()),
        };
        Ok(wait::until("a session in the daemon", PATIENCE, only)?.0)
    }

    /// Both directions are cut, detection is timed from before the cut, and the link healed.
    pub fn cut_once(&self, watched: &Watched, millis: u32) -> Result<Duration> {
        let before = self.site.cut()?;
        let told = watched.wait_after(before, BfdState::Down)?;
        self.site.heal()?;
        self.wait_up(watched, millis)?;
        Ok(told - before)
    }
}

/// 50 ms times 3 to the address.
pub fn spec(remote: &str) -> Spec {
    let interval = Duration::from_millis(50);
    let remote = remote.parse().unwrap_or(std::net::Ipv4Addr::UNSPECIFIED.into());
    Spec { desired_min_tx: interval, required_min_rx: interval, ..Spec::new(remote) }
}
