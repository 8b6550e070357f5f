//! What the program leaves to the kernel of a forwarder ends there.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use anyhow::{Result, ensure};
use guideway_lab::addresses::{Leg, vip};
use guideway_lab::forwarder::DataplaneConfig;
use guideway_lab::netns::Netns;
use guideway_lab::{LabSpec, in_lab, wait};
use nix::sched::{CloneFlags, setns};
use socket2::{Domain, Protocol, Socket, Type};

/// An echo request without data: type, code, checksum, identifier, sequence number.
const ECHO: [u8; 8] = [8, 0, 0xf7, 0xff, 0, 0, 0, 0];

/// Sends one echo request from a namespace and does not wait for an answer.
fn ping(from: &Netns, to: Ipv4Addr) -> Result<()> {
    let namespace = File::open(from.path())?;
    // In a thread of its own: the namespace is the thread's.
    let send = move || -> Result<()> {
        setns(namespace, CloneFlags::CLONE_NEWNET)?;
        let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4))?;
        socket.send_to(&ECHO, &SocketAddrV4::new(to, 0).into())?;
        Ok(())
    };
    std::thread::spawn(send).join().map_err(|_| anyhow::anyhow!("the sending thread panicked"))?
}

#[test]
fn a_ping_to_a_vip_does_not_circle_between_router_and_forwarder() {
    let spec = LabSpec { forwarders: 1, backends: 1, ..LabSpec::default() };
    in_lab(&spec, &DataplaneConfig::usual(1), |lab| {
        let std::net::IpAddr::V4(vip) = vip::V4 else { unreachable!("an IPv4 VIP") };
        let forwarder = Leg::forwarder(1).node_v4();
        let node = lab.forwarders[0].netns();
        let forwarded = || node.counter("Ip", "ForwDatagrams");
        let null_routed = || Ok(node.ip("route show proto 87")?.contains(&vip.to_string()));

        wait::until_true("the VIP to be null-routed", Duration::from_secs(5), null_routed)?;
        let before = forwarded()?;
        let echoes = node.counter("Icmp", "InEchos")?;
        ping(lab.client.netns(), vip)?;
        // Comes in behind the first one, on the same way.
        ping(lab.client.netns(), forwarder)?;
        wait::until_true("the second ping", Duration::from_secs(5), || {
            Ok(node.counter("Icmp", "InEchos")? > echoes)
        })?;
        ensure!(forwarded()? == before, "the kernel sent {} packets back", forwarded()? - before);

        // Without the route it would circle, which shows that the above can fail; the agent puts the route back.
        node.ip(&format!("route del blackhole {vip} proto 87"))?;
        ping(lab.client.netns(), vip)?;
        wait::until_true("the ping to circle", Duration::from_secs(5), || Ok(forwarded()? > before + 10))?;
        wait::until_true("the route to come back", Duration::from_secs(20), null_routed)?;
        Ok(())
    });
}
