//! Topology hints: the forwarders of a zone send to endpoints that are meant for the zone.

mod controller_support;

use std::net::SocketAddr;

use anyhow::ensure;
use controller_support::objects::Endpoint::{self, NotReady, Ready};
use controller_support::objects::{forwarder, service, shard, slice_of};
use controller_support::plane::{PODS, in_plane};
use controller_support::{NAMESPACE, PATIENCE, served_by};
use guideway_e2e::expect_unbroken;
use guideway_lab::load::HoldSpec;
use serde_json::{Value, json};

const NODES: [&str; 3] = ["be1", "be2", "be3"];

/// A forwarder that stands in a zone.
fn standing(name: &str, zone: &str) -> Value {
    let mut forwarder = forwarder(NAMESPACE, name);
    forwarder["spec"]["zone"] = json!(zone);
    forwarder
}

/// A Service of a shard.
fn on_shard(name: &str, shard: &str) -> Value {
    let mut web = service(name);
    web["metadata"]["annotations"] = json!({"guideway.dev/shard": shard});
    web
}

/// The endpoints of a Service on be1, be2 and be3, each with the zones that should use it.
fn hinted(service: &str, pods: [(Endpoint, &[&str]); 3]) -> Value {
    let all: Vec<_> = (0..3).map(|at| (PODS[at], NODES[at], pods[at].0)).collect();
    let mut slice = slice_of(service, "a", &all);
    for (at, (_, zones)) in pods.into_iter().enumerate().filter(|(_, (_, zones))| !zones.is_empty()) {
        let zones: Vec<Value> = zones.iter().map(|zone| json!({"name": zone})).collect();
        slice["endpoints"][at]["hints"] = json!({"forZones": zones});
    }
    slice
}

#[test]
fn hints_keep_packets_in_their_zone_while_all_endpoints_have_some() {
    in_plane(|lab, plane| {
        let east = &plane.east;
        east.apply(&[standing("fw1", "a"), standing("fw2", "b")])?;
        east.apply(&[shard(NAMESPACE, "one", &["fw1"]), shard(NAMESPACE, "two", &["fw2"])])?;
        east.apply(&[on_shard("near-a", "one"), on_shard("near-b", "two"), service("both")])?;
        let slices =
            |pods: [(Endpoint, &[&str]); 3]| ["near-a", "near-b", "both"].map(|name| hinted(name, pods));
        east.apply(&slices([(Ready, &[]), (Ready, &[]), (Ready, &[])]))?;
        let address = |name: &str| anyhow::Ok(east.addresses("default", name)?.remove(0));
        let (near_a, near_b, both) = (address("near-a")?, address("near-b")?, address("both")?);
        lab.tor.wait_for_legs(near_a.parse()?, &["fw1"], PATIENCE)?;
        lab.tor.wait_for_legs(near_b.parse()?, &["fw2"], PATIENCE)?;
        for address in [&near_a, &near_b, &both] {
            served_by(lab, address, 8080, &NODES)?;
        }

        // One endpoint for each zone, one for both. Connections to those that are for another zone now go on.
        let hold =
            lab.client.start_hold("hold", SocketAddr::new(near_a.parse()?, 8080), &HoldSpec::default())?;
        east.apply(&slices([(Ready, &["a"]), (Ready, &["b"]), (Ready, &["a", "b"])]))?;
        served_by(lab, &near_a, 8080, &["be1", "be3"])?;
        served_by(lab, &near_b, 8080, &["be2", "be3"])?;
        let held = hold.finish()?;
        ensure!(held.connections_by_backend.contains_key("be2"), "nothing was on be2: {held:?}");
        expect_unbroken("hints come", &held)?;
        // The forwarders of this one do not stand in one zone.
        served_by(lab, &both, 8080, &NODES)?;

        // An endpoint that is not ready needs no hint, and gives none.
        east.apply(&slices([(Ready, &["a"]), (Ready, &["b"]), (NotReady, &[])]))?;
        served_by(lab, &near_a, 8080, &["be1"])?;
        served_by(lab, &near_b, 8080, &["be2"])?;
        served_by(lab, &both, 8080, &["be1", "be2"])?;

        // Nobody is left for zone a; zone b has its own.
        east.apply(&slices([(NotReady, &["a"]), (Ready, &["b"]), (Ready, &["b"])]))?;
        served_by(lab, &near_a, 8080, &["be2", "be3"])?;
        served_by(lab, &near_b, 8080, &["be2", "be3"])?;

        // One without a hint: the hints of the others do not count.
        east.apply(&slices([(Ready, &["a"]), (Ready, &["b"]), (Ready, &[])]))?;
        served_by(lab, &near_a, 8080, &NODES)?;
        served_by(lab, &near_b, 8080, &NODES)?;

        // Hints count again, and a forwarder moves to the other zone.
        east.apply(&slices([(Ready, &["a"]), (Ready, &["b"]), (Ready, &["a", "b"])]))?;
        served_by(lab, &near_a, 8080, &["be1", "be3"])?;
        east.apply(&[standing("fw1", "b")])?;
        served_by(lab, &near_a, 8080, &["be2", "be3"])
    });
}
