//! When a forwarder acts on what it learns: everything but the death of a backend is announced before it is acted on, so
//! that forwarders which learn of it at different moments agree about where flows can be.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use crate::timeline::{Backend, Generation, View};

/// What a table follows from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Input {
    pub(super) generation: Rc<Generation>,
    pub(super) unhealthy: Vec<Backend>,
}

impl Input {
    fn of(view: &View) -> Self {
        Self { generation: Rc::clone(&view.generation), unhealthy: view.unhealthy.clone() }
    }

    fn bury(&mut self, dead: &[Backend]) {
        self.unhealthy.extend_from_slice(dead);
        self.unhealthy.sort_unstable();
        self.unhealthy.dedup();
    }
}

#[derive(Clone, Debug)]
pub(super) struct Pacing {
    /// Between the announcement and the act, and from the act on for as long again: more than forwarders are apart.
    announce: Duration,
    acted: Input,
    /// Generations between the two, oldest first: another forwarder may be acting on one of them.
    passed: Vec<Rc<Generation>>,
    wanted: Input,
    upcoming: Option<Rc<Generation>>,
    /// Backends that will be unhealthy still.
    unhealthy_then: Vec<Backend>,
    /// Since when each generation is known.
    known: BTreeMap<u32, Duration>,
    returned: Option<Duration>,
    former: Vec<(Input, Duration)>,
}

impl Pacing {
    pub(super) fn new(view: &View, announce: Duration, now: Duration) -> Self {
        let mut pacing = Self {
            announce,
            acted: Input::of(view),
            passed: Vec::new(),
            wanted: Input::of(view),
            upcoming: None,
            unhealthy_then: Vec::new(),
            known: BTreeMap::new(),
            returned: None,
            former: Vec::new(),
        };
        pacing.learn(view, now);
        pacing
    }

    pub(super) fn learn(&mut self, view: &View, now: Duration) {
        let unhealthy_then = view.unhealthy_then();
        // Who announces by itself for long enough does not need to wait for another answer.
        let unhealthy = if self.acts_at_once() { &view.unhealthy } else { &unhealthy_then };
        let acted = self.acted.generation.number;
        let newer = std::iter::successors(Some(&view.generation), |newer| newer.before.as_ref());
        let newer = newer.take_while(|newer| newer.number > acted);
        let mut newer: Vec<_> = newer.cloned().collect();
        newer.reverse();
        for generation in &newer {
            self.known.entry(generation.number).or_insert(now);
        }
        newer.pop();
        self.passed = newer;
        if let Some(upcoming) = &view.upcoming {
            self.known.entry(upcoming.number).or_insert(now);
        }
        if self.wanted.unhealthy.iter().any(|backend| !unhealthy.contains(backend)) {
            self.returned = Some(now);
        }
        self.acted.bury(unhealthy);
        for (former, _) in &mut self.former {
            former.bury(unhealthy);
        }
        self.wanted = Input { generation: Rc::clone(&view.generation), unhealthy: unhealthy.clone() };
        self.upcoming.clone_from(&view.upcoming);
        self.unhealthy_then = unhealthy_then;
    }

    const fn acts_at_once(&self) -> bool {
        self.announce.is_zero()
    }

    /// What the backends follow from at present.
    pub(super) fn acted(&self) -> &Input {
        &self.acted
    }

    /// What other forwarders may be acting on. Of one that acts at once, as agents do, it is what comes next: what is prepared,
    /// or what there is, with those who answer again.
    pub(super) fn others(&self) -> Vec<Input> {
        if self.acts_at_once() {
            let generation = Rc::clone(self.upcoming.as_ref().unwrap_or(&self.acted.generation));
            let next = Input { generation, unhealthy: self.unhealthy_then.clone() };
            return if next == self.acted { Vec::new() } else { vec![next] };
        }
        let wanted = Some(self.wanted.clone()).filter(|wanted| *wanted != self.acted);
        let announced = self.upcoming.iter().chain(&self.passed).map(|generation| self.acted_by(generation));
        let former = self.former.iter().map(|(input, _)| input.clone());
        wanted.into_iter().chain(announced).chain(former).collect()
    }

    /// The generation, and the deaths that are acted on.
    fn acted_by(&self, generation: &Rc<Generation>) -> Input {
        Input { generation: Rc::clone(generation), unhealthy: self.acted.unhealthy.clone() }
    }

    fn announced(&self, generation: &Generation) -> Option<Duration> {
        self.known.get(&generation.number).map(|&known| known + self.announce)
    }

    /// When the next of what is wanted has been announced for long enough.
    pub(super) fn deadline(&self) -> Option<Duration> {
        if let Some(passed) = self.passed.first() {
            return self.announced(passed);
        }
        if self.wanted == self.acted {
            return None;
        }
        let generation = &self.wanted.generation;
        let announced = self.announced(generation).filter(|_| *generation != self.acted.generation);
        let returned = self.returned.filter(|_| self.wanted.unhealthy != self.acted.unhealthy);
        Some(announced.max(returned.map(|returned| returned + self.announce)).unwrap_or(self.announce))
    }

    /// Takes what is wanted for what is, one after the other, as far as it is time.
    pub(super) fn act(&mut self, now: Duration) {
        self.former.retain(|&(_, until)| until > now);
        while self.deadline().is_some_and(|due| due <= now) {
            let passed = (!self.passed.is_empty()).then(|| self.passed.remove(0));
            let next = passed.map_or_else(|| self.wanted.clone(), |passed| self.acted_by(&passed));
            let former = std::mem::replace(&mut self.acted, next);
            if !self.acts_at_once() {
                self.former.push((former, now + self.announce));
            }
        }
    }
}
