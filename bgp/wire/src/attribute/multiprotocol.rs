//! MP_REACH_NLRI and MP_UNREACH_NLRI (RFC 4760).

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

use crate::family::Family;
use crate::nlri;
use crate::reader::Reader;

/// Advertised prefixes of one family with their next hop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MpReach {
    /// IPv4 unicast.
    Ipv4 {
        /// Where packets to the prefixes go.
        next_hop: Ipv4Addr,
        /// The prefixes.
        nlri: Vec<Ipv4Net>,
    },
    /// IPv6 unicast.
    Ipv6 {
        /// Where packets to the prefixes go.
        next_hop: Ipv6NextHop,
        /// The prefixes.
        nlri: Vec<Ipv6Net>,
    },
    /// A family that is not known here; its contents are kept as they came.
    Other {
        /// Address family identifier.
        afi: u16,
        /// Subsequent address family identifier.
        safi: u8,
        /// Everything behind the identifiers.
        rest: Vec<u8>,
    },
}

/// Next hop of IPv6 prefixes (RFC 2545 section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ipv6NextHop {
    /// Global address.
    pub global: Ipv6Addr,
    /// Link-local address, when both speakers share the link.
    pub link_local: Option<Ipv6Addr>,
}

/// Withdrawn prefixes of one family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MpUnreach {
    /// IPv4 unicast.
    Ipv4(Vec<Ipv4Net>),
    /// IPv6 unicast.
    Ipv6(Vec<Ipv6Net>),
    /// A family that is not known here; its contents are kept as they came.
    Other {
        /// Address family identifier.
        afi: u16,
        /// Subsequent address family identifier.
        safi: u8,
        /// Everything behind the identifiers.
        rest: Vec<u8>,
    },
}

impl MpReach {
    /// `None` when the value is malformed.
    pub(super) fn decode(value: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(value);
        let (afi, safi) = (reader.u16()?, reader.u8()?);
        let Some(family) = Family::from_afi_safi(afi, safi) else {
            return Some(Self::Other { afi, safi, rest: reader.rest().to_vec() });
        };
        let length = reader.u8()?;
        let next_hop = reader.take(usize::from(length))?;
        let _reserved = reader.u8()?;
        match family {
            Family::Ipv4 => {
                let next_hop = Ipv4Addr::from(<[u8; 4]>::try_from(next_hop).ok()?);
                Some(Self::Ipv4 { next_hop, nlri: nlri::decode_all(reader.rest())? })
            }
            Family::Ipv6 => {
                let mut octets = Reader::new(next_hop);
                let global = octets.array::<16>()?.into();
                let link_local = octets.array::<16>().map(Ipv6Addr::from);
                if !octets.is_empty() {
                    return None;
                }
                let next_hop = Ipv6NextHop { global, link_local };
                Some(Self::Ipv6 { next_hop, nlri: nlri::decode_all(reader.rest())? })
            }
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Ipv4 { next_hop, nlri } => {
                put_family(&mut out, Family::Ipv4);
                out.push(4);
                out.extend_from_slice(&next_hop.octets());
                out.push(0);
                nlri::encode_all(nlri, &mut out);
            }
            Self::Ipv6 { next_hop, nlri } => {
                put_family(&mut out, Family::Ipv6);
                out.push(if next_hop.link_local.is_some() { 32 } else { 16 });
                out.extend_from_slice(&next_hop.global.octets());
                out.extend(next_hop.link_local.iter().flat_map(Ipv6Addr::octets));
                out.push(0);
                nlri::encode_all(nlri, &mut out);
            }
            Self::Other { afi, safi, rest } => put_other(&mut out, *afi, *safi, rest),
        }
        out
    }

    /// True when at least one prefix of a known family is advertised.
    pub(super) fn has_routes(&self) -> bool {
        match self {
            Self::Ipv4 { nlri, .. } => !nlri.is_empty(),
            Self::Ipv6 { nlri, .. } => !nlri.is_empty(),
            Self::Other { .. } => false,
        }
    }
}

impl MpUnreach {
    /// `None` when the value is malformed.
    pub(super) fn decode(value: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(value);
        let (afi, safi) = (reader.u16()?, reader.u8()?);
        match Family::from_afi_safi(afi, safi) {
            Some(Family::Ipv4) => nlri::decode_all(reader.rest()).map(Self::Ipv4),
            Some(Family::Ipv6) => nlri::decode_all(reader.rest()).map(Self::Ipv6),
            None => Some(Self::Other { afi, safi, rest: reader.rest().to_vec() }),
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Ipv4(prefixes) => {
                put_family(&mut out, Family::Ipv4);
                nlri::encode_all(prefixes, &mut out);
            }
            Self::Ipv6(prefixes) => {
                put_family(&mut out, Family::Ipv6);
                nlri::encode_all(prefixes, &mut out);
            }
            Self::Other { afi, safi, rest } => put_other(&mut out, *afi, *safi, rest),
        }
        out
    }
}

fn put_family(out: &mut Vec<u8>, family: Family) {
    put_other(out, family.afi(), family.safi(), &[]);
}

fn put_other(out: &mut Vec<u8>, afi: u16, safi: u8, rest: &[u8]) {
    out.extend_from_slice(&afi.to_be_bytes());
    out.push(safi);
    out.extend_from_slice(rest);
}
