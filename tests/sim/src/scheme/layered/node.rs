//! One forwarder: its layers as the agent keeps them, and the program's decision over them.

use std::sync::Arc;
use std::time::Duration;

use guideway_abi::{FlowBucket, FlowEntry, FlowWord, UNSETTLED};
use guideway_dataplane_plan::BootTime;
use guideway_dataplane_plan::layers::{LayerKey, Layers, Push, Room};
use guideway_packet::decide::{
    Candidates, Decision, Doubt, EntryUse, Found, Kind, Mode, asks_the_table, decide,
};
use guideway_packet::flows::{Clock, search};

use super::Agents;
use crate::keys::TAG_KEY;
use crate::scenario::Scenario;
use crate::scheme::{Hops, NO_BACKEND, ROW_FLAG, Row, RowKey};
use crate::timeline::{Backend, View};

/// Buckets of the VIP's region of the flow table: all of the default size.
const BUCKETS: usize = 65_536;
/// Longer than any history: no flow is silent that long.
const TIMEOUT_TICKS: u32 = 3_600;
/// What the clock of the kernel shows at the start.
const BOOTED: Duration = Duration::from_secs(1_000);

#[derive(Clone, Debug)]
pub(super) struct Node {
    agents: Agents,
    view: View,
    /// Seeds of the present and the earlier flow key.
    seeds: [u32; 2],
    layers: Option<Layers>,
    /// A backend can serve.
    serves: bool,
    /// By index.
    is_dead: Vec<bool>,
    flows: Vec<FlowBucket>,
}

/// Index of a backend in the maps, where zero stands for none.
const fn index(backend: Backend) -> u16 {
    backend.0 + 1
}

fn backend(index: u16) -> Option<Backend> {
    index.checked_sub(1).map(Backend)
}

fn boot_time(now: Duration) -> BootTime {
    BootTime((BOOTED + now).as_secs())
}

#[allow(clippy::cast_possible_truncation)] // modulo 2^32 is meant
fn clock(now: Duration) -> Clock {
    Clock { now: (BOOTED + now).as_secs() as u32, timeout: TIMEOUT_TICKS }
}

impl Node {
    /// A forwarder without state.
    pub(super) fn new(view: &View, agents: Agents, backends: usize) -> Self {
        let flows = match agents {
            Agents::Present => Vec::new(),
            Agents::Absent => vec![FlowBucket::default(); BUCKETS],
        };
        let mut node = Self {
            agents,
            view: view.clone(),
            seeds: [view.generation.seed; 2],
            layers: None,
            serves: false,
            is_dead: vec![false; backends + 1],
            flows,
        };
        node.learn(view);
        node
    }

    /// One with the same layers and an empty flow table.
    pub(super) fn without_entries(&self) -> Self {
        Self { flows: vec![FlowBucket::default(); self.flows.len()], ..self.clone() }
    }

    pub(super) fn view(&self) -> &View {
        &self.view
    }

    pub(super) fn learn(&mut self, view: &View) {
        self.view = view.clone();
        self.is_dead.fill(false);
        for &backend in &view.unhealthy {
            self.is_dead[usize::from(index(backend))] = true;
        }
    }

    /// What the agent does about its layers: `target` and `upcoming` are backends by number.
    pub(super) fn push(&mut self, target: &[u16], upcoming: Option<&[u16]>, window: Duration, now: Duration) {
        let indexes =
            |table: &[u16]| -> Vec<u16> { table.iter().map(|&backend| index(Backend(backend))).collect() };
        self.serves = target.first().is_some_and(|&backend| backend != NO_BACKEND);
        if !self.serves {
            return;
        }
        let target = indexes(target);
        let upcoming = upcoming.filter(|table| !table.contains(&NO_BACKEND)).map(indexes);
        let Some(layers) = self.layers.take() else {
            let layers = Layers::settled(Arc::clone(&target.clone().into()));
            self.layers = Some(layers);
            self.seeds = [self.view.generation.seed; 2];
            if upcoming.is_some() {
                self.push_on(&target, upcoming.as_deref(), window, now);
            }
            return;
        };
        self.layers = Some(layers);
        self.push_on(&target, upcoming.as_deref(), window, now);
    }

