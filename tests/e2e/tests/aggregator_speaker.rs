//! Real bgp-speakers behind the aggregator: what a forwarder does reaches the router, and its restart does not.

mod aggregator_support;

use std::fs;
use std::time::Duration;

use aggregator_support::aggregator::Plan;
use aggregator_support::forwarder::Forwarder;
use aggregator_support::kernel::Monitor;
use aggregator_support::scenarios;
use aggregator_support::{Bench, Kind, PATIENCE, Style};
use anyhow::{Result, ensure};
use guideway_lab::wait;

fn restarts(kind: Kind) -> Result<()> {
    let plan = Plan { light: 0, ..Plan::new(Style::RouteServer, 3) };
    let mut bench = Bench::start(kind, plan)?;
    let vips: Vec<String> = (1..=20).map(|n| format!("203.0.113.{n}")).collect();
    let mut forwarders = Vec::new();
    for n in 1..=3 {
        forwarders.push(Forwarder::start(&bench.site, n, &vips, "")?);
    }
    for vip in &vips {
        bench.wait_legs(vip, &[1, 2, 3])?;
    }
    // A backend's death at one forwarder.
    forwarders[1].agent.set(&vips[1..]);
    bench.wait_legs(&vips[0], &[1, 3])?;
    forwarders[1].agent.set(&vips);
    bench.wait_legs(&vips[0], &[1, 2, 3])?;

    // Time for the speaker to note that it lives; what it does not know it does not claim.
    let alive = forwarders[1].folder.join("state");
    wait::until_true("a sign of life on disk", PATIENCE, || {
        Ok(fs::read_dir(&alive).is_ok_and(|files| files.count() > 0))
    })?;
    let monitor = Monitor::start(&bench.site)?;
    let metric = |bench: &mut Bench, line: &str| -> Result<Duration> {
        let aggregator = bench.aggregator(1)?;
        wait::until_true(line, PATIENCE, || Ok(aggregator.http("/metrics")?.contains(line)))
    };
    for round in 0..2 {
        if let Some(speaker) = forwarders[1].speaker.take() {
            speaker.kill_hard()?;
        }
        metric(&mut bench, "guideway_bgp_paths_stale 20\n")?;
        forwarders[1].run(&bench.site)?;
        let took = metric(&mut bench, "guideway_bgp_paths_stale 0\n")?;
        println!("{kind:?}: speaker killed and back, round {round}: fresh after {took:?}");
    }
    // Both at once: the aggregator too.
    scenarios::wait_remembered(&bench, 3)?;
    if let Some(speaker) = forwarders[0].speaker.take() {
        speaker.kill_hard()?;
    }
    bench.kill(1)?;
    bench.restart(1)?;
    forwarders[0].run(&bench.site)?;
    metric(&mut bench, "guideway_bgp_held 0\n")?;
    let aggregator = bench.aggregator(1)?;
    wait::until_true("everything told again", PATIENCE, || {
        Ok(aggregator.peer("tor")?.prefixes_advertised == 60)
    })?;
    let events = monitor.events()?;
    ensure!(events.is_empty(), "the kernel heard of it: {events:#?}");

    // SIGTERM of a speaker withdraws its routes.
    if let Some(speaker) = forwarders[2].speaker.take() {
        speaker.stop()?;
    }
    bench.wait_legs(&vips[0], &[1, 2])?;
    bench.pass()
}

#[test]
fn bird_hears_nothing_of_speakers_that_restart() -> Result<()> {
    restarts(Kind::Bird)
}

#[test]
fn frr_hears_nothing_of_speakers_that_restart() -> Result<()> {
    restarts(Kind::Frr)
}
