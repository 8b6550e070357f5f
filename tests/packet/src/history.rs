//! Cases, step by step.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use guideway_abi::Counter;
use guideway_dataplane_plan::{Desired, PlanError};
use guideway_packet_model::{Outcome, Verdict, World};

use crate::case_file::{
    Case, Change, Expect, File, Named, NextHop, Packet, Step, WorldSpec, duration, standard_world,
};
use crate::fixture::{Fixture, Headroom, Ways, can_take_headroom};
use crate::frame::{Frame, build};

mod choose;

use choose::Client;

/// Longer than every drain window and timeout.
const LONG: Duration = Duration::from_secs(10 * 86_400);

/// A forwarder with what is installed on it, in the words of case files.
pub struct Stage {
    fixture: Fixture,
    spec: WorldSpec,
    chosen: BTreeMap<String, Client>,
    last: BTreeMap<&'static str, u64>,
    /// The world that cases start in.
    start: WorldSpec,
    start_valid_until: u64,
    /// Whether a history has left it.
    left: bool,
}

impl Stage {
    /// A forwarder in the world of a file.
    ///
    /// # Errors
    ///
    /// When the file's world makes no sense, or the kernel refuses something.
    pub fn new(next_hop: NextHop, world: Option<&Change>) -> Result<Self> {
        let standard = standard_world()?;
        let spec = match world {
            None => standard,
            Some(world) => {
                let mut spec = standard.without_services();
                spec.change(world)?;
                spec
            }
        };
        let mut stage = Self {
            fixture: Fixture::new()?,
            start: spec.clone(),
            start_valid_until: 0,
            spec,
            chosen: BTreeMap::new(),
            last: BTreeMap::new(),
            left: false,
        };
        if next_hop != NextHop::NothingInstalled {
            let others = match next_hop {
                NextHop::FixedOther => vec!["other0".to_owned()],
                NextHop::Fib | NextHop::NothingInstalled => Vec::new(),
                NextHop::Fixed | NextHop::OutOfDate => vec!["up0".to_owned()],
            };
            let valid_until = if next_hop == NextHop::OutOfDate { 0 } else { u64::MAX };
            stage.fixture.set_ways(Ways { others, valid_until, ..Ways::default() })?;
            stage.start_valid_until = valid_until;
            stage.install()?;
        }
        Ok(stage)
    }

    /// The forwarder.
    pub fn fixture(&mut self) -> &mut Fixture {
        &mut self.fixture
    }

    /// What the packets meet.
    #[must_use]
    pub fn world(&self) -> Option<&World> {
        self.fixture.world()
    }

    /// What is installed, in words.
    #[must_use]
    pub fn spec(&self) -> &WorldSpec {
        &self.spec
    }

