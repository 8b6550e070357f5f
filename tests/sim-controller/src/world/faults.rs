//! What goes wrong, what changes, and when it ends.

use std::time::Duration;

use guideway_controller_core::Generation;
use guideway_controller_rollout::coordinator::{Event, Role};

use super::{Item, World};
use crate::check::Violation;

impl World {
    /// One of those that live is elected, unless one is.
    pub(super) fn elect(&mut self) -> Result<(), Violation> {
        let elected =
            self.controllers.iter().any(|controller| controller.is_elected && controller.is_alive());
        if !elected {
            let alive: Vec<usize> =
                (0..self.controllers.len()).filter(|number| self.controllers[*number].is_alive()).collect();
            if let Some(count) = u32::try_from(alive.len()).ok().filter(|count| *count > 0) {
                let controller = alive[self.random.below(count) as usize];
                self.becomes_leader(controller)?;
            }
        }
        let time = Duration::from_millis(500) + self.up_to(Duration::from_secs(2));
        if self.queue.iter().filter(|queued| matches!(queued.0.item, Item::Elect)).count() < 2 {
            self.after(time, Item::Elect);
        }
        Ok(())
    }

    fn becomes_leader(&mut self, controller: usize) -> Result<(), Violation> {
        self.controllers[controller].is_elected = true;
        self.run_controller(controller, Event::BecameLeader)
    }

    fn loses_office(&mut self, controller: usize) -> Result<(), Violation> {
        self.controllers[controller].is_elected = false;
        self.run_controller(controller, Event::LostLeadership)
    }

    pub(super) fn change(&mut self) {
        if self.is_calm {
            return;
        }
        self.wanted += u64::from(self.random.between(1, 3));
        self.tell_controllers();
        let time = self.up_to(self.scenario.changes);
        self.after(time, Item::Change);
    }

    fn tell_controllers(&mut self) {
        for controller in 0..self.controllers.len() {
            let time = self.up_to(Duration::from_millis(500));
            self.after(time, Item::Learn { controller, number: self.wanted });
        }
    }

    pub(super) fn fault(&mut self) -> Result<(), Violation> {
        if self.is_calm {
            return Ok(());
        }
        let controllers = u32::try_from(self.controllers.len()).unwrap_or(1);
        let forwarders = u32::try_from(self.forwarders.len()).unwrap_or(1);
        let controller = self.random.below(controllers) as usize;
        let forwarder = self.random.below(forwarders) as usize;
        match self.random.below(14) {
            0 => self.crash_controller(controller),
            1 => self.crash_forwarder(forwarder),
            // Another one believes that it was elected; the first one may not know for long.
            2 | 3 => self.becomes_leader(controller)?,
            4 => self.loses_office(controller)?,
            5 => {
                self.cut.insert((forwarder, controller));
            }
            6 => self.cut.extend((0..self.forwarders.len()).map(|forwarder| (forwarder, controller))),
            7 | 8 => self.cut.clear(),
            9 => self.controllers[controller].is_cut_off ^= true,
            10 => self.clock_jumps(controller, forwarder),
            11 => self.store.touch(),
            12 => self.operator(controller)?,
            _ => self.everything_dies(),
        }
        let time = self.up_to(self.scenario.faults);
        self.after(time, Item::Fault);
        Ok(())
    }

    fn clock_jumps(&mut self, controller: usize, forwarder: usize) {
        let time = self.up_to(Duration::from_secs(30));
        if self.random.percent(50) {
            self.controllers[controller].ahead += time;
        } else {
            self.forwarders[forwarder].ahead += time;
        }
    }

    fn operator(&mut self, controller: usize) -> Result<(), Violation> {
        let committed = self.store.record().and_then(|record| record.committed);
        let back = u64::from(self.random.below(6));
        let generation = committed.map(|stamp| Generation(stamp.generation.0.saturating_sub(back)));
        let event = match generation {
            Some(generation) if self.random.percent(30) => Event::Look { generation },
            Some(generation) if self.random.percent(60) => Event::Rollback { generation },
            _ => Event::Resume,
        };
        self.run_controller(controller, event)
    }

    /// The power fails.
    fn everything_dies(&mut self) {
        if self.random.percent(20) {
            (0..self.controllers.len()).for_each(|controller| self.crash_controller(controller));
        }
        if self.random.percent(20) {
            (0..self.forwarders.len()).for_each(|forwarder| self.crash_forwarder(forwarder));
        }
    }

    /// From now on nothing goes wrong any more, and one leads.
    pub(super) fn calm(&mut self) -> Result<(), Violation> {
        if !self.is_calm {
            self.trace(|| "calm".to_owned());
            self.is_calm = true;
            self.cut.clear();
            self.controllers.iter_mut().for_each(|controller| controller.is_cut_off = false);
            for controller in 0..self.controllers.len() {
                self.loses_office(controller)?;
            }
            // Small enough for every forwarder.
            self.wanted += 1;
            while crate::scenario::size(self.wanted) > 1 {
                self.wanted += 1;
            }
            self.tell_controllers();
        }
        // An operator lets projections go on, until a leader was there to hear it.
        let leaders: Vec<usize> = (0..self.controllers.len())
            .filter(|number| matches!(self.controllers[*number].role(), Role::Leading(_)))
            .collect();
        let is_held = self.store.record().is_some_and(|record| record.rolled_back_to.is_some());
        for leader in leaders.into_iter().filter(|_| is_held) {
            self.run_controller(leader, Event::Resume)?;
        }
        self.after(Duration::from_secs(5), Item::Calm);
        Ok(())
    }
}
