//! A packet's way through all sections.

use std::collections::BTreeMap;
use std::net::IpAddr;

use guideway_abi::Counter;

use crate::choice::{Choice, choose};
use crate::encapsulation::encapsulate;
use crate::hash::{Flow, flow_hash};
use crate::lookup::{Found, find, is_for, is_vip_address};
use crate::parse::{Broken, Packet, Parsed, parse};
use crate::{Encapsulation, FlowTable, LEGS, Leg, World};

/// What becomes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Left to the kernel.
    Pass,
    /// Thrown away.
    Drop,
    /// Sent out of the interface that it came in by.
    Tx,
    /// Sent out of this interface.
    Redirect(u32),
}

/// All that shows of a frame's way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What becomes of it.
    pub verdict: Verdict,
    /// The frame as it leaves; what a dropped one looks like is nobody's affair.
    pub frame: Option<Vec<u8>>,
    /// What is added to the counters, by name.
    pub counters: BTreeMap<&'static str, u64>,
    /// For a packet that is sent: index of its VIP, its backend, bytes of its IP packet.
    pub sent: Option<(u32, u16, u64)>,
    /// Backends that it carries as further hops.
    pub further: Vec<u16>,
}

impl Outcome {
    fn of(verdict: Verdict, counter: Counter, events: &[Counter]) -> Self {
        let mut counters = BTreeMap::new();
        for counter in events.iter().chain([&counter]) {
            *counters.entry(counter.name()).or_insert(0) += 1;
        }
        Self { verdict, frame: None, counters, sent: None, further: Vec::new() }
    }

    /// Left to the kernel as it was.
    #[must_use]
    pub fn passed(frame: &[u8]) -> Self {
        Self { frame: Some(frame.to_vec()), ..Self::of(Verdict::Pass, Counter::Pass, &[]) }
    }

    fn dropped(counter: Counter, events: &[Counter]) -> Self {
        Self::of(Verdict::Drop, counter, events)
    }
}

/// Puts a frame through the dataplane at this time, in the kernel's 64-bit jiffies. `headroom` is the room before it.
pub fn forward(world: &World, flows: &mut FlowTable, jiffies: u64, frame: &[u8], headroom: usize) -> Outcome {
    let pass = || Outcome::passed(frame);
    let packet = match parse(frame) {
        Parsed::Packet(packet) => packet,
        Parsed::Broken(destination, why) if is_vip_address(&world.vips, &world.pools, destination) => {
            return Outcome::dropped(
                match why {
                    Broken::Fragment => Counter::DropFragment,
                    Broken::Malformed => Counter::DropMalformed,
                    Broken::ExtensionHeaders => Counter::DropExtensionHeaders,
                },
                &[],
            );
        }
        Parsed::Broken(..) | Parsed::Other => return pass(),
    };
    let vip =
        match find(&world.vips, &world.pools, packet.destination, packet.protocol, packet.destination_port())
        {
            Found::Vip(vip) => vip,
            Found::UnknownPort => return Outcome::dropped(Counter::DropUnknownPort, &[]),
            Found::Nothing if is_bfd_echo(&packet) => return reflected(frame, &packet),
            Found::Nothing => return pass(),
        };
    if !is_for(vip, packet.source) {
        return Outcome::dropped(Counter::DropSource, &[]);
    }
    if packet.ttl <= 1 {
        return Outcome::dropped(Counter::DropTtlExpired, &[]);
    }
    let flow = Flow {
        source: packet.source,
        destination: packet.destination,
        ports: packet.ports,
        protocol: packet.protocol,
    };
    let ticks = u32::try_from((jiffies >> world.tick_shift) & 0xffff_ffff).expect("32 bits");
    let choice = match choose(world, flows, ticks, vip, &packet, &flow) {
        Ok(choice) => choice,
        Err(counter) => return Outcome::dropped(counter, &[]),
    };
    send(
        world,
        jiffies,
        frame,
        headroom,
        &packet,
        &flow,
        vip.index,
        world.sets[vip.set].encapsulation,
        choice,
    )
}

