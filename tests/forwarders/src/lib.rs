//! Forwarders that follow a controller as the agent does, with its links, its certificates and its state machine, and whose
//! disk and dataplane are memory.
//!
//! A [`Fleet`] is as many as are wanted in one process. It notes what they are told and what they install, and sees at once what must
//! not be: a generation that is two things, or one after a later one.
#![forbid(unsafe_code)]

mod forwarder;
mod seen;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use guideway_dataplane_config::{Controller, ControllerAddress};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

pub use seen::{Happened, Seen, Step};

/// Where controllers are.
pub type Addresses = Arc<Mutex<Vec<ControllerAddress>>>;

/// Forwarders in memory. They end when it is dropped.
pub struct Fleet {
    /// Dropped without waiting.
    runtime: Option<Runtime>,
    seen: Seen,
    happened: mpsc::Receiver<Happened>,
    stops: Vec<CancellationToken>,
}

impl Fleet {
    /// Starts one forwarder for each of these identities. They try the controllers at `addresses`, which may change, over and
    /// over; those of the identities mean nothing.
    ///
    /// # Errors
    ///
    /// When there are no threads to be had.
    pub fn start(identities: Vec<Controller>, addresses: &Addresses) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let (tell, happened) = mpsc::channel();
        let seen = Seen::new(identities.len(), tell);
        let mut stops = Vec::with_capacity(identities.len());
        for (number, identity) in identities.into_iter().enumerate() {
            let stop = CancellationToken::new();
            stops.push(stop.clone());
            runtime.spawn(forwarder::run(number, identity, Arc::clone(addresses), seen.clone(), stop));
        }
        Ok(Self { runtime: Some(runtime), seen, happened, stops })
    }

    /// What it has noted so far.
    #[must_use]
    pub fn seen(&self) -> &Seen {
        &self.seen
    }

    /// What happens next, if it does in time.
    #[must_use]
    pub fn next(&self, patience: Duration) -> Option<Happened> {
        self.happened.recv_timeout(patience).ok()
    }

    /// Waits for something that happens.
    ///
    /// # Errors
    ///
    /// When it does not in time.
    pub fn wait_for(&self, patience: Duration, is_it: impl Fn(&Happened) -> bool) -> Result<Happened> {
        let deadline = Instant::now() + patience;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let happened =
                self.next(left).with_context(|| format!("it did not happen within {patience:?}"))?;
            if is_it(&happened) {
                return Ok(happened);
            }
        }
    }

    /// Forgets what happened and was not asked for.
    pub fn forget(&self) {
        while self.happened.try_recv().is_ok() {}
    }

    /// Ends one forwarder, as if its machine were switched off.
    pub fn stop(&self, number: usize) {
        self.stops[number].cancel();
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Certificates of forwarders `lb-00`, `lb-01` and so on, made by `lb-controller ca forwarder`.
///
/// # Errors
///
/// When the program fails.
pub fn identities(
    program: &Path,
    config: &Path,
    authority: PathBuf,
    folder: &Path,
    count: usize,
) -> Result<Vec<Controller>> {
    std::fs::create_dir_all(folder)?;
    (0..count)
        .map(|number| {
            let name = format!("lb-{number:02}");
            let status = Command::new(program)
                .args(["ca", "forwarder", "--config"])
                .arg(config)
                .arg(&name)
                .arg("--out")
                .arg(folder)
                .stdout(Stdio::null())
                .status()
                .context("cannot run lb-controller")?;
            ensure!(status.success(), "lb-controller ca forwarder failed");
            Ok(Controller {
                addresses: Vec::new(),
                certificate: folder.join(format!("{name}.crt")),
                key: folder.join(format!("{name}.key")),
                ca: authority.clone(),
                name,
                zone: None,
                labels: BTreeMap::new(),
                bgp_config: None,
                relay: None,
            })
        })
        .collect()
}
