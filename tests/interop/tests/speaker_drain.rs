//! A drain of a forwarder as a router sees it. FRR announces its best path back to the speakers, which is the evidence that
//! somebody else is there; BIRD is configured not to.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use guideway_bgp_admin::v1::Drain;
use guideway_interop::site::Over;
use guideway_interop::{PATIENCE, Pair, Plan, Speaker};
use guideway_lab::process::Process;
use guideway_lab::router::Kind;
use guideway_lab::tor::legs;
use guideway_lab::{binaries, wait};

const VIP: &str = "203.0.113.10";
const OTHER: &str = "203.0.113.11";

/// How long something is watched that must not happen.
const WATCH: Duration = Duration::from_secs(1);

fn plan(speakers: u8) -> Plan {
    let mut plan = Plan::new(speakers, Over::V4, &[VIP, OTHER]).with_kernel();
    for config in &mut plan.speakers {
        config.document.push("drain: {evidence_wait: 3s}".to_owned());
    }
    plan
}

/// The interfaces over which the router's kernel sends packets for `vip`.
fn interfaces(pair: &Pair, vip: &str) -> Result<Vec<String>> {
    let legs = legs(&pair.site.router.ip(&format!("-4 -j route show {vip}/32"))?)?;
    Ok(legs.into_iter().map(|leg| leg.interface).collect())
}

fn wait_interfaces(pair: &Pair, vip: &str, wanted: &[&str]) -> Result<()> {
    wait::until_true(&format!("{vip} over {wanted:?}"), PATIENCE, || Ok(interfaces(pair, vip)? == wanted))
        .with_context(|| format!("{:?}\n{:#?}", interfaces(pair, vip), pair.speaker().status()))
        .map(drop)
}

fn drains(speaker: &Speaker) -> Result<Vec<Drain>> {
    Ok(speaker.status()?.drains)
}

fn wait_phase(speaker: &Speaker, phase: &str) -> Result<()> {
    let is_there = || Ok(drains(speaker)?.first().is_some_and(|drain| drain.phase == phase));
    wait::until_true(&format!("a drain that is {phase}"), PATIENCE, is_there)
        .with_context(|| format!("{:#?}", speaker.status()))
        .map(drop)
}

/// `lbctl bgp drain` in the background.
fn begin(pair: &Pair, words: &[&str]) -> Result<Process> {
    let mut command = pair.site.speakers[0].command(binaries::binary("lbctl")?);
    command
        .arg("--bgp-socket")
        .arg(pair.speaker().folder().join("bgp.sock"))
        .args(["bgp", "drain"])
        .args(words);
    Process::spawn_with_output("lbctl", command, &pair.site.folder("lbctl")?)
}

