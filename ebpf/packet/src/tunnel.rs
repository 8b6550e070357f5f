//! Tunnels as a decap agent takes them off: IP in IP, GRE (RFC 2784, RFC 2890) and GUE (draft-ietf-intarea-gue-09) with the
//! further hops of `docs/forwarding.md`.

use guideway_abi::PREVIOUS_TABLES;

use crate::{
    Address, ETHERTYPE_IPV4, ETHERTYPE_IPV6, Family, Frame, GRE_HEADER_LEN, GUE_HEADER_LEN, IPV4_HEADER_LEN,
    IPV6_HEADER_LEN, L2, PROTOCOL_GRE, PROTOCOL_IPIP, PROTOCOL_IPV6, PROTOCOL_UDP, UDP_HEADER_LEN,
};

/// Further hops that a GUE header can carry.
pub const HOPS_MAX: u8 = 3;
const _: () = assert!(HOPS_MAX as usize == PREVIOUS_TABLES);
/// Length of the private data before the addresses, in bytes.
pub const HOPS_HEADER_LEN: usize = 4;
/// The first byte of private data that holds further hops.
const HOPS_FORMAT: u8 = 1;

/// GRE: checksum, key, sequence number present; each takes four bytes.
const GRE_OPTIONS: [u16; 3] = [0x8000, 0x2000, 0x1000];
/// GRE: the routing bit, those of RFC 1701 that RFC 2784, 2.3 says to refuse, and the version.
const GRE_REFUSED: u16 = 0x4c07;

/// How the inner packet was wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TunnelKind {
    /// IP in IP.
    IpIp,
    /// Generic UDP Encapsulation.
    Gue,
    /// Generic Routing Encapsulation.
    Gre,
}

/// An encapsulated packet, up to its inner IP header. Offsets count from the start of the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tunnel {
    /// The tunnel.
    pub kind: TunnelKind,
    /// Family of the outer header.
    pub outer: Family,
    /// Offset of the outer header.
    pub outer_offset: usize,
    /// Length of the outer packet by its own header, in bytes.
    pub outer_len: usize,
    /// DSCP and ECN of the outer header.
    pub traffic_class: u8,
    /// Outer destination.
    pub destination: Address,
    /// Family of the inner packet by the tunnel's protocol number.
    pub inner: Family,
    /// Offset of the inner packet.
    pub inner_offset: usize,
    /// Further hops.
    pub hops: Hops,
    /// Whether the tunnel's headers contradict each other, or hold what is not known here.
    pub malformed: bool,
}

/// The further hops of a GUE packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hops {
    /// How many there are; zero for packets that carry none.
    pub count: u8,
    /// How many have been taken, at most `count`.
    pub taken: u8,
    /// Offset of the private data, whose addresses start behind [`HOPS_HEADER_LEN`] bytes.
    pub offset: usize,
    /// Bytes of an address: 4 or 16.
    pub size: usize,
}

impl Hops {
    /// The address of a hop, counted from zero; `None` behind the last one.
    #[inline(always)]
    pub fn address<F: Frame + ?Sized>(&self, frame: &F, index: u8) -> Option<Address> {
        if index >= self.count || index >= HOPS_MAX {
            return None;
        }
        let (first, index) = (self.offset + HOPS_HEADER_LEN, usize::from(index));
        if self.size == 4 {
            frame.view::<4>(first + index * 4).map(|bytes| Address::from_v4(*bytes))
        } else {
            frame.view::<16>(first + index * 16).map(|bytes| Address::from_bytes(*bytes))
        }
    }
}

/// Reads the outer header and the tunnel's; `None`: no tunnel that is taken off here. Outer headers with options and
/// fragments are none: the kernel may judge them. `gue_port_be` is the UDP port of GUE as in the packet.
#[inline(always)]
pub fn parse_tunnel<F: Frame + ?Sized>(frame: &F, l2: L2, gue_port_be: u16) -> Option<Tunnel> {
    match l2.ethertype {
        ETHERTYPE_IPV4 => {
            let h = frame.view::<IPV4_HEADER_LEN>(l2.len)?;
            let fragment = u16::from_be_bytes([h[6], h[7]]) & 0x3fff != 0;
            if h[0] != 0x45 || fragment {
                return None;
            }
            let outer = Outer {
                family: Family::V4,
                offset: l2.len,
                len: usize::from(u16::from_be_bytes([h[2], h[3]])),
                traffic_class: h[1],
                destination: Address::from_v4([h[16], h[17], h[18], h[19]]),
            };
            outer.tunnel(frame, h[9], l2.len + IPV4_HEADER_LEN, gue_port_be)
        }
        ETHERTYPE_IPV6 => {
            let h = frame.view::<IPV6_HEADER_LEN>(l2.len)?;
            if h[0] >> 4 != 6 {
                return None;
            }
            let outer = Outer {
                family: Family::V6,
                offset: l2.len,
                len: IPV6_HEADER_LEN + usize::from(u16::from_be_bytes([h[4], h[5]])),
                traffic_class: h[0] << 4 | h[1] >> 4,
                destination: Address::from_bytes(*frame.view::<16>(l2.len + 24)?),
            };
            outer.tunnel(frame, h[6], l2.len + IPV6_HEADER_LEN, gue_port_be)
        }
        _ => None,
    }
}

