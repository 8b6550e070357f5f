//! Long runs, which say in figures how good lb-bfd's timing is. They are not part of the usual test run:
//!
//! ```text
//! cargo nextest run -p guideway-e2e --test bfd_long --run-ignored only --no-capture
//! BFD_MINUTES=60 cargo nextest run ... quota
//! ```

mod bfd_support;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use bfd_support::load::{BusyLoops, Quota, RealTime};
use bfd_support::router::{Kind, Peer};
use bfd_support::site::Way;
use bfd_support::world::{World, spec};
use bfd_support::{FORWARDER_V4, ROUTER_V4};

const CUTS: usize = 25;

/// From before the cut is made until the client knows: includes the start of an `nft` process.
fn detection(kind: Kind) -> Result<()> {
    let mut world = World::build(kind, Way::Link, &Peer::on_link(FORWARDER_V4))?;
    let watched = world.watch(spec(ROUTER_V4));
    world.wait_up(&watched, 50)?;
    let mut times = Vec::new();
    for _ in 0..CUTS {
        times.push(world.cut_once(&watched, 50)?);
    }
    times.sort();
    println!(
        "{kind:?}, 50 ms x 3, both directions cut, n = {CUTS}: least {:?}, median {:?}, most {:?}",
        times[0],
        times[CUTS / 2],
        times[CUTS - 1]
    );
    ensure!(times[CUTS - 1] < Duration::from_millis(1500));
    world.site.pass();
    Ok(())
}

#[test]
#[ignore = "a measurement of half a minute"]
fn detection_with_bird() -> Result<()> {
    detection(Kind::Bird)
}

#[test]
#[ignore = "a measurement of half a minute"]
fn detection_with_frr() -> Result<()> {
    detection(Kind::Frr)
}

/// lb-bfd and busy neighbours share a CPU quota of 50 ms in each 100 ms.
fn quota(real_time: RealTime) -> Result<()> {
    let minutes: u64 = match std::env::var("BFD_MINUTES") {
        Ok(text) => text.parse().context("BFD_MINUTES is a number of minutes")?,
        Err(_) => 5,
    };
    let mut world = World::build(Kind::Frr, Way::Link, &Peer::on_link(FORWARDER_V4))?;
    world.router.set_real_time()?;
    let watched = world.watch(spec(ROUTER_V4));
    world.wait_up(&watched, 50)?;
    let Some(quota) = Quota::create("guideway-bfd-test", real_time)? else {
        bail!(
            "no cgroup with a CPU quota can be made here (neither cgroup v2 nor v1 with the controller cpu)"
        );
    };
    let busy = BusyLoops::start(2)?;
    for pid in busy.pids() {
        quota.add(pid)?;
    }
    if real_time == RealTime::Refused {
        world.daemon.make_normal()?;
    }
    quota.add(world.daemon.process.pid())?;
    let (before, throttled, start) = (world.session()?, quota.throttled()?, Instant::now());
    while start.elapsed() < Duration::from_secs(60 * minutes) {
        std::thread::sleep(Duration::from_secs(5));
        let session = world.session()?;
        let frr = world.router.frr_downs()?;
        ensure!(
            session.downs == 0 && frr == 0,
            "downs: {} at lb-bfd (diagnostic {}), {frr} at FRR, after {:?}; lb-bfd was late by {} us at most, {} times 10 ms",
            session.downs,
            session.last_down_diagnostic,
            start.elapsed(),
            world.list()?.latest_us,
            world.list()?.late,
        );
    }
    let after = world.session()?;
    println!(
        "{real_time:?}: {minutes} minutes with two busy loops under 50 ms of 100 ms, {} periods throttled: no flap on either \
         side; {} packets sent, {} received; late by {} us at most, {} times 10 ms or more",
        quota.throttled()? - throttled,
        after.packets_sent - before.packets_sent,
        after.packets_received - before.packets_received,
        world.list()?.latest_us,
        world.list()?.late,
    );
    drop(busy);
    world.site.pass();
    Ok(())
}

#[test]
#[ignore = "runs for BFD_MINUTES minutes, 5 when that is not set"]
fn no_flap_under_a_cpu_quota() -> Result<()> {
    quota(RealTime::Share)
}

#[test]
#[ignore = "runs for BFD_MINUTES minutes, 5 when that is not set"]
fn no_flap_under_a_cpu_quota_without_real_time() -> Result<()> {
    quota(RealTime::Refused)
}
