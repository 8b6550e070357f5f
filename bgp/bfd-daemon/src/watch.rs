//! From the timing thread to everybody who waits for changes, and to the log: the timing thread writes none.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use guideway_bfd::State;
use tokio::net::UnixStream;
use tokio::sync::watch;
use tracing::{info, warn};

use crate::registry::Registry;

/// Grows `version` whenever a state changed, and logs the change. Runs until it is dropped.
pub(crate) async fn run(registry: Arc<Registry>, version: watch::Sender<u64>) -> io::Result<()> {
    let Some(changes) = registry.engine().take_changes() else { return Ok(()) };
    let changes = UnixStream::from_std(changes)?;
    let mut seen: HashMap<u32, (State, u64)> = HashMap::new();
    let mut octets = [0; 64];
    loop {
        changes.readable().await?;
        match changes.try_read(&mut octets) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        }
        version.send_modify(|version| *version += 1);
        seen = log(&registry, seen);
    }
}

fn log(registry: &Registry, mut seen: HashMap<u32, (State, u64)>) -> HashMap<u32, (State, u64)> {
    let mut next = HashMap::new();
    for row in registry.rows() {
        let (report, peer) = (row.report, row.wanted.key.remote);
        let now = (report.state, report.counts.downs);
        let (from, downs) = seen.remove(&row.discriminator).unwrap_or((State::Down, 0));
        let diagnostic = report.diagnostic;
        if downs < now.1 {
            let why = report.counts.last_down.map(|(_, why)| why).unwrap_or_default();
            warn!(%peer, now = %now.0, %why, downs = now.1, "session went down");
        } else if from != now.0 {
            info!(%peer, %from, now = %now.0, %diagnostic, "session changed");
        }
        next.insert(row.discriminator, now);
    }
    next
}