#[derive(Clone, Copy)]
struct Outer {
    family: Family,
    offset: usize,
    len: usize,
    traffic_class: u8,
    destination: Address,
}

impl Outer {
    #[inline(always)]
    fn tunnel<F: Frame + ?Sized>(
        self,
        frame: &F,
        protocol: u8,
        offset: usize,
        gue_port_be: u16,
    ) -> Option<Tunnel> {
        match protocol {
            PROTOCOL_IPIP => Some(self.around(TunnelKind::IpIp, Family::V4, offset)),
            PROTOCOL_IPV6 => Some(self.around(TunnelKind::IpIp, Family::V6, offset)),
            PROTOCOL_UDP => self.gue(frame, offset, gue_port_be),
            PROTOCOL_GRE => self.gre(frame, offset),
            _ => None,
        }
    }

    #[inline(always)]
    fn around(self, kind: TunnelKind, inner: Family, inner_offset: usize) -> Tunnel {
        Tunnel {
            kind,
            outer: self.family,
            outer_offset: self.offset,
            outer_len: self.len,
            traffic_class: self.traffic_class,
            destination: self.destination,
            inner,
            inner_offset,
            hops: Hops::default(),
            malformed: false,
        }
    }

    #[inline(always)]
    fn gre<F: Frame + ?Sized>(self, frame: &F, offset: usize) -> Option<Tunnel> {
        let h = frame.view::<GRE_HEADER_LEN>(offset)?;
        let flags = u16::from_be_bytes([h[0], h[1]]);
        if flags & GRE_REFUSED != 0 {
            return None;
        }
        let inner = match u16::from_be_bytes([h[2], h[3]]) {
            ETHERTYPE_IPV4 => Family::V4,
            ETHERTYPE_IPV6 => Family::V6,
            _ => return None,
        };
        let mut len = GRE_HEADER_LEN;
        for option in GRE_OPTIONS {
            if flags & option != 0 {
                len += 4;
            }
        }
        Some(self.around(TunnelKind::Gre, inner, offset + len))
    }

    #[inline(always)]
    fn gue<F: Frame + ?Sized>(self, frame: &F, offset: usize, port_be: u16) -> Option<Tunnel> {
        let h = frame.view::<{ UDP_HEADER_LEN + GUE_HEADER_LEN }>(offset)?;
        let [_, _, p, q, l, m, _, _, first, protocol, f, g] = *h;
        // Variant 0 and no control message: the two and the one highest bits.
        if u16::from_le_bytes([p, q]) != port_be || first & 0xe0 != 0 {
            return None;
        }
        let inner = match protocol {
            PROTOCOL_IPIP => Family::V4,
            PROTOCOL_IPV6 => Family::V6,
            _ => return None,
        };
        let private = offset + UDP_HEADER_LEN + GUE_HEADER_LEN;
        let private_len = usize::from(first & 0x1f) * 4;
        let mut tunnel = self.around(TunnelKind::Gue, inner, private + private_len);
        // The outer packet is the datagram, to the byte; flags would say that there are fields before the private data.
        let udp_len = usize::from(u16::from_be_bytes([l, m]));
        tunnel.malformed = offset - self.offset + udp_len != self.len || f | g != 0;
        if private_len != 0 {
            match hops(frame, private, private_len) {
                Some(hops) => tunnel.hops = hops,
                None => tunnel.malformed = true,
            }
        }
        Some(tunnel)
    }
}

/// Private data that is all of a known form.
#[inline(always)]
fn hops<F: Frame + ?Sized>(frame: &F, offset: usize, len: usize) -> Option<Hops> {
    let [format, family, count, taken] = *frame.view::<HOPS_HEADER_LEN>(offset)?;
    let size = match family {
        4 => 4,
        6 => 16,
        _ => return None,
    };
    let whole = HOPS_HEADER_LEN + usize::from(count) * size == len;
    (format == HOPS_FORMAT && count != 0 && count <= HOPS_MAX && taken <= count && whole).then_some(Hops {
        count,
        taken,
        offset,
        size,
    })
}

/// What becomes of the two ECN bits of the inner header when the outer one is taken off: RFC 6040, 4.2. `None`: the packet
/// has to be dropped.
#[inline(always)]
#[must_use]
pub const fn decapsulated_ecn(outer: u8, inner: u8) -> Option<u8> {
    const NOT_ECT: u8 = 0;
    const ECT_1: u8 = 1;
    const ECT_0: u8 = 2;
    const CE: u8 = 3;
    match (outer & 3, inner & 3) {
        (CE, NOT_ECT) => None,
        (CE, _) => Some(CE),
        (ECT_1, ECT_0) => Some(ECT_1),
        (_, inner) => Some(inner),
    }
}

#[cfg(test)]
mod tests;