#[allow(clippy::too_many_arguments)] // everything that is known of the packet by now
fn send(
    world: &World,
    jiffies: u64,
    frame: &[u8],
    headroom: usize,
    packet: &Packet,
    flow: &Flow,
    vip: u32,
    configured: Encapsulation,
    choice: Choice,
) -> Outcome {
    let Choice { backend, further, mut events } = choice;
    let hash = flow_hash(&world.flow_key, flow);
    let how = if further.is_empty() { configured } else { Encapsulation::Gue };
    let Some(address) = address_of(world, backend) else {
        return Outcome::dropped(Counter::DropInternal, &events);
    };
    let further_addresses: Vec<IpAddr> = further.iter().filter_map(|&hop| address_of(world, hop)).collect();
    let inner = lower_ttl(packet, &frame[packet.ip..packet.end]);
    let (ethertype, sent) = encapsulate(world, how, address, &further_addresses, packet, &inner, hash);
    let leg = match next_hop(world, jiffies, backend, address, configured, hash, sent.len(), &mut events) {
        Ok(leg) => leg,
        Err(counter) => return Outcome::dropped(counter, &events),
    };
    if sent.len() - packet.ip_len() > headroom {
        return Outcome::dropped(Counter::DropNoHeadroom, &events);
    }
    let bytes = [
        &leg.destination,
        &leg.source,
        &frame[12..packet.ip - 2], // VLAN tags
        &ethertype.to_be_bytes()[..],
        &sent,
        &frame[packet.end..], // padding
    ]
    .concat();
    let (verdict, counter) = if leg.ifindex == world.ingress {
        (Verdict::Tx, Counter::Tx)
    } else {
        (Verdict::Redirect(leg.ifindex), Counter::Redirect)
    };
    Outcome {
        frame: Some(bytes),
        sent: Some((vip, backend, packet.ip_len() as u64)),
        further,
        ..Outcome::of(verdict, counter, &events)
    }
}

fn address_of(world: &World, backend: u16) -> Option<IpAddr> {
    world.backends.get(&backend).map(|b| b.address)
}

/// Section 1.
fn is_bfd_echo(packet: &Packet) -> bool {
    const UDP: u8 = 17;
    (packet.protocol, packet.destination_port(), packet.ttl) == (UDP, 3785, 255)
        && packet.source == packet.destination
}

/// Section 1.
fn reflected(frame: &[u8], packet: &Packet) -> Outcome {
    let inner = lower_ttl(packet, &frame[packet.ip..packet.end]);
    let frame = [&frame[6..12], &frame[..6], &frame[12..packet.ip], &inner, &frame[packet.end..]].concat();
    Outcome { frame: Some(frame), ..Outcome::of(Verdict::Tx, Counter::BfdEcho, &[]) }
}

/// Section 3.
fn lower_ttl(packet: &Packet, ip: &[u8]) -> Vec<u8> {
    let mut ip = ip.to_vec();
    if packet.destination.is_ipv6() {
        ip[7] -= 1;
        return ip;
    }
    // RFC 1624, equation 3: HC' = ~(~HC + ~m + m'), where m is the word of TTL and protocol.
    let word = |at: usize| u32::from(u16::from_be_bytes([ip[at], ip[at + 1]]));
    let (checksum, old) = (word(10), word(8));
    let mut new = (0xffff - checksum) + (0xffff - old) + (old - 0x0100);
    while new > 0xffff {
        new = (new & 0xffff) + (new >> 16);
    }
    ip[8] -= 1;
    ip[10..12].copy_from_slice(&(0xffff - u16::try_from(new).expect("16 bits")).to_be_bytes());
    ip
}

/// Section 7.
#[allow(clippy::too_many_arguments)] // as above
fn next_hop(
    world: &World,
    jiffies: u64,
    backend: u16,
    address: IpAddr,
    configured: Encapsulation,
    hash: u32,
    length: usize,
    events: &mut Vec<Counter>,
) -> Result<Leg, Counter> {
    let known = world.legs.get(&backend).and_then(|legs| legs[hash as usize % LEGS]);
    if let Some(leg) = known
        && jiffies <= world.legs_valid_until
    {
        return if length > leg.mtu as usize { Err(Counter::DropTooBig) } else { Ok(leg) };
    }
    events.push(Counter::FibLookup);
    let way = world.fib.way(address, length)?;
    if configured == Encapsulation::L2 && !way.on_link {
        return Err(Counter::DropNotOnLink);
    }
    Ok(way.leg)
}
