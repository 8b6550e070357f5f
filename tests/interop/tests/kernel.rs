//! What the router's kernel makes of it: BIRD and FRR put routes there.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use guideway_interop::site::Over;
use guideway_interop::{PATIENCE, Pair, Plan, Site, Speaker};
use guideway_lab::process::Process;
use guideway_lab::router::Kind;
use guideway_lab::tor::{Leg, legs};
use guideway_lab::wait;

const VIP: &str = "203.0.113.10";
const VIP_V6: &str = "2001:db8::10";

/// How long something is watched that must not happen.
const WATCH: Duration = Duration::from_secs(1);

fn kernel_legs(pair: &Pair, vip: &str) -> Result<Vec<Leg>> {
    let vip: IpAddr = vip.parse()?;
    let words = if vip.is_ipv4() {
        format!("-4 -j route show {vip}/32")
    } else {
        format!("-6 -j route show {vip}/128")
    };
    legs(&pair.site.router.ip(&words)?)
}

fn wait_interfaces(pair: &Pair, vip: &str, wanted: &[&str]) -> Result<()> {
    let waited = wait::until_true(&format!("{vip} over {wanted:?}"), PATIENCE, || {
        let legs = kernel_legs(pair, vip)?;
        Ok(legs.iter().map(|leg| leg.interface.as_str()).eq(wanted.iter().copied()))
    });
    let router = pair.router()?;
    waited
        .with_context(|| format!("the legs are {:?}\n{}", kernel_legs(pair, vip), router.describe()))
        .map(drop)
}

/// `ip monitor route` in the router's namespace.
struct RouteMonitor {
    process: Process,
}

impl RouteMonitor {
    /// A route that nobody else has tells when it listens.
    const PROBE: &str = "192.0.2.1";

    fn start(site: &Site) -> Result<Self> {
        let mut command = site.router.command("ip");
        command.args(["-o", "monitor", "route", "nexthop"]);
        let process = Process::spawn_with_output("monitor", command, &site.folder("monitor")?)?;
        wait::until_true("ip monitor to listen", PATIENCE, || {
            // A route that is there already would be no event.
            site.router.ip(&format!("route add {}/32 dev lo", Self::PROBE))?;
            site.router.ip(&format!("route del {}/32 dev lo", Self::PROBE))?;
            Ok(process.stdout().contains(Self::PROBE))
        })?;
        Ok(Self { process })
    }

    fn expect_nothing(&self, when: &str) -> Result<()> {
        let text = self.process.stdout();
        let seen: Vec<&str> = text.lines().filter(|line| !line.contains(Self::PROBE)).collect();
        ensure!(seen.is_empty(), "the router's kernel saw changes {when}: {seen:#?}");
        Ok(())
    }
}

/// One way over each speaker, in both families; one goes when its speaker does.
fn equal_cost(kind: Kind) -> Result<()> {
    let mut pair = Pair::start(kind, &Plan::new(2, Over::V4, &[VIP, VIP_V6]).with_kernel())?;
    for vip in [VIP, VIP_V6] {
        wait_interfaces(&pair, vip, &["fw1", "fw2"])?;
    }
    let weights: Vec<u32> = kernel_legs(&pair, VIP)?.iter().map(|leg| leg.weight).collect();
    ensure!(weights[0] == weights[1], "not of equal cost: {weights:?}");
    if let Some(second) = pair.speakers.pop() {
        second.process.stop()?;
    }
    for vip in [VIP, VIP_V6] {
        wait_interfaces(&pair, vip, &["fw1"])?;
    }
    pair.pass()
}

/// Link bandwidths of 1:3 make weights of 1:3, and a live change of the capacity changes them.
fn unequal_cost(kind: Kind) -> Result<()> {
    let mut plan = Plan::new(2, Over::V4, &[VIP]).with_kernel();
    for config in &mut plan.speakers {
        config.document.push("announce: {link_bandwidth: auto}".to_owned());
    }
    let pair = Pair::start(kind, &plan)?;
    let capacity = |number: usize, gigabits: u64| {
        if let Some(agent) = &pair.agents[number] {
            agent.set_capacity(gigabits * 125_000_000);
        }
    };
    let wait_shares = |wanted: f64| {
        let share = || -> Result<Option<f64>> {
            let legs = kernel_legs(&pair, VIP)?;
            let [first, second] = &legs[..] else { return Ok(None) };
            Ok(Some(f64::from(first.weight) / f64::from(first.weight + second.weight)))
        };
        wait::until_true(&format!("a share of {wanted} over fw1"), PATIENCE, || {
            Ok(share()?.is_some_and(|share| (share - wanted).abs() <= 0.03))
        })
        .with_context(|| format!("the shares are {:?}, the legs {:?}", share(), kernel_legs(&pair, VIP)))
    };
    capacity(0, 1);
    capacity(1, 3);
    wait_shares(0.25)?;
    capacity(0, 9);
    wait_shares(0.75)?;
    ensure!(pair.speakers.iter().all(|speaker| speaker.peer("tor").is_ok_and(|peer| peer.sessions == 1)));
    pair.pass()
}

/// The speaker is killed and started again: the kernel of the router sees no change at all.
fn killed_and_back(kind: Kind) -> Result<()> {
    let plan =
        Plan::new(2, Over::V4, &[VIP, VIP_V6]).with_kernel().with_graceful_restart(Duration::from_secs(60));
    let mut pair = Pair::start(kind, &plan)?;
    for vip in [VIP, VIP_V6] {
        wait_interfaces(&pair, vip, &["fw1", "fw2"])?;
    }
    for speaker in &pair.speakers {
        speaker.wait_peer("tor", "End-of-RIB", |peer| peer.prefixes_advertised == 2)?;
    }
    let monitor = RouteMonitor::start(&pair.site)?;
    pair.speakers.remove(0).kill()?;
    wait::while_nothing_fails(WATCH, || monitor.expect_nothing("while the speaker is away"))?;
    let back = Speaker::start(&pair.site, 1, &plan.speakers[0])?;
    back.wait_peer("tor", "all routes again", |peer| peer.prefixes_advertised == 2)?;
    pair.speakers.insert(0, back);
    wait::while_nothing_fails(WATCH, || monitor.expect_nothing("when the speaker was back"))?;
    for vip in [VIP, VIP_V6] {
        wait_interfaces(&pair, vip, &["fw1", "fw2"])?;
    }
    // The routes are those of the new session: they go with it.
    pair.agent()?.set(&[VIP_V6.to_owned()]);
    wait_interfaces(&pair, VIP, &["fw2"])?;
    pair.pass()
}

#[test]
fn bird_has_a_way_over_each_speaker() -> Result<()> {
    equal_cost(Kind::Bird)
}

#[test]
fn frr_has_a_way_over_each_speaker() -> Result<()> {
    equal_cost(Kind::Frr)
}

/// BIRD 2.0.12 does not know the community.
#[test]
fn frr_weighs_by_link_bandwidth() -> Result<()> {
    unequal_cost(Kind::Frr)
}

#[test]
fn bird_sees_nothing_of_a_speaker_that_is_killed_and_back() -> Result<()> {
    killed_and_back(Kind::Bird)
}

#[test]
fn frr_sees_nothing_of_a_speaker_that_is_killed_and_back() -> Result<()> {
    killed_and_back(Kind::Frr)
}
