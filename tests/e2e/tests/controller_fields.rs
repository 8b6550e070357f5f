//! Fields of Services and conditions of endpoints: what each does to packets.

mod controller_support;

use std::net::SocketAddr;

use anyhow::{Result, ensure};
use controller_support::objects::{Endpoint, node, service, slice, slice_of};
use controller_support::plane::{PODS, Plane, in_plane};
use controller_support::udp::{Flow, Server};
use controller_support::{PATIENCE, served_by};
use guideway_e2e::expect_unbroken;
use guideway_lab::addresses::Leg;
use guideway_lab::load::HoldSpec;
use guideway_lab::{Lab, wait};
use serde_json::json;

const NODES: [&str; 3] = ["be1", "be2", "be3"];

#[test]
fn endpoints_that_drain_keep_their_connections_and_take_new_ones_only_when_nobody_else_does() {
    in_plane(|lab, plane| {
        let east = &plane.east;
        let web = |be1, be2| slice_of("web", "a", &[(PODS[0], NODES[0], be1), (PODS[1], NODES[1], be2)]);
        // What makes no difference to packets from outside, and a class of its own.
        let mut fields = service("web");
        fields["spec"]["internalTrafficPolicy"] = json!("Local");
        fields["spec"]["allocateLoadBalancerNodePorts"] = json!(false);
        fields["spec"]["loadBalancerClass"] = json!("guideway.dev/load-balancer");
        let mut foreign = service("foreign");
        foreign["spec"]["loadBalancerClass"] = json!("example.com/another");
        east.apply(&[foreign, fields, web(Endpoint::Ready, Endpoint::Ready)])?;
        let address = east.addresses("default", "web")?.remove(0);
        served_by(lab, &address, 8080, &["be1", "be2"])?;
        let ports = east.get("service", "default", "web")?["spec"]["ports"].clone();
        ensure!(ports[0]["nodePort"].is_null(), "ports of nodes are given: {ports}");
        let foreign = east.get("service", "default", "foreign")?;
        ensure!(foreign["status"]["loadBalancer"] == json!({}), "the Service of another class: {foreign}");

        let target = SocketAddr::new(address.parse()?, 8080);
        let hold = lab.client.start_hold("hold", target, &HoldSpec::default())?;
        east.apply(&[web(Endpoint::Ready, Endpoint::Drains)])?;
        served_by(lab, &address, 8080, &["be1"])?;
        let held = hold.finish()?;
        ensure!(held.connections_by_backend.contains_key("be2"), "nothing was on be2: {held:?}");
        expect_unbroken("an endpoint drains", &held)?;

        east.apply(&[web(Endpoint::NotReady, Endpoint::Drains)])?;
        served_by(lab, &address, 8080, &["be2"])?;
        east.apply(&[web(Endpoint::NotReady, Endpoint::NotReady)])?;
        lab.tor.wait_for_legs(address.parse()?, &[], PATIENCE)?;

        let mut anybody = service("web");
        anybody["spec"]["loadBalancerClass"] = json!("guideway.dev/load-balancer");
        anybody["spec"]["publishNotReadyAddresses"] = json!(true);
        east.apply(&[anybody])?;
        lab.wait_for_all_legs(address.parse()?)?;
        served_by(lab, &address, 8080, &["be1", "be2"])
    });
}

#[test]
fn udp_is_answered_and_its_flows_stay_when_asked_to() {
    in_plane(|lab, plane| {
        let east = &plane.east;
        let mut servers = Vec::new();
        for (at, pod) in PODS.iter().enumerate() {
            let address = SocketAddr::new(pod.parse()?, 5353);
            servers.push(Server::start(lab.backends[at].netns(), address, NODES[at])?);
        }
        let dns = |name: &str, annotations: serde_json::Value| {
            let mut dns = service(name);
            dns["metadata"]["annotations"] = annotations;
            dns["spec"]["ports"] = json!([
                {"name": "dns", "port": 53, "targetPort": 5353, "protocol": "UDP"},
                {"name": "dns-tcp", "port": 53, "targetPort": 80, "protocol": "TCP"}
            ]);
            dns
        };
        let on = |name: &str, backends: &[usize]| {
            let pods: Vec<_> = backends.iter().map(|at| (PODS[*at], NODES[*at], true)).collect();
            let mut slice = slice(name, "a", &pods);
            slice["ports"] = json!([
                {"name": "dns", "port": 5353, "protocol": "UDP"},
                {"name": "dns-tcp", "port": 80, "protocol": "TCP"}
            ]);
            slice
        };
        let sticky = json!({"guideway.dev/affinity": "flow"});
        east.apply(&[dns("plain", json!({})), on("plain", &[0, 1])])?;
        east.apply(&[dns("sticky", sticky), on("sticky", &[0, 1])])?;
        let plain = east.addresses("default", "plain")?.remove(0);
        let sticky = east.addresses("default", "sticky")?.remove(0);
        answered_by(lab, &plain, &["be1", "be2"])?;
        answered_by(lab, &sticky, &["be1", "be2"])?;
        served_by(lab, &plain, 53, &["be1", "be2"])?;

        // One more backend. Flows that are to stay do, whatever others do.
        let flows: Vec<Flow> = (0..30).map(|_| flow(lab, &sticky)).collect::<Result<_>>()?;
        let before: Vec<Option<String>> = flows.iter().map(Flow::ask).collect::<Result<_>>()?;
        east.apply(&[on("plain", &[0, 1, 2]), on("sticky", &[0, 1, 2])])?;
        answered_by(lab, &plain, &NODES)?;
        answered_by(lab, &sticky, &NODES)?;
        let after: Vec<Option<String>> = flows.iter().map(Flow::ask).collect::<Result<_>>()?;
        ensure!(before == after, "flows went from {before:?} to {after:?}");

        east.apply(&[on("plain", &[2])])?;
        answered_by(lab, &plain, &["be3"])?;
        served_by(lab, &plain, 53, &["be3"])
    });
}

