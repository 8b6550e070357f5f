//! What became of the flows of a history.

use std::ops::AddAssign;
use std::time::Duration;

use serde::Serialize;

use crate::scheme::Hops;
use crate::timeline::Backend;

/// Counts of flows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Score {
    /// Histories that were played.
    pub histories: u64,
    /// Histories with a moved flow.
    pub histories_with_moves: u64,
    /// Flows that reached a backend.
    pub opened: u64,
    /// Moved flows: a packet reached no backend that has the connection, while that backend lives and the flow is looked
    /// after.
    pub moved: u64,
    /// Moved likewise, but after the drain window.
    pub moved_late: u64,
    /// Ended with their backend.
    pub ended_with_backend: u64,
    /// Packets that were decided about.
    pub packets: u64,
    /// The first moved flow.
    #[serde(skip)]
    pub first: Option<Moved>,
}

/// A flow that was moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// When.
    pub at: Duration,
    /// Which.
    pub flow: usize,
    /// Its slot by the forwarder's seed.
    pub slot: usize,
    /// When it began.
    pub begun: Duration,
    /// The forwarder that the packet came to.
    pub forwarder: usize,
    /// The backend that has the connection.
    pub backend: Backend,
    /// Where the packet went instead.
    pub hops: Hops,
}

impl AddAssign<Score> for Score {
    fn add_assign(&mut self, other: Score) {
        self.histories += other.histories;
        self.histories_with_moves += other.histories_with_moves;
        self.opened += other.opened;
        self.moved += other.moved;
        self.moved_late += other.moved_late;
        self.ended_with_backend += other.ended_with_backend;
        self.packets += other.packets;
        self.first = self.first.take().or(other.first);
    }
}
