//! What is known of a packet.

use core::hint::black_box;

use aya_ebpf::bindings::bpf_fib_lookup as FibLookup;
use guideway_abi::DecapServiceKey;
use guideway_packet::{Address, Datagram, Family, Frame, HOPS_HEADER_LEN, PROTOCOL_TCP, Tunnel};
use guideway_xdp::Context;

use crate::maps;

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

/// An encapsulated packet. Offsets count from the start of the frame; each is cut to a number of bits that it has, which
/// tells the verifier its range.
pub struct Packet {
    tunnel: Tunnel,
    /// Whole TCP or UDP; `None` for other protocols and for fragments.
    datagram: Option<Datagram>,
    /// Of a TCP header, else zero.
    tcp: TcpPart,
    /// What services are looked up with: here, as the stack is small.
    pub key: DecapServiceKey,
    /// What the kernel's FIB is asked with, likewise.
    pub fib: FibLookup,
    /// The outer header of another family, likewise.
    pub header: Header,
}

/// What is known of a TCP header.
#[derive(Clone, Copy, Default)]
pub struct TcpPart {
    pub flags: u8,
    pub sequence_be: u32,
}

/// What an outer header is made of.
#[derive(Clone, Copy)]
pub struct Header {
    pub source: Address,
    pub next: Address,
    pub ttl: u8,
    /// Bytes behind it.
    pub payload: usize,
}

impl Packet {
    /// The packet of this CPU, with what is known of its tunnel.
    #[inline(always)]
    pub fn new(tunnel: Tunnel) -> Option<&'static mut Self> {
        let packet = maps::packet()?;
        // SAFETY: the element is this CPU's, programs of the receive path do not interrupt each other, and there is one
        // call of this function.
        unsafe {
            (&raw mut (*packet).tunnel).write(tunnel);
            (&raw mut (*packet).datagram).write(None);
        }
        // SAFETY: what is a number for every value of its bytes need not be written; the rest just was.
        Some(unsafe { &mut *black_box(packet) })
    }

    /// Notes what is inside.
    #[inline(always)]
    pub fn note(self: &mut &'static mut Self, datagram: Option<Datagram>, tcp: TcpPart) {
        self.datagram = datagram;
        self.tcp = tcp;
        // The compiler is not to remember what was written.
        black_box(&raw mut **self);
    }

    #[inline(always)]
    pub fn tunnel(&self) -> &Tunnel {
        &self.tunnel
    }

    #[inline(always)]
    pub fn datagram(&self) -> Option<&Datagram> {
        self.datagram.as_ref()
    }

    /// Family of the inner packet.
    #[inline(always)]
    pub fn family(&self) -> Family {
        self.tunnel.inner
    }

    /// Offset of the outer header: 14 to 22.
    #[inline(always)]
    pub fn outer(&self) -> usize {
        self.tunnel.outer_offset & 0x1f
    }

    /// Offset of the inner packet: at most two tags, IPv6, UDP and the longest GUE header, 198.
    #[inline(always)]
    pub fn inner(&self) -> usize {
        self.tunnel.inner_offset & 0xff
    }

    /// Offset of the inner TCP or UDP header: behind six extension headers of 2,048 bytes at most.
    #[inline(always)]
    pub fn l4(&self, datagram: &Datagram) -> usize {
        self.inner() + (datagram.l4_offset & 0x3fff)
    }

    /// Further hops that were taken when the packet came in.
    #[inline(always)]
    pub fn hops_taken(&self) -> u8 {
        self.tunnel.hops.taken & 3
    }

    /// Offset of the private data: at most two tags, IPv6, UDP and GUE, 74.
    #[inline(always)]
    pub fn hops_offset(&self) -> usize {
        self.tunnel.hops.offset & 0x7f
    }

    /// The address of a further hop; `None` behind the last.
    #[inline(always)]
    pub fn hop(&self, context: &Context, index: u8) -> Option<Address> {
        if index >= self.tunnel.hops.count {
            return None;
        }
        let (first, index) = (self.hops_offset() + HOPS_HEADER_LEN, usize::from(index & 3));
        if self.tunnel.hops.size == 4 {
            context.view::<4>(first + 4 * index).map(|bytes| Address::from_v4(*bytes))
        } else {
            context.view::<16>(first + 16 * index).map(|bytes| Address::from_bytes(*bytes))
        }
    }

    /// Opens a connection.
    #[inline(always)]
    pub fn is_syn(&self) -> bool {
        self.tcp.flags & (SYN | ACK) == SYN
    }

    #[inline(always)]
    pub fn is_fin(&self) -> bool {
        self.tcp.flags & FIN != 0
    }

    #[inline(always)]
    pub fn is_rst(&self) -> bool {
        self.tcp.flags & RST != 0
    }

    /// Of a TCP segment.
    #[inline(always)]
    pub fn sequence_be(&self) -> u32 {
        self.tcp.sequence_be
    }

    /// Belongs to a connection that another node may have: TCP, no SYN, and with further hops.
    #[inline(always)]
    pub fn may_be_elsewhere(&self) -> bool {
        self.tunnel.hops.count != 0
            && matches!(&self.datagram, Some(datagram) if datagram.protocol == PROTOCOL_TCP)
            && !self.is_syn()
    }
}
