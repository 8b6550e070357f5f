//! Plays a history with one scheme.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::ecmp::Ecmp;
use crate::history::Connections;
use crate::scenario::Scenario;
use crate::scheme::{Hops, NO_BACKEND, ROW_FLAG, Row, RowKey, Scheme, SchemeKind};
use crate::score::{Moved, Score};
use crate::timeline::{Backend, Step};

/// From the first packet of a flow to its second.
const ROUND_TRIP: Duration = Duration::from_millis(100);

/// Which flows send a packet when something has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packets {
    /// Those that it can make a difference to.
    Concerned,
    /// All of them: slower, and without the assumption that a flow whose slot did not change is where it was.
    All,
}

/// Which forwarders a flow's packets come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paths {
    /// The one that the router has for the flow.
    Routed,
    /// All of them, as if the router could change its mind at any time: the worst case of every router. Means something
    /// for schemes without a state of their own for each flow only.
    Every,
}

/// How a history is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode {
    /// Which flows send packets.
    pub packets: Packets,
    /// Where they come to.
    pub paths: Paths,
}

impl Mode {
    /// As fast as can be, as the router has it.
    pub const ROUTED: Self = Self { packets: Packets::Concerned, paths: Paths::Routed };
    /// The worst case.
    pub const EVERY_PATH: Self = Self { packets: Packets::Concerned, paths: Paths::Every };
}

/// Plays `scenario` with a scheme and counts its flows.
#[must_use]
pub fn play(scenario: &Scenario, kind: SchemeKind, mode: Mode) -> Score {
    Run::new(scenario, kind.start(scenario), mode).play()
}

struct Node {
    rows: Vec<Row>,
    key: RowKey,
}

struct Run<'a> {
    scenario: &'a Scenario,
    scheme: Box<dyn Scheme>,
    mode: Mode,
    now: Duration,
    ecmp: Ecmp,
    nodes: BTreeMap<usize, Node>,
    down: Vec<bool>,
    /// When a backend last went down.
    went_down: Vec<Option<Duration>>,
    /// When a backend last lost its connections.
    lost: Vec<Option<Duration>>,
    /// By seed, slot and backend: when a forwarder last had the backend for new flows of the slot, and no more.
    ended: Vec<Vec<u32>>,
    /// Backend of each flow, or none.
    backends: Vec<u16>,
    forwarders: Vec<u8>,
    next: usize,
    handshakes: VecDeque<(Duration, u32)>,
    spare: Vec<Row>,
    score: Score,
}

const NO_FORWARDER: u8 = u8::MAX;

impl<'a> Run<'a> {
    fn new(scenario: &'a Scenario, scheme: Box<dyn Scheme>, mode: Mode) -> Self {
        let timeline = scenario.timeline();
        Self {
            scenario,
            scheme,
            mode,
            now: Duration::ZERO,
            ecmp: Ecmp::new(scenario.history().ecmp, &[]),
            nodes: BTreeMap::new(),
            down: vec![false; timeline.backends],
            went_down: vec![None; timeline.backends],
            lost: vec![None; timeline.backends],
            ended: vec![Vec::new(); timeline.seeds as usize],
            backends: vec![NO_BACKEND; scenario.flows().len()],
            forwarders: vec![NO_FORWARDER; scenario.flows().len()],
            next: 0,
            handshakes: VecDeque::new(),
            spare: Vec::new(),
            score: Score { histories: 1, ..Score::default() },
        }
    }

    fn play(mut self) -> Score {
        let scenario = self.scenario;
        for (at, step) in &scenario.timeline().steps {
            self.run_until(*at);
            self.step(step);
            if self.mode.packets == Packets::All {
                self.check_all();
            }
        }
        self.run_until(scenario.history().length);
        self.finish();
        self.score.histories_with_moves = u64::from(self.score.moved > 0);
        self.score
    }

    /// Everything before `until`: flows that begin, second packets, and what forwarders do on their own.
    fn run_until(&mut self, until: Duration) {
        while let Some((at, forwarder)) = self.scheme.deadline() {
            if at > until {
                break;
            }
            self.open_until(at);
            self.scheme.expire(self.scenario, forwarder, at);
            self.changed(forwarder);
            if self.mode.packets == Packets::All {
                self.check_all();
            }
        }
        self.open_until(until);
    }

    fn open_until(&mut self, until: Duration) {
        let flows = self.scenario.flows();
        loop {
            let begins = (self.next < flows.len()).then(|| flows.begin(self.next)).filter(|&at| at < until);
            let second = self.handshakes.front().map(|&(at, _)| at).filter(|&at| at < until);
            match (begins, second) {
                (Some(begins), second) if second.is_none_or(|second| begins <= second) => {
                    self.now = begins;
                    self.open(self.next);
                    self.next += 1;
                }
                (_, Some(second)) => {
                    self.now = second;
                    if let Some((_, flow)) = self.handshakes.pop_front() {
                        self.check(flow as usize);
                    }
                }
                _ => break,
            }
        }
        self.now = until;
    }

