//! Frames: ARP over Ethernet (RFC 826) and neighbour discovery (RFC 4861), with pnet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use pnet::packet::Packet as _;
use pnet::packet::arp::{ArpHardwareTypes, ArpOperation, ArpOperations, ArpPacket, MutableArpPacket};
use pnet::packet::ethernet::{EtherTypes, EthernetPacket, MutableEthernetPacket};
use pnet::packet::icmpv6::ndp::{
    MutableNeighborAdvertPacket, NdpOptionTypes, NeighborAdvertFlags, NeighborAdvertPacket,
    NeighborSolicitPacket,
};
use pnet::packet::icmpv6::{Icmpv6Packet, Icmpv6Types, MutableIcmpv6Packet, checksum};
use pnet::packet::ip::IpNextHeaderProtocols;
use pnet::packet::ipv6::{Ipv6Packet, MutableIpv6Packet};
use pnet::util::MacAddr;

const ETHERNET: usize = 14;
const ARP: usize = 28;
const IPV6: usize = 40;
/// A solicitation or advertisement without options.
const NEIGHBOUR: usize = 24;
/// An option with a link-layer address.
const OPTION: usize = 8;

/// ff02::1.
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// What a frame says about addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// What it asks.
    pub question: Option<Question>,
    /// What it claims.
    pub claim: Option<Claim>,
}

/// Who has this address?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// A request of ARP.
    Arp {
        /// The address.
        target: Ipv4Addr,
        /// Who asks; unspecified when nobody has this address yet (RFC 5227, a probe).
        asker: Ipv4Addr,
        /// MAC address of the asker.
        mac: MacAddr,
    },
    /// A neighbour solicitation.
    Neighbour {
        /// The address.
        target: Ipv6Addr,
        /// Who asks; `None` when the address is to be found unused (RFC 4862, 5.4).
        asker: Option<Ipv6Addr>,
        /// MAC address of the asker.
        mac: MacAddr,
    },
}

/// I have this address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The address.
    pub address: IpAddr,
    /// Who has it.
    pub mac: MacAddr,
}

impl Question {
    /// The address that is asked for.
    #[must_use]
    pub const fn target(&self) -> IpAddr {
        match self {
            Self::Arp { target, .. } => IpAddr::V4(*target),
            Self::Neighbour { target, .. } => IpAddr::V6(*target),
        }
    }
}

/// Reads a frame; `None` when it is neither ARP nor neighbour discovery, or not as it has to be.
#[must_use]
pub fn parse(frame: &[u8]) -> Option<Heard> {
    let ethernet = EthernetPacket::new(frame)?;
    match ethernet.get_ethertype() {
        EtherTypes::Arp => parse_arp(ethernet.payload()),
        EtherTypes::Ipv6 => parse_ipv6(ethernet.get_source(), ethernet.payload()),
        _ => None,
    }
}

fn parse_arp(bytes: &[u8]) -> Option<Heard> {
    let arp = ArpPacket::new(bytes)?;
    let mac = arp.get_sender_hw_addr();
    let is_ipv4_over_ethernet = arp.get_hardware_type() == ArpHardwareTypes::Ethernet
        && arp.get_protocol_type() == EtherTypes::Ipv4
        && (arp.get_hw_addr_len(), arp.get_proto_addr_len()) == (6, 4);
    if !is_ipv4_over_ethernet || !is_unicast(mac) {
        return None;
    }
    let (asker, target) = (arp.get_sender_proto_addr(), arp.get_target_proto_addr());
    let claim = (!asker.is_unspecified()).then_some(Claim { address: asker.into(), mac });
    let question = match arp.get_operation() {
        // A request for one's own address is an announcement (RFC 5227, 3).
        ArpOperations::Request => (asker != target).then_some(Question::Arp { target, asker, mac }),
        ArpOperations::Reply => None,
        _ => return None,
    };
    Some(Heard { question, claim })
}

