//! Whether the connection of a packet is on this node.

use aya_ebpf::{
    bindings::{BPF_F_CURRENT_NETNS, bpf_sock, bpf_sock_tuple, tcphdr},
    helpers::generated::{bpf_sk_release, bpf_skc_lookup_tcp, bpf_tcp_check_syncookie},
};
use guideway_abi::{DecapCounter, DecapService, decap_service_kind};
use guideway_packet::{
    Address, Datagram, Family, Frame, IPV4_HEADER_LEN, IPV6_HEADER_LEN, PROTOCOL_TCP, TCP_HEADER_LEN,
};
use guideway_xdp::Context;

use crate::{flow, maps, packet::Packet};

/// `TCP_LISTEN` of the kernel.
const LISTEN: u32 = 10;
const TUPLE_V4: u32 = 12;
const TUPLE_V6: u32 = 36;

/// Whether a flow or socket of this node matches the packet. Sockets in `TIME_WAIT` and connections whose handshake is
/// not over do; a listener does with a valid SYN cookie only.
#[inline(never)]
pub fn has(context: &Context, packet: &Packet, service: &DecapService) -> bool {
    let Some(datagram) = packet.datagram() else { return true };
    let mut wanted = Wanted {
        family: packet.family(),
        from: datagram.addresses.source(),
        to: datagram.addresses.destination(),
        from_port_be: datagram.source_port_be(),
        to_port_be: datagram.destination_port_be(),
        tcp: packet.l4(datagram),
    };
    match service.kind {
        decap_service_kind::AS_IS => {}
        decap_service_kind::TRANSLATE => {
            if has_flow(datagram, service) {
                maps::count(DecapCounter::SocketHit);
                return true;
            }
            wanted.to = Address::from_bytes(service.target.address);
            wanted.to_port_be = service.target.port_be;
        }
        decap_service_kind::DRAIN => {
            let has = has_flow(datagram, service);
            if has {
                maps::count(DecapCounter::SocketHit);
            }
            return has;
        }
        _ => return false,
    }
    has_socket(context, &wanted)
}

#[inline(never)]
fn has_flow(datagram: &Datagram, service: &DecapService) -> bool {
    let (key, entry) = flow::entry(datagram, service);
    flow::is_known(&key, &entry)
}

/// The socket that is looked for, in the words of a packet that it receives.
struct Wanted {
    family: Family,
    from: Address,
    to: Address,
    from_port_be: u16,
    to_port_be: u16,
    /// Offset of the TCP header.
    tcp: usize,
}

#[inline(never)]
fn has_socket(context: &Context, wanted: &Wanted) -> bool {
    // SAFETY: plain numbers, for which zero is a value.
    let mut tuple: bpf_sock_tuple = unsafe { core::mem::zeroed() };
    let tuple_len = match wanted.family {
        Family::V4 => {
            tuple.__bindgen_anon_1.ipv4.saddr = wanted.from.v4_bits();
            tuple.__bindgen_anon_1.ipv4.daddr = wanted.to.v4_bits();
            tuple.__bindgen_anon_1.ipv4.sport = wanted.from_port_be;
            tuple.__bindgen_anon_1.ipv4.dport = wanted.to_port_be;
            TUPLE_V4
        }
        Family::V6 => {
            tuple.__bindgen_anon_1.ipv6.saddr = halves(wanted.from);
            tuple.__bindgen_anon_1.ipv6.daddr = halves(wanted.to);
            tuple.__bindgen_anon_1.ipv6.sport = wanted.from_port_be;
            tuple.__bindgen_anon_1.ipv6.dport = wanted.to_port_be;
            TUPLE_V6
        }
    };
    // SAFETY: the helper takes the program's own context and a tuple of which as many bytes are looked at as are given.
    let socket = unsafe {
        bpf_skc_lookup_tcp(context.as_ptr().cast(), &mut tuple, tuple_len, BPF_F_CURRENT_NETNS as u64, 0)
    };
    if socket.is_null() {
        return false;
    }
    // SAFETY: not null, and held until it is released below.
    let listens = unsafe { (*socket).state } == LISTEN;
    let cookie = listens && is_cookie(context, wanted, socket);
    // SAFETY: the reference that the lookup gave, once.
    unsafe { bpf_sk_release(socket.cast()) };
    if cookie {
        maps::count(DecapCounter::SynCookie);
    } else if !listens {
        maps::count(DecapCounter::SocketHit);
    }
    cookie || !listens
}

/// Whether the packet acknowledges a SYN cookie of `socket`, a listener. The kernel is shown the headers as they are when
/// the socket gets them.
#[inline(always)]
fn is_cookie(context: &Context, wanted: &Wanted, socket: *mut bpf_sock) -> bool {
    let Some(header) = context.view::<TCP_HEADER_LEN>(wanted.tcp) else { return false };
    // Word by word, as the verifier wants the stack to be written aligned.
    let word = |i: usize| u32::from_le_bytes([header[i], header[i + 1], header[i + 2], header[i + 3]]);
    let ports = u32::from(wanted.from_port_be) | u32::from(wanted.to_port_be) << 16;
    let mut tcp = [ports, word(4), word(8), word(12), word(16)];
    let mut ip = [0_u32; IPV6_HEADER_LEN / 4];
    let ip_len = match wanted.family {
        Family::V4 => {
            ip[0] = 0x45;
            ip[2] = u32::from(PROTOCOL_TCP) << 8;
            ip[3] = wanted.from.v4_bits();
            ip[4] = wanted.to.v4_bits();
            IPV4_HEADER_LEN
        }
        Family::V6 => {
            ip[0] = 0x60;
            ip[1] = u32::from(PROTOCOL_TCP) << 16;
            [ip[2], ip[3], ip[4], ip[5]] = halves(wanted.from);
            [ip[6], ip[7], ip[8], ip[9]] = halves(wanted.to);
            IPV6_HEADER_LEN
        }
    };
    // SAFETY: the caller holds the socket; the headers are on the stack and as long as it is said.
    let result = unsafe {
        bpf_tcp_check_syncookie(
            socket.cast(),
            ip.as_mut_ptr().cast(),
            ip_len as u32,
            tcp.as_mut_ptr().cast::<tcphdr>(),
            TCP_HEADER_LEN as u32,
        )
    };
    result == 0
}

#[inline(always)]
fn halves(address: Address) -> [u32; 4] {
    let [a, b] = address.words();
    [a as u32, (a >> 32) as u32, b as u32, (b >> 32) as u32]
}
