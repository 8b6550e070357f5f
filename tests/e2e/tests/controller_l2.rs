//! A site without BGP: the router asks by ARP and neighbour discovery, and one forwarder answers.

mod controller_support;

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use controller_support::objects::{link, service, slice};
use controller_support::plane::{PODS, PODS_V6, Plane, Requests};
use controller_support::{NAMESPACE, PATIENCE, follow_without_routers, served_by};
use guideway_lab::addresses::{FABRIC_MTU, UPLINK};
use guideway_lab::netns::{LinkState, add_address};
use guideway_lab::scenario::in_bare_lab;
use guideway_lab::{Lab, LabSpec, wait};
use serde_json::json;

/// The link that the router and all forwarders are on.
const LINK: &str = "link0";

/// Puts the router's legs to the forwarders together.
fn join_legs(lab: &Lab) -> Result<()> {
    let tor = lab.tor.netns();
    tor.ip(&format!("link add {LINK} mtu {FABRIC_MTU} type bridge"))?;
    tor.ip(&format!("link set {LINK} up"))?;
    add_address(tor, LINK, "10.1.200.1/24")?;
    add_address(tor, LINK, "fd00:200::1/64")?;
    for forwarder in &lab.forwarders {
        tor.ip(&format!("addr flush dev {}", forwarder.name()))?;
        tor.ip(&format!("link set {} master {LINK}", forwarder.name()))?;
        for address in forwarder.leg().tor() {
            add_address(tor, LINK, &address)?;
        }
    }
    Ok(())
}

/// The forwarder whose MAC address the router has for an address.
fn owner(lab: &Lab, address: &str) -> Result<Option<usize>> {
    let known = lab.tor.netns().ip(&format!("-j neigh show {address} dev {LINK}"))?;
    let known: serde_json::Value = serde_json::from_str(if known.trim().is_empty() { "[]" } else { &known })?;
    let Some(known) = known[0]["lladdr"].as_str() else { return Ok(None) };
    for (at, forwarder) in lab.forwarders.iter().enumerate() {
        let link: serde_json::Value =
            serde_json::from_str(&forwarder.netns().ip(&format!("-j link show dev {UPLINK}"))?)?;
        if link[0]["address"].as_str() == Some(known) {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

/// Waits until the router has another forwarder for it than `former`.
fn moves(lab: &Lab, address: &str, former: usize) -> Result<Duration> {
    wait::until_true(&format!("{address} to leave {}", lab.forwarders[former].name()), PATIENCE, || {
        Ok(owner(lab, address)?.is_some_and(|owner| owner != former))
    })
}

#[test]
fn the_owner_of_an_address_dies_or_is_cut_off_and_another_one_answers() {
    in_bare_lab(&LabSpec::default(), |lab| {
        join_legs(lab)?;
        let plane = Plane::start(lab, 1, &[], follow_without_routers)?;
        let east = &plane.east;
        east.apply(&link(NAMESPACE, &["10.1.200.16/28", "fd00:200::10/124"]))?;
        let mut web = service("web");
        web["metadata"]["annotations"] = json!({"metallb.io/address-pool": "link"});
        web["spec"]["ipFamilyPolicy"] = json!("RequireDualStack");
        web["spec"]["ipFamilies"] = json!(["IPv4", "IPv6"]);
        let pods = |all: [&'static str; 3]| [(all[0], "be1", true), (all[1], "be2", true)];
        east.apply(&[web, slice("web", "v4", &pods(PODS)), slice("web", "v6", &pods(PODS_V6))])?;
        let addresses = east.addresses("default", "web")?;
        ensure!(addresses.len() == 2, "{addresses:?}");
        for address in &addresses {
            served_by(lab, address, 8080, &["be1", "be2"])?;
        }
        let address = &addresses[0];
        let first = owner(lab, address)?.context("nobody has answered")?;
        let (_, shown) = plane.controller.lbctl(&["services"])?;
        let of_web = shown["services"][0]["link_addresses"].as_array().cloned().unwrap_or_default();
        let name = lab.forwarders[first].name();
        ensure!(
            of_web.iter().any(|link| link["address"] == *address && link["owner"] == name),
            "{name}: {shown}"
        );

        // The agent dies; its program forwards on until the router knows better.
        let mut requests = Requests::start(lab, "agent", address)?;
        lab.forwarders[first].kill_agent()?;
        let took = moves(lab, address, first)?;
        eprintln!("another forwarder had the address {took:?} after the agent was killed");
        requests.wait_round()?;
        lab.forwarders[first].start_agent()?;
        wait::until_true("the address to come back to its first owner", PATIENCE, || {
            Ok(owner(lab, address)? == Some(first))
        })?;
        requests.wait_round()?;
        requests.expect_answered("the owner's agent was killed", &["be1", "be2"])?;

        // The node is cut off: its packets are lost until another one has the addresses.
        let mut requests = Requests::start(lab, "node", address)?;
        lab.forwarders[first].set_link(LinkState::Down)?;
        let took = moves(lab, address, first)?;
        eprintln!("another forwarder had the address {took:?} after its owner was cut off");
        ensure!(took < Duration::from_secs(10), "it took {took:?}");
        for address in &addresses {
            served_by(lab, address, 8080, &["be1", "be2"])?;
        }
        requests.wait_round()?;
        lab.forwarders[first].set_link(LinkState::Up)?;
        wait::until_true("the address to come back to its first owner", PATIENCE, || {
            Ok(owner(lab, address)? == Some(first))
        })?;
        requests.wait_round()?;
        requests.expect_answered("the owner was cut off", &["be1", "be2"])
    });
}
