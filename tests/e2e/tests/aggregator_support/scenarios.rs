//! What has to be true at every router.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use guideway_lab::router::Kind;
use guideway_lab::wait;
use nix::sys::signal::Signal;

use super::aggregator::Plan;
use super::fleet::End;
use super::kernel::{self, Monitor};
use super::{Bench, PATIENCE, Style};

pub fn vips(count: u32) -> Vec<String> {
    (0..count).map(|n| format!("203.0.{}.{}/32", 100 + n / 250, 1 + n % 250)).collect()
}

/// One session, and the router has a leg to each speaker that serves a VIP, and to no other.
pub fn legs_to_all(kind: Kind, style: Style) -> Result<()> {
    let mut bench = Bench::start(kind, Plan::new(style, 4))?;
    let all = vips(3);
    bench.fleet.all_announce(&all)?;
    bench.wait_legs(&all[2], &[1, 2, 3, 4])?;
    bench.fleet.announce(2, &all[..2])?;
    bench.wait_legs(&all[2], &[1, 3, 4])?;
    bench.wait_legs(&all[1], &[1, 2, 3, 4])?;
    bench.fleet.end(3, End::Shutdown)?;
    bench.wait_legs(&all[2], &[1, 4])?;

    // IPv6 over the same sessions.
    let v6 = "2001:db8:1::1/128".to_owned();
    bench.fleet.announce(1, &[all.clone(), vec![v6.clone()]].concat())?;
    bench.fleet.announce(4, &[all.clone(), vec![v6.clone()]].concat())?;
    bench.wait_legs(&v6, &[1, 4])?;
    bench.fleet.announce(1, &all)?;
    bench.fleet.announce(4, &all)?;
    bench.wait_legs(&v6, &[])?;

    let tor = bench.aggregator(1)?.peer("tor")?;
    ensure!(tor.problems.is_empty() && tor.state == "Established", "{tor:?}");
    ensure!(tor.capabilities.iter().any(|word| word == "add-path ipv4 send"), "{:?}", tor.capabilities);
    for path in bench.aggregator(1)?.told("tor")? {
        // Path identifiers are the speakers' BGP identifiers; next hops and paths are theirs.
        let n = path.path_id & 0xff;
        ensure!(path.next_hop == format!("10.1.0.{n}"), "{path:?}");
        match style {
            Style::Reflector => {
                ensure!(
                    path.originator_id == format!("10.255.1.{n}") && path.cluster_list.len() == 1,
                    "{path:?}"
                );
            }
            Style::RouteServer => ensure!(path.as_path == (65100 + n).to_string(), "{path:?}"),
        }
    }
    // Nothing outside of the pools (RFC 8212).
    bench.fleet.announce(1, &["198.51.100.1/32".to_owned(), all[0].clone()])?;
    bench.wait_legs(&all[1], &[2, 4])?;
    ensure!(kernel::legs(&bench.site.tor, "198.51.100.1")?.is_empty(), "a route from outside of the pools");
    let speaker = bench.aggregator(1)?.peer("10.1.0.1")?;
    ensure!(speaker.problems.iter().any(|problem| problem.contains("outside of the pools")), "{speaker:?}");
    let explained = bench.aggregator(1)?.explain("198.51.100.1")?;
    ensure!(
        !explained.announced && format!("{explained:?}").contains("outside of the pools"),
        "{explained:?}"
    );
    let explained = bench.aggregator(1)?.explain(&all[1])?;
    ensure!(explained.announced && explained.peers[0].rules.len() == 2, "{explained:?}");
    for (words, wanted) in [
        ("peers", "tor"),
        ("routes", "203.0.100.2/32"),
        ("adj-rib-in 10.1.0.1", "198.51.100.1/32"),
        ("adj-rib-out tor", "10.1.0.4"),
        ("explain 203.0.100.2", "10.255.1.4 announces it"),
        ("history tor", "Established"),
    ] {
        let said = bench.aggregator(1)?.lbctl(words)?;
        ensure!(said.contains(wanted), "lbctl bgp {words}:\n{said}");
    }
    let metrics = bench.aggregator(1)?.http("/metrics")?;
    ensure!(metrics.contains("guideway_bgp_paths_refused 1\n"), "{metrics}");
    ensure!(bench.aggregator(1)?.http("/readyz")? == "ready\n", "not ready");
    bench.pass()
}