    fn push_on(&mut self, target: &[u16], upcoming: Option<&[u16]>, window: Duration, now: Duration) {
        let Some(layers) = &self.layers else { return };
        let seed = self.view.generation.seed;
        if seed != self.seeds[0] {
            if let Ok(rotated) = layers.rotate(target, boot_time(now), window) {
                self.layers = Some(rotated);
                self.seeds = [seed, self.seeds[0]];
            }
            return;
        }
        let is_dead = &self.is_dead;
        let push = Push {
            target,
            upcoming,
            is_alive: |index: u16| !is_dead[usize::from(index)],
            now: boot_time(now),
            window,
            room: Room::Both,
        };
        self.layers = Some(layers.push(&push).layers);
    }

    /// When the agent looks at its layers again: a layer is over.
    pub(super) fn deadline(&self) -> Option<Duration> {
        let until = self.layers.as_ref()?.next_deadline()?;
        Some(Duration::from_secs(until.0).saturating_sub(BOOTED))
    }

    pub(super) fn rows(&self, rows: &mut Vec<Row>) -> RowKey {
        let mut key = RowKey { seed: self.seeds[0], partial: false };
        let Some(layers) = self.layers.as_ref().filter(|_| self.serves) else { return key };
        key.partial = layers.previous.iter().flatten().any(|layer| layer.key == LayerKey::Earlier);
        let number = |index: u16| backend(index).map_or(NO_BACKEND, |backend| backend.0);
        for (slot, &current) in layers.current.iter().enumerate() {
            let candidates = self.candidates(layers, slot, slot);
            let flag = if current & UNSETTLED == 0 { 0 } else { ROW_FLAG };
            let [first, second] = candidates.previous;
            rows.push([number(candidates.current) | flag, number(first), number(second)]);
        }
        key
    }

    fn candidates(&self, layers: &Layers, slot: usize, earlier: usize) -> Candidates {
        let current = layers.current[slot];
        if current & UNSETTLED == 0 {
            return Candidates::only(current);
        }
        let previous = [0, 1].map(|place: usize| {
            layers.previous[place].as_ref().map_or(0, |layer| match layer.key {
                LayerKey::Present => layer.slots[slot],
                LayerKey::Earlier => layer.slots[earlier],
            })
        });
        Candidates::new(current & !UNSETTLED, previous, |index| self.is_dead[usize::from(index)])
    }

    pub(super) fn open(&mut self, scenario: &Scenario, flow: usize, now: Duration) -> Option<Backend> {
        backend(self.decide(scenario, flow, Kind::Syn, now)?.backend)
    }

    pub(super) fn packet(&mut self, scenario: &Scenario, flow: usize, now: Duration) -> Hops {
        match self.decide(scenario, flow, Kind::Established, now) {
            Some(Decision { backend: first, hops: [second, third], .. }) => {
                Hops::of([backend(first), backend(second), backend(third)])
            }
            None => Hops::default(),
        }
    }

    /// What the program does with a packet of a TCP VIP without affinity.
    fn decide(&mut self, scenario: &Scenario, flow: usize, kind: Kind, now: Duration) -> Option<Decision> {
        let layers = self.layers.as_ref().filter(|_| self.serves)?;
        let slot = scenario.slot(flow, self.seeds[0]);
        let candidates = self.candidates(layers, slot, scenario.slot(flow, self.seeds[1]));
        let doubt = match (layers.current[slot] & UNSETTLED, self.agents) {
            (0, _) => Doubt::Settled,
            (_, Agents::Present) => Doubt::SecondHop,
            (_, Agents::Absent) => Doubt::Entries,
        };
        if !asks_the_table(Mode::Plain, doubt, kind) {
            return Some(decide(Mode::Plain, doubt, kind, &candidates, None));
        }
        let clock = clock(now);
        let tag = scenario.flows().tag(flow, TAG_KEY);
        let region = tag as usize & (BUCKETS - 1);
        let bucket = &mut self.flows[region];
        let entry = search(bucket, tag, &clock, std::convert::identity);
        let found = entry.found.and_then(|(_, word)| {
            let is_dead = self.is_dead[usize::from(word.backend())];
            (!is_dead).then_some(Found {
                backend: word.backend(),
                half_open: word.is_half_open(),
                serving: true,
            })
        });
        let decision = decide(Mode::Plain, doubt, kind, &candidates, found);
        let (way, half_open) = match decision.entry {
            EntryUse::Leave => return Some(decision),
            EntryUse::Follow { half_open } => (entry.found.map(|(way, _)| way), half_open),
            EntryUse::Make { half_open } => (entry.place, half_open),
        };
        if let Some(way) = way {
            let word = FlowWord::new(decision.backend, 0, clock.now, half_open);
            bucket.entries[way] = FlowEntry { check: word.check(tag), word };
        }
        Some(decision)
    }
}