fn parse_ipv6(source_mac: MacAddr, bytes: &[u8]) -> Option<Heard> {
    let ipv6 = Ipv6Packet::new(bytes)?;
    // RFC 4861, 7.1: what a router may have forwarded does not count.
    let is_from_the_link = ipv6.get_version() == 6
        && ipv6.get_next_header() == IpNextHeaderProtocols::Icmpv6
        && ipv6.get_hop_limit() == 255;
    if !is_from_the_link {
        return None;
    }
    let message = bytes.get(IPV6..IPV6 + usize::from(ipv6.get_payload_length()))?;
    let icmp = Icmpv6Packet::new(message)?;
    let (source, destination) = (ipv6.get_source(), ipv6.get_destination());
    let is_whole = icmp.get_icmpv6_code().0 == 0
        && !source.is_multicast()
        && checksum(&icmp, &source, &destination) == icmp.get_checksum();
    if !is_whole {
        return None;
    }
    match icmp.get_icmpv6_type() {
        Icmpv6Types::NeighborSolicit => parse_solicitation(source_mac, source, destination, message),
        Icmpv6Types::NeighborAdvert => parse_advertisement(source_mac, destination, message),
        _ => None,
    }
}

/// RFC 4861, 7.1.1.
fn parse_solicitation(
    source_mac: MacAddr,
    source: Ipv6Addr,
    destination: Ipv6Addr,
    message: &[u8],
) -> Option<Heard> {
    let target = NeighborSolicitPacket::new(message)?.get_target_addr();
    let option = link_layer_address(message.get(NEIGHBOUR..)?, NdpOptionTypes::SourceLLAddr.0)?;
    let is_anonymous = source.is_unspecified();
    let is_wrong = is_anonymous && (option.is_some() || destination != solicited_node(target));
    let mac = option.unwrap_or(source_mac);
    if target.is_multicast() || target.is_unspecified() || is_wrong || !is_unicast(mac) {
        return None;
    }
    let asker = (!is_anonymous).then_some(source);
    let claim = asker.map(|asker| Claim { address: asker.into(), mac });
    Some(Heard { question: Some(Question::Neighbour { target, asker, mac }), claim })
}

/// RFC 4861, 7.1.2.
fn parse_advertisement(source_mac: MacAddr, destination: Ipv6Addr, message: &[u8]) -> Option<Heard> {
    let advertisement = NeighborAdvertPacket::new(message)?;
    let target = advertisement.get_target_addr();
    let option = link_layer_address(message.get(NEIGHBOUR..)?, NdpOptionTypes::TargetLLAddr.0)?;
    let is_solicited = advertisement.get_flags() & NeighborAdvertFlags::Solicited != 0;
    let mac = option.unwrap_or(source_mac);
    if target.is_multicast() || destination.is_multicast() && is_solicited || !is_unicast(mac) {
        return None;
    }
    Some(Heard { question: None, claim: Some(Claim { address: target.into(), mac }) })
}

/// The link-layer address among options, if one has it; `None` when they are not options. pnet would read an option
/// without a length, for which RFC 4861 (4.6) wants the packet ignored.
fn link_layer_address(mut options: &[u8], kind: u8) -> Option<Option<MacAddr>> {
    let mut found = None;
    while !options.is_empty() {
        let [this, eights, ..] = *options else { return None };
        let (option, rest) = options.split_at_checked(8 * usize::from(eights)).filter(|_| eights > 0)?;
        if let (true, &[_, _, a, b, c, d, e, f]) = (this == kind, option) {
            found = Some(MacAddr::new(a, b, c, d, e, f));
        }
        options = rest;
    }
    Some(found)
}

fn is_unicast(mac: MacAddr) -> bool {
    !mac.is_multicast() && !mac.is_zero()
}

/// The group in which an address is asked for (RFC 4291, 2.7.1).
pub(crate) fn solicited_node(address: Ipv6Addr) -> Ipv6Addr {
    let [.., a, b, c] = address.octets();
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | u16::from(a), u16::from(b) << 8 | u16::from(c))
}

/// The frame that answers a question: the address that it asks for is at `mac`.
pub(crate) fn answer(question: &Question, mac: MacAddr) -> Vec<u8> {
    match *question {
        Question::Arp { target, asker, mac: to } => arp(ArpOperations::Reply, (mac, target), (to, asker), to),
        // RFC 4861, 7.2.4. What nobody has yet cannot be answered to.
        Question::Neighbour { target, asker: Some(asker), mac: to } => {
            advertisement(mac, target, to, asker, NeighborAdvertFlags::Solicited)
        }
        Question::Neighbour { target, asker: None, .. } => {
            advertisement(mac, target, group_mac(ALL_NODES), ALL_NODES, 0)
        }
    }
}

