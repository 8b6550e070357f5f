//! A forwarder's process, its disk and its dataplane.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use guideway_controller_core::message::{Cost, Hello, ToForwarder};
use guideway_controller_core::{Content, ForwarderName, Generation, Term};
use guideway_controller_rollout::follower::{Action, Event, Found, Kept};
use guideway_controller_rollout::{ConnectionId, Follower, FollowerSettings, Stamp};

use super::network::Packet;
use super::past::KnownPast;
use super::{Item, World};
use crate::check::Violation;
use crate::defect::Defect;
use crate::scenario;

#[derive(Debug, Default)]
pub(super) struct Forwarder {
    /// Of the process.
    pub(super) epoch: u64,
    machine: Option<Follower>,
    pub(super) wake: Option<Duration>,
    pub(super) ahead: Duration,
    disk: Disk,
    /// What packets meet: the kernel keeps it while the process is gone.
    pub(super) installed: Option<Stamp>,
    /// What routers are told: the speaker keeps it while the process is gone.
    pub(super) announced: Option<Stamp>,
    /// Since when it announces less than it knows.
    late: Option<Duration>,
    /// The dataplane or the disk failed lately.
    is_faulty: bool,
    next: usize,
    pub(super) past: KnownPast,
}

/// What outlives the process.
#[derive(Debug, Default)]
struct Disk {
    kept: Kept,
    contents: BTreeMap<Stamp, Content>,
    prepared: Option<Stamp>,
}

/// Something that takes a while.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "it lives until it is done")]
pub(super) enum Work {
    Prepare(Stamp, Content),
    Keep(Kept),
    Install(Stamp),
}

impl Forwarder {
    pub(super) fn is_alive(&self) -> bool {
        self.machine.is_some()
    }

    pub(super) fn machine(&self) -> Option<&Follower> {
        self.machine.as_ref()
    }

    /// Its connection, and whether it has prepared a generation or more than that.
    pub(super) fn link(&self, stamp: Stamp) -> Option<(ConnectionId, bool)> {
        let machine = self.machine.as_ref()?;
        let has_it = machine.standing().prepared == Some(stamp.into());
        Some((machine.connection()?, has_it))
    }
}

pub(super) fn name(number: usize) -> ForwarderName {
    let Ok(name) = format!("lb-{number:02}").parse() else { unreachable!("it is a name") };
    name
}

/// A forwarder's owner gives up installing after this time and a little.
fn patience() -> Duration {
    FollowerSettings::default().install_timeout + Duration::from_millis(100)
}

impl World {
    pub(super) fn start_forwarder(&mut self, number: usize) -> Result<(), Violation> {
        if self.forwarders[number].is_alive() {
            return Ok(());
        }
        let is_corrupt = self.trouble(self.scenario.fault / 4);
        let forwarder = &mut self.forwarders[number];
        forwarder.epoch += 1;
        forwarder.wake = None;
        forwarder.late = None;
        forwarder.is_faulty |= is_corrupt;
        let disk = &mut forwarder.disk;
        if is_corrupt {
            disk.contents.clear();
        }
        let read = |stamp: Stamp| disk.contents.get(&stamp).cloned();
        let found = Found {
            kept: disk.kept,
            committed: disk.kept.committed.and_then(read),
            prepared: disk.prepared.and_then(|stamp| Some((stamp.generation, read(stamp)?))),
        };
        forwarder.past = KnownPast::new(found.committed.is_none());
        forwarder.machine = Some(Follower::new(FollowerSettings::default(), found));
        self.run_forwarder(number, Event::Start)?;
        self.dials_again(number);
        Ok(())
    }

    pub(super) fn crash_forwarder(&mut self, number: usize) {
        if !self.forwarders[number].is_alive() {
            return;
        }
        self.trace(|| format!("forwarder {number} dies"));
        self.score.crashes += 1;
        let forwarder = &mut self.forwarders[number];
        forwarder.machine = None;
        forwarder.epoch += 1;
        let epoch = forwarder.epoch;
        self.breaks_all(|connection| connection.forwarder == number && connection.forwarder_epoch < epoch);
        // Some are away for long.
        let longest = if self.random.percent(20) { 30 } else { 2 };
        let time = self.up_to(Duration::from_secs(longest));
        self.after(time, Item::StartForwarder(number));
    }

    fn forwarder_clock(&self, number: usize) -> Instant {
        self.start + self.now + self.forwarders[number].ahead
    }

    pub(super) fn dials_again(&mut self, forwarder: usize) {
        let epoch = self.forwarders[forwarder].epoch;
        let time = Duration::from_millis(50) + self.up_to(Duration::from_millis(700));
        self.after(time, Item::Dial { forwarder, epoch });
    }

