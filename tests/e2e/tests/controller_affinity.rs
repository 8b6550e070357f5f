//! `sessionAffinity: ClientIP`: a client stays with its backend, until it was silent for as long as the Service says.

mod controller_support;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use controller_support::PATIENCE;
use controller_support::objects::{Endpoint, service, slice_of};
use controller_support::plane::{PODS, in_plane};
use controller_support::udp::{Flow, Server};
use guideway_lab::{Lab, wait};
use serde_json::{Value, json};

const NODES: [&str; 2] = ["be1", "be2"];

/// A Service of UDP; with affinity, if it says for how long a client may be silent.
fn dns(name: &str, silence: Option<u32>) -> Value {
    let mut dns = service(name);
    dns["spec"]["ports"] = json!([{"name": "dns", "port": 53, "targetPort": 5353, "protocol": "UDP"}]);
    // In the drain window the tables before the change know the client, too, and for longer than its affinity.
    dns["metadata"]["annotations"] = json!({"guideway.dev/drain-window": "1s"});
    if let Some(seconds) = silence {
        dns["spec"]["sessionAffinity"] = json!("ClientIP");
        dns["spec"]["sessionAffinityConfig"] = json!({"clientIP": {"timeoutSeconds": seconds}});
    }
    dns
}

fn endpoints(service: &str, drains: Option<&str>) -> Value {
    let state = |node: &str| if drains == Some(node) { Endpoint::Drains } else { Endpoint::Ready };
    let pods: Vec<_> = (0..2).map(|at| (PODS[at], NODES[at], state(NODES[at]))).collect();
    let mut slice = slice_of(service, "a", &pods);
    slice["ports"] = json!([{"name": "dns", "port": 5353, "protocol": "UDP"}]);
    slice
}

/// Who answers new flows of the client; they come through all forwarders.
fn who(lab: &Lab, address: &str) -> Result<BTreeSet<String>> {
    let server = SocketAddr::new(address.parse()?, 53);
    let ask = |_| Flow::open(lab.client.netns(), server)?.ask();
    Ok((0..24).map(ask).collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
}

fn until_answered_by(lab: &Lab, address: &str, backends: &[&str]) -> Result<()> {
    let expected: BTreeSet<String> = backends.iter().map(|name| (*name).to_owned()).collect();
    let what = format!("{address} to be answered by {backends:?}");
    wait::until_true(&what, PATIENCE, || Ok(who(lab, address)? == expected)).map(drop)
}

#[test]
fn a_client_stays_until_it_was_silent_for_long() {
    in_plane(|lab, plane| {
        let east = &plane.east;
        let mut servers = Vec::new();
        for (at, node) in NODES.into_iter().enumerate() {
            let address = SocketAddr::new(PODS[at].parse()?, 5353);
            servers.push(Server::start(lab.backends[at].netns(), address, node)?);
        }
        east.apply(&[dns("sticky", Some(600)), endpoints("sticky", None)])?;
        east.apply(&[dns("plain", None), endpoints("plain", None)])?;
        let sticky = east.addresses("default", "sticky")?.remove(0);
        let plain = east.addresses("default", "plain")?.remove(0);
        lab.wait_for_all_legs(sticky.parse()?)?;
        until_answered_by(lab, &plain, &NODES)?;
        wait::until_true("one backend to answer the client", PATIENCE, || Ok(who(lab, &sticky)?.len() == 1))?;
        let own = who(lab, &sticky)?.pop_first().context("nobody answers")?;
        let other = NODES.into_iter().find(|node| *node != own).context("it is the only one")?;

        // It takes nobody new, and keeps the client. The slice of `plain` is written later: what it does, the earlier one does.
        east.apply(&[endpoints("sticky", Some(&own))])?;
        east.apply(&[endpoints("plain", Some(&own))])?;
        until_answered_by(lab, &plain, &[other])?;
        let now = who(lab, &sticky)?;
        ensure!(now.iter().eq([&own]), "the client was on {own}, which drains, and is on {now:?}");

        // Each question is a sign of life, so that there must be none for a while: two seconds, which the flow table counts in
        // ticks of about one that have begun.
        east.apply(&[dns("sticky", Some(2))])?;
        wait::until_true("the client to be forgotten", PATIENCE, || {
            std::thread::sleep(Duration::from_secs(6));
            Ok(who(lab, &sticky)?.iter().eq([other]))
        })
        .map(drop)
    });
}
