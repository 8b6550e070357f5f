//! What happens when somebody stays away: a path that is cut, a speaker that never comes back, a router that restarts.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use guideway_lab::router::Kind;
use guideway_lab::wait;

use super::aggregator::Plan;
use super::fleet::End;
use super::forwarder::{Forwarder, start_bfd};
use super::kernel::{self, Monitor};
use super::scenarios::{vips, wait_remembered, wait_settled};
use super::{Bench, PATIENCE, Style};

/// Ten times what is usual, and less than the hold time takes.
const GENEROUS: Duration = Duration::from_secs(4);

/// A forwarder falls silent behind the aggregator: BFD over several hops finds it, and traffic moves.
pub fn silent_cut(kind: Kind) -> Result<()> {
    let bfd = "bfd: {interval: 50ms, multiplier: 3}";
    let plan = Plan { light: 0, speaker: bfd.to_owned(), ..Plan::new(Style::RouteServer, 3) };
    let mut bench = Bench::start(kind, plan)?;
    let _of_aggregator = bench.aggregator(1)?.start_bfd()?;
    let _of_fleet = start_bfd(&bench.site.fleet, &bench.site.folder("fleet")?)?;
    let all = vips(5);
    let start = |n| Forwarder::start(&bench.site, n, &all, bfd);
    let _forwarders = (1..=3).map(start).collect::<Result<Vec<_>>>()?;
    let wait_all = |bench: &mut Bench| -> Result<Duration> {
        let began = Instant::now();
        for vip in &all {
            bench.wait_legs(vip, &[1, 2, 3])?;
        }
        Ok(began.elapsed())
    };
    wait_all(&mut bench)?;
    let is_up = |bench: &mut Bench| {
        let aggregator = bench.aggregator(1)?;
        wait::until_true("BFD with all speakers", PATIENCE, || {
            let list = aggregator.list()?;
            Ok(list.peers.iter().filter(|peer| peer.bfd == "up" && peer.state == "Established").count() == 3)
        })
        .with_context(|| aggregator.describe())
        .map(drop)
    };
    is_up(&mut bench)?;
    for _ in 0..3 {
        let cut = Instant::now();
        bench.site.fleet.run(
            "nft",
            &["add table inet cut; \
               add chain inet cut in { type filter hook input priority -300; policy accept; }; \
               add chain inet cut out { type filter hook output priority -300; policy accept; }; \
               add rule inet cut in ip daddr 10.1.0.2 drop; add rule inet cut out ip saddr 10.1.0.2 drop"],
        )?;
        for vip in &all {
            bench.wait_legs(vip, &[1, 3])?;
        }
        let moved = cut.elapsed();
        ensure!(moved < GENEROUS, "moved after {moved:?} only");
        bench.site.fleet.run("nft", &["delete table inet cut"])?;
        let back = wait_all(&mut bench)?;
        println!("{kind:?}: moved {moved:?} after the cut, back {back:?} after the heal");
        is_up(&mut bench)?;
    }
    let peers = bench.aggregator(1)?.list()?.peers;
    let flaps: Vec<u64> = peers.iter().filter(|peer| !peer.bfd.is_empty()).map(|peer| peer.flaps).collect();
    ensure!(flaps.iter().sum::<u64>() == 3, "other sessions were touched: {flaps:?}");
    bench.pass()
}