    pub(super) fn dial(&mut self, number: usize) -> Result<(), Violation> {
        let forwarder = &mut self.forwarders[number];
        if forwarder.machine.as_ref().is_none_or(|machine| machine.connection().is_some()) {
            return Ok(());
        }
        forwarder.next = (forwarder.next + 1) % self.controllers.len();
        let controller = forwarder.next;
        if !self.controllers[controller].is_alive() || self.is_cut(number, controller) {
            self.dials_again(number);
            return Ok(());
        }
        let disk = &self.forwarders[number].disk;
        let kept = disk.contents.keys().map(|stamp| (stamp.generation, stamp.digest, SystemTime::UNIX_EPOCH));
        let hello = Hello { kept: kept.collect(), ..Hello::default() };
        let connection = self.connect(number, controller);
        self.run_forwarder(number, Event::Connected { connection, hello })
    }

    pub(super) fn obeys(
        &mut self,
        number: usize,
        connection: ConnectionId,
        mut message: ToForwarder,
    ) -> Result<(), Violation> {
        let Some(machine) = &self.forwarders[number].machine else { return Ok(()) };
        let (term, highest) = (message.term(), machine.kept().highest_term);
        if machine.connection() != Some(connection) {
            return Ok(());
        }
        if term < highest && self.has(Defect::TermIgnored) {
            raise(&mut message, highest);
        }
        let before = (machine.kept().known, machine.standing().prepared);
        let is_work = matches!(message, ToForwarder::Prepare { .. });
        self.run_forwarder(number, Event::Received { connection, message })?;
        let Some(machine) = &self.forwarders[number].machine else { return Ok(()) };
        let is_changed = before != (machine.kept().known, machine.standing().prepared);
        if term < highest && (is_changed || is_work && machine.connection().is_some()) {
            return Err(Violation::OldTerm { forwarder: number, term, highest });
        }
        Ok(())
    }

    pub(super) fn run_forwarder(&mut self, number: usize, event: Event) -> Result<(), Violation> {
        let now = self.forwarder_clock(number);
        let Some(machine) = self.forwarders[number].machine.as_mut() else { return Ok(()) };
        self.score.steps += 1;
        if self.trace == super::Trace::Steps
            && !matches!(
                event,
                Event::Timeout | Event::Received { message: ToForwarder::Keepalive { .. }, .. }
            )
        {
            let text: String = format!("{event:?}").chars().take(260).collect();
            eprintln!("{:>9.3} forwarder {number} <- {text}", self.now.as_secs_f64());
        }
        let is_disconnected = matches!(event, Event::Disconnected { .. });
        let is_lost = self.scenario.defect == Some(Defect::WithdrawnWithoutLeader) && is_disconnected;
        let mut actions = machine.handle(event, now);
        if is_lost {
            actions.push(Action::Withdraw("the leader is gone".to_owned()));
        }
        let wake = machine.poll_timeout().map(|at| {
            let real = at.saturating_duration_since(self.start + self.forwarders[number].ahead);
            real.max(self.now)
        });
        let forwarder = &mut self.forwarders[number];
        if forwarder.wake != wake {
            forwarder.wake = wake;
            let epoch = forwarder.epoch;
            if let Some(at) = wake {
                self.at(at, Item::WakeForwarder { forwarder: number, epoch, at });
            }
        }
        for action in actions {
            if self.dies() {
                self.crash_forwarder(number);
                return Ok(());
            }
            self.act_forwarder(number, action)?;
        }
        self.announces_rightly(number)
    }

    fn act_forwarder(&mut self, number: usize, action: Action) -> Result<(), Violation> {
        let forwarder = &mut self.forwarders[number];
        match action {
            Action::Send { connection, message } => self.sends(Packet::Up(connection, message)),
            Action::Disconnect { connection, .. } => {
                self.breaks(connection);
                self.dials_again(number);
            }
            Action::Prepare { stamp, content } => self.takes_a_while(number, Work::Prepare(stamp, content)),
            Action::Discard { stamp } => {
                forwarder.disk.prepared.take_if(|prepared| *prepared == stamp);
            }
            Action::Keep(kept) => self.takes_a_while(number, Work::Keep(kept)),
            Action::Install { stamp, .. } => self.takes_a_while(number, Work::Install(stamp)),
            Action::Fetch { generation } => self.fetches(number, generation),
            Action::Announce(stamp) => {
                forwarder.announced = Some(stamp);
                self.trace(|| format!("forwarder {number} announces {stamp}"));
            }
            Action::Withdraw(reason) => {
                self.trace(|| format!("forwarder {number} withdraws: {reason}"));
                self.withdraws(number, reason)?;
            }
            // Who is cut off is cut off from all: what is worst for the rest of the protocol.
            Action::Relays(_) => {}
            Action::Past(sets) => forwarder.past.is_told(&sets),
        }
        Ok(())
    }