    #[allow(clippy::cast_possible_truncation)] // few forwarders, fewer than 2^32 flows
    fn open(&mut self, flow: usize) {
        let Some(forwarder) = self.scenario.forwarder(flow, &self.ecmp) else { return };
        self.score.packets += 1;
        let Some(backend) = self.scheme.open(self.scenario, forwarder, flow, self.now) else { return };
        if self.down[usize::from(backend.0)] {
            return;
        }
        self.score.opened += 1;
        self.backends[flow] = backend.0;
        self.forwarders[flow] = forwarder as u8;
        self.handshakes.push_back((self.now + ROUND_TRIP, flow as u32));
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Configure { forwarder, view } => {
                self.scheme.configure(self.scenario, *forwarder, view, self.now);
                self.changed(*forwarder);
            }
            Step::Join { forwarder, view } => {
                self.scheme.configure(self.scenario, *forwarder, view, self.now);
                let mut rows = Vec::new();
                let key = self.scheme.rows(*forwarder, &mut rows);
                self.nodes.insert(*forwarder, Node { rows, key });
                self.reroute();
            }
            Step::Leave { forwarder } => {
                if let Some(node) = self.nodes.remove(forwarder) {
                    for (slot, row) in node.rows.iter().enumerate() {
                        self.note_end(node.key.seed, slot, row[0]);
                    }
                }
                self.scheme.leave(*forwarder);
                self.reroute();
            }
            Step::Down { backend, connections } => {
                self.down[usize::from(backend.0)] = true;
                self.went_down[usize::from(backend.0)] = Some(self.now);
                if *connections == Connections::Lost {
                    self.lost[usize::from(backend.0)] = Some(self.now);
                }
            }
            Step::Up { backend } => self.down[usize::from(backend.0)] = false,
        }
    }

    /// A forwarder may do something else than before: the flows that it concerns send a packet.
    fn changed(&mut self, forwarder: usize) {
        let mut rows = std::mem::take(&mut self.spare);
        let key = self.scheme.rows(forwarder, &mut rows);
        let Some(node) = self.nodes.get_mut(&forwarder) else { return };
        let before = std::mem::replace(&mut node.key, key);
        std::mem::swap(&mut node.rows, &mut rows);
        let all = before != key || key.partial;
        let mut concerned = Vec::new();
        for (slot, (old, new)) in rows.iter().zip(&self.nodes[&forwarder].rows).enumerate() {
            if all || old != new {
                concerned.push((slot, old[0], new[0]));
            }
        }
        self.spare = rows;
        for &(slot, old, new) in &concerned {
            if old != new || before.seed != key.seed {
                self.note_end(before.seed, slot, old);
            }
        }
        if all {
            let every = self.mode.paths == Paths::Every;
            self.check_where(|at| every || usize::from(at) == forwarder);
            return;
        }
        let scenario = self.scenario;
        for &(slot, ..) in &concerned {
            for &flow in scenario.by_slot(key.seed).flows(slot) {
                if flow as usize >= self.next {
                    break;
                }
                if self.mode.paths == Paths::Every || usize::from(self.forwarders[flow as usize]) == forwarder
                {
                    self.check(flow as usize);
                }
            }
        }
    }

    #[allow(clippy::cast_possible_truncation)] // a history is short
    fn note_end(&mut self, seed: u32, slot: usize, backend: u16) {
        let backend = backend & !ROW_FLAG;
        if backend == NO_BACKEND {
            return;
        }
        let count = self.down.len();
        let ended = &mut self.ended[seed as usize];
        if ended.is_empty() {
            ended.resize(self.scenario.size().get() as usize * count, u32::MAX);
        }
        ended[slot * count + usize::from(backend)] = self.now.as_millis() as u32;
    }

    /// The router has other next hops: flows that come to another forwarder send a packet.
    #[allow(clippy::cast_possible_truncation)] // few forwarders
    fn reroute(&mut self) {
        let hops: Vec<usize> = self.nodes.keys().copied().collect();
        self.ecmp.change(&hops);
        for flow in 0..self.next {
            if self.backends[flow] == NO_BACKEND {
                continue;
            }
            let Some(forwarder) = self.scenario.forwarder(flow, &self.ecmp) else { continue };
            if usize::from(self.forwarders[flow]) != forwarder || self.mode.paths == Paths::Every {
                self.forwarders[flow] = forwarder as u8;
                self.check(flow);
            }
        }
    }

    fn check_all(&mut self) {
        self.check_where(|_| true);
    }

    fn check_where(&mut self, is_meant: impl Fn(u8) -> bool) {
        for flow in 0..self.next {
            if self.backends[flow] != NO_BACKEND && is_meant(self.forwarders[flow]) {
                self.check(flow);
            }
        }
    }

    /// A flow sends a packet.
    fn check(&mut self, flow: usize) {
        let backend = self.backends[flow];
        if backend == NO_BACKEND {
            return;
        }
        let backend = Backend(backend);
        let flows = self.scenario.flows();
        if flows.is_over(flow, self.now) {
            self.backends[flow] = NO_BACKEND;
            return;
        }
        if self.lost[usize::from(backend.0)].is_some_and(|lost| lost >= flows.begin(flow)) {
            self.backends[flow] = NO_BACKEND;
            self.score.ended_with_backend += 1;
            return;
        }
        match self.mode.paths {
            Paths::Routed => {
                let _ = self.packet(flow, backend, usize::from(self.forwarders[flow]));
            }
            Paths::Every => {
                let forwarders: Vec<usize> = self.nodes.keys().copied().collect();
                for forwarder in forwarders {
                    if self.packet(flow, backend, forwarder) == Delivery::Refused {
                        break;
                    }
                }
            }
        }
    }

    /// A packet of the flow comes to a forwarder.
    fn packet(&mut self, flow: usize, backend: Backend, forwarder: usize) -> Delivery {
        self.score.packets += 1;
        let hops = self.scheme.packet(self.scenario, forwarder, flow, self.now);
        let delivery = self.delivery(backend, &hops);
        if delivery == Delivery::Refused {
            self.broken(flow, backend, forwarder, hops);
        }
        delivery
    }

    fn delivery(&self, backend: Backend, hops: &Hops) -> Delivery {
        let mut last = Delivery::Lost;
        for hop in hops.iter() {
            if self.down[usize::from(hop.0)] {
                return Delivery::Lost;
            }
            if hop == backend {
                return Delivery::Arrived;
            }
            last = Delivery::Refused;
        }
        last
    }

    fn broken(&mut self, flow: usize, backend: Backend, forwarder: usize, hops: Hops) {
        self.backends[flow] = NO_BACKEND;
        let node = self.nodes.get(&forwarder);
        // One that was there before its backend went away could not have had an answer anyway.
        let went_down = self.went_down[usize::from(backend.0)];
        if went_down.is_some_and(|at| at >= self.scenario.flows().begin(flow)) {
            self.score.ended_with_backend += 1;
        } else if self.is_looked_after(flow, backend) {
            self.score.moved += 1;
            if self.score.first.is_none() {
                self.score.first = Some(Moved {
                    at: self.now,
                    flow,
                    slot: node.map_or(0, |node| self.scenario.slot(flow, node.key.seed)),
                    begun: self.scenario.flows().begin(flow),
                    forwarder,
                    backend,
                    hops,
                });
            }
        } else {
            self.score.moved_late += 1;
        }
    }

    /// Whether the flow's backend takes new flows of its slot somewhere, or did so less than a drain window ago.
    fn is_looked_after(&self, flow: usize, backend: Backend) -> bool {
        let is_current = self.nodes.values().any(|node| {
            let row = node.rows.get(self.scenario.slot(flow, node.key.seed));
            row.is_some_and(|row| row[0] & !ROW_FLAG == backend.0)
        });
        if is_current {
            return true;
        }
        let window = self.scenario.assured_window().as_millis();
        (0..).zip(&self.ended).filter(|(_, ended)| !ended.is_empty()).any(|(seed, ended)| {
            let slot = self.scenario.slot(flow, seed);
            let at = ended[slot * self.down.len() + usize::from(backend.0)];
            at != u32::MAX && u128::from(at) + window > self.now.as_millis()
        })
    }

    /// A last packet of every flow. By now all forwarders know what there is to know: one that is still lost is moved.
    fn finish(&mut self) {
        self.check_all();
        for flow in 0..self.next {
            let backend = Backend(self.backends[flow]);
            if backend.0 == NO_BACKEND || self.down[usize::from(backend.0)] {
                continue;
            }
            let forwarder = usize::from(self.forwarders[flow]);
            let hops = self.scheme.packet(self.scenario, forwarder, flow, self.now);
            if self.delivery(backend, &hops) == Delivery::Lost {
                self.broken(flow, backend, forwarder, hops);
            }
        }
    }
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delivery {
    /// It reaches the backend that has the connection.
    Arrived,
    /// One that does not have it answers with a reset.
    Refused,
    /// Nobody answers.
    Lost,
}
