//! The controller with everything that it needs to be of use: two API servers as two clusters, real kubectl, forwarders
//! that follow, BIRD as router, lb-decap and nginx. The client's curl is the judge.

mod controller_support;

use anyhow::ensure;
use controller_support::objects::{peer, service, slice};
use controller_support::plane::{PODS, PODS_V6, in_plane_with, in_two_clusters};
use controller_support::{NAMESPACE, PATIENCE, curl, follow_with_routers, served_by};
use guideway_lab::lab::CONVERGENCE;
use guideway_lab::wait;
use serde_json::json;

#[test]
fn services_of_two_clusters_are_reached_and_follow_their_endpoints() {
    in_two_clusters(|lab, plane| {
        let (east, west) = (&plane.east, plane.west());
        east.apply(&[service("web"), slice("web", "a", &[(PODS[0], "be1", true), (PODS[1], "be2", true)])])?;
        west.apply(&[service("web"), slice("web", "a", &[(PODS[2], "be3", true)])])?;
        let here = east.addresses("default", "web")?.remove(0);
        let there = west.addresses("default", "web")?.remove(0);
        ensure!(here != there, "both clusters have {here}");
        for address in [&here, &there] {
            lab.wait_for_all_legs(address.parse()?)?;
        }
        served_by(lab, &here, 8080, &["be1", "be2"])?;
        served_by(lab, &there, 8080, &["be3"])?;

        // An endpoint is not ready any more, then gone, then back in another slice.
        east.apply(&[slice("web", "a", &[(PODS[0], "be1", false), (PODS[1], "be2", true)])])?;
        served_by(lab, &here, 8080, &["be2"])?;
        east.apply(&[slice("web", "a", &[(PODS[1], "be2", true)])])?;
        served_by(lab, &here, 8080, &["be2"])?;
        east.apply(&[slice("web", "b", &[(PODS[0], "be1", true)])])?;
        served_by(lab, &here, 8080, &["be1", "be2"])?;
        east.kubectl(&["delete", "endpointslice", "web-a"])?;
        served_by(lab, &here, 8080, &["be1"])?;

        // Another port.
        let mut more = service("web");
        more["spec"]["ports"][0]["port"] = json!(8081);
        east.apply(&[more])?;
        served_by(lab, &here, 8081, &["be1"])?;
        ensure!(curl(lab, &here, 8080, 2).is_err(), "the old port is still served");

        // Deleted: withdrawn, then released.
        east.kubectl(&["delete", "service", "web", "--wait=false"])?;
        lab.tor.wait_for_legs(here.parse()?, &[], CONVERGENCE)?;
        wait::until_true("the Service to be released", PATIENCE, || {
            Ok(!east.has("service", "default", "web")?)
        })?;
        ensure!(curl(lab, &here, 8081, 2).is_err(), "it is still served");
        served_by(lab, &there, 8080, &["be3"])?;

        // The address is free again.
        let mut next = service("next");
        next["spec"]["loadBalancerIP"] = json!(here);
        west.apply(&[next, slice("next", "a", &[(PODS[2], "be3", true)])])?;
        ensure!(west.addresses("default", "next")?.first() == Some(&here));
        served_by(lab, &here, 8080, &["be3"])
    });
}