    fn withdraws(&mut self, number: usize, reason: String) -> Result<(), Violation> {
        let defect = self.has(Defect::FenceIgnored);
        let forwarder = &mut self.forwarders[number];
        let installed = forwarder.installed.map(|stamp| stamp.generation).unwrap_or_default();
        let known = forwarder.machine.as_ref().map(|machine| machine.kept().known).unwrap_or_default();
        let is_needed = known > installed || installed == Generation::NONE || forwarder.is_faulty;
        if forwarder.announced.is_some() && !is_needed {
            return Err(Violation::WithdrawsInVain { forwarder: number, installed, reason });
        }
        if !defect {
            forwarder.announced = None;
        }
        Ok(())
    }

    fn fetches(&mut self, number: usize, generation: Generation) {
        let forwarder = &self.forwarders[number];
        let found = forwarder.disk.contents.iter().find(|(stamp, _)| stamp.generation == generation);
        let content = found.map(|(_, content)| content.clone());
        let event = Box::new(Event::Fetched { generation, content });
        let epoch = forwarder.epoch;
        self.after(Duration::from_millis(2), Item::Forwarder { forwarder: number, epoch, event });
    }

    fn takes_a_while(&mut self, forwarder: usize, work: Work) {
        let epoch = self.forwarders[forwarder].epoch;
        let longest = match work {
            // Now and then longer than the leader waits.
            Work::Prepare(..) if self.trouble(2) => Duration::from_secs(10),
            Work::Prepare(..) => Duration::from_millis(200),
            Work::Keep(_) | Work::Install(_) => Duration::from_millis(20),
        };
        let time = self.up_to(longest);
        self.after(time, Item::Done { forwarder, epoch, work });
    }

    pub(super) fn works(&mut self, number: usize, work: Work) -> Result<(), Violation> {
        let fails = self.trouble(self.scenario.fault);
        let forgets = self.has(Defect::KeptNowhere);
        let is_early = self.has(Defect::InstalledEarly);
        let forwarder = &mut self.forwarders[number];
        forwarder.is_faulty |= fails;
        let event = match work {
            Work::Prepare(stamp, content) => {
                let has_room = scenario::has_room(number, content.pools().len());
                if has_room && !fails {
                    let kept = forwarder.disk.kept.committed;
                    forwarder.disk.contents.insert(stamp, content);
                    while forwarder.disk.contents.len() > 6 {
                        let oldest =
                            forwarder.disk.contents.keys().find(|stamp| Some(**stamp) != kept).copied();
                        oldest.and_then(|oldest| forwarder.disk.contents.remove(&oldest));
                    }
                    forwarder.disk.prepared = Some(stamp);
                    if is_early {
                        self.installs(number, stamp)?;
                    }
                    let cost = Cost { moved: 1, at_risk: 0, flows_at_risk: 0 };
                    Event::Prepared { stamp, result: Ok(cost) }
                } else {
                    Event::Prepared { stamp, result: Err(vec!["there is no room".to_owned()]) }
                }
            }
            Work::Keep(_) if fails => Event::Kept { result: Err("the disk is full".to_owned()) },
            Work::Keep(kept) => {
                if !forgets {
                    forwarder.disk.kept = kept;
                }
                Event::Kept { result: Ok(kept) }
            }
            Work::Install(stamp) if fails => {
                Event::Installed { stamp, result: Err("the kernel says no".to_owned()) }
            }
            Work::Install(stamp) => {
                self.knows_the_past(number, stamp)?;
                self.installs(number, stamp)?;
                Event::Installed { stamp, result: Ok(stamp.generation.0 * 3) }
            }
        };
        self.run_forwarder(number, event)
    }

    fn installs(&mut self, number: usize, stamp: Stamp) -> Result<(), Violation> {
        let forwarder = &mut self.forwarders[number];
        self.check.installs(number, forwarder.installed, stamp)?;
        forwarder.installed = Some(stamp);
        forwarder.is_faulty = false;
        Ok(())
    }

    /// What is announced is what is installed, and that is the last that it knows of: for longer than an installation takes.
    fn announces_rightly(&mut self, number: usize) -> Result<(), Violation> {
        let forwarder = &mut self.forwarders[number];
        let Some(machine) = &forwarder.machine else { return Ok(()) };
        let kept = machine.kept();
        let Some(announced) = forwarder.announced.filter(|stamp| stamp.generation < kept.known) else {
            forwarder.late = None;
            return Ok(());
        };
        let is_installing = kept.committed.is_some_and(|stamp| stamp.generation >= kept.known);
        let late = *forwarder.late.get_or_insert(self.now);
        if is_installing && self.now < late + patience() {
            return Ok(());
        }
        let (announced, known) = (announced.generation, kept.known);
        Err(Violation::AnnouncesOld { forwarder: number, announced, known })
    }
}

fn raise(message: &mut ToForwarder, to: Term) {
    match message {
        ToForwarder::Prepare { term, .. }
        | ToForwarder::Commit { term, .. }
        | ToForwarder::Abort { term, .. }
        | ToForwarder::Fence { term, .. }
        | ToForwarder::Keepalive { term }
        | ToForwarder::SendContent { term, .. }
        | ToForwarder::Touch { term, .. }
        | ToForwarder::Past { term, .. } => *term = to,
    }
}
