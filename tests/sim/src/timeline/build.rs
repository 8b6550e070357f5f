//! The controller, the health checks and the clock between them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use super::{Backend, Earlier, Generation, Step, Timeline, View};
use crate::history::{Connections, Event, History, Joining, Rollout};
use crate::random::mix;

/// Forwarders at a time, at most.
const FORWARDERS_MAX: usize = 8;
/// Backends at a time, at most.
const MEMBERS_MAX: usize = 24;
/// Earlier generations that one which joins is told of, at most.
const EARLIER_MAX: usize = 32;
/// Between the last forwarder's step and the controller's next one.
const MOMENT: Duration = Duration::from_millis(1);

/// What each forwarder learns of `history`, and when.
#[must_use]
pub fn timeline(history: &History) -> Timeline {
    Builder::new(history).run()
}

/// What a forwarder can learn.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum News {
    Prepare(u32),
    Commit(u32),
    /// With its place among what happened to backends.
    Down(Backend, u32),
    Rising(Backend, u32),
    Up(Backend, u32),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Action {
    Event(usize),
    Learn(usize, News),
    Commit,
    Done,
    Up {
        backend: Backend,
        jitter: u32,
    },
    /// One that has answered as often as it has to.
    Healthy {
        backend: Backend,
        jitter: u32,
        count: u32,
    },
    AgentBack(usize),
}

struct Node {
    view: View,
    /// What it has installed and the backends that it takes for dead, as it has said.
    generation: u32,
    unhealthy: Vec<Backend>,
    down_until: Option<Duration>,
    missed: bool,
    /// The last that it heard of each backend.
    heard: BTreeMap<Backend, u32>,
    /// When it last asked all backends, likewise.
    asked: u32,
}

struct Builder<'a> {
    history: &'a History,
    now: Duration,
    queue: BinaryHeap<Reverse<(Duration, u32, Action)>>,
    count: u32,
    steps: Vec<(Duration, Step)>,
    nodes: BTreeMap<usize, Node>,
    forwarders: usize,
    backends: usize,
    down: BTreeSet<Backend>,
    generations: Vec<Rc<Generation>>,
    /// Generations that wait for the ones before them, with what their delays follow from.
    waiting: VecDeque<(u32, u32)>,
    /// The one that is rolled out.
    rollout: Option<(u32, u32)>,
    committed: u32,
    /// Backends that at least one forwarder takes for dead, as the controller knows.
    reported: Vec<Backend>,
    /// What was acted on before, oldest first.
    replaced: Vec<Earlier>,
    failed: bool,
}

impl Node {
    /// It acts on all that it knows, and says so.
    fn act(&mut self) -> Rc<View> {
        self.generation = self.view.generation.number;
        self.unhealthy.clone_from(&self.view.unhealthy);
        Rc::new(self.view.clone())
    }
}

impl<'a> Builder<'a> {
    fn new(history: &'a History) -> Self {
        let members = (0..).map(Backend).zip(history.backends.iter().copied()).collect();
        let first = Rc::new(Generation { number: 0, seed: 0, members, before: None });
        Self {
            history,
            now: Duration::ZERO,
            queue: BinaryHeap::new(),
            count: 0,
            steps: Vec::new(),
            nodes: BTreeMap::new(),
            forwarders: 0,
            backends: history.backends.len(),
            down: BTreeSet::new(),
            generations: vec![first],
            waiting: VecDeque::new(),
            rollout: None,
            committed: 0,
            reported: Vec::new(),
            replaced: Vec::new(),
            failed: false,
        }
    }

    fn run(mut self) -> Timeline {
        for _ in 0..self.history.forwarders {
            self.join();
        }
        for (index, timed) in self.history.events.iter().enumerate() {
            self.at(timed.at, Action::Event(index));
        }
        while let Some(Reverse((now, _, action))) = self.queue.pop() {
            if now > self.history.length {
                break;
            }
            self.now = now;
            self.act(action);
        }
        let seeds = self.generations.last().map_or(1, |last| last.seed + 1);
        Timeline { steps: self.steps, forwarders: self.forwarders, backends: self.backends, seeds }
    }