/// The whole way of a node: the router prefers the other one, flows end, sessions end with the reason; a restart of the
/// speaker in between and after it changes nothing; then back.
#[test]
fn frr_follows_a_node_that_is_drained_and_comes_back() -> Result<()> {
    let plan = plan(2);
    let mut pair = Pair::start(Kind::Frr, &plan)?;
    wait_interfaces(&pair, VIP, &["fw1", "fw2"])?;
    pair.agent()?.set_flows(100);
    let _lbctl = begin(&pair, &["--below", "10", "--timeout", "10m", "--reason", "kernel update"])?;
    wait_phase(pair.speaker(), "waiting")?;
    // The router goes around it by the community alone.
    wait_interfaces(&pair, VIP, &["fw2"])?;
    let paths = pair.router()?.learnt("203.0.113.10/32")?;
    ensure!(paths.len() == 2, "the routes were withdrawn too early: {paths:#?}");
    let explained = pair.speaker().lbctl(&["explain", VIP])?;
    ensure!(
        explained.contains("the node is being drained") && explained.contains("graceful-shutdown"),
        "{explained}"
    );

    pair.speakers.remove(0).kill()?;
    pair.speakers.insert(0, Speaker::start(&pair.site, 1, &plan.speakers[0])?);
    wait_phase(pair.speaker(), "waiting")?;
    pair.speaker().wait_established()?;
    wait::until_true("flows that are counted", PATIENCE, || {
        Ok(drains(pair.speaker())?[0].flows == Some(100))
    })?;
    wait_interfaces(&pair, VIP, &["fw2"])?;

    pair.agent()?.set_flows(3);
    wait_phase(pair.speaker(), "drained")?;
    let is_shut = |peer: &guideway_bgp_admin::v1::Peer| {
        peer.state == "Idle" && peer.problems.iter().any(|problem| problem.contains("kernel update"))
    };
    pair.speaker().wait_peer("tor", "a session that is shut down", is_shut)?;
    let heard = pair.router()?.describe() + &pair.site.logs();
    ensure!(heard.contains("kernel update"), "the router did not get the reason:\n{heard}");

    pair.speakers.remove(0).kill()?;
    pair.speakers.insert(0, Speaker::start(&pair.site, 1, &plan.speakers[0])?);
    wait::while_nothing_fails(WATCH, || {
        let peer = pair.peer()?;
        ensure!(is_shut(&peer), "a drained node has a session: {peer:#?}");
        Ok(())
    })?;
    pair.speaker().lbctl(&["undrain"])?;
    for vip in [VIP, OTHER] {
        wait_interfaces(&pair, vip, &["fw1", "fw2"])?;
    }
    ensure!(drains(pair.speaker())?.is_empty());
    pair.pass()
}

/// One VIP goes, the other one and the session stay.
#[test]
fn frr_follows_a_vip_that_is_drained() -> Result<()> {
    let pair = Pair::start(Kind::Frr, &plan(2))?;
    wait_interfaces(&pair, VIP, &["fw1", "fw2"])?;
    let told = pair.speaker().lbctl(&["drain", "--vip", VIP, "--below", "1000", "--timeout", "10m"])?;
    ensure!(told.contains("203.0.113.10/32 is drained"), "{told}");
    wait_interfaces(&pair, VIP, &["fw2"])?;
    ensure!(interfaces(&pair, OTHER)? == ["fw1", "fw2"]);
    let peer = pair.peer()?;
    ensure!((peer.sessions, peer.prefixes_advertised) == (1, 1), "{peer:#?}");
    let explained = pair.speaker().lbctl(&["explain", VIP])?;
    ensure!(explained.contains("it is drained"), "{explained}");
    pair.speaker().lbctl(&["undrain", "--vip", VIP])?;
    wait_interfaces(&pair, VIP, &["fw1", "fw2"])?;
    pair.pass()
}

/// Nobody else is there, or nobody says so: the drain is undone, unless it is forced.
fn last_forwarder(kind: Kind) -> Result<()> {
    let pair = Pair::start(kind, &plan(1))?;
    wait_interfaces(&pair, VIP, &["fw1"])?;
    let told = pair.speaker().lbctl(&["drain", "--timeout", "10m"])?;
    ensure!(told.contains("refused and undone") && told.contains("last forwarder"), "{told}");
    ensure!(drains(pair.speaker())?.is_empty());
    wait::until_true("routes without graceful shutdown", PATIENCE, || {
        let paths = pair.router()?.learnt("203.0.113.10/32")?;
        Ok(paths.len() == 1 && !paths[0].communities.contains("65535:0"))
    })
    .with_context(|| {
        pair.router().map_or_else(|error| error.to_string(), guideway_lab::router::Router::describe)
    })?;
    let told = pair.speaker().lbctl(&["drain", "--force", "--below", "1000", "--timeout", "10m"])?;
    ensure!(told.contains("drained; the sessions end"), "{told}");
    wait_interfaces(&pair, VIP, &[])?;
    pair.speaker().lbctl(&["undrain"])?;
    wait_interfaces(&pair, VIP, &["fw1"])?;
    pair.pass()
}

#[test]
fn frr_has_only_one_forwarder() -> Result<()> {
    last_forwarder(Kind::Frr)
}

#[test]
fn bird_has_only_one_forwarder() -> Result<()> {
    last_forwarder(Kind::Bird)
}