    /// What the last packet added to the counters.
    #[must_use]
    pub fn last_counters(&self) -> &BTreeMap<&'static str, u64> {
        &self.last
    }

    /// Takes back a change that was refused.
    pub fn forget(&mut self, spec: WorldSpec) {
        self.spec = spec;
    }

    /// What is installed, as the planner was asked for it.
    ///
    /// # Errors
    ///
    /// When a text of the world does not mean anything.
    pub fn desired(&self) -> Result<Desired> {
        self.spec.desired(self.fixture.dataplane().tick_shift())
    }

    fn install(&mut self) -> Result<()> {
        self.write_ways()?;
        let desired = self.desired()?;
        self.fixture.install(&desired)
    }

    fn write_ways(&mut self) -> Result<()> {
        let mut ways = self.fixture.ways().clone();
        let by_address = self.spec.routes.iter().map(|(name, legs)| {
            let address = self
                .spec
                .backends
                .get(name)
                .with_context(|| format!("routes of `{name}`: no such backend"))?;
            Ok((*address, legs.clone()))
        });
        ways.by_address = by_address.collect::<Result<_>>()?;
        self.fixture.set_ways(ways)
    }

    /// Takes the world back to where cases start, with every slot settled and no flow entries.
    fn reset(&mut self) -> Result<()> {
        self.chosen.clear();
        if self.left {
            // What is in doubt now settles; the change itself leaves doubts, which settle, too.
            self.fixture.advance(LONG)?;
            self.install()?;
            self.spec = self.start.clone();
            self.install()?;
            self.fixture.advance(LONG)?;
            self.install()?;
            let ways = Ways { valid_until: self.start_valid_until, ..self.fixture.ways().clone() };
            self.fixture.set_ways(ways)?;
            self.left = false;
        }
        self.fixture.forget_flows()
    }

    /// Runs a case of a file; gives how many packets were sent.
    ///
    /// # Errors
    ///
    /// When program, model and expectation do not agree.
    pub fn case(&mut self, case: &Case) -> Result<usize> {
        if self.fixture.world().is_some() {
            self.reset().context("back to the file's world")?;
        }
        match (&case.history, &case.packet) {
            (Some(steps), None) => {
                let outside = case.expect.is_some()
                    || case.events.is_some()
                    || case.cut.is_some()
                    || case.pad.is_some();
                ensure!(!outside && !case.no_headroom, "what a history does and expects is in its steps");
                let sent = steps.iter().enumerate().map(|(i, step)| {
                    let sent = self.step(step);
                    sent.with_context(|| format!("step {}", i + 1))
                });
                sent.sum()
            }
            (None, Some(packet)) => {
                let frames = frames(case, packet)?;
                for frame in &frames {
                    let what = || format!("{} bytes", frame.bytes.len());
                    self.send(frame, room(case.no_headroom), case.expect.as_deref(), case.events.as_deref())
                        .with_context(what)?;
                }
                Ok(frames.len())
            }
            _ => bail!("a case has either `packet` or `history`"),
        }
    }

    /// One step; gives how many packets were sent.
    ///
    /// # Errors
    ///
    /// See [`case`](Self::case).
    pub fn step(&mut self, step: &Step) -> Result<usize> {
        self.left |= step.packet.is_none() && step.frame.is_none() && step.choose.is_none();
        if let Some(change) = &step.install {
            let before = self.spec.clone();
            self.spec.change(change)?;
            match (self.install(), &step.refused) {
                (result, None) => result?,
                (Ok(()), Some(_)) => bail!("the change was not refused"),
                (Err(error), Some(reason)) => {
                    ensure!(error.downcast_ref::<PlanError>().is_some(), error);
                    ensure!(format!("{error:#}").contains(reason), "refused for another reason: {error:#}");
                    self.spec = before;
                }
            }
        } else if let Some(time) = &step.advance {
            self.fixture.advance(duration(time)?)?;
        } else if let Some(routes) = &step.routes {
            self.spec.routes.extend(routes.clone());
            self.write_ways()?;
        } else if let Some(valid) = step.routes_valid {
            let valid_until = if valid { u64::MAX } else { 0 };
            self.fixture.set_ways(Ways { valid_until, ..self.fixture.ways().clone() })?;
        } else if let Some(choose) = &step.choose {
            self.choose(choose)?;
        } else if let Some(frame) = &step.frame {
            let bytes = from_hex(frame)?;
            let frame = Frame { l2_len: 0, ip_len: 0, outer_len: 0, bytes };
            self.send(&frame, room(step.no_headroom), step.expect.as_deref(), step.events.as_deref())?;
            return Ok(1);
        } else if let Some(packet) = &step.packet {
            let mut packet = self.resolve(packet)?;
            let times = step.times.unwrap_or(1);
            for _ in 0..times {
                self.send(
                    &build(&packet),
                    room(step.no_headroom),
                    step.expect.as_deref(),
                    step.events.as_deref(),
                )?;
                next_port(&mut packet);
            }
            return Ok(usize::from(times));
        } else {
            bail!("a step without anything to do");
        }
        Ok(0)
    }

    fn send(
        &mut self,
        frame: &Frame,
        headroom: Headroom,
        expect: Option<&str>,
        events: Option<&[String]>,
    ) -> Result<()> {
        if headroom == Headroom::None && !can_take_headroom() {
            eprintln!("left out: this kernel cannot take the room before a frame away");
            return Ok(());
        }
        let outcome = self.fixture.check(&frame.bytes, headroom)?;
        self.last.clone_from(&outcome.counters);
        if let Some(expect) = expect {
            self.expect(&Expect::parse(expect)?, &outcome).with_context(|| {
                format!("expected `{expect}`; program and model agree on {:?}", self.in_words(&outcome))
            })?;
        }
        if let Some(events) = events {
            let wanted: BTreeSet<&str> = events.iter().map(String::as_str).collect();
            let counted = outcome.counters.keys().copied().filter(|name| is_event(name)).collect();
            ensure!(
                wanted == counted,
                "events {wanted:?} are expected; program and model agree on {counted:?}"
            );
        }
        Ok(())
    }

    fn expect(&self, expect: &Expect, outcome: &Outcome) -> Result<()> {
        let hops = |names: &[String]| names.iter().map(|name| self.address(name)).collect::<Result<Vec<_>>>();
        let is = match expect {
            Expect::Pass => outcome.verdict == Verdict::Pass,
            Expect::Reflect => {
                outcome.verdict == Verdict::Tx && outcome.counters.contains_key(Counter::BfdEcho.name())
            }
            Expect::Drop(reason) => {
                outcome.verdict == Verdict::Drop
                    && outcome.counters.contains_key(format!("drop_{reason}").as_str())
            }
            Expect::Tx(names) => outcome.verdict == Verdict::Tx && hops(names)? == self.hops(outcome),
            Expect::Redirect(names) => {
                matches!(outcome.verdict, Verdict::Redirect(_)) && hops(names)? == self.hops(outcome)
            }
        };
        ensure!(is, "another verdict");
        Ok(())
    }

    fn address(&self, name: &str) -> Result<IpAddr> {
        self.spec.backends.get(name).copied().with_context(|| format!("no backend `{name}`"))
    }

    /// The addresses that a packet is sent to, in order.
    fn hops(&self, outcome: &Outcome) -> Vec<IpAddr> {
        let Some(world) = self.fixture.world() else { return Vec::new() };
        let all = outcome.sent.iter().map(|(_, backend, _)| backend).chain(&outcome.further);
        all.filter_map(|backend| world.backends.get(backend)).map(|backend| backend.address).collect()
    }

    fn in_words(&self, outcome: &Outcome) -> (Verdict, Vec<IpAddr>, Vec<&'static str>) {
        (outcome.verdict, self.hops(outcome), outcome.counters.keys().copied().collect())
    }
}