#[test]
fn families_affinity_source_ranges_and_annotations_reach_the_forwarders() {
    in_two_clusters(|lab, plane| {
        let east = &plane.east;
        let mut both = service("both");
        both["spec"]["ipFamilyPolicy"] = json!("RequireDualStack");
        both["spec"]["ipFamilies"] = json!(["IPv6", "IPv4"]);
        both["spec"]["sessionAffinity"] = json!("ClientIP");
        east.apply(&[
            both,
            slice("both", "v4", &[(PODS[0], "be1", true), (PODS[1], "be2", true)]),
            slice("both", "v6", &[(PODS_V6[1], "be2", true)]),
        ])?;
        let addresses = east.addresses("default", "both")?;
        ensure!(addresses.len() == 2 && addresses[0].contains(':'), "{addresses:?}");
        for address in &addresses {
            lab.wait_for_all_legs(address.parse()?)?;
        }
        served_by(lab, &addresses[0], 8080, &["be2"])?;
        let first = curl(lab, &addresses[1], 8080, 5)?;
        served_by(lab, &addresses[1], 8080, &[first.as_str()])?;

        let with_ranges = |ranges: &[&str]| {
            let mut service = service("web");
            service["metadata"]["annotations"] =
                json!({"guideway.dev/encapsulation": "ipip", "guideway.dev/nonsense": "1"});
            service["spec"]["loadBalancerSourceRanges"] = json!(ranges);
            service
        };
        east.apply(&[with_ranges(&["10.1.9.0/24"]), slice("web", "a", &[(PODS[0], "be1", true)])])?;
        let address = east.addresses("default", "web")?.remove(0);
        served_by(lab, &address, 8080, &["be1"])?;
        east.apply(&[with_ranges(&["192.0.2.0/24"])])?;
        wait::until_true("others to be shut out", PATIENCE, || Ok(curl(lab, &address, 8080, 1).is_err()))?;
        east.apply(&[with_ranges(&["192.0.2.0/24", "10.1.9.2/32"])])?;
        served_by(lab, &address, 8080, &["be1"])?;
        let events = east.events("default", "web")?;
        ensure!(events.contains("guideway.dev/nonsense"), "no Event about the unknown annotation:\n{events}");
        Ok(())
    });
}

#[test]
fn what_is_served_outlives_the_controller_and_its_clusters() {
    in_two_clusters(|lab, plane| {
        plane
            .east
            .apply(&[service("web"), slice("web", "a", &[(PODS[0], "be1", true), (PODS[1], "be2", true)])])?;
        plane.west().apply(&[service("web"), slice("web", "a", &[(PODS[2], "be3", true)])])?;
        let here = plane.east.addresses("default", "web")?.remove(0);
        let there = plane.west().addresses("default", "web")?.remove(0);
        served_by(lab, &here, 8080, &["be1", "be2"])?;
        served_by(lab, &there, 8080, &["be3"])?;

        // The controller dies, and starts while one cluster is away.
        plane.controller.kill()?;
        served_by(lab, &here, 8080, &["be1", "be2"])?;
        plane.west_mut().kill()?;
        plane.controller.spawn()?;
        plane.east.apply(&[slice("web", "a", &[(PODS[1], "be2", true)])])?;
        served_by(lab, &here, 8080, &["be2"])?;
        served_by(lab, &there, 8080, &["be3"])?;

        // The other one is back, and has the same Services.
        plane.west_mut().spawn()?;
        plane.west().apply(&[service("late"), slice("late", "a", &[(PODS[2], "be3", true)])])?;
        let late = plane.west().addresses("default", "late")?.remove(0);
        ensure!(late != here && late != there);
        served_by(lab, &late, 8080, &["be3"])?;
        served_by(lab, &there, 8080, &["be3"])
    });
}

/// As with MetalLB: routers are objects, and forwarders have no list of them.
#[test]
fn routers_come_from_the_controller() {
    in_plane_with(1, follow_with_routers, |lab, plane| {
        let east = &plane.east;
        east.apply(&[service("web"), slice("web", "a", &[(PODS[0], "be1", true)])])?;
        let address = east.addresses("default", "web")?.remove(0);
        east.apply(&[peer(NAMESPACE, 1), peer(NAMESPACE, 2)])?;
        lab.wait_for_all_legs(address.parse()?)?;
        served_by(lab, &address, 8080, &["be1"])?;
        // One of them is taken back.
        east.kubectl(&["-n", NAMESPACE, "delete", "bgppeer", "tor-of-fw2"])?;
        lab.tor.wait_for_legs(address.parse()?, &["fw1"], CONVERGENCE)?;
        served_by(lab, &address, 8080, &["be1"])
    });
}
