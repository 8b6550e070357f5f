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
use bfd_support::silence::{self, Side};
use bfd_support::site::Way;
use bfd_support::world::{World, spec};
use bfd_support::{FORWARDER_V4, ROUTER_V4};
use guideway_lab::capture::Capture;

const CUTS: usize = 25;
/// Of 50 ms × 3, less what the times of the two ends may differ by.
const DETECTION: Duration = Duration::from_millis(149);

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
    let folder = world.site.folder("capture")?;
    let capture = Capture::start(&world.site.router, &folder, "bfd", "udp port 3784")?;
    while start.elapsed() < Duration::from_secs(60 * minutes) {
        std::thread::sleep(Duration::from_secs(5));
        world.daemon.process.check_running()?;
    }
    let (after, router, totals) = (world.session()?, world.router.frr_downs()?, world.list()?);
    let throttled = quota.throttled()? - throttled;
    drop(busy);
    // A capture is over when nothing comes any more.
    let World { router: router_processes, daemon, mut site, .. } = world;
    drop((router_processes, daemon));
    let silences = silence::silences(&capture.stop()?, DETECTION);
    println!(
        "{real_time:?}: {minutes} minutes with two busy loops under 50 ms of 100 ms, {throttled} periods throttled: {} times down at \
         lb-bfd, {router} at FRR; {silences}; {} packets sent, {} received; late by {} us at most, {} times 10 ms or more",
        after.downs - before.downs,
        after.packets_sent - before.packets_sent,
        after.packets_received - before.packets_received,
        totals.latest_us,
        totals.late,
    );
    // The router shares this machine: what it does not send for a detection time, it does not send.
    ensure!(silences.of(Side::Forwarder) == 0, "lb-bfd fell silent");
    let excused = silences.of(Side::Router);
    let downs = after.downs - before.downs;
    ensure!(
        usize::try_from(downs)? <= excused && router <= u64::try_from(excused)?,
        "down without a silence"
    );
    site.pass();
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