const fn room(no_headroom: bool) -> Headroom {
    if no_headroom { Headroom::None } else { Headroom::Usual }
}

fn is_event(name: &str) -> bool {
    Counter::ALL.iter().any(|counter| counter.name() == name && counter.is_event())
}

fn next_port(packet: &mut Packet) {
    for sport in [packet.tcp.as_mut().map(|h| &mut h.sport), packet.udp.as_mut().map(|h| &mut h.sport)]
        .into_iter()
        .flatten()
    {
        *sport = Named::Value(sport.value().wrapping_add(1));
    }
}

fn frames(case: &Case, packet: &Packet) -> Result<Vec<Frame>> {
    let mut frame = build(packet);
    let length = frame.bytes.len();
    if let Some(pad) = case.pad {
        ensure!(pad > length, "the frame is {length} bytes long already");
        frame.bytes.resize(pad, 0);
    }
    let Some((from, to)) = case.cut else { return Ok(vec![frame]) };
    ensure!(from <= to && to < length, "the frame has {length} bytes");
    Ok((from..=to).map(|len| Frame { bytes: frame.bytes[..len].to_vec(), ..frame.clone() }).collect())
}

fn from_hex(text: &str) -> Result<Vec<u8>> {
    let digits: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    ensure!(digits.len().is_multiple_of(2), "a hexadecimal byte has two digits");
    let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16);
    Ok(digits.chunks(2).map(byte).collect::<Result<_, _>>()?)
}

/// Runs all cases of a file; gives the number of packets.
///
/// # Errors
///
/// All that did not come out right.
pub fn run(file: &File) -> Result<usize> {
    let mut stage = Stage::new(file.next_hop, file.world.as_ref())?;
    let (mut packets, mut failures) = (0, Vec::new());
    for case in &file.cases {
        match stage.case(case) {
            Ok(sent) => packets += sent,
            Err(error) => failures.push(format!("{}: {error:#}", case.name)),
        }
    }
    ensure!(
        failures.is_empty(),
        "{} of {} cases:\n{}",
        failures.len(),
        file.cases.len(),
        failures.join("\n")
    );
    Ok(packets)
}