/// The frames that tell everybody on a link that an address is at `mac`. Of ARP there are two, since some take only
/// requests and some only replies for an announcement.
pub(crate) fn announcements(address: IpAddr, mac: MacAddr) -> Vec<Vec<u8>> {
    match address {
        IpAddr::V4(v4) => {
            let all = MacAddr::broadcast();
            vec![
                arp(ArpOperations::Request, (mac, v4), (MacAddr::zero(), v4), all),
                arp(ArpOperations::Reply, (mac, v4), (mac, v4), all),
            ]
        }
        IpAddr::V6(v6) => vec![advertisement(mac, v6, group_mac(ALL_NODES), ALL_NODES, 0)],
    }
}

/// RFC 2464, 7.
fn group_mac(group: Ipv6Addr) -> MacAddr {
    let [.., a, b, c, d] = group.octets();
    MacAddr::new(0x33, 0x33, a, b, c, d)
}

fn arp(
    operation: ArpOperation,
    sender: (MacAddr, Ipv4Addr),
    target: (MacAddr, Ipv4Addr),
    to: MacAddr,
) -> Vec<u8> {
    let mut frame = vec![0; ETHERNET + ARP];
    let (outer, inner) = frame.split_at_mut(ETHERNET);
    ethernet(outer, to, sender.0, EtherTypes::Arp.0);
    if let Some(mut arp) = MutableArpPacket::new(inner) {
        arp.set_hardware_type(ArpHardwareTypes::Ethernet);
        arp.set_protocol_type(EtherTypes::Ipv4);
        arp.set_hw_addr_len(6);
        arp.set_proto_addr_len(4);
        arp.set_operation(operation);
        arp.set_sender_hw_addr(sender.0);
        arp.set_sender_proto_addr(sender.1);
        arp.set_target_hw_addr(target.0);
        arp.set_target_proto_addr(target.1);
    }
    frame
}

/// From the address itself. The Override flag makes neighbours forget what they knew; that of routers is not set.
fn advertisement(mac: MacAddr, address: Ipv6Addr, to: MacAddr, destination: Ipv6Addr, flags: u8) -> Vec<u8> {
    let mut frame = vec![0; ETHERNET + IPV6 + NEIGHBOUR + OPTION];
    let (outer, rest) = frame.split_at_mut(ETHERNET);
    let (header, message) = rest.split_at_mut(IPV6);
    ethernet(outer, to, mac, EtherTypes::Ipv6.0);
    if let Some(mut ipv6) = MutableIpv6Packet::new(header) {
        ipv6.set_version(6);
        ipv6.set_payload_length(32); // RFC 4861, 4.4, with one option
        ipv6.set_next_header(IpNextHeaderProtocols::Icmpv6);
        ipv6.set_hop_limit(255);
        ipv6.set_source(address);
        ipv6.set_destination(destination);
    }
    let (_, option) = message.split_at_mut(NEIGHBOUR);
    let MacAddr(a, b, c, d, e, f) = mac;
    option.copy_from_slice(&[NdpOptionTypes::TargetLLAddr.0, 1, a, b, c, d, e, f]);
    if let Some(mut advertisement) = MutableNeighborAdvertPacket::new(message) {
        advertisement.set_icmpv6_type(Icmpv6Types::NeighborAdvert);
        advertisement.set_flags(flags | NeighborAdvertFlags::Override);
        advertisement.set_target_addr(address);
    }
    if let Some(mut icmp) = MutableIcmpv6Packet::new(message) {
        let sum = checksum(&icmp.to_immutable(), &address, &destination);
        icmp.set_checksum(sum);
    }
    frame
}

fn ethernet(header: &mut [u8], to: MacAddr, from: MacAddr, ethertype: u16) {
    if let Some(mut ethernet) = MutableEthernetPacket::new(header) {
        ethernet.set_destination(to);
        ethernet.set_source(from);
        ethernet.set_ethertype(pnet::packet::ethernet::EtherType(ethertype));
    }
}

#[cfg(test)]
mod tests;