/// IPv4 routes with IPv6 next hops (RFC 8950), from the speakers' sessions to the router's kernel.
pub fn v4_over_v6(kind: Kind) -> Result<()> {
    let mut bench = Bench::start(kind, Plan { v4_over_v6: true, ..Plan::new(Style::RouteServer, 2) })?;
    let all = vips(2);
    bench.fleet.all_announce(&all)?;
    let next_hops = |bench: &Bench, vip: &str| -> Result<BTreeSet<String>> {
        let learnt = bench.router()?.learnt(vip)?;
        Ok(learnt.iter().flat_map(|path| &path.next_hops).map(ToString::to_string).collect())
    };
    let wait_hops = |bench: &Bench, wanted: &[&str]| {
        let wanted: BTreeSet<String> = wanted.iter().map(|&hop| hop.to_owned()).collect();
        wait::until_true("IPv6 next hops", PATIENCE, || Ok(next_hops(bench, &all[0])? == wanted))
            .with_context(|| format!("{:?}", next_hops(bench, &all[0])))
    };
    wait_hops(&bench, &["fd00:1::1", "fd00:1::2"])?;
    let routes = |bench: &Bench| bench.site.tor.ip("-4 route show");
    wait::until_true("both ways in the kernel", PATIENCE, || {
        let routes = routes(&bench)?;
        let of_vip = routes.split("203.0.100.1 ").nth(1).unwrap_or_default();
        let of_vip = of_vip.split("203.0.100.2 ").next().unwrap_or_default();
        Ok(of_vip.matches("inet6 fd00:1::").count() == 2)
    })
    .with_context(|| {
        format!(
            "{:?}\n{}",
            routes(&bench),
            bench.router().map(guideway_lab::router::Router::describe).unwrap_or_default()
        )
    })?;
    bench.fleet.announce(1, &[])?;
    wait_hops(&bench, &["fd00:1::2"])?;
    let tor = bench.aggregator(1)?.peer("tor")?;
    ensure!(tor.problems.is_empty() && tor.flaps == 0, "{tor:?}");
    bench.pass()
}

/// A router that takes one path only: it has one leg, and the aggregator says so.
pub fn without_add_path(kind: Kind) -> Result<()> {
    let plan =
        Plan { add_path: false, router: "add_path: off".to_owned(), ..Plan::new(Style::RouteServer, 3) };
    let mut bench = Bench::start(kind, plan)?;
    let all = vips(2);
    bench.fleet.all_announce(&all)?;
    bench.wait_legs(&all[1], &[1])?;
    let said = |peer: &guideway_bgp_admin::v1::Peer| {
        peer.problems.iter().any(|problem| problem.contains("no ADD-PATH for ipv4: one path of 3, no ECMP"))
    };
    let aggregator = bench.aggregator(1)?;
    wait::until_true("the fall-back in the status", PATIENCE, || Ok(said(&aggregator.peer("tor")?)))?;
    let metrics = bench.aggregator(1)?.http("/metrics")?;
    ensure!(metrics.contains("guideway_bgp_peer_ways{peer=\"tor\"} 3\n"), "{metrics}");
    bench.fleet.end(1, End::Shutdown)?;
    bench.wait_legs(&all[1], &[2])?;
    bench.pass()
}

