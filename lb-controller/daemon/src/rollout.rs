//! The driver of the coordinator: gives it what happens and does what it says.

mod driver;
mod encoded;
mod file;
mod latency;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use guideway_controller_core::{Content, Generation};
use guideway_controller_rollout::coordinator::{Notice, State};
use guideway_controller_rollout::{Record, Settings, Stamp, Stored, Version, WriteFault};
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use crate::state::Sightings;

pub(crate) use driver::start;
pub(crate) use file::FileStore;

/// Where the record is kept.
#[async_trait]
pub(crate) trait RecordStore: Send + Sync + 'static {
    /// What there is, from where the last write is seen. An error says why nobody knows.
    async fn read(&self) -> Result<Stored, String>;
    /// Writes if the version is the one that is there; `None`: if nothing is.
    async fn write(&self, record: &Record, expected: Option<&Version>) -> Result<Version, WriteFault>;
    /// Generations that were committed and when, as far as it is remembered.
    async fn history(&self) -> Result<Vec<(Stamp, SystemTime)>, String>;
}

/// What others of this process tell the driver.
#[derive(Debug)]
pub(crate) enum Command {
    /// The election was won.
    Leads,
    /// The election was lost, or nobody knows. Answered when nothing more will be written.
    LeadsNoMore(oneshot::Sender<()>),
    /// This is to be served.
    Desired(Desired),
    /// These hold from now on.
    Settings(Settings),
    /// An operator takes the disruption of a generation that waits.
    Approve(Generation),
    /// An operator wants an earlier generation's content again.
    Rollback(Generation),
    /// An operator lets projections go on.
    Resume,
    /// The content of a generation, if it is at hand.
    Content(Generation, oneshot::Sender<Option<Content>>),
    /// The content of a generation, which forwarders may have to send.
    Look(Generation, oneshot::Sender<Option<Content>>),
}

/// A content with what has led to it.
#[derive(Clone, Debug)]
pub(crate) struct Desired {
    /// For all forwarders.
    pub(crate) content: Content,
    /// When the oldest change in it was seen.
    pub(crate) seen: Instant,
    /// The span of the changes.
    pub(crate) span: tracing::Span,
}

/// How the driver is spoken to.
#[derive(Clone, Debug)]
pub(crate) struct Driver {
    /// What it is told.
    pub(crate) commands: mpsc::Sender<Command>,
    /// What it says at times.
    pub(crate) told: broadcast::Sender<Told>,
    /// How it is.
    pub(crate) state: watch::Receiver<Arc<State>>,
    /// What forwarders say of themselves.
    pub(crate) sightings: Sightings,
}

/// What the driver says at times.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    /// From the coordinator.
    Notice(Notice),
    /// Another one leads: stand back from the election for a while.
    Resign,
    /// A change has come so far, this long after it was seen.
    Came(Stage, Duration),
}

/// How far a change has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Stage {
    /// Forwarders prepare it.
    Proposed,
    /// It is committed.
    Committed,
    /// All forwarders that are there serve it.
    Served,
}

impl Stage {
    /// As metrics call it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Committed => "committed",
            Self::Served => "served",
        }
    }
}
