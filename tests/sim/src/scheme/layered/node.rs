//! One forwarder: its layers as the agent keeps them, and the program's decision over them.

use std::time::Duration;

use guideway_abi::{FlowBucket, FlowEntry, FlowWord, UNSETTLED};
use guideway_dataplane_plan::BootTime;
use guideway_dataplane_plan::layers::{Former, Layer, LayerKey, Layers, Push, Room, Rotation};
use guideway_packet::decide::{
    Candidates, Decision, Doubt, EntryUse, Found, Kind, Mode, asks_the_table, decide,
};
use guideway_packet::flows::{Clock, search};

use super::pacing::{Input, Pacing};
use super::{Acting, Agents};
use crate::keys::TAG_KEY;
use crate::scenario::Scenario;
use crate::scheme::{Hops, NO_BACKEND, ROW_FLAG, Row, RowKey, Tables};
use crate::timeline::{Backend, Earlier, View};

/// Buckets of the VIP's region of the flow table: all of the default size.
const BUCKETS: usize = 65_536;
/// Longer than any history: no flow is silent that long.
const TIMEOUT_TICKS: u32 = 3_600;
/// What the clock of the kernel shows at the start.
const BOOTED: Duration = Duration::from_secs(1_000);

#[derive(Clone, Debug)]
pub(super) struct Node {
    agents: Agents,
    window: Duration,
    pacing: Pacing,
    /// Seeds of the present flow key and of the other one.
    seeds: [u32; 2],
    layers: Option<Layers>,
    /// These without what is announced, as far as the agent remembers it.
    unannounced: Option<Layers>,
    /// A backend can serve.
    serves: bool,
    /// By index.
    is_dead: Vec<bool>,
    flows: Vec<FlowBucket>,
    /// What was before it came or while its agent was away, until it has made layers of it.
    earlier: Vec<Earlier>,
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
    pub(super) fn new(
        scenario: &Scenario,
        view: &View,
        agents: Agents,
        acting: Acting,
        now: Duration,
    ) -> Self {
        let flows = match agents {
            Agents::Present => Vec::new(),
            Agents::Absent => vec![FlowBucket::default(); BUCKETS],
        };
        let announce = match acting {
            Acting::AtOnce => Duration::ZERO,
            Acting::Announced => scenario.history().skew + Duration::from_millis(1),
        };
        let mut node = Self {
            agents,
            window: scenario.history().drain_window,
            pacing: Pacing::new(view, announce, now),
            seeds: [view.generation.seed; 2],
            layers: None,
            unannounced: None,
            serves: false,
            is_dead: vec![false; scenario.timeline().backends + 1],
            flows,
            earlier: Vec::new(),
        };
        node.learn(view, now);
        node
    }

    pub(super) fn learn(&mut self, view: &View, now: Duration) {
        self.pacing.learn(view, now);
        self.earlier.clone_from(&view.earlier);
        if view.is_restarted {
            self.unannounced = None;
        }
        self.is_dead.fill(false);
        let dead = match self.agents {
            Agents::Present => view.unhealthy_then(),
            Agents::Absent => view.unhealthy.clone(),
        };
        for backend in dead {
            self.is_dead[usize::from(index(backend))] = true;
        }
    }