/// SIGKILL, a restart, and SIGTERM with another one: the router's kernel hears of none of it.
pub fn killed_and_restarted(kind: Kind, style: Style) -> Result<()> {
    let mut bench = Bench::start(kind, Plan { speaker_restart: Some(60), ..Plan::new(style, 2) })?;
    let all = vips(20);
    bench.fleet.all_announce(&all)?;
    for vip in &all {
        bench.wait_legs(vip, &[1, 2])?;
    }
    let before = kernel::table(&bench.site.tor)?;
    wait_remembered(&bench, 2)?;
    let monitor = Monitor::start(&bench.site)?;
    for round in ["killed", "stopped"] {
        if round == "killed" {
            bench.kill(1)?;
        } else {
            bench.aggregators[0].take().context("no aggregator")?.process.stop()?;
        }
        bench.restart(1)?;
        let began = Instant::now();
        wait_settled(&mut bench, 1)?;
        println!("{kind:?} {style:?}: {round}, and all told again after {:?}", began.elapsed());
        // Longer than FRR takes to work off what it hears (50 ms).
        wait::while_nothing_fails(Duration::from_millis(500), || {
            ensure!(kernel::table(&bench.site.tor)? == before, "another table after it was {round}");
            Ok(())
        })?;
        wait_remembered(&bench, 2)?;
    }
    // A speaker that is late: whatever the others have told, the router is told nothing before it has.
    bench.kill(1)?;
    bench.fleet.end(2, End::Killed)?;
    bench.restart(1)?;
    let aggregator = bench.aggregator(1)?;
    wait::until_true("sessions with all but one", PATIENCE, || {
        let list = aggregator.list()?;
        let up = list.peers.iter().filter(|peer| peer.state == "Established").count();
        let waits = list.problems.iter().any(|problem| problem.contains("10.255.1.2 (no session)"));
        Ok(up == 2 && waits && list.restart == "restarting, forwarding kept")
    })
    .with_context(|| aggregator.describe())?;
    ensure!(aggregator.http("/readyz")?.contains("nothing is sent yet"), "ready");
    bench.fleet.start_speaker(2, &all, true)?;
    wait_settled(&mut bench, 1)?;
    let events = monitor.events()?;
    ensure!(events.is_empty(), "the kernel heard of it: {events:#?}");
    // It was the new process that said so: what it says from now on counts.
    bench.fleet.announce(2, &all[1..])?;
    bench.wait_legs(&all[0], &[1])?;
    bench.pass()
}

/// The sessions of a new process stand, and the router was told everything, End-of-RIB included.
pub fn wait_settled(bench: &mut Bench, n: u8) -> Result<()> {
    let prefixes = bench.plan.speakers;
    let aggregator = bench.aggregator(n)?;
    wait::until_true("everything to be told again", PATIENCE, || {
        let list = aggregator.list()?;
        let up = list.peers.iter().filter(|peer| peer.state == "Established").count();
        let told = list.peers.iter().any(|peer| peer.name == "tor" && peer.prefixes_advertised > 0);
        Ok(up == usize::from(prefixes) + 1 && told && list.restart.is_empty())
    })
    .with_context(|| aggregator.describe())?;
    Ok(())
}

/// The state file knows so many speakers.
pub fn wait_remembered(bench: &Bench, count: usize) -> Result<()> {
    let file = bench.site.folder("agg1")?.join("state/speakers.json");
    wait::until_true("the speakers to be remembered", PATIENCE, || {
        let Ok(text) = std::fs::read_to_string(&file) else { return Ok(false) };
        Ok(text.matches("router_id").count() == count)
    })
    .map(drop)
}

/// Two aggregators that know nothing of each other: when one is killed and comes back, no leg is lost.
pub fn one_of_two_killed(kind: Kind) -> Result<()> {
    let plan = Plan { aggregators: 2, speaker_restart: Some(60), ..Plan::new(Style::RouteServer, 3) };
    let mut bench = Bench::start(kind, plan)?;
    let all = vips(10);
    bench.fleet.all_announce(&all)?;
    for vip in &all {
        bench.wait_legs(vip, &[1, 2, 3])?;
    }
    for n in [1, 2] {
        wait_settled(&mut bench, n)?;
    }
    let identifiers = |bench: &mut Bench, n| -> Result<Vec<(String, u32)>> {
        Ok(bench.aggregator(n)?.told("tor")?.into_iter().map(|path| (path.prefix, path.path_id)).collect())
    };
    ensure!(identifiers(&mut bench, 1)? == identifiers(&mut bench, 2)?, "other path identifiers");
    let before = kernel::table(&bench.site.tor)?;
    let monitor = Monitor::start(&bench.site)?;
    bench.kill(1)?;
    bench.restart(1)?;
    wait_settled(&mut bench, 1)?;
    ensure!(kernel::table(&bench.site.tor)? == before, "another table");
    let events = monitor.events()?;
    println!("{kind:?}: {} route events with one of two killed", events.len());
    ensure!(events.is_empty(), "the kernel heard of it: {events:#?}");
    // A speaker that ends is gone though both have to say so.
    bench.fleet.end(3, End::Shutdown)?;
    bench.wait_legs(&all[0], &[1, 2])?;
    bench.pass()
}

