//! lb-bfd with FRR.

mod bfd_support;

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use bfd_support::router::{Kind, Peer};
use bfd_support::site::{Site, Way};
use bfd_support::world::{World, spec};
use bfd_support::{FAR_V4, FAR_V6, FORWARDER_V4, FORWARDER_V6, ROUTER_V4, ROUTER_V6};
use guideway_bfd_client::{BfdState, Spec};

#[test]
fn up_on_a_link_and_over_a_hop() -> Result<()> {
    for (remote, own) in [(ROUTER_V4, FORWARDER_V4), (ROUTER_V6, FORWARDER_V6)] {
        // FRR wants to know its own address for IPv6.
        let peer = Peer { local: Some(remote.to_owned()), ..Peer::on_link(own) };
        let mut world = World::build(Kind::Frr, Way::Link, &peer)?;
        let watched = world.watch(spec(remote));
        world.wait_up(&watched, 50)?;
        ensure!(world.router.frr_session()?["remote-detect-multiplier"] == 3);
        world.site.pass();
    }
    for (remote, own) in [(FAR_V4, FORWARDER_V4), (FAR_V6, FORWARDER_V6)] {
        let mut world = World::build(Kind::Frr, Way::Hop, &Peer::multihop(own, remote))?;
        let watched = world.watch(Spec { multihop: true, min_ttl: 254, ..spec(remote) });
        world.wait_up(&watched, 50)?;
        world.site.pass();
    }
    Ok(())
}

#[test]
fn up_over_link_local_addresses() -> Result<()> {
    let site = Site::build(Way::Link)?;
    let own = Site::link_local(&site.forwarder, "up0")?;
    let remote = Site::link_local(&site.router, "fw1")?;
    let peer = Peer { local: Some(remote.clone()), ..Peer::on_link(&own) };
    let mut world = World::on(site, Kind::Frr, &peer, &[])?;
    let watched = world.watch(Spec { interface: Some("up0".to_owned()), ..spec(&remote) });
    world.wait_up(&watched, 50)?;
    world.site.pass();
    Ok(())
}

#[test]
fn intervals_change_without_a_flap() -> Result<()> {
    let mut peer = Peer::on_link(FORWARDER_V4);
    let mut world = World::build(Kind::Frr, Way::Link, &peer)?;
    let watched = world.watch(spec(ROUTER_V4));
    world.wait_up(&watched, 50)?;
    for millis in [200, 40, 300, 50] {
        peer.millis = millis;
        world.router.configure(&peer)?;
        world.wait_detection(millis.max(50) * 3)?;
    }
    for millis in [400_u32, 60, 50] {
        let interval = Duration::from_millis(u64::from(millis));
        watched.session.change(Spec {
            desired_min_tx: interval,
            required_min_rx: interval,
            ..spec(ROUTER_V4)
        });
        world.wait_detection(millis * 3)?;
    }
    ensure!(world.session()?.downs == 0 && watched.status().downs == 0, "{:?}", watched.seen());
    ensure!(world.router.frr_downs()? == 0, "FRR saw the session down");
    world.site.pass();
    Ok(())
}

#[test]
fn silence_is_told_in_time() -> Result<()> {
    let mut world = World::build(Kind::Frr, Way::Link, &Peer::on_link(FORWARDER_V4))?;
    let watched = world.watch(spec(ROUTER_V4));
    world.wait_up(&watched, 50)?;
    for _ in 0..3 {
        let took = world.cut_once(&watched, 50)?;
        // Usually 100 to 170 ms.
        ensure!(took < Duration::from_millis(1500), "told after {took:?}");
    }
    world.site.pass();
    Ok(())
}

#[test]
fn what_the_operator_of_the_router_does_is_no_failure() -> Result<()> {
    let peer = Peer::on_link(FORWARDER_V4);
    let mut world = World::build(Kind::Frr, Way::Link, &peer)?;
    let watched = world.watch(spec(ROUTER_V4));
    world.wait_up(&watched, 50)?;
    let before = Instant::now();
    world.router.set_frr_shutdown(&peer, true)?;
    watched.wait_after(before, BfdState::AdminDown)?;
    ensure!(watched.status().downs == 0, "{:?}", watched.seen());
    world.router.set_frr_shutdown(&peer, false)?;
    world.wait_up(&watched, 50)?;
    world.site.pass();
    Ok(())
}
