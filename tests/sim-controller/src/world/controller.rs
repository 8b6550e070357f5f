//! A controller's process.

use std::time::{Duration, Instant, SystemTime};

use guideway_controller_core::message::{FromForwarder, ToForwarder};
use guideway_controller_rollout::coordinator::{Action, Event, Notice, Role};
use guideway_controller_rollout::{ConnectionId, Coordinator, Record, Settings, Stamp};

use super::network::Packet;
use super::{Item, World, forwarder};
use crate::check::Violation;
use crate::defect::Defect;
use crate::scenario::Scenario;

#[derive(Debug, Default)]
pub(super) struct Controller {
    /// Of the process; odd while there is one.
    pub(super) epoch: u64,
    machine: Option<Coordinator>,
    pub(super) wake: Option<Duration>,
    /// How far its clock is ahead.
    pub(super) ahead: Duration,
    pub(super) is_elected: bool,
    /// It does not reach the store.
    pub(super) is_cut_off: bool,
    /// The latest content that it has seen.
    seen: u64,
    /// Since when it prepares what it prepares.
    proposed: Option<(Stamp, Instant)>,
}

impl Controller {
    pub(super) fn is_alive(&self) -> bool {
        self.machine.is_some()
    }

    pub(super) fn role(&self) -> Role {
        self.machine.as_ref().map(|machine| machine.state().role).unwrap_or_default()
    }

    pub(super) fn machine(&self) -> Option<&Coordinator> {
        self.machine.as_ref()
    }
}

impl World {
    pub(super) fn start_controller(&mut self, controller: usize) {
        if self.controllers[controller].is_alive() {
            return;
        }
        let process = &mut self.controllers[controller];
        process.epoch += 1;
        let leader = format!("controller {controller} {}", process.epoch);
        let mut settings = Settings::new(leader, Scenario::budget());
        settings.over_budget = self.scenario.over_budget;
        settings.gather = self.scenario.gather;
        settings.prepare_timeout = Duration::from_secs(4);
        settings.refused_retry = Duration::from_secs(10);
        settings.history = 4;
        process.machine = Some(Coordinator::new(settings));
        process.wake = None;
        process.is_elected = false;
        process.seen = 0;
        process.proposed = None;
        let time = self.up_to(Duration::from_secs(2));
        self.after(time, Item::Learn { controller, number: self.wanted });
    }

    pub(super) fn crash_controller(&mut self, controller: usize) {
        if !self.controllers[controller].is_alive() {
            return;
        }
        self.trace(|| format!("controller {controller} dies"));
        self.score.crashes += 1;
        let process = &mut self.controllers[controller];
        process.machine = None;
        process.epoch += 1;
        process.is_elected = false;
        let epoch = process.epoch;
        self.breaks_all(|connection| {
            connection.controller == controller && connection.controller_epoch < epoch
        });
        let time = self.up_to(Duration::from_secs(8));
        self.after(time, Item::StartController(controller));
    }

    fn clock(&self, controller: usize) -> Instant {
        self.start + self.now + self.controllers[controller].ahead
    }

    pub(super) fn run_controller(&mut self, controller: usize, event: Event) -> Result<(), Violation> {
        let now = self.clock(controller);
        let Some(machine) = self.controllers[controller].machine.as_mut() else { return Ok(()) };
        self.score.steps += 1;
        if self.trace == super::Trace::Steps && !matches!(event, Event::Timeout) {
            eprintln!("{:>9.3} controller {controller} <- {}", self.now.as_secs_f64(), short(&event));
        }
        let actions = machine.handle(event, now);
        let wake = machine.poll_timeout().map(|at| {
            let real = at.saturating_duration_since(self.start + self.controllers[controller].ahead);
            real.max(self.now)
        });
        let process = &mut self.controllers[controller];
        if process.wake != wake {
            process.wake = wake;
            let epoch = process.epoch;
            if let Some(at) = wake {
                self.at(at, Item::WakeController { controller, epoch, at });
            }
        }
        for action in actions {
            if self.dies() {
                self.crash_controller(controller);
                return Ok(());
            }
            self.act_controller(controller, action, now)?;
        }
        Ok(())
    }

