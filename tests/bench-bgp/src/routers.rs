//! From the request to the kernel's table of a real router.

use std::time::{Duration, Instant};

use anyhow::Result;
use guideway_interop::Site;
use guideway_interop::site::{Over, sides};
use guideway_lab::netns::Netns;
use guideway_lab::router::{self, Router, Table};
use guideway_lab::wait;

use crate::monitor::{Change, Monitor};
use crate::report::Row;
use crate::sender::{Kind, Sender, What};
use crate::{Args, vips};

/// VIPs of the scenarios with many.
const MANY: u32 = 10_000;
const PATIENCE: Duration = Duration::from_secs(60);
/// The shortest that BGP allows, so that a cut ends the session soon.
const HOLD_TIME: u16 = 3;

pub(crate) fn measure(args: &Args, take: &mut impl FnMut(Row) -> Result<()>) -> Result<()> {
    for router in [router::Kind::Bird, router::Kind::Frr] {
        let of = |what: &str| format!("{what} in the kernel of {router}");
        let names = [
            of("one VIP announced"),
            of("one VIP withdrawn"),
            of("10,000 VIPs announced"),
            of("10,000 VIPs withdrawn"),
            of("start to route"),
            of("heal to route"),
        ];
        if !names.iter().any(|name| args.wants(name)) {
            continue;
        }
        let mut birds: Vec<Row> = Vec::new();
        for speaker in Kind::BOTH {
            let times = [
                changes(args, router, speaker, &names)?,
                (0..args.few())
                    .map(|_| starts(router, speaker))
                    .collect::<Result<Vec<_>>>()
                    .map(|times| vec![times])?,
                vec![heals(args, router, speaker)?],
            ]
            .concat();
            let rows = names.iter().zip(&times).filter(|(name, times)| args.wants(name) && !times.is_empty());
            let rows: Vec<Row> =
                rows.map(|(name, times)| Row::of_times(name, speaker.name(), times)).collect();
            for row in &rows {
                let bird = birds.iter().find(|bird| bird.scenario == row.scenario);
                take(match bird {
                    Some(bird) => row.clone().beside(bird),
                    None => row.clone(),
                })?;
            }
            if speaker == Kind::Bird {
                birds = rows;
            }
        }
    }
    Ok(())
}

fn router_of(kind: router::Kind, site: &Site) -> Result<Router> {
    let (_, mut theirs) = sides(1, Over::V4);
    theirs.table = Table::Kernel;
    for neighbour in &mut theirs.neighbours {
        neighbour.hold_time = HOLD_TIME;
    }
    Router::start(kind, &site.router, &site.folder("tor")?, &theirs)
}

/// One VIP and many, announced and withdrawn: four lists of times.
fn changes(
    args: &Args,
    router: router::Kind,
    speaker: Kind,
    names: &[String; 6],
) -> Result<Vec<Vec<Duration>>> {
    let mut times = vec![Vec::new(); 4];
    if !names[..4].iter().any(|name| args.wants(name)) {
        return Ok(times);
    }
    let all = vips(MANY);
    let mut site = Site::build(1)?;
    let router = router_of(router, &site)?;
    let sender = Sender::start(speaker, &site, &all, HOLD_TIME)?;
    wait::until_true("the session", PATIENCE, || router.is_established())?;
    let monitor = Monitor::start(&site.router)?;
    for (what, first, rounds) in [(What::One, 0, args.rounds), (What::All, 2, args.few())] {
        let addresses = if what == What::One { &all[..1] } else { &all[..] };
        for _ in 0..rounds {
            monitor.forget()?;
            let asked = sender.announce(what, &all)?;
            times[first].push(monitor.wait(addresses, Change::Added, PATIENCE)? - asked);
            monitor.forget()?;
            let asked = sender.announce(What::Nothing, &all)?;
            times[first + 1].push(monitor.wait(addresses, Change::Deleted, PATIENCE)? - asked);
        }
    }
    site.pass();
    Ok(times)
}

/// From the start of the process to the route of a VIP. BIRD waits a second before it connects.
fn starts(router: router::Kind, speaker: Kind) -> Result<Duration> {
    let all = vips(2);
    let mut site = Site::build(1)?;
    let _router = router_of(router, &site)?;
    let monitor = Monitor::start(&site.router)?;
    let asked = Instant::now();
    let sender = Sender::start(speaker, &site, &all, HOLD_TIME)?;
    sender.announce(What::One, &all)?;
    let time = monitor.wait(&all[..1], Change::Added, PATIENCE)? - asked;
    site.pass();
    Ok(time)
}

/// From the moment at which a link is whole again, which was cut until the session was over, to the route.
fn heals(args: &Args, router: router::Kind, speaker: Kind) -> Result<Vec<Duration>> {
    if !args.wants(&format!("heal to route in the kernel of {router}")) {
        return Ok(Vec::new());
    }
    let all = vips(2);
    let mut site = Site::build(1)?;
    let router = router_of(router, &site)?;
    let monitor = Monitor::start(&site.router)?;
    let sender = Sender::start(speaker, &site, &all, HOLD_TIME)?;
    sender.announce(What::One, &all)?;
    monitor.wait(&all[..1], Change::Added, PATIENCE)?;
    let mut times = Vec::new();
    for round in 0..args.few() {
        cut(&site.router)?;
        monitor.wait(&all[..1], Change::Deleted, PATIENCE)?;
        linger(round)?;
        let healed = heal(&site.router)?;
        times.push(monitor.wait(&all[..1], Change::Added, PATIENCE)? - healed);
        wait::until_true("the session", PATIENCE, || router.is_established())?;
    }
    site.pass();
    Ok(times)
}

/// Each cut lasts another while after the router has seen it, so that heals meet the timers at different places.
pub(crate) fn linger(round: u32) -> Result<()> {
    let time = Duration::from_millis(100 + 370 * u64::from(round % 10));
    wait::while_nothing_fails(time, || Ok(()))
}

/// Drops everything in both directions.
fn cut(netns: &Netns) -> Result<()> {
    netns.run("nft", &["add table inet cut"])?;
    for hook in ["input", "output"] {
        netns.run(
            "nft",
            &[&format!("add chain inet cut {hook} {{ type filter hook {hook} priority 0; policy drop; }}")],
        )?;
    }
    Ok(())
}

fn heal(netns: &Netns) -> Result<Instant> {
    netns.run("nft", &["delete table inet cut"])?;
    Ok(Instant::now())
}
