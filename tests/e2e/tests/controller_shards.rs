//! Shards: who announces what, and whom a flood harms.

mod controller_support;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::{Result, ensure};
use controller_support::objects::{service, shard, slice};
use controller_support::plane::{PODS, Requests, in_plane};
use controller_support::udp;
use controller_support::{NAMESPACE, PATIENCE, served_by};
use guideway_lab::{Lab, wait};
use serde_json::{Value, json};

/// A Service of a tenant with a shard of its own, on a backend of its own.
fn tenant(name: &str, shard: &str, at: usize) -> [Value; 2] {
    let mut tenant = service(name);
    tenant["metadata"]["annotations"] = json!({"guideway.dev/shard": shard});
    [tenant, slice(name, "a", &[(PODS[at], ["be1", "be2", "be3"][at], true)])]
}

/// Packets that a forwarder has dropped because nobody serves their port.
fn dropped(lab: &Lab, at: usize) -> Result<u64> {
    lab.forwarders[at].counter("drop_unknown_port")
}

#[test]
fn a_flood_on_one_tenant_is_not_seen_by_another_and_services_move_without_loss() {
    /// Packets of the flood that come to the forwarder.
    const FLOOD: u64 = 20_000;
    const BURST: usize = 2_000;
    in_plane(|lab, plane| {
        let east = &plane.east;
        east.apply(&[shard(NAMESPACE, "one", &["fw1"]), shard(NAMESPACE, "two", &["fw2"])])?;
        east.apply(&tenant("red", "one", 0))?;
        east.apply(&tenant("blue", "two", 1))?;
        let red = east.addresses("default", "red")?.remove(0);
        let blue = east.addresses("default", "blue")?.remove(0);
        lab.tor.wait_for_legs(red.parse()?, &["fw1"], PATIENCE)?;
        lab.tor.wait_for_legs(blue.parse()?, &["fw2"], PATIENCE)?;
        served_by(lab, &red, 8080, &["be1"])?;
        served_by(lab, &blue, 8080, &["be2"])?;

        let mut requests = Requests::start(lab, "blue", &blue)?;
        let before = [dropped(lab, 0)?, dropped(lab, 1)?];
        let target: IpAddr = red.parse()?;
        let flood = udp::socket(lab.backends[2].netns(), (Ipv4Addr::UNSPECIFIED, 0).into())?;
        let mut port = 0;
        wait::until_true("the flood to arrive", PATIENCE, || {
            for _ in 0..BURST {
                // Each to another port of the tenant's, none of which it serves.
                port = port % 60_000 + 1;
                let _full = flood.send_to(&[0; 18], SocketAddr::new(target, port));
            }
            Ok(dropped(lab, 0)? >= before[0] + FLOOD)
        })?;
        requests.wait_round()?;
        let seen = dropped(lab, 1)? - before[1];
        ensure!(seen == 0, "{seen} packets of the flood came to the other tenant's forwarder");
        let packets = lab.forwarders[0].vip_packets("east/default/blue/http/v4")?;
        ensure!(packets == 0, "{packets} packets of the other tenant came to the flooded forwarder");
        requests.expect_answered("another tenant is flooded", &["be2"])?;

        // It flees to the other shard: the new forwarder announces it before the old one does not any more.
        let mut requests = Requests::start(lab, "red", &red)?;
        east.apply(&tenant("red", "two", 0))?;
        lab.tor.wait_for_legs(red.parse()?, &["fw2"], PATIENCE)?;
        requests.wait_round()?;
        east.apply(&tenant("red", "one", 0))?;
        lab.tor.wait_for_legs(red.parse()?, &["fw1"], PATIENCE)?;
        requests.wait_round()?;
        requests.expect_answered("a Service moves from shard to shard", &["be1"])
    });
}
