//! Echo packets between lb-bfd and FRR.

mod bfd_support;

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bfd_support::router::{Kind, Peer};
use bfd_support::site::{Site, Way};
use bfd_support::world::{World, spec};
use bfd_support::{FORWARDER_V4, PATIENCE, ROUTER_V4};
use guideway_bfd_client::{BfdState, Spec};
use guideway_lab::forwarder::{DataplaneConfig, Forwarder};
use guideway_lab::{netns, wait};

const INTERVAL: Duration = Duration::from_millis(50);

fn frr_echoes_in(world: &World) -> Result<u64> {
    let text = world.router.frr("show bfd peers counters json")?;
    let peers: serde_json::Value = serde_json::from_str(&text)?;
    peers[0]["echo-packet-input"].as_u64().with_context(|| format!("no counter of echoes in {text}"))
}

#[test]
fn the_peers_echoes_are_sent_back() -> Result<()> {
    let more = vec!["echo transmit-interval 50", "echo receive-interval 50", "echo-mode"];
    let peer = Peer { more, ..Peer::on_link(FORWARDER_V4) };
    let mut world = World::build(Kind::Frr, Way::Link, &peer)?;
    let watched =
        world.watch(Spec { interface: Some("up0".to_owned()), echo_rx: Some(INTERVAL), ..spec(ROUTER_V4) });
    watched.wait(BfdState::Up)?;
    wait::until_true("echoes to go round", PATIENCE, || {
        Ok(world.session()?.echoes_returned > 20 && frr_echoes_in(&world)? > 20)
    })
    .with_context(|| format!("{:?} {}", world.session(), world.router.show().unwrap_or_default()))?;
    ensure!(watched.status().downs == 0 && world.router.frr_downs()? == 0, "{:?}", watched.seen());
    world.site.pass();
    Ok(())
}

#[test]
fn own_echoes_come_back_and_tell_of_a_cut() -> Result<()> {
    let site = Site::build(Way::Link)?;
    // FRR promises to return echoes; its kernel does, as a router that forwards.
    site.router.sysctl(&["net.ipv4.ip_forward=1"])?;
    let peer = Peer { more: vec!["echo receive-interval 20"], ..Peer::on_link(FORWARDER_V4) };
    let mut world = World::on(site, Kind::Frr, &peer, &[])?;
    let watched = world.watch(Spec { echo_tx: Some(INTERVAL), ..spec(ROUTER_V4) });
    watched.wait(BfdState::Up)?;
    // Control packets become rare: the peer's detection of us is as it was, ours is a matter of echoes.
    world.wait_detection(3000)?;
    wait::until_true("echoes to come back", PATIENCE, || Ok(world.session()?.echoes_received > 20))?;
    let before = world.site.cut()?;
    let told = watched.wait_after(before, BfdState::Down)? - before;
    ensure!(told < Duration::from_millis(1500), "told after {told:?}");
    ensure!(watched.status().diagnostic == guideway_bfd_client::Diagnostic::ECHO_FAILED);
    world.site.heal()?;
    watched.wait(BfdState::Up)?;
    world.wait_detection(3000)?;
    world.site.pass();
    Ok(())
}

#[test]
fn a_peer_that_breaks_its_promise_is_not_blamed() -> Result<()> {
    let site = Site::build(Way::Link)?;
    site.router.run(
        "nft",
        &["table netdev echoes {\nchain in {\ntype filter hook ingress device fw1 priority 0; policy accept;\n\
           udp dport 3785 drop\n}\n}\n"],
    )?;
    let peer = Peer { more: vec!["echo receive-interval 20"], ..Peer::on_link(FORWARDER_V4) };
    let mut world = World::on(site, Kind::Frr, &peer, &[])?;
    let watched =
        world.watch(Spec { interface: Some("up0".to_owned()), echo_tx: Some(INTERVAL), ..spec(ROUTER_V4) });
    // Control packets go on watching the path as fast as before.
    world.wait_up(&watched, 50)?;
    wait::until_true("echoes to be sent", PATIENCE, || Ok(world.session()?.echoes_sent > 20))?;
    let session = world.session()?;
    ensure!(session.echoes_received == 0 && session.downs == 0, "{session:?}");
    world.site.pass();
    Ok(())
}

/// With the forwarder program on the interface, echoes go round without any process: it is lb-bfd's no more.
#[test]
fn the_forwarder_program_sends_echoes_back() -> Result<()> {
    let more = vec!["echo transmit-interval 50", "echo receive-interval 50", "echo-mode"];
    let peer = Peer { more, ..Peer::on_link(FORWARDER_V4) };
    let mut world = World::build(Kind::Frr, Way::Link, &peer)?;
    let watched =
        world.watch(Spec { interface: Some("up0".to_owned()), echo_rx: Some(INTERVAL), ..spec(ROUTER_V4) });
    watched.wait(BfdState::Up)?;
    wait_for_echoes(&world, 0)?;

    netns::wake_on_xdp_tx(&world.site.router, "fw1", &world.site.folder("tor")?)?;
    let folder = world.site.folder("fw1")?;
    let mut forwarder = Forwarder::new(world.site.id(), 1, world.site.forwarder.clone(), folder, None);
    forwarder.write_config(&DataplaneConfig::usual(1))?;
    forwarder.start_agent()?;
    // Those that were on their way when the program came.
    wait::until_true("the program to reflect", PATIENCE, || Ok(forwarder.counter("bfd_echo")? > 0))?;
    let by_lb_bfd = world.session()?.echoes_returned;
    wait_for_echoes(&world, frr_echoes_in(&world)?)?;
    ensure!(forwarder.counter("bfd_echo")? > 20, "{:?}", world.session());
    ensure!(world.session()?.echoes_returned <= by_lb_bfd + 2, "{:?}", world.session());
    ensure!(watched.status().downs == 0 && world.router.frr_downs()? == 0, "{:?}", watched.seen());
    forwarder.stop_agent()?;
    world.site.pass();
    Ok(())
}

/// Twenty more echoes than so many came back to FRR.
fn wait_for_echoes(world: &World, before: u64) -> Result<()> {
    wait::until_true("echoes to go round", PATIENCE, || Ok(frr_echoes_in(world)? > before + 20))
        .map(drop)
        .with_context(|| format!("{:?} {}", world.session(), world.router.show().unwrap_or_default()))
}
