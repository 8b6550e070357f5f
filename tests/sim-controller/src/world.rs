//! The simulation: what happens next, and to whom.

mod controller;
mod faults;
mod forwarder;
mod network;
mod past;
mod store;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::{Duration, Instant};

use guideway_controller_core::Content;
use guideway_controller_rollout::{ConnectionId, Record, RequestId, Version, coordinator, follower};
use guideway_sim::random::Random;

use crate::check::{Checker, Violation};
use crate::defect::Defect;
use crate::scenario::{self, Scenario};
use controller::Controller;
use forwarder::Forwarder;
use network::{Connection, Packet};

/// Whether each step is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trace {
    /// Nothing is.
    Silent,
    /// To standard error.
    Steps,
}

/// What a run did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Score {
    /// Events that the machines got.
    pub steps: u64,
    /// Generations that were committed.
    pub committed: u64,
    /// Generations that were not.
    pub aborted: u64,
    /// Times that a controller took office.
    pub terms: u64,
    /// Processes that died.
    pub crashes: u64,
    /// Times that a forwarder was told to withdraw.
    pub fences: u64,
    /// Rollbacks that were committed.
    pub rollbacks: u64,
    /// Earlier contents that were found.
    pub found: u64,
    /// Changes that waited for an operator.
    pub held: u64,
}

impl std::ops::AddAssign for Score {
    fn add_assign(&mut self, other: Self) {
        self.steps += other.steps;
        self.committed += other.committed;
        self.aborted += other.aborted;
        self.terms += other.terms;
        self.crashes += other.crashes;
        self.fences += other.fences;
        self.rollbacks += other.rollbacks;
        self.found += other.found;
        self.held += other.held;
    }
}

/// Something that happens at its time.
#[derive(Debug)]
enum Item {
    Controller {
        controller: usize,
        epoch: u64,
        event: Box<coordinator::Event>,
    },
    Forwarder {
        forwarder: usize,
        epoch: u64,
        event: Box<follower::Event>,
    },
    WakeController {
        controller: usize,
        epoch: u64,
        at: Duration,
    },
    WakeForwarder {
        forwarder: usize,
        epoch: u64,
        at: Duration,
    },
    Packet(Packet),
    Read {
        controller: usize,
        epoch: u64,
        request: RequestId,
    },
    Write {
        record: Record,
        expected: Option<Version>,
        answer: Option<(usize, u64, RequestId)>,
    },
    /// The owner's own end of waiting for the store.
    Lost {
        controller: usize,
        epoch: u64,
        request: RequestId,
        write: bool,
    },
    Done {
        forwarder: usize,
        epoch: u64,
        work: forwarder::Work,
    },
    Dial {
        forwarder: usize,
        epoch: u64,
    },
    StartController(usize),
    StartForwarder(usize),
    Elect,
    Change,
    Learn {
        controller: usize,
        number: u64,
    },
    Fault,
    Calm,
}

struct Queued {
    at: Duration,
    order: u64,
    item: Item,
}

impl PartialEq for Queued {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}

impl Eq for Queued {}

impl PartialOrd for Queued {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Queued {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

/// All of it.
pub(crate) struct World {
    scenario: Scenario,
    random: Random,
    start: Instant,
    now: Duration,
    queue: BinaryHeap<Reverse<Queued>>,
    order: u64,
    is_calm: bool,
    controllers: Vec<Controller>,
    forwarders: Vec<Forwarder>,
    connections: BTreeMap<ConnectionId, Connection>,
    next_connection: u64,
    /// Forwarder and controller that do not reach each other.
    cut: std::collections::BTreeSet<(usize, usize)>,
    store: store::Store,
    /// What is wanted, by number.
    wanted: u64,
    contents: BTreeMap<u64, Content>,
    check: Checker,
    reigns: past::Reigns,
    score: Score,
    trace: Trace,
}

impl World {
    pub(crate) fn new(scenario: Scenario, start: Instant, trace: Trace) -> Self {
        let random = Random::new(scenario.seed);
        let mut world = Self {
            controllers: (0..scenario.controllers).map(|_| Controller::default()).collect(),
            forwarders: (0..scenario.forwarders).map(|_| Forwarder::default()).collect(),
            scenario,
            random,
            start,
            now: Duration::ZERO,
            queue: BinaryHeap::new(),
            order: 0,
            is_calm: false,
            connections: BTreeMap::new(),
            next_connection: 0,
            cut: std::collections::BTreeSet::new(),
            store: store::Store::default(),
            wanted: 0,
            contents: BTreeMap::new(),
            check: Checker::default(),
            reigns: past::Reigns::default(),
            score: Score::default(),
            trace,
        };
        for controller in 0..world.controllers.len() {
            world.at(Duration::ZERO, Item::StartController(controller));
        }
        for forwarder in 0..world.forwarders.len() {
            let late = world.up_to(Duration::from_secs(2));
            world.at(late, Item::StartForwarder(forwarder));
        }
        world.at(Duration::from_millis(100), Item::Elect);
        world.at(Duration::from_millis(500), Item::Fault);
        world.at(Duration::from_secs(1), Item::Change);
        world.at(world.scenario.trouble, Item::Calm);
        world
    }

