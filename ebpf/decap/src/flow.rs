//! Translated flows: what replies need, and what tells whose a connection is.

use aya_ebpf::helpers::generated::bpf_ktime_get_coarse_ns;
use guideway_abi::{
    DECAP_TCP_IDLE_TICKS, DECAP_TICK_SHIFT, DECAP_UDP_IDLE_TICKS, DecapCounter, DecapFlow, DecapFlowKey,
    DecapService, decap_flow_flags as flags,
};
use guideway_packet::{Datagram, PROTOCOL_TCP};

use crate::{
    Verdict,
    maps::{DECAP_FLOWS, DECAP_HALF_OPEN},
    packet::Packet,
};

const RESET: u8 = flags::RST_IN | flags::RST_OUT;

/// The key and the value of an inbound packet.
#[inline(always)]
pub fn entry(datagram: &Datagram, service: &DecapService) -> (DecapFlowKey, DecapFlow) {
    let key = DecapFlowKey {
        client: datagram.addresses.source().to_bytes(),
        target: service.target.address,
        client_port_be: datagram.source_port_be(),
        target_port_be: service.target.port_be,
        protocol: datagram.protocol,
        reserved: [0; 3],
    };
    let flow = DecapFlow {
        vip: datagram.addresses.destination().to_bytes(),
        port_be: datagram.destination_port_be(),
        flags: 0,
        reserved: 0,
        last_seen: now(),
        acknowledged_be: 0,
        reserved_end: [0; 4],
    };
    (key, flow)
}

/// Whether this node has the flow: a packet of it came in before, and neither side has reset it since.
#[inline(always)]
pub fn is_known(key: &DecapFlowKey, flow: &DecapFlow) -> bool {
    is_entry_of(DECAP_FLOWS.get_ptr_mut(key), flow) || is_entry_of(DECAP_HALF_OPEN.get_ptr_mut(key), flow)
}

#[inline(always)]
fn is_entry_of(found: Option<*mut DecapFlow>, flow: &DecapFlow) -> bool {
    let Some(found) = found else { return false };
    // SAFETY: as for `remember`.
    let found = unsafe { &*found };
    is_same(found, flow) && found.flags & RESET == 0
}

/// Whether the packet goes on with a flow that this node has.
#[inline(never)]
pub fn goes_on(packet: &Packet, service: &DecapService) -> bool {
    let Some(datagram) = packet.datagram() else { return false };
    let (key, entry) = entry(datagram, service);
    !packet.is_syn() && is_known(&key, &entry)
}

/// Remembers the flow of an inbound packet, or says why it cannot be translated.
#[inline(never)]
pub fn follow(packet: &Packet, service: &DecapService) -> Verdict<()> {
    // A fragment has no ports, and other protocols have none of these.
    let datagram = packet.datagram().ok_or(DecapCounter::DropUnknownPort)?;
    let (key, flow) = entry(datagram, service);
    remember(&key, &flow, packet)
}

#[inline(always)]
fn remember(key: &DecapFlowKey, flow: &DecapFlow, packet: &Packet) -> Verdict<()> {
    if let Some(found) = DECAP_FLOWS.get_ptr_mut(key) {
        // SAFETY: the element is one of a map whose elements live as long as the program runs. If the kernel gives it to
        // another flow meanwhile, or another CPU writes it too, one write of `flags` or `last_seen` is lost.
        let found = unsafe { &mut *found };
        if is_same(found, flow) {
            note(found, flow, packet);
            return Ok(());
        }
        if !is_gone(found, flow, key.protocol) {
            return Err(DecapCounter::DropPortClash);
        }
        let _gone_already = DECAP_FLOWS.remove(key);
        let _full_or_raced = DECAP_HALF_OPEN.insert(key, flow, 0);
        return Ok(());
    }
    if let Some(found) = DECAP_HALF_OPEN.get_ptr_mut(key) {
        // SAFETY: as above.
        let found = unsafe { &mut *found };
        if is_same(found, flow) {
            note(found, flow, packet);
            if !packet.is_syn() {
                let whole = *found;
                let _full_or_raced = DECAP_FLOWS.insert(key, whole, 0);
                let _gone_already = DECAP_HALF_OPEN.remove(key);
            }
            return Ok(());
        }
        if !packet.is_syn() && !is_gone(found, flow, key.protocol) {
            return Err(DecapCounter::DropPortClash);
        }
    }
    let _full_or_raced = DECAP_HALF_OPEN.insert(key, flow, 0);
    Ok(())
}

/// Finds the flow of a reply.
#[inline(always)]
pub fn find(key: &DecapFlowKey) -> Option<&'static mut DecapFlow> {
    let found = match DECAP_FLOWS.get_ptr_mut(key) {
        Some(found) => found,
        None => DECAP_HALF_OPEN.get_ptr_mut(key)?,
    };
    // SAFETY: as for `remember`.
    Some(unsafe { &mut *found })
}

/// In the ticks of [`DecapFlow::last_seen`].
#[inline(always)]
pub fn now() -> u32 {
    // SAFETY: the helper takes nothing.
    (unsafe { bpf_ktime_get_coarse_ns() } >> DECAP_TICK_SHIFT) as u32
}

#[inline(always)]
fn is_same(found: &DecapFlow, flow: &DecapFlow) -> bool {
    let words = |vip: [u8; 16]| u128::from_ne_bytes(vip);
    words(found.vip) == words(flow.vip) && found.port_be == flow.port_be
}

#[inline(always)]
fn note(found: &mut DecapFlow, flow: &DecapFlow, packet: &Packet) {
    // Written only when it changes, so that the CPUs share the line.
    if found.last_seen != flow.last_seen {
        found.last_seen = flow.last_seen;
    }
    if packet.is_syn() {
        found.flags = 0;
    } else if packet.is_rst() {
        // What anybody can send ends nothing; the number is one of 2^32, and the target goes by it itself.
        if found.flags & flags::ACKNOWLEDGED != 0 && found.acknowledged_be == packet.sequence_be() {
            found.flags |= flags::RST_IN;
        }
    } else if packet.is_fin() {
        found.flags |= flags::FIN_IN;
    }
}

/// Whether the flow of another VIP has ended, as far as can be seen from here.
#[inline(always)]
fn is_gone(found: &DecapFlow, flow: &DecapFlow, protocol: u8) -> bool {
    const BOTH: u8 = flags::FIN_IN | flags::FIN_OUT;
    let idle = flow.last_seen.wrapping_sub(found.last_seen);
    let limit = if protocol == PROTOCOL_TCP { DECAP_TCP_IDLE_TICKS } else { DECAP_UDP_IDLE_TICKS };
    found.flags & BOTH == BOTH || found.flags & RESET != 0 || idle > limit
}
