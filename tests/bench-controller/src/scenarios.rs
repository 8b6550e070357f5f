//! What is measured.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use guideway_controller_rollout::Stamp;
use guideway_kube_tests::Server;
use guideway_test_forwarders::{Fleet, Step};
use tokio::runtime::Runtime;

use crate::Args;
use crate::api::{self, Objects, name};
use crate::process::Controller;
use crate::report::Row;

/// What a slow machine needs for the largest site.
const PATIENCE: Duration = Duration::from_secs(600);
/// When nothing has changed for this long, everything is written that follows from the start.
const QUIET: Duration = Duration::from_secs(3);
/// Between two changes.
const PAUSE: Duration = Duration::from_millis(20);
/// The ports of a large Service.
const PORTS: u16 = 400;

type Take<'a> = &'a mut dyn FnMut(Row) -> Result<()>;

struct Bench {
    runtime: Runtime,
    objects: Arc<Objects>,
    controller: Controller,
    fleet: Fleet,
    /// How often each Service was changed: a write of what is there already would change nothing.
    changed: BTreeMap<String, u32>,
}

pub(crate) fn measure(args: &Args, take: Take<'_>) -> Result<()> {
    let forwarders = usize::try_from(args.forwarders)?;
    let runtime = Runtime::new()?;
    let server = Server::start()?;
    api::prepare(&server, forwarders)?;
    let objects = Arc::new(runtime.block_on(Objects::new(&server))?);
    let few = args.services / 10;
    runtime.block_on(objects.create(0, few))?;
    let mut controller = Controller::new(&server)?;
    let fleet = controller.fleet(forwarders)?;
    controller.start()?;
    let mut bench = Bench { runtime, objects, controller, fleet, changed: BTreeMap::new() };
    bench.until_served(usize::try_from(few)?)?;
    let (small, _) = bench.changes(args, few, take)?;
    bench.runtime.block_on(bench.objects.create(few, args.services))?;
    bench.until_served(usize::try_from(args.services)?)?;
    let (large, write) = bench.changes(args, args.services, take)?;
    take(Row::new("cost of a change, ten times the Services", "times", &[large / small]))?;
    bench.large_service(args, &write, take)?;
    bench.cold_start(args, take)?;
    Ok(())
}

impl Bench {
    /// Until all forwarders serve so many Services, and nothing happens any more.
    fn until_served(&mut self, services: usize) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let is_quiet = self.fleet.wait_for(QUIET, |happened| is_installed(happened.step)).is_err();
            let content = self.fleet.seen().content(0);
            let count = content.map_or(0, |content| content.vips().len());
            if is_quiet && count >= services && self.fleet.seen().common().is_some() {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("{count} of {services} Services are served:\n{}", self.controller.log_end());
            }
        }
    }

    /// Until all forwarders have installed something newer; when the last one had.
    fn all_install(&self, after: Stamp) -> Result<Instant> {
        let mut left: Vec<usize> = (0..self.fleet.seen().installed().len()).collect();
        let mut last = None;
        while !left.is_empty() {
            let happened = self.fleet.wait_for(PATIENCE, |happened| match happened.step {
                Step::Installed(stamp) => stamp.generation > after.generation,
                _ => false,
            })?;
            left.retain(|number| *number != happened.forwarder);
            last = Some(happened.at);
        }
        last.context("there are no forwarders")
    }

    /// One change after the other. Gives the time that the controller works for each, and what a write costs.
    fn changes(&mut self, args: &Args, services: u32, take: Take<'_>) -> Result<(f64, Row)> {
        let (mut times, mut writes) = (Vec::new(), Vec::new());
        let before = self.controller.worked()?;
        for round in 1..=args.rounds {
            // Not always the same corner of the tables.
            let number = round.wrapping_mul(7919) % services;
            let (time, write) = self.change(&name(number), &[80], number)?;
            times.push(time);
            writes.push(write);
        }
        let worked = (self.controller.worked()? - before).as_secs_f64() * 1000.0 / f64::from(args.rounds);
        let write = Row::of_times(format!("write of an EndpointSlice, {services} Services"), &writes);
        take(write.clone())?;
        let forwarders = args.forwarders;
        let scenario = format!("endpoint change to {forwarders} forwarders, {services} Services");
        take(Row::of_times(scenario, &times).beside(&write))?;
        take(Row::new(format!("work for a change, {services} Services"), "ms", &[worked]))?;
        Ok((worked, write))
    }

    fn change(&mut self, name: &str, ports: &[u16], number: u32) -> Result<(Duration, Duration)> {
        let round = self.changed.entry(name.to_owned()).or_default();
        *round += 1;
        let round = *round;
        std::thread::sleep(PAUSE);
        self.fleet.forget();
        let before = self.fleet.seen().common().context("forwarders serve different generations")?;
        let start = Instant::now();
        let write = self.runtime.block_on(self.objects.change(name, ports, number, round))?;
        let end = self.all_install(before)?;
        Ok((end.duration_since(start), write))
    }

    fn large_service(&mut self, args: &Args, write: &Row, take: Take<'_>) -> Result<()> {
        let ports: Vec<u16> = (1..=PORTS).collect();
        let number = args.services + 1;
        self.runtime.block_on(self.objects.create_one("large", &ports, number))?;
        self.until_served(usize::try_from(args.services)? + usize::from(PORTS))?;
        let mut times = Vec::new();
        for _ in 0..args.rounds {
            times.push(self.change("large", &ports, number)?.0);
        }
        take(Row::of_times(format!("endpoint change of a Service with {PORTS} ports"), &times).beside(write))
    }

    /// Controller and forwarders start with nothing: from the start of the process until all serve everything.
    fn cold_start(&mut self, args: &Args, take: Take<'_>) -> Result<()> {
        let (now, most) = self.controller.memory()?;
        take(Row::new(format!("memory of the controller, {} Services", args.services), "MB", &[now]))?;
        take(Row::new("the most that it was", "MB", &[most]))?;
        let services = usize::try_from(args.services)? + usize::from(PORTS);
        let mut times = Vec::new();
        for _ in 0..3 {
            self.controller.stop()?;
            self.fleet = self.controller.fleet(usize::try_from(args.forwarders)?)?;
            let start = Instant::now();
            self.controller.start()?;
            loop {
                let happened = self.fleet.wait_for(PATIENCE, |happened| is_installed(happened.step))?;
                let serves = |number| {
                    let content = self.fleet.seen().content(number);
                    content.is_some_and(|content| content.vips().len() >= services)
                };
                if (0..self.fleet.seen().installed().len()).all(serves) {
                    times.push(happened.at.duration_since(start));
                    break;
                }
            }
        }
        take(Row::of_times("cold start until all forwarders serve everything", &times))?;
        let (_, most) = self.controller.memory()?;
        take(Row::new("the most memory of a start", "MB", &[most]))
    }
}

fn is_installed(step: Step) -> bool {
    matches!(step, Step::Installed(_))
}