/// A speaker that is killed and comes back is no event; one that does not is gone when its restart time is over, or stays as
/// the least preferred one.
pub fn speaker_restarts(kind: Kind) -> Result<()> {
    let plan =
        Plan { speaker_restart: Some(6), speaker_long_lived: Some(3600), ..Plan::new(Style::RouteServer, 3) };
    let mut bench = Bench::start(kind, plan)?;
    let all = vips(5);
    bench.fleet.all_announce(&all)?;
    for vip in &all {
        bench.wait_legs(vip, &[1, 2, 3])?;
    }
    let monitor = Monitor::start(&bench.site)?;
    bench.fleet.end(2, End::Killed)?;
    let aggregator = bench.aggregator(1)?;
    wait::until_true("the paths to be stale", PATIENCE, || {
        Ok(aggregator.http("/metrics")?.contains("guideway_bgp_paths_stale 5\n"))
    })?;
    bench.fleet.start_speaker(2, &all, true)?;
    let aggregator = bench.aggregator(1)?;
    wait::until_true("the paths to be fresh again", PATIENCE, || {
        Ok(aggregator.http("/metrics")?.contains("guideway_bgp_paths_stale 0\n"))
    })?;
    let events = monitor.events()?;
    ensure!(events.is_empty(), "the kernel heard of it: {events:#?}");
    drop(monitor);
    // It does not come back: after the restart time the router, which has no long-lived graceful restart, must not have it.
    bench.fleet.end(2, End::Killed)?;
    bench.wait_legs(&all[0], &[1, 3])?;
    let explained = bench.aggregator(1)?.explain(&all[0])?;
    ensure!(format!("{explained:?}").contains("away for longer than a restart takes"), "{explained:?}");
    bench.pass()
}

/// Aggregates in place of the VIPs that all speakers serve alike.
pub fn aggregates(kind: Kind) -> Result<()> {
    let document = "pools: [{name: vips, prefixes: [203.0.100.0/24], aggregate: {minimum: 2, up_after: 3s, down_after: 2s}}]\n";
    let plan = Plan {
        document: document.to_owned(),
        router: "aggregates: instead_of_specifics".to_owned(),
        ..Plan::new(Style::RouteServer, 3)
    };
    let mut bench = Bench::start(kind, plan)?;
    let all = vips(4);
    bench.fleet.all_announce(&all)?;
    bench.wait_legs("203.0.100.0/24", &[1, 2, 3])?;
    bench.wait_legs(&all[0], &[])?;
    // A VIP that one of them does not serve goes where it is served.
    bench.fleet.announce(3, &all[1..])?;
    bench.wait_legs(&all[0], &[1, 2])?;
    bench.wait_legs("203.0.100.0/24", &[1, 2, 3])?;
    let routes = bench.aggregator(1)?.routes()?;
    let state =
        |prefix: &str| routes.iter().find(|route| route.prefix == prefix).map(|route| route.state.clone());
    ensure!(state("203.0.100.0/24").as_deref() == Some("aggregate"), "{routes:?}");
    ensure!(state(&all[1]).as_deref() == Some("aggregated"), "{routes:?}");
    ensure!(state(&all[0]).as_deref() == Some("announced"), "{routes:?}");
    // A restart is no event here either: the aggregate does not wait for its three seconds again.
    wait_remembered(&bench, 3)?;
    let monitor = Monitor::start(&bench.site)?;
    bench.kill(1)?;
    bench.restart(1)?;
    wait_settled(&mut bench, 1)?;
    let events = monitor.events()?;
    ensure!(events.is_empty(), "the kernel heard of it: {events:#?}");
    // Fewer than two VIPs, for longer than two seconds: the one that is left is told by itself.
    bench.fleet.all_announce(&all[..1])?;
    bench.wait_legs(&all[0], &[1, 2, 3])?;
    bench.wait_legs("203.0.100.0/24", &[])?;
    bench.pass()
}

