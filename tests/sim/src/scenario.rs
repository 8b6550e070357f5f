//! A history with its flows, and what all schemes need to know of them.

use std::time::Duration;

use guideway_maglev::TableSize;

use crate::ecmp::Ecmp;
use crate::flows::{BySlot, Flows};
use crate::history::History;
use crate::keys::flow_key;
use crate::timeline::{Timeline, timeline};

/// A history, its steps and its flows.
#[derive(Debug)]
pub struct Scenario {
    history: History,
    timeline: Timeline,
    size: TableSize,
    flows: Flows,
    /// Slot of each flow, by seed.
    slots: Vec<Vec<u32>>,
    by_slot: Vec<BySlot>,
    router_hashes: Vec<u32>,
}

impl Scenario {
    /// Lets `flows` flows run through `history`.
    #[must_use]
    pub fn new(history: History, seed: u64, flows: usize, size: TableSize) -> Self {
        let timeline = timeline(&history);
        let moments: Vec<Duration> = history.events.iter().map(|timed| timed.at).collect();
        let flows = Flows::new(seed, flows, history.length, &moments);
        let slots: Vec<Vec<u32>> =
            (0..timeline.seeds).map(|seed| flows.slots(&flow_key(seed), size)).collect();
        let by_slot = slots.iter().map(|slots| BySlot::new(slots, size)).collect();
        let router_hashes = (0..flows.len()).map(|flow| flows.router_hash(flow)).collect();
        Self { history, timeline, size, flows, slots, by_slot, router_hashes }
    }

    /// The history.
    #[must_use]
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Its steps.
    #[must_use]
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// Size of all tables.
    #[must_use]
    pub fn size(&self) -> TableSize {
        self.size
    }

    /// The flows.
    #[must_use]
    pub fn flows(&self) -> &Flows {
        &self.flows
    }

    /// The slot of a flow, by the seed with this number.
    #[must_use]
    pub fn slot(&self, flow: usize, seed: u32) -> usize {
        self.slots[seed as usize][flow] as usize
    }

    /// The flows of each slot, by the seed with this number.
    #[must_use]
    pub fn by_slot(&self, seed: u32) -> &BySlot {
        &self.by_slot[seed as usize]
    }

    /// The forwarder that a flow's packets are sent to.
    #[must_use]
    pub fn forwarder(&self, flow: usize, ecmp: &Ecmp) -> Option<usize> {
        ecmp.hop(self.router_hashes[flow])
    }

    /// Drain windows less what forwarders may be apart: what a flow can count on.
    #[must_use]
    pub fn assured_window(&self) -> Duration {
        self.history.drain_window.saturating_sub(self.history.skew * 3 + Duration::from_secs(1))
    }
}