fn flow(lab: &Lab, address: &str) -> Result<Flow> {
    Flow::open(lab.client.netns(), SocketAddr::new(address.parse()?, 53))
}

/// Waits until new flows of UDP are answered by exactly these.
fn answered_by(lab: &Lab, address: &str, backends: &[&str]) -> Result<()> {
    wait::until_true(&format!("{address} to be answered by exactly {backends:?}"), PATIENCE, || {
        let mut seen = Vec::new();
        for _ in 0..24 {
            let Some(name) = flow(lab, address)?.ask()? else { return Ok(false) };
            if !seen.contains(&name) {
                seen.push(name);
            }
        }
        seen.sort_unstable();
        Ok(seen == backends)
    })
    .map(drop)
}

/// What kube-proxy does on a node: connections to the VIP go to a Pod, and the port of its health check is answered.
struct Proxy<'a> {
    lab: &'a Lab,
    at: usize,
}

impl Proxy<'_> {
    /// The port of the health check, which is of the Service's choice.
    const HEALTH: u16 = 32_080;

    fn start<'a>(lab: &'a Lab, at: usize, vip: &str, pod: &str) -> Result<Proxy<'a>> {
        let proxy = Proxy { lab, at };
        let health = Self::HEALTH;
        let table = format!(
            "table ip proxy
delete table ip proxy
table ip proxy {{
  chain in {{
    type nat hook prerouting priority dstnat;
    ip daddr {vip} tcp dport 8080 counter dnat to {pod}:80
    tcp dport {health} redirect to :80
  }}
  chain out {{
    type nat hook postrouting priority srcnat;
    ip daddr {pod} tcp dport 80 masquerade
  }}
}}"
        );
        lab.backends[at].netns().run("nft", &[&table])?;
        Ok(proxy)
    }

    /// Connections to the VIP so far.
    fn connections(&self) -> Result<u64> {
        let text = self.lab.backends[self.at].netns().run("nft", &["-j", "list", "table", "ip", "proxy"])?;
        let listed: serde_json::Value = serde_json::from_str(&text)?;
        let rules = listed["nftables"].as_array().into_iter().flatten().map(|item| &item["rule"]["expr"]);
        let counters = rules.flat_map(|expr| expr.as_array().into_iter().flatten());
        Ok(counters.filter_map(|part| part["counter"]["packets"].as_u64()).sum())
    }

    /// Says to forwarders whether the node has endpoints.
    fn set_healthy(&self, is_healthy: bool) -> Result<()> {
        let path = self.lab.folder().node(NODES[self.at])?.join("site/healthz");
        if is_healthy {
            std::fs::write(path, "ok\n")?;
        } else {
            std::fs::remove_file(path)?;
        }
        Ok(())
    }
}

#[test]
fn with_endpoints_of_mode_node_packets_go_through_the_nodes() {
    in_plane(|lab, plane| {
        let Plane { east, .. } = plane;
        for (at, name) in NODES.into_iter().enumerate() {
            east.create(&[node(name, &Leg::backend(u8::try_from(at)? + 1).node_v4().to_string(), at == 2)])?;
        }
        let with = |policy: &str| {
            let mut web = service("web");
            web["metadata"]["annotations"] = json!({"guideway.dev/endpoint-mode": "Node"});
            web["spec"]["externalTrafficPolicy"] = json!(policy);
            if policy == "Local" {
                web["spec"]["healthCheckNodePort"] = json!(Proxy::HEALTH);
            }
            web
        };
        // Cluster: all nodes but the one that is to be left out, wherever the Pod is.
        east.apply(&[with("Cluster"), slice("web", "a", &[(PODS[0], NODES[0], true)])])?;
        let address = east.addresses("default", "web")?.remove(0);
        let proxies: Vec<Proxy<'_>> =
            (0..3).map(|at| Proxy::start(lab, at, &address, PODS[0])).collect::<Result<_>>()?;
        lab.wait_for_all_legs(address.parse()?)?;
        served_by(lab, &address, 8080, &["be1"])?;
        let used: Vec<bool> =
            proxies.iter().map(|proxy| Ok(proxy.connections()? > 0)).collect::<Result<_>>()?;
        ensure!(used == [true, true, false], "nodes with connections: {used:?}");

        // Local: nodes with endpoints that say so when they are asked, and clients' own addresses.
        let proxies: Vec<Proxy<'_>> =
            (0..3).map(|at| Proxy::start(lab, at, &address, PODS[at])).collect::<Result<_>>()?;
        proxies.iter().take(2).try_for_each(|proxy| proxy.set_healthy(true))?;
        east.apply(&[
            with("Local"),
            slice("web", "a", &[(PODS[0], NODES[0], true), (PODS[1], NODES[1], true)]),
        ])?;
        served_by(lab, &address, 8080, &["be1", "be2"])?;
        proxies[1].set_healthy(false)?;
        served_by(lab, &address, 8080, &["be1"])?;
        proxies[1].set_healthy(true)?;
        served_by(lab, &address, 8080, &["be1", "be2"])?;
        east.apply(&[slice("web", "a", &[(PODS[1], NODES[1], true)])])?;
        served_by(lab, &address, 8080, &["be2"])
    });
}