    /// What the agent does when something has changed, or when it is time.
    pub(super) fn push(&mut self, scenario: &Scenario, tables: &mut Tables, now: Duration) {
        self.pacing.act(now);
        let mut table = |input: &Input| -> Option<Vec<u16>> {
            let table = tables.table(scenario, &input.generation, &input.unhealthy);
            let serves = table.first().is_some_and(|&backend| backend != NO_BACKEND);
            serves.then(|| table.iter().map(|&backend| index(Backend(backend))).collect())
        };
        let acted = self.pacing.acted();
        let seed = acted.generation.seed;
        let target = table(acted);
        self.serves = target.is_some();
        let Some(target) = target else { return };
        let boot = boot_time(now);
        let is_dead = &self.is_dead;
        let is_alive = |index: u16| !is_dead[usize::from(index)];
        let layers = self.layers.take();
        let layers = self.unannounced.take().or(layers);
        let earlier = std::mem::take(&mut self.earlier);
        if layers.is_none() {
            let former_seed = earlier.iter().map(|earlier| earlier.generation.seed).find(|one| *one != seed);
            self.seeds = [seed, former_seed.unwrap_or(seed)];
        }
        let former = |Earlier { generation, unhealthy, replaced }| {
            let dead = unhealthy.iter().copied().map(index).collect();
            let key = if generation.seed == seed { LayerKey::Present } else { LayerKey::Earlier };
            let slots = table(&Input { generation, unhealthy })?;
            Some(Former { slots: slots.into(), key, dead, replaced: boot_time(replaced) })
        };
        let earlier = earlier.into_iter().filter(|_| self.agents == Agents::Present);
        let past: Vec<Former> = earlier.filter_map(former).collect();
        let layers = match layers {
            None => Layers::replayed(&past, None, &self.at(&target, is_alive, boot)).layers,
            Some(layers) if seed != self.seeds[0] => {
                let rotation = if seed == self.seeds[1] { Rotation::Back } else { Rotation::New };
                match layers.rotate(rotation, &self.at(&target, is_alive, boot)) {
                    Ok(rotated) => {
                        self.seeds = [seed, self.seeds[0]];
                        rotated
                    }
                    // Refused: it goes on as it is.
                    Err(_) => layers,
                }
            }
            // What is in doubt already counts more than what others know.
            Some(layers) if !past.is_empty() && layers.is_settled() => {
                Layers::replayed(&past, Some(&layers.current), &self.at(&target, is_alive, boot)).layers
            }
            Some(layers) => layers,
        };
        if seed != self.seeds[0] {
            self.layers = Some(layers);
            return;
        }
        let push = self.at(&target, is_alive, boot);
        let layers = layers.push(&push).layers;
        let mut announced = layers.clone();
        let mut others = self.seeds[1];
        let by_earlier = |layer: &Layer| layer.key == LayerKey::Earlier;
        for input in self.pacing.others().iter().filter(|_| self.agents == Agents::Present) {
            let Some(other) = table(input) else { continue };
            let by = input.generation.seed;
            let key = if by == seed { LayerKey::Present } else { LayerKey::Earlier };
            let is_free = || by == others || !announced.previous.iter().flatten().any(by_earlier);
            if (key == LayerKey::Present || is_free())
                && let Some(next) = announced.announce(&other.into(), key, &push)
            {
                others = if key == LayerKey::Earlier { by } else { others };
                announced = next;
            }
        }
        self.seeds[1] = others;
        self.unannounced = Some(layers).filter(|layers| *layers != announced);
        self.layers = Some(announced);
    }

    fn at<'a, F>(&self, target: &'a [u16], is_alive: F, now: BootTime) -> Push<'a, F> {
        Push { target, upcoming: None, is_alive, now, window: self.window, room: Room::ALL }
    }

    /// When the agent looks at its layers again on its own.
    pub(super) fn deadline(&self) -> Option<Duration> {
        let until = self.layers.as_ref().and_then(Layers::next_deadline);
        let until = until.map(|until| Duration::from_secs(until.0).saturating_sub(BOOTED));
        until.into_iter().chain(self.pacing.deadline()).min()
    }

    pub(super) fn rows(&self, rows: &mut Vec<Row>) -> RowKey {
        let mut key = RowKey { seed: self.seeds[0], partial: false };
        let Some(layers) = self.layers.as_ref().filter(|_| self.serves) else { return key };
        key.partial = layers.previous.iter().flatten().any(|layer| layer.key == LayerKey::Earlier);
        let number = |index: u16| backend(index).map_or(NO_BACKEND, |backend| backend.0);
        for (slot, &current) in layers.current.iter().enumerate() {
            let candidates = self.candidates(layers, slot, slot);
            let flag = if current & UNSETTLED == 0 { 0 } else { ROW_FLAG };
            let [first, second, third] = candidates.previous.map(number);
            rows.push([number(candidates.current) | flag, first, second, third]);
        }
        key
    }

    fn candidates(&self, layers: &Layers, slot: usize, earlier: usize) -> Candidates {
        let current = layers.current[slot];
        if current & UNSETTLED == 0 {
            return Candidates::only(current);
        }
        let previous = layers.previous.each_ref().map(|layer| {
            layer.as_ref().map_or(0, |layer| match layer.key {
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
            Some(Decision { backend: first, hops, .. }) => {
                Hops::of(std::iter::once(first).chain(hops).map(backend))
            }
            None => Hops::default(),
        }
    }

    /// What the program does with a packet of a TCP VIP without affinity.
    #[allow(clippy::cast_possible_truncation)] // the low bits are meant
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