    pub(crate) fn run(mut self) -> Result<Score, Violation> {
        let end = self.scenario.trouble + self.scenario.calm;
        while let Some(Reverse(Queued { at, item, .. })) = self.queue.pop() {
            if at > end {
                break;
            }
            self.now = at;
            self.happens(item)?;
        }
        self.is_there()?;
        Ok(self.score)
    }

    fn happens(&mut self, item: Item) -> Result<(), Violation> {
        match item {
            Item::Controller { controller, epoch, event } => {
                if self.controllers[controller].epoch == epoch {
                    self.run_controller(controller, *event)?;
                }
            }
            Item::Forwarder { forwarder, epoch, event } => {
                if self.forwarders[forwarder].epoch == epoch {
                    self.run_forwarder(forwarder, *event)?;
                }
            }
            Item::WakeController { controller, epoch, at } => {
                let process = &self.controllers[controller];
                if process.epoch == epoch && process.wake == Some(at) {
                    self.run_controller(controller, coordinator::Event::Timeout)?;
                }
            }
            Item::WakeForwarder { forwarder, epoch, at } => {
                let process = &self.forwarders[forwarder];
                if process.epoch == epoch && process.wake == Some(at) {
                    self.run_forwarder(forwarder, follower::Event::Timeout)?;
                }
            }
            Item::Packet(packet) => self.arrives(packet)?,
            Item::Read { controller, epoch, request } => self.read(controller, epoch, request),
            Item::Write { record, expected, answer } => self.write(record, expected, answer)?,
            Item::Lost { controller, epoch, request, write } => {
                self.lost(controller, epoch, request, write)?;
            }
            Item::Done { forwarder, epoch, work } => {
                if self.forwarders[forwarder].epoch == epoch {
                    self.works(forwarder, work)?;
                }
            }
            Item::Dial { forwarder, epoch } => {
                if self.forwarders[forwarder].epoch == epoch {
                    self.dial(forwarder)?;
                }
            }
            Item::StartController(controller) => self.start_controller(controller),
            Item::StartForwarder(forwarder) => self.start_forwarder(forwarder)?,
            Item::Elect => self.elect()?,
            Item::Change => self.change(),
            Item::Learn { controller, number } => self.learn(controller, number)?,
            Item::Fault => self.fault()?,
            Item::Calm => self.calm()?,
        }
        Ok(())
    }

    /// Everything is as it is wanted.
    fn is_there(&mut self) -> Result<(), Violation> {
        let digest = self.content(self.wanted).digest();
        let calm = self.scenario.calm;
        let not = |what: String| Err(Violation::NotThere { calm, what });
        let committed = self.store.record().and_then(|record| record.committed);
        let Some(committed) = committed.filter(|stamp| stamp.digest == digest) else {
            return not(format!("{committed:?} is committed and {digest:?} is wanted"));
        };
        for (name, forwarder) in self.forwarders.iter().enumerate() {
            if forwarder.installed != Some(committed) {
                return not(format!("forwarder {name} has {:?} and not {committed:?}", forwarder.installed));
            }
            if forwarder.announced != Some(committed) {
                return not(format!(
                    "forwarder {name} announces {:?} and not {committed:?}",
                    forwarder.announced
                ));
            }
        }
        Ok(())
    }

    fn at(&mut self, at: Duration, item: Item) {
        self.order += 1;
        self.queue.push(Reverse(Queued { at, order: self.order, item }));
    }

    fn after(&mut self, time: Duration, item: Item) {
        self.at(self.now + time, item);
    }

    fn up_to(&mut self, time: Duration) -> Duration {
        self.random.time(time)
    }

    /// With this chance in a hundred, while there is trouble.
    fn trouble(&mut self, percent: u32) -> bool {
        !self.is_calm && self.random.percent(percent)
    }

    /// Whether a process dies now.
    fn dies(&mut self) -> bool {
        !self.is_calm && self.random.below(1000) < self.scenario.crash
    }

    fn has(&self, defect: Defect) -> bool {
        self.scenario.defect == Some(defect)
    }

    fn content(&mut self, number: u64) -> Content {
        let has_witness = self.scenario.has_witness;
        let make = || {
            let mut content = scenario::content(number);
            if has_witness {
                scenario::put_witness(&mut content, number);
            }
            content
        };
        self.contents.entry(number).or_insert_with(make).clone()
    }

    fn trace(&self, line: impl FnOnce() -> String) {
        if self.trace == Trace::Steps {
            eprintln!("{:>9.3} {}", self.now.as_secs_f64(), line());
        }
    }
}
