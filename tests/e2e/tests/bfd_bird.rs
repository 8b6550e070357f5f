//! lb-bfd with BIRD.

mod bfd_support;

use std::time::Duration;

use anyhow::{Result, ensure};
use bfd_support::router::{Kind, Peer};
use bfd_support::site::{Site, Way};
use bfd_support::world::{World, spec};
use bfd_support::{FAR_V4, FAR_V6, FORWARDER_V4, FORWARDER_V6, ROUTER_V4, ROUTER_V6};
use guideway_bfd_client::auth::Kind as AuthKind;
use guideway_bfd_client::{Authentication, BfdState, Spec};
use guideway_lab::wait;

#[test]
fn up_on_a_link_and_over_a_hop() -> Result<()> {
    for (remote, own) in [(ROUTER_V4, FORWARDER_V4), (ROUTER_V6, FORWARDER_V6)] {
        let mut world = World::build(Kind::Bird, Way::Link, &Peer::on_link(own))?;
        let watched = world.watch(spec(remote));
        world.wait_up(&watched, 50)?;
        world.site.pass();
    }
    for (remote, own) in [(FAR_V4, FORWARDER_V4), (FAR_V6, FORWARDER_V6)] {
        let mut world = World::build(Kind::Bird, Way::Hop, &Peer::multihop(own, remote))?;
        let watched = world.watch(Spec { multihop: true, min_ttl: 63, ..spec(remote) });
        world.wait_up(&watched, 50)?;
        world.site.pass();
    }
    Ok(())
}

#[test]
fn up_when_the_router_has_to_speak_first() -> Result<()> {
    let mut world = World::build(Kind::Bird, Way::Link, &Peer::on_link(FORWARDER_V4))?;
    let watched = world.watch(Spec { passive: true, ..spec(ROUTER_V4) });
    world.wait_up(&watched, 50)?;
    world.site.pass();
    Ok(())
}

#[test]
fn up_over_link_local_addresses() -> Result<()> {
    let site = Site::build(Way::Link)?;
    let own = Site::link_local(&site.forwarder, "up0")?;
    let remote = Site::link_local(&site.router, "fw1")?;
    let mut world = World::on(site, Kind::Bird, &Peer::on_link(&own), &[])?;
    let watched = world.watch(Spec { interface: Some("up0".to_owned()), ..spec(&remote) });
    world.wait_up(&watched, 50)?;
    world.site.pass();
    Ok(())
}

#[test]
fn a_packet_that_crossed_a_router_is_refused() -> Result<()> {
    // BIRD sends with a TTL of 64 where there may be hops; whoever sends with 255 can be told from those further away.
    let mut world = World::build(Kind::Bird, Way::Hop, &Peer::multihop(FORWARDER_V4, FAR_V4))?;
    let watched = world.watch(Spec { multihop: true, min_ttl: 254, ..spec(FAR_V4) });
    wait::until_true("a packet to be refused", bfd_support::PATIENCE, || {
        Ok(world.session()?.last_discard == "a TTL of 63, less than 254")
    })?;
    ensure!(watched.status().state == BfdState::Down, "{:?}", watched.seen());
    world.site.pass();
    Ok(())
}

#[test]
fn intervals_change_without_a_flap() -> Result<()> {
    let mut peer = Peer::on_link(FORWARDER_V4);
    let mut world = World::build(Kind::Bird, Way::Link, &peer)?;
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
    world.site.pass();
    Ok(())
}

#[test]
fn silence_is_told_in_time() -> Result<()> {
    let mut world = World::build(Kind::Bird, Way::Link, &Peer::on_link(FORWARDER_V4))?;
    let watched = world.watch(spec(ROUTER_V4));
    world.wait_up(&watched, 50)?;
    for _ in 0..3 {
        let took = world.cut_once(&watched, 50)?;
        // Usually 100 to 170 ms.
        ensure!(took < Duration::from_millis(1500), "told after {took:?}");
    }
    ensure!(watched.status().downs == 3);
    world.site.pass();
    Ok(())
}

#[test]
fn every_kind_of_authentication() -> Result<()> {
    let cases = [
        (AuthKind::Simple, "simple"),
        (AuthKind::KeyedMd5, "keyed md5"),
        (AuthKind::MeticulousMd5, "meticulous keyed md5"),
        (AuthKind::KeyedSha1, "keyed sha1"),
        (AuthKind::MeticulousSha1, "meticulous keyed sha1"),
    ];
    let mut peer = Peer::on_link(FORWARDER_V4);
    let words = |words: &str| Some(format!("authentication {words}; password \"geheim\" {{ id 7; }};"));
    peer.authentication = words("simple");
    let mut world = World::build(Kind::Bird, Way::Link, &peer)?;
    for (kind, name) in cases {
        peer.authentication = words(name);
        world.router.configure(&peer)?;
        let spec =
            Spec { authentication: Some(Authentication::new(kind, [(7, "geheim")])?), ..spec(ROUTER_V4) };
        let watched = world.watch(spec.clone());
        world.wait_up(&watched, 50)?;
        // A rotation: the new key is known first; BIRD goes on with the old one.
        let rotated = Authentication::new(kind, [(7, "geheim"), (8, "neu")])?;
        watched.session.change(Spec { authentication: Some(rotated), ..spec.clone() });
        std::thread::sleep(Duration::from_millis(300));
        ensure!(
            watched.status().state == BfdState::Up && watched.status().downs == 0,
            "{kind}: {:?}",
            watched.seen()
        );
        // Another secret is noticed, and said.
        let wrong = Authentication::new(kind, [(7, "falsch")])?;
        watched.session.change(Spec { authentication: Some(wrong), ..spec });
        watched.wait(BfdState::Down)?;
        wait::until_true("the wrong secret to be told", bfd_support::PATIENCE, || {
            Ok(world.session()?.last_discard.contains("digest or password of key 7 is wrong"))
        })?;
        drop(watched);
        wait::until_true("the session to end", bfd_support::PATIENCE, || Ok(world.sessions()?.is_empty()))?;
    }
    world.site.pass();
    Ok(())
}