    fn at(&mut self, when: Duration, action: Action) {
        self.count += 1;
        self.queue.push(Reverse((when, self.count, action)));
    }

    fn step(&mut self, step: Step) {
        self.steps.push((self.now, step));
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Event(index) => {
                let timed = self.history.events[index];
                self.event(timed.event, timed.jitter);
            }
            Action::Learn(forwarder, news) => self.learn(forwarder, &news),
            Action::Commit | Action::Done if self.straggler().is_some() => {
                if let Some(until) = self.straggler() {
                    self.at(until + MOMENT, action);
                }
            }
            Action::Commit => self.commit(),
            Action::Done => {
                self.rollout = None;
                self.roll_out();
            }
            Action::Up { backend, jitter } => {
                self.down.remove(&backend);
                self.step(Step::Up { backend });
                self.count += 1;
                self.tell(jitter, &News::Rising(backend, self.count));
                // Health checks go on as far apart as forwarders are.
                let count = self.count;
                self.at(self.now + self.history.skew, Action::Healthy { backend, jitter, count });
            }
            Action::Healthy { backend, jitter, count } => self.tell(jitter, &News::Up(backend, count)),
            Action::AgentBack(forwarder) => self.agent_back(forwarder),
        }
    }

    fn event(&mut self, event: Event, jitter: u32) {
        match event {
            Event::AddBackend { weight } => self.change(jitter, |members, fresh| {
                if members.len() < MEMBERS_MAX {
                    members.push((fresh, weight.max(1)));
                }
            }),
            Event::RemoveBackend { pick } => self.change(jitter, |members, _| {
                let index = pick as usize % members.len();
                members.remove(index);
            }),
            Event::Reweight { pick, weight } => self.change(jitter, |members, _| {
                let index = pick as usize % members.len();
                members[index].1 = weight;
            }),
            Event::RotateSeed => self.rotate(jitter),
            Event::Fail { pick, connections, back_after } => {
                self.fail(jitter, pick, connections, back_after);
            }
            Event::AddForwarder => {
                if self.nodes.len() < FORWARDERS_MAX {
                    self.join();
                }
            }
            Event::RemoveForwarder { pick } => {
                if self.nodes.len() > 1 {
                    let forwarder = self.pick_forwarder(pick);
                    self.nodes.remove(&forwarder);
                    self.step(Step::Leave { forwarder });
                    self.report();
                }
            }
            Event::RestartAgent { pick, down } => {
                let forwarder = self.pick_forwarder(pick);
                let until = self.now + down;
                if let Some(node) = self.nodes.get_mut(&forwarder) {
                    node.down_until = Some(until);
                }
                self.at(until, Action::AgentBack(forwarder));
            }
        }
    }

    fn pick_forwarder(&self, pick: u32) -> usize {
        self.nodes.keys().copied().nth(pick as usize % self.nodes.len()).unwrap_or_default()
    }

    /// The newest generation that is wanted.
    fn wanted(&self) -> &Rc<Generation> {
        &self.generations[self.generations.len() - 1]
    }

    /// Whether backends that can be reached take new flows, `failed` aside.
    fn serves(&self, members: &[(Backend, u16)], failed: Option<Backend>) -> bool {
        let is_up = |backend: Backend| Some(backend) != failed && !self.down.contains(&backend);
        members.iter().any(|&(backend, weight)| weight > 0 && is_up(backend))
    }

    fn change(&mut self, jitter: u32, change: impl Fn(&mut Vec<(Backend, u16)>, Backend)) {
        let wanted = Rc::clone(self.wanted());
        let fresh = Backend(u16::try_from(self.backends).unwrap_or(u16::MAX));
        let mut members = wanted.members.clone();
        change(&mut members, fresh);
        if members == wanted.members || !self.serves(&members, None) {
            return;
        }
        if members.last().is_some_and(|&(last, _)| last == fresh) {
            self.backends += 1;
        }
        self.want(jitter, wanted.seed, members);
    }

    /// Once in a history, and before the members change: otherwise it would have to wait for the drain window.
    fn rotate(&mut self, jitter: u32) {
        if self.generations.len() == 1 && !self.failed {
            let wanted = Rc::clone(self.wanted());
            self.want(jitter, wanted.seed + 1, wanted.members.clone());
        }
    }

    fn want(&mut self, jitter: u32, seed: u32, members: Vec<(Backend, u16)>) {
        let before = Rc::clone(self.wanted());
        let number = before.number + 1;
        self.generations.push(Rc::new(Generation { number, seed, members, before: Some(before) }));
        self.waiting.push_back((number, jitter));
        self.roll_out();
    }

    fn roll_out(&mut self) {
        if self.rollout.is_some() {
            return;
        }
        let Some((number, jitter)) = self.waiting.pop_front() else { return };
        match self.history.rollout {
            Rollout::Prepared => {
                self.rollout = Some((number, jitter));
                self.tell(jitter, &News::Prepare(number));
                self.at(self.now + self.history.skew + MOMENT, Action::Commit);
            }
            Rollout::AtOnce => {
                self.commit_to(number);
                self.tell(jitter, &News::Commit(number));
                self.roll_out();
            }
        }
    }

    /// When the last agent that does not answer is back: the controller waits for it.
    fn straggler(&self) -> Option<Duration> {
        self.nodes.values().filter_map(|node| node.down_until).max()
    }

    fn commit(&mut self) {
        if let Some((number, jitter)) = self.rollout {
            self.commit_to(number);
            self.tell(jitter ^ 0x5555_5555, &News::Commit(number));
            self.at(self.now + self.history.skew + MOMENT, Action::Done);
        }
    }

    fn commit_to(&mut self, number: u32) {
        self.note();
        self.committed = number;
    }

    /// What is acted on now is replaced.
    fn note(&mut self) {
        self.replaced.push(self.present());
    }

    /// What is acted on, as if it were replaced now.
    fn present(&self) -> Earlier {
        Earlier {
            generation: Rc::clone(&self.generations[self.committed as usize]),
            unhealthy: self.reported.clone(),
            replaced: self.now,
        }
    }

    /// What forwarders say of backends has changed.
    fn report(&mut self) {
        let reported = self.nodes.values().flat_map(|node| node.unhealthy.iter().copied());
        let reported: BTreeSet<Backend> = reported.collect();
        if reported.iter().eq(&self.reported) {
            return;
        }
        self.note();
        self.reported = reported.into_iter().collect();
        // Who has not installed yet what is committed acts on it with what was before.
        if self.nodes.values().any(|node| node.generation < self.committed)
            && let Some(before) = self.generations.get((self.committed as usize).wrapping_sub(1))
        {
            let present = self.present();
            self.replaced.push(Earlier { generation: Rc::clone(before), ..present });
        }
    }

    /// What one that joins is told of what was before.
    fn earlier(&self) -> Vec<Earlier> {
        if self.history.joining == Joining::Cold {
            return Vec::new();
        }
        let counts = |earlier: &&Earlier| earlier.replaced + self.history.drain_window * 3 > self.now;
        let present = Some(self.present()).filter(|present| !present.unhealthy.is_empty());
        let replaced = self.replaced.iter().rev().take_while(counts).take(EARLIER_MAX).cloned();
        let mut earlier: Vec<Earlier> = present.into_iter().chain(replaced).collect();
        earlier.reverse();
        earlier
    }

    fn fail(&mut self, jitter: u32, pick: u32, connections: Connections, back_after: Option<Duration>) {
        let wanted = Rc::clone(self.wanted());
        let (backend, _) = wanted.members[pick as usize % wanted.members.len()];
        let committed = &self.generations[self.committed as usize].members;
        let all_serve = self.generations[self.committed as usize..]
            .iter()
            .all(|generation| self.serves(&generation.members, Some(backend)));
        if self.down.contains(&backend) || committed.is_empty() || !all_serve {
            return;
        }
        self.failed = true;
        self.down.insert(backend);
        self.step(Step::Down { backend, connections });
        self.count += 1;
        self.tell(jitter, &News::Down(backend, self.count));
        if let Some(after) = back_after {
            // Later than the last forwarder's notice of the failure.
            let at = self.now + self.history.skew + after;
            self.at(at, Action::Up { backend, jitter: jitter ^ 0x3333_3333 });
        }
    }

    /// Every forwarder learns it, each after a delay of its own.
    fn tell(&mut self, jitter: u32, news: &News) {
        let skew = u64::try_from(self.history.skew.as_millis()).unwrap_or(u64::MAX).max(1);
        let forwarders: Vec<usize> = self.nodes.keys().copied().collect();
        for forwarder in forwarders {
            let late = mix(u64::from(jitter) << 32 | forwarder as u64) % skew;
            self.at(self.now + Duration::from_millis(late), Action::Learn(forwarder, news.clone()));
        }
    }

    fn learn(&mut self, forwarder: usize, news: &News) {
        let now = self.now;
        let Some(node) = self.nodes.get_mut(&forwarder) else { return };
        let view = &mut node.view;
        match news {
            News::Prepare(number) => view.upcoming = Some(Rc::clone(&self.generations[*number as usize])),
            News::Commit(number) => {
                if *number < view.generation.number {
                    return;
                }
                view.generation = Rc::clone(&self.generations[*number as usize]);
                view.upcoming = None;
            }
            News::Down(backend, number) | News::Rising(backend, number) | News::Up(backend, number) => {
                let heard = node.heard.entry(*backend).or_insert(node.asked);
                // A probe sees what is, never what was before that.
                if *number < *heard {
                    return;
                }
                *heard = *number;
                view.rising.retain(|other| other != backend);
                if matches!(news, News::Rising(..)) {
                    view.rising.extend(view.unhealthy.contains(backend).then_some(*backend));
                } else {
                    view.unhealthy.retain(|other| other != backend);
                }
                if matches!(news, News::Down(..)) {
                    view.unhealthy.push(*backend);
                    view.unhealthy.sort_unstable();
                }
            }
        }
        if node.down_until.is_some_and(|until| until > now) {
            node.missed = true;
            return;
        }
        let view = node.act();
        self.step(Step::Configure { forwarder, view });
        self.report();
    }

    fn agent_back(&mut self, forwarder: usize) {
        let now = self.now;
        let Some(node) = self.nodes.get_mut(&forwarder) else { return };
        if node.down_until.is_some_and(|until| until > now) {
            return;
        }
        node.down_until = None;
        // It asks all backends anew, as one that joins does.
        let unhealthy: Vec<Backend> = self.down.iter().copied().collect();
        let missed = std::mem::take(&mut node.missed) || node.view.unhealthy != unhealthy;
        node.view.unhealthy = unhealthy;
        node.view.rising.clear();
        node.heard.clear();
        node.asked = self.count;
        if missed {
            let view = node.act();
            // It connects anew, and is told what was meanwhile.
            let told = View { earlier: self.earlier(), is_restarted: true, ..(*view).clone() };
            self.step(Step::Configure { forwarder, view: Rc::new(told) });
            self.report();
        }
    }

    fn join(&mut self) {
        let forwarder = self.forwarders;
        self.forwarders += 1;
        let view = View {
            generation: Rc::clone(&self.generations[self.committed as usize]),
            upcoming: self
                .rollout
                .filter(|&(number, _)| number != self.committed)
                .map(|(number, _)| Rc::clone(&self.generations[number as usize])),
            unhealthy: self.down.iter().copied().collect(),
            rising: Vec::new(),
            earlier: Vec::new(),
            is_restarted: false,
        };
        let told = View { earlier: self.earlier(), ..view.clone() };
        self.step(Step::Join { forwarder, view: Rc::new(told) });
        let mut node = Node {
            view,
            generation: 0,
            unhealthy: Vec::new(),
            down_until: None,
            missed: false,
            heard: BTreeMap::new(),
            asked: self.count,
        };
        node.act();
        self.nodes.insert(forwarder, node);
        self.report();
    }
}
