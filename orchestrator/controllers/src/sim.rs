//! An API server in memory and controllers before it, for tests: what they see comes late, twice or as a new list, and
//! they may be stopped between any two writes.

mod server;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::gc::GarbageCollector;
use crate::{Action, Answers, Controller, Detail, Interest, ObjectRef, Observed, Seen, World};

pub(crate) use server::Server;

/// Controllers, what they have seen, and what there is.
pub(crate) struct Sim {
    pub(crate) server: Server,
    pub(crate) world: World,
    pub(crate) controllers: Vec<Box<dyn Controller>>,
    queues: Vec<BTreeSet<ObjectRef>>,
    later: Vec<BTreeSet<ObjectRef>>,
    /// Events of the server that have been delivered.
    delivered: BTreeMap<crate::GroupResource, usize>,
}

impl Sim {
    pub(crate) fn new(server: Server, controllers: Vec<Box<dyn Controller>>) -> Self {
        let count = controllers.len();
        let mut sim = Self {
            server,
            world: World::new(),
            controllers,
            queues: vec![BTreeSet::new(); count],
            later: vec![BTreeSet::new(); count],
            delivered: BTreeMap::new(),
        };
        sim.restart();
        sim
    }

    /// The process starts anew: all that was known is lost.
    pub(crate) fn restart(&mut self) {
        self.world = World::new();
        self.queues.iter_mut().chain(&mut self.later).for_each(BTreeSet::clear);
        self.world.discovered(self.server.discovery());
        let bodies: BTreeSet<_> = self
            .controllers
            .iter()
            .flat_map(|controller| controller.interests())
            .filter_map(|interest| match interest {
                Interest::Kind(kind) => Some(kind.id),
                Interest::Everything => None,
            })
            .collect();
        for resource in self.server.discovery().resources {
            let detail = if bodies.contains(&resource.id) { Detail::Body } else { Detail::Metadata };
            self.world.watch(&resource, detail);
            self.relist(&resource.id);
        }
        for (controller, queue) in self.controllers.iter().zip(&mut self.queues) {
            controller.discovered(&self.world, &mut |key| {
                queue.insert(key);
            });
        }
    }

    fn see(&mut self, resource: &crate::GroupResource, seen: Seen) {
        for change in self.world.see(resource, seen).unwrap() {
            for (controller, queue) in self.controllers.iter().zip(&mut self.queues) {
                controller.concerns(&self.world, &change, &mut |key| {
                    queue.insert(key);
                });
            }
        }
    }

    /// A list instead of events.
    pub(crate) fn relist(&mut self, resource: &crate::GroupResource) {
        self.delivered.insert(resource.clone(), self.server.events(resource).len());
        self.see(resource, Seen::ListBegins);
        for object in self.server.list(resource, "") {
            self.see(resource, Seen::Listed(object));
        }
        self.see(resource, Seen::ListEnds);
    }

    /// Delivers the next event of a kind, perhaps twice. Whether there was one.
    pub(crate) fn deliver(&mut self, resource: &crate::GroupResource, twice: bool) -> bool {
        let next = self.delivered.entry(resource.clone()).or_default();
        let Some(event) = self.server.events(resource).get(*next).cloned() else { return false };
        *next += 1;
        if twice {
            self.see(resource, event.clone());
        }
        self.see(resource, event);
        true
    }

    /// Reconciles the `pick`-th waiting key of a controller, and stops after `limit` actions. The actions that were
    /// done.
    pub(crate) fn work(&mut self, controller: usize, pick: usize, limit: usize) -> Vec<Action> {
        let queue = &mut self.queues[controller];
        if queue.is_empty() {
            return Vec::new();
        }
        let key = queue.iter().nth(pick % queue.len()).cloned().unwrap();
        queue.remove(&key);
        let controller_ref = &self.controllers[controller];
        let mut answers = Answers::new();
        let outcome = loop {
            let observed =
                Observed { world: &self.world, answers: &answers, failures: &[], now: self.server.now };
            let outcome = controller_ref.reconcile(&observed, &key);
            if outcome.questions.is_empty() {
                break outcome;
            }
            assert!(outcome.actions.is_empty(), "actions beside questions");
            for question in outcome.questions {
                let answer = self.server.answer(&question);
                assert!(answers.insert(question, answer).is_none(), "asked twice");
            }
        };
        let is_collector = controller_ref.name() == GarbageCollector.name();
        let mut done = Vec::new();
        for action in outcome.actions.iter().take(limit) {
            if let (true, Action::Delete { target, uid, revision, .. }) = (is_collector, action) {
                self.server.assert_ownerless(target, uid, *revision);
            }
            done.push(action.clone());
            if self.server.act(action).is_err() {
                self.queues[controller].insert(key);
                return done;
            }
        }
        if outcome.actions.len() > limit {
            self.queues[controller].insert(key);
        } else if outcome.again.is_some() {
            self.later[controller].insert(key);
        }
        done
    }

    /// Delivers and works until nothing is left but what waits for a time.
    pub(crate) fn settle(&mut self) {
        for round in 0.. {
            assert!(round < 2000, "no end: {:?}", self.queues);
            let kinds = self.server.discovery().resources;
            if kinds != self.world.discovery().resources {
                self.world.discovered(self.server.discovery());
            }
            let mut busy = false;
            for kind in kinds {
                while self.deliver(&kind.id, false) {
                    busy = true;
                }
            }
            for controller in 0..self.controllers.len() {
                for _ in 0..self.queues[controller].len() {
                    busy = true;
                    self.work(controller, 0, usize::MAX);
                }
            }
            if !busy {
                return;
            }
        }
    }

    /// Lets time pass and settles, until nothing changes any more.
    pub(crate) fn converge(&mut self) {
        for round in 0.. {
            assert!(round < 50, "it does not come to rest");
            self.settle();
            let revision = self.server.revision;
            self.server.now += std::time::Duration::from_secs(120);
            for (queue, later) in self.queues.iter_mut().zip(&mut self.later) {
                queue.append(later);
            }
            self.settle();
            if self.server.revision == revision {
                break;
            }
        }
        // A new process that looks at everything has nothing to do.
        let revision = self.server.revision;
        self.restart();
        self.settle();
        assert_eq!(self.server.revision, revision, "there was something left to do");
    }

    pub(crate) fn object(&self, reference: &ObjectRef) -> Option<Arc<serde_json::Value>> {
        self.server.get(reference).map(|object| Arc::new(object.clone()))
    }
}
