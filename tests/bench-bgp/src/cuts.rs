//! A link that fails without a word, with BFD bound to BGP.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use guideway_interop::site::Over;
use guideway_interop::{Pair, Plan, bfd};
use guideway_lab::router::{self, Liveness};
use guideway_lab::wait;

use crate::Args;
use crate::monitor::{Change, Monitor};
use crate::report::Row;
use crate::routers::linger;

const VIP: &str = "203.0.113.10";
const PATIENCE: Duration = Duration::from_secs(60);
const LIVENESS: Liveness = Liveness { interval: Duration::from_millis(50), multiplier: 3 };

pub(crate) fn measure(args: &Args, take: &mut impl FnMut(Row) -> Result<()>) -> Result<()> {
    for kind in [router::Kind::Bird, router::Kind::Frr] {
        let moved = format!("silent cut to route moved in the kernel of {kind}, BFD 50 ms × 3");
        let back = format!("heal to route back in the kernel of {kind}, BFD 50 ms × 3");
        if args.wants(&moved) || args.wants(&back) {
            let (cuts, heals) = cuts(kind, args.rounds)?;
            take(Row::of_times(&moved, "bgp-speaker", &cuts))?;
            take(Row::of_times(&back, "bgp-speaker", &heals))?;
        }
    }
    Ok(())
}

/// Two speakers announce the VIP; the first one's link loses everything in both directions, and is healed.
fn cuts(kind: router::Kind, rounds: u32) -> Result<(Vec<Duration>, Vec<Duration>)> {
    let mut plan = Plan::new(2, Over::V4, &[VIP]).with_kernel();
    let ours = plan.speakers.iter_mut().flat_map(|config| &mut config.spec.neighbours);
    for neighbour in ours.chain(&mut plan.router.neighbours) {
        neighbour.bfd = Some(LIVENESS);
    }
    let pair = Pair::start(kind, &plan)?;
    let _daemons = (1..=2).map(|number| bfd::start(&pair.site, number)).collect::<Result<Vec<_>>>()?;
    let wait_up = || -> Result<()> {
        for speaker in &pair.speakers {
            wait::until_true("BFD", PATIENCE, || {
                let peer = speaker.peers()?.pop().context("a speaker without peer")?;
                Ok(peer.bfd == "up" && peer.state == "Established")
            })?;
        }
        let routes = || pair.site.router.ip(&format!("-4 route show {VIP}/32"));
        wait::until_true("both ways", PATIENCE, || Ok(routes()?.matches("via").count() == 2)).map(drop)
    };
    wait_up()?;
    let monitor = Monitor::start(&pair.site.router)?;
    let netns = pair.speaker().netns();
    let vip = [VIP.to_owned()];
    let (mut cuts, mut heals) = (Vec::new(), Vec::new());
    // The tables are made beforehand: what is timed is one short transaction.
    netns.run("nft", &["add table inet cut"])?;
    for round in 0..rounds {
        monitor.forget()?;
        let asked = Instant::now();
        netns.run(
            "nft",
            &["add chain inet cut in { type filter hook input priority -300; policy drop; }; \
               add chain inet cut out { type filter hook output priority -300; policy drop; }"],
        )?;
        // It took effect somewhere within the command.
        let cut = asked + asked.elapsed() / 2;
        cuts.push(monitor.wait(&vip, Change::Added, PATIENCE)? - cut);
        linger(round)?;
        monitor.forget()?;
        netns.run("nft", &["delete chain inet cut in; delete chain inet cut out"])?;
        let healed = Instant::now();
        heals.push(monitor.wait(&vip, Change::Added, PATIENCE)? - healed);
        wait_up()?;
    }
    pair.pass()?;
    Ok((cuts, heals))
}