/// The second speaker with an identifier is refused, and both sides can tell why.
pub fn same_identifier(kind: Kind) -> Result<()> {
    let mut bench = Bench::start(kind, Plan::new(Style::RouteServer, 2))?;
    let all = vips(1);
    bench.fleet.all_announce(&all)?;
    bench.wait_legs(&all[0], &[1, 2])?;
    bench.fleet.end(2, End::Shutdown)?;
    bench.wait_legs(&all[0], &[1])?;
    bench.fleet.start_as(2, 1, &all)?;
    let aggregator = bench.aggregator(1)?;
    wait::until_true("a clear status", PATIENCE, || {
        let peer = aggregator.peer("10.1.0.2")?;
        Ok(peer.last_error.contains("BGP identifier 10.255.1.1 is in use by the speaker at 10.1.0.1"))
    })
    .with_context(|| aggregator.describe())?;
    ensure!(bench.aggregator(1)?.peer("10.1.0.1")?.flaps == 0, "the first one was disturbed");
    ensure!(kernel::legs(&bench.site.tor, &all[0])?.len() == 1, "two legs");
    bench.pass()
}

/// SIGHUP: pools, aggregates and a peer more change without an end of any session.
pub fn reload(kind: Kind) -> Result<()> {
    let mut bench = Bench::start(kind, Plan::new(Style::RouteServer, 2))?;
    let all = vips(3);
    bench.fleet.all_announce(&all)?;
    bench.wait_legs(&all[2], &[1, 2])?;
    let mut plan = bench.plan.clone();
    // In order: a smaller pool; aggregates for the router; something wrong.
    plan.document = "pools: [{name: vips, prefixes: [203.0.100.0/31]}]\n".to_owned();
    bench.aggregator(1)?.reload(1, &plan)?;
    bench.wait_legs(&all[2], &[])?;
    bench.wait_legs(&all[0], &[1, 2])?;
    plan.document =
        "pools: [{name: vips, prefixes: [203.0.100.0/24], aggregate: {minimum: 1, up_after: 0s}}]\n"
            .to_owned();
    plan.router = "aggregates: instead_of_specifics".to_owned();
    bench.aggregator(1)?.reload(1, &plan)?;
    bench.wait_legs("203.0.100.0/24", &[1, 2])?;
    bench.wait_legs(&all[0], &[])?;
    plan.document = "pools: [{name: vips, prefixes: [203.0.100.1/24]}]\n".to_owned();
    bench.aggregator(1)?.reload(1, &plan)?;
    let aggregator = bench.aggregator(1)?;
    aggregator.process.wait_for_log("203.0.100.0/24 would be right", Duration::from_secs(10))?;
    for peer in aggregator.list()?.peers {
        ensure!(peer.flaps == 0 && peer.state == "Established", "{peer:?}");
    }
    aggregator.process.signal(Signal::SIGHUP)?;
    bench.wait_legs("203.0.100.0/24", &[1, 2])?;
    bench.pass()
}

/// One of many dies: every VIP has one leg less.
pub fn one_of_many_dies(kind: Kind, style: Style, speakers: u8, count: u32) -> Result<()> {
    let mut bench = Bench::start(kind, Plan::new(style, speakers))?;
    let all = vips(count);
    let began = Instant::now();
    bench.fleet.all_announce(&all)?;
    let everyone: Vec<u8> = (1..=speakers).collect();
    wait_all(&bench, &all, &everyone)?;
    println!(
        "{kind:?}: {speakers} speakers with {count} VIPs each in the kernel after {:?}",
        began.elapsed()
    );
    println!("aggregator: {} KiB resident", bench.aggregator(1)?.resident()?);
    bench.fleet.begin_end(1, End::Killed)?;
    let began = Instant::now();
    wait::until_true("the end of its legs", PATIENCE, || {
        Ok(kernel::count(&bench.site.tor, "10.1.0.1")? == 0)
    })?;
    let took = began.elapsed();
    wait_all(&bench, &all, &everyone[1..])?;
    println!("{kind:?}: one of {speakers} died; all {count} VIPs without it after {took:?}");
    bench.pass()
}

fn wait_all(bench: &Bench, vips: &[String], speakers: &[u8]) -> Result<Duration> {
    let wanted: kernel::Legs = speakers.iter().map(|n| format!("10.1.0.{n}")).collect();
    wait::until_true("all legs of all VIPs", Duration::from_secs(120), || {
        let table = kernel::table(&bench.site.tor)?;
        Ok(table.len() == vips.len() && table.iter().all(|(_, legs)| *legs == wanted))
    })
}
