//! Clients by where their packets belong.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::{Context, Result, bail};
use guideway_dataplane_plan::Ports;
use guideway_packet_model::{Flow, Session, Vip, candidates};

use super::Stage;
use crate::case_file::{Choose, Named, Packet, parse_key};

/// Ports and addresses that are tried.
const CLIENTS: u16 = 60_000;
const FIRST_PORT: u16 = 2_000;

/// What a name stands for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Client {
    Port(u16),
    V4(Ipv4Addr),
    V6(Ipv6Addr),
}

impl Stage {
    pub(super) fn choose(&mut self, choose: &Choose) -> Result<()> {
        let key = parse_key(&choose.vip)?;
        let world = self.fixture.world().context("nothing is installed")?;
        let at = |vip: &&Vip| {
            vip.address == key.address
                && vip.protocol == key.protocol.number()
                && vip.ports.contains(&port_of(key.ports))
        };
        let vip = world.vips.iter().find(at).with_context(|| format!("no VIP {}", choose.vip))?;
        let mut taken = BTreeSet::new();
        let mut found = Vec::new();
        for (name, wanted) in &choose.clients {
            let wanted = wanted.iter().map(|name| self.address(name)).collect::<Result<Vec<_>>>()?;
            let client = (0..CLIENTS).find(|&n| {
                let (flow, _) =
                    client_of(vip.session, key.address.addr(), key.protocol.number(), port_of(key.ports), n);
                let Some((candidates, _)) = candidates(world, vip, &flow) else { return false };
                let addresses = candidates.iter().filter_map(|c| world.backends.get(c)).map(|b| b.address);
                !taken.contains(&n) && addresses.eq(wanted.iter().copied())
            });
            let n = client.with_context(|| format!("no client of {} belongs to {wanted:?}", choose.vip))?;
            taken.insert(n);
            let (_, chosen) =
                client_of(vip.session, key.address.addr(), key.protocol.number(), port_of(key.ports), n);
            found.push((name.clone(), chosen));
        }
        self.chosen.extend(found);
        Ok(())
    }

    /// The packet with values in place of the names that `choose` found.
    pub(super) fn resolve(&self, packet: &Packet) -> Result<Packet> {
        let mut packet = packet.clone();
        let chosen = |name: &str| {
            self.chosen.get(name).copied().with_context(|| format!("`{name}` was not chosen before"))
        };
        let sport = packet.tcp.as_mut().map(|h| &mut h.sport).or(packet.udp.as_mut().map(|h| &mut h.sport));
        if let Some(sport) = sport
            && let Named::Name(name) = sport
        {
            let Client::Port(port) = chosen(name)? else { bail!("`{name}` is an address") };
            *sport = Named::Value(port);
        }
        if let Some(Named::Name(name)) = packet.ipv4.as_ref().map(|h| h.src.clone()) {
            let Client::V4(src) = chosen(&name)? else { bail!("`{name}` is no IPv4 address") };
            packet.ipv4.as_mut().context("IPv4")?.src = Named::Value(src);
        }
        if let Some(Named::Name(name)) = packet.ipv6.as_ref().map(|h| h.src.clone()) {
            let Client::V6(src) = chosen(&name)? else { bail!("`{name}` is no IPv6 address") };
            packet.ipv6.as_mut().context("IPv6")?.src = Named::Value(src);
        }
        Ok(packet)
    }
}

const fn port_of(ports: Ports) -> u16 {
    match ports {
        Ports::One(port) | Ports::Range(port, _) => port,
        Ports::Any => 80,
    }
}

/// The n-th client that `choose` tries: by its port, or for ClientIP affinity by its address.
fn client_of(session: Session, vip: IpAddr, protocol: u8, port: u16, n: u16) -> (Flow, Client) {
    let [high, low] = n.to_be_bytes();
    let (mut source, usual): (IpAddr, Client) = match vip {
        IpAddr::V4(_) => {
            let own = Ipv4Addr::new(198, 18, high, low);
            (own.into(), Client::V4(own))
        }
        IpAddr::V6(_) => {
            let own = Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 1, n);
            (own.into(), Client::V6(own))
        }
    };
    let mut chosen = usual;
    let mut source_port = 40_000;
    if session != Session::ClientIp {
        let usual_v4 = Ipv4Addr::new(198, 51, 100, 7);
        let usual_v6 = Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 7);
        source = if vip.is_ipv4() { usual_v4.into() } else { usual_v6.into() };
        source_port = FIRST_PORT + n;
        chosen = Client::Port(source_port);
    }
    let [a, b] = source_port.to_be_bytes();
    let [c, d] = port.to_be_bytes();
    (Flow { source, destination: vip, ports: [a, b, c, d], protocol }, chosen)
}