/// A speaker that was known does not come back after a restart of the aggregator: the others' paths are told when the time
/// is over, and until then the router has what it had.
pub fn deferral_expires(kind: Kind) -> Result<()> {
    let plan = Plan { speaker_restart: Some(60), defer: 5, ..Plan::new(Style::RouteServer, 3) };
    let mut bench = Bench::start(kind, plan)?;
    let all = vips(5);
    bench.fleet.all_announce(&all)?;
    for vip in &all {
        bench.wait_legs(vip, &[1, 2, 3])?;
    }
    wait_settled(&mut bench, 1)?;
    wait_remembered(&bench, 3)?;
    let before = kernel::table(&bench.site.tor)?;
    let monitor = Monitor::start(&bench.site)?;
    bench.kill(1)?;
    bench.fleet.end(2, End::Killed)?;
    let began = Instant::now();
    bench.restart(1)?;
    let aggregator = bench.aggregator(1)?;
    wait::until_true("the missing speaker in the status", PATIENCE, || {
        let list = aggregator.list()?;
        Ok(list.problems.iter().any(|problem| problem.contains("10.255.1.2 (no session)")))
    })
    .with_context(|| aggregator.describe())?;
    ensure!(kernel::table(&bench.site.tor)? == before, "another table while the speaker is waited for");
    let aggregator = bench.aggregator(1)?;
    wait::until_true("the end of the deferral", PATIENCE, || {
        Ok(aggregator.http("/metrics")?.contains("guideway_bgp_held 0\n"))
    })?;
    let deferred = began.elapsed();
    ensure!(deferred >= Duration::from_secs(4), "told after {deferred:?} already");
    for vip in &all {
        bench.wait_legs(vip, &[1, 3])?;
    }
    println!("{kind:?}: told after {deferred:?}");
    // The legs of the others were there all the time.
    let events = monitor.events()?;
    for event in &events {
        let kept = event.contains("10.1.0.1") && event.contains("10.1.0.3");
        ensure!(kept && !event.contains("Deleted"), "{events:#?}");
    }
    // One that comes after all is told as ever.
    bench.fleet.start_speaker(2, &all, true)?;
    bench.wait_legs(&all[0], &[1, 2, 3])?;
    bench.pass()
}

/// A router that has long-lived graceful restart keeps the way of a speaker that stays away, as its last resort.
pub fn last_resort(kind: Kind) -> Result<()> {
    let plan = Plan {
        speaker_restart: Some(2),
        speaker_long_lived: Some(3600),
        router_long_lived: Some(3600),
        ..Plan::new(Style::RouteServer, 2)
    };
    let mut bench = Bench::start(kind, plan)?;
    let all = vips(2);
    bench.fleet.all_announce(&all)?;
    bench.wait_legs(&all[0], &[1, 2])?;
    bench.fleet.end(2, End::Killed)?;
    // After its restart time it is worse than any other, but known.
    bench.wait_legs(&all[0], &[1])?;
    let stale = |bench: &Bench| -> Result<bool> {
        let learnt = bench.router()?.learnt(&all[0])?;
        let hop = "10.1.0.2".parse()?;
        Ok(learnt.iter().any(|path| path.communities.contains("65535:6") && path.next_hops.contains(&hop)))
    };
    wait::until_true("a path with llgr-stale at the router", PATIENCE, || stale(&bench))
        .with_context(|| bench.router().map(guideway_lab::router::Router::describe).unwrap_or_default())?;
    let told = bench.aggregator(1)?.told("tor")?;
    ensure!(told.iter().any(|path| path.path_id & 0xff == 2), "{told:?}");
    // The last one that lives goes: better stale than nothing.
    bench.fleet.end(1, End::Shutdown)?;
    bench.wait_legs(&all[0], &[2])?;
    bench.fleet.start_speaker(2, &all, true)?;
    wait::until_true("a fresh path", PATIENCE, || Ok(!stale(&bench)?))?;
    bench.wait_legs(&all[0], &[2])?;
    bench.pass()
}

/// The router itself restarts behind two aggregators: it has every leg again, and no speaker hears of it.
pub fn router_restarts(kind: Kind) -> Result<()> {
    let plan = Plan { aggregators: 2, speaker_restart: Some(60), ..Plan::new(Style::RouteServer, 3) };
    let mut bench = Bench::start(kind, plan)?;
    let all = vips(10);
    bench.fleet.all_announce(&all)?;
    for round in 0..2 {
        for vip in &all {
            bench.wait_legs(vip, &[1, 2, 3])?;
        }
        for n in [1, 2] {
            wait_settled(&mut bench, n)?;
        }
        if round == 0 {
            bench.restart_router()?;
        }
    }
    for n in [1, 2] {
        for peer in bench.aggregator(n)?.list()?.peers {
            let flaps = u64::from(peer.name == "tor");
            ensure!(peer.state == "Established" && peer.flaps == flaps, "{peer:?}");
        }
    }
    bench.fleet.announce(1, &all[1..])?;
    bench.wait_legs(&all[0], &[2, 3])?;
    bench.pass()
}