    fn act_controller(&mut self, controller: usize, action: Action, now: Instant) -> Result<(), Violation> {
        if !matches!(action, Action::Send { message: ToForwarder::Keepalive { .. }, .. }) {
            self.trace(|| format!("controller {controller} -> {}", short(&action)));
        }
        match action {
            Action::ReadRecord { request } => self.ask_to_read(controller, request),
            Action::WriteRecord { request, record, expected } => {
                self.is_prepared(controller, &record, now)?;
                self.ask_to_write(controller, request, record, expected);
            }
            Action::Send { forwarder, connection, message } => {
                if let ToForwarder::Prepare { generation, delta, .. } = &message {
                    self.check.names(Stamp { generation: *generation, digest: delta.result })?;
                    if self.has(Defect::PreparedAtOnce) {
                        let (generation, digest) = (*generation, delta.result);
                        let cost = guideway_controller_core::message::Cost::default();
                        let message = FromForwarder::Prepared { generation, digest, cost };
                        let event = Box::new(Event::Received { forwarder, connection, message });
                        let epoch = self.controllers[controller].epoch;
                        self.after(Duration::ZERO, Item::Controller { controller, epoch, event });
                    }
                }
                let is_lost =
                    matches!(message, ToForwarder::Commit { generation, .. } if generation.0 % 3 == 1);
                let is_past = matches!(message, ToForwarder::Past { .. });
                let is_lost =
                    is_lost && self.has(Defect::CommitLost) || is_past && self.has(Defect::PastLost);
                if !is_lost {
                    self.sends(Packet::Down(connection, message));
                }
            }
            Action::Disconnect { connection, .. } => self.breaks(connection),
            Action::Resign => {
                self.controllers[controller].is_elected = false;
                let time = self.up_to(Duration::from_secs(3));
                self.after(time, Item::Elect);
            }
            Action::Found { generation, content } => {
                if let Some(content) = content {
                    self.check.names(Stamp { generation, digest: content.digest() })?;
                    self.score.found += 1;
                }
            }
            Action::Notice(notice) => self.note(controller, &notice, now),
        }
        Ok(())
    }

    fn note(&mut self, controller: usize, notice: &Notice, now: Instant) {
        match notice {
            Notice::Leads(_) => self.score.terms += 1,
            Notice::Proposed(stamp, _) => self.controllers[controller].proposed = Some((*stamp, now)),
            Notice::Committed(stamp) => {
                self.score.committed += 1;
                self.has_committed(controller, *stamp);
            }
            Notice::Aborted(..) => self.score.aborted += 1,
            Notice::Fenced(..) => self.score.fences += 1,
            Notice::Held(stamp, _) => {
                self.score.held += 1;
                // An operator looks at it.
                let event = Box::new(Event::Approve { generation: stamp.generation });
                let time = self.up_to(Duration::from_secs(1));
                let epoch = self.controllers[controller].epoch;
                self.after(time, Item::Controller { controller, epoch, event });
            }
            _ => {}
        }
    }

    /// Whoever the leader counts as ready is: or it had the time for it.
    fn is_prepared(&mut self, controller: usize, record: &Record, now: Instant) -> Result<(), Violation> {
        let process = &mut self.controllers[controller];
        // A write that is repeated was decided before.
        let Some((stamp, since)) = process.proposed.take_if(|(stamp, _)| record.committed == Some(*stamp))
        else {
            return Ok(());
        };
        let process = &self.controllers[controller];
        let Some(machine) = process.machine() else { return Ok(()) };
        let is_late = since + machine.settings().prepare_timeout <= now;
        let state = machine.state();
        let ready = machine.ready();
        let Some(rollout) = state.rollout else { return Ok(()) };
        let not_prepared = |forwarder| Err(Violation::NotPrepared { controller, stamp, forwarder });
        for (number, forwarder) in self.forwarders.iter().enumerate() {
            let name = forwarder::name(number);
            if rollout.waiting.contains(&name) && !is_late {
                return not_prepared(number);
            }
            let Some((connection, has_it)) = forwarder.link(stamp) else { continue };
            let is_same = self.connections.get(&connection).is_some_and(|connection| {
                connection.controller == controller && connection.controller_epoch == process.epoch
            });
            if ready.contains(&name) && is_same && !has_it {
                return not_prepared(number);
            }
        }
        Ok(())
    }

    pub(super) fn hears(
        &mut self,
        controller: usize,
        number: usize,
        connection: ConnectionId,
        mut message: FromForwarder,
    ) -> Result<(), Violation> {
        let forwarder = forwarder::name(number);
        if self.has(Defect::GenerationReused) {
            match &mut message {
                FromForwarder::Hello(hello) => hello.standing.prepared = None,
                FromForwarder::Keepalive(standing) => standing.prepared = None,
                _ => {}
            }
        }
        let event = match message {
            FromForwarder::Hello(hello) => {
                // What forwarders keep is a moment old.
                Event::Connected { forwarder, connection, hello, time_of_day: SystemTime::UNIX_EPOCH }
            }
            message => Event::Received { forwarder, connection, message },
        };
        self.run_controller(controller, event)
    }

    pub(super) fn learn(&mut self, controller: usize, number: u64) -> Result<(), Violation> {
        let process = &mut self.controllers[controller];
        // A watch may be late; it does not go back.
        if process.seen > number || !process.is_alive() {
            return Ok(());
        }
        process.seen = number;
        let content = self.content(number);
        self.run_controller(controller, Event::Desired(content))
    }
}

fn short(value: &impl std::fmt::Debug) -> String {
    let mut text = format!("{value:?}");
    if let Some((end, _)) = text.char_indices().nth(260) {
        text.truncate(end);
    }
    text
}
