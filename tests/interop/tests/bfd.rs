//! A link that fails without a word: both directions are cut by a packet filter, links stay up.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use guideway_interop::site::Over;
use guideway_interop::{PATIENCE, Pair, Plan, bfd};
use guideway_lab::process::Process;
use guideway_lab::router::{Kind, Liveness};
use guideway_lab::tor::legs;
use guideway_lab::wait;

const VIP: &str = "203.0.113.10";

/// Ten times what is usual, for the run among other tests.
const GENEROUS: Duration = Duration::from_secs(3);

/// `cargo nextest run -p guideway-interop --run-ignored only -E 'test(many_cuts)'` measures so many.
const CUTS: usize = 50;

struct Watched {
    pair: Pair,
    _bfd: Vec<Process>,
}

/// Two speakers, BFD of 50 ms three times.
fn watched(kind: Kind) -> Result<Watched> {
    let mut plan = Plan::new(2, Over::V4, &[VIP]).with_kernel();
    let liveness = Some(Liveness { interval: Duration::from_millis(50), multiplier: 3 });
    let ours = plan.speakers.iter_mut().flat_map(|config| &mut config.spec.neighbours);
    for neighbour in ours.chain(&mut plan.router.neighbours) {
        neighbour.bfd = liveness;
    }
    let pair = Pair::start(kind, &plan)?;
    let daemons = (1..=2).map(|number| bfd::start(&pair.site, number)).collect::<Result<_>>()?;
    let watched = Watched { pair, _bfd: daemons };
    watched.wait_ways(&["fw1", "fw2"])?;
    for speaker in &watched.pair.speakers {
        speaker.wait_peer("tor", "BFD", |peer| peer.bfd == "up")?;
    }
    Ok(watched)
}

impl Watched {
    fn ways(&self) -> Result<Vec<String>> {
        let legs = legs(&self.pair.site.router.ip(&format!("-4 -j route show {VIP}/32"))?)?;
        Ok(legs.into_iter().map(|leg| leg.interface).collect())
    }

    fn wait_ways(&self, wanted: &[&str]) -> Result<Duration> {
        wait::until_true(&format!("{VIP} over {wanted:?}"), PATIENCE, || Ok(self.ways()? == wanted))
            .with_context(|| format!("it goes over {:?}: {:#?}", self.ways(), self.pair.peer()))
    }

    /// Both directions of the first speaker's link, until [`Watched::heal`].
    fn cut(&self) -> Result<()> {
        let file = self.pair.site.folder("filter")?.join("cut.nft");
        let chain = |hook: &str, name: &str| {
            format!(
                "  chain {hook} {{ type filter hook {hook} priority -300; policy accept; {name} \"up0\" drop; }}\n"
            )
        };
        let text =
            format!("table inet cut {{\n{}{}}}\n", chain("input", "iifname"), chain("output", "oifname"));
        std::fs::write(&file, text)?;
        self.pair.speaker().netns().run("nft", &["-f", &file.to_string_lossy()]).map(drop)
    }

    fn heal(&self) -> Result<()> {
        self.pair.speaker().netns().run("nft", &["delete", "table", "inet", "cut"]).map(drop)
    }

    /// How long the kernel of the router still uses the way that is cut, by the time at which its route changed.
    fn moved_after(&self) -> Result<Duration> {
        let started = Instant::now();
        self.cut()?;
        // The cut is effective somewhere within the command.
        let took = started.elapsed();
        self.wait_ways(&["fw2"])?;
        Ok(started.elapsed().saturating_sub(took / 2))
    }
}

/// One cut: traffic moves, the session says why it ended, and everything is back after the heal.
fn one_cut(kind: Kind) -> Result<()> {
    let watched = watched(kind)?;
    // A router may end a session that stood before BFD did.
    let flaps = |number: usize| watched.pair.speakers[number].peer("tor").map(|peer| peer.flaps);
    let before = (flaps(0)?, flaps(1)?);
    let moved = watched.moved_after()?;
    let peer = watched.pair.speaker().wait_peer("tor", "BFD down", |peer| {
        peer.bfd == "down" && peer.state != "Established" && peer.last_error.contains("BFD")
    })?;
    ensure!(peer.flaps == before.0 + 1, "the session did not end once: {peer:#?}");
    watched.heal()?;
    let back = watched.wait_ways(&["fw1", "fw2"])?;
    println!("{kind}: moved after {moved:?}, back {back:?} after the heal");
    ensure!(moved < GENEROUS, "moved after {moved:?} only");
    ensure!(back < GENEROUS, "back {back:?} after the heal only");
    let other = watched.pair.speakers[1].peer("tor")?;
    ensure!(other.flaps == before.1 && other.bfd == "up", "the other speaker was touched: {other:#?}");
    watched.pair.pass()
}

/// Nobody else should run: `-j 1`.
fn many_cuts(kind: Kind) -> Result<()> {
    let watched = watched(kind)?;
    let (mut moved, mut back) = (Vec::new(), Vec::new());
    for _ in 0..CUTS {
        moved.push(watched.moved_after()?);
        watched.pair.speaker().wait_peer("tor", "BFD down", |peer| peer.bfd == "down")?;
        watched.heal()?;
        back.push(watched.wait_ways(&["fw1", "fw2"])?);
        watched.pair.speaker().wait_peer("tor", "BFD", |peer| peer.bfd == "up")?;
    }
    for (what, times) in [("moved after a cut", &mut moved), ("back after a heal", &mut back)] {
        times.sort_unstable();
        let at = |percent: usize| times[(times.len() - 1) * percent / 100];
        println!("{kind}, {CUTS} cuts, {what}: p50 {:?}, p99 {:?}, most {:?}", at(50), at(99), at(100));
    }
    watched.pair.pass()
}

#[test]
fn bird_moves_traffic_when_a_link_is_cut() -> Result<()> {
    one_cut(Kind::Bird)
}

#[test]
fn frr_moves_traffic_when_a_link_is_cut() -> Result<()> {
    one_cut(Kind::Frr)
}

#[test]
#[ignore = "measures"]
fn many_cuts_at_bird() -> Result<()> {
    many_cuts(Kind::Bird)
}

#[test]
#[ignore = "measures"]
fn many_cuts_at_frr() -> Result<()> {
    many_cuts(Kind::Frr)
}
