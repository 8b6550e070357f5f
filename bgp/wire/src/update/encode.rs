//! Writing an UPDATE.

use std::net::Ipv4Addr;

use super::{Reach, Unreach, Update};
use crate::attribute::{Attributes, put};
use crate::context::Context;
use crate::error::EncodeError;
use crate::family::Family;
use crate::iana::{attribute as kind, attribute_flag as flag};
use crate::next_hop::NextHop;
use crate::nlri::{Nlri, PathIds};

/// Where advertised prefixes stand.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    /// In the NLRI field, with this NEXT_HOP.
    Classic(Ipv4Addr),
    /// In MP_REACH_NLRI.
    Multiprotocol,
}

/// The place for prefixes with this next hop.
pub(crate) fn place(family: Family, next_hop: NextHop, context: &Context) -> Result<Place, EncodeError> {
    match (family, next_hop) {
        (Family::Ipv4, NextHop::V4(address)) => Ok(Place::Classic(address)),
        (Family::Ipv6, NextHop::V6 { .. }) => Ok(Place::Multiprotocol),
        // RFC 8950 section 4: only where both sides said so.
        (Family::Ipv4, NextHop::V6 { .. }) if context.extended_next_hop => Ok(Place::Multiprotocol),
        (family, next_hop) => Err(EncodeError::NextHop { family, next_hop }),
    }
}

/// True when the family can have the next hop in this session.
pub(super) fn may_have(reach: &Reach, context: &Context) -> bool {
    place(reach.family, reach.next_hop, context).is_ok()
}

impl Update {
    pub(crate) fn encode(&self, out: &mut Vec<u8>, context: &Context) -> Result<(), EncodeError> {
        let reaches: Vec<&Reach> = self.reach.iter().filter(|reach| !reach.nlri.is_empty()).collect();
        let unreaches: Vec<&Unreach> =
            self.unreach.iter().filter(|unreach| !unreach.nlri.is_empty()).collect();
        let says_more =
            !reaches.is_empty() || !unreaches.is_empty() || self.attributes != Attributes::default();
        match self.end_of_rib {
            Some(_) if says_more => return Err(EncodeError::EndOfRibWithRoutes),
            Some(family) => return encode_end_of_rib(family, out),
            None if says_more => {}
            None => return Err(EncodeError::Nothing),
        }

        let (mut classic, mut mp_reach) = (None, None);
        for reach in reaches {
            check(reach.family, &reach.nlri)?;
            match place(reach.family, reach.next_hop, context)? {
                Place::Classic(next_hop) if classic.is_none() => classic = Some((next_hop, &reach.nlri)),
                _ if mp_reach.is_none() => mp_reach = Some(reach),
                _ => return Err(EncodeError::TooManySets),
            }
        }
        let (mut withdrawn, mut mp_unreach) = (None, None);
        for unreach in unreaches {
            check(unreach.family, &unreach.nlri)?;
            match unreach.family {
                Family::Ipv4 if withdrawn.is_none() => withdrawn = Some(&unreach.nlri),
                _ if mp_unreach.is_none() => mp_unreach = Some(unreach),
                _ => return Err(EncodeError::TooManySets),
            }
        }

        let path_ids = PathIds::of(context.add_path_send, Family::Ipv4);
        let write =
            |nlri: &[Nlri], out: &mut Vec<u8>| nlri.iter().for_each(|nlri| nlri.encode(path_ids, out));
        with_length(out, |out| write(withdrawn.map_or(&[], |nlri| nlri), out))?;
        with_length(out, |out| {
            // RFC 7606 section 5.1: MP_REACH_NLRI comes first.
            if let Some(reach) = mp_reach {
                put_reach(out, reach.family, reach.next_hop, &reach.nlri, context);
            }
            if let Some(unreach) = mp_unreach {
                put_unreach(out, unreach.family, &unreach.nlri, context);
            }
            self.attributes.encode(classic.map(|(next_hop, _)| next_hop), out, context);
        })?;
        write(classic.map_or(&[], |(_, nlri)| nlri), out);
        Ok(())
    }
}

fn check(family: Family, nlri: &[Nlri]) -> Result<(), EncodeError> {
    match nlri.iter().find(|nlri| nlri.family() != family) {
        Some(nlri) => Err(EncodeError::WrongFamily { family, nlri: *nlri }),
        None => Ok(()),
    }
}

/// RFC 4724 section 2.
fn encode_end_of_rib(family: Family, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    with_length(out, |_| {})?;
    with_length(out, |out| {
        if family != Family::Ipv4 {
            put(out, flag::OPTIONAL, kind::MP_UNREACH, |out| put_family(out, family));
        }
    })
}

/// Appends MP_REACH_NLRI (RFC 4760 section 3).
pub(crate) fn put_reach(
    out: &mut Vec<u8>,
    family: Family,
    next_hop: NextHop,
    nlri: &[Nlri],
    context: &Context,
) {
    let path_ids = PathIds::of(context.add_path_send, family);
    put(out, flag::OPTIONAL, kind::MP_REACH, |out| {
        put_family(out, family);
        out.push(next_hop.wire_len());
        next_hop.encode(out);
        out.push(0);
        nlri.iter().for_each(|nlri| nlri.encode(path_ids, out));
    });
}

/// Appends MP_UNREACH_NLRI (RFC 4760 section 4).
pub(crate) fn put_unreach(out: &mut Vec<u8>, family: Family, nlri: &[Nlri], context: &Context) {
    let path_ids = PathIds::of(context.add_path_send, family);
    put(out, flag::OPTIONAL, kind::MP_UNREACH, |out| {
        put_family(out, family);
        nlri.iter().for_each(|nlri| nlri.encode(path_ids, out));
    });
}

fn put_family(out: &mut Vec<u8>, family: Family) {
    out.extend_from_slice(&family.afi().to_be_bytes());
    out.push(family.safi());
}

/// Appends what `write` writes, behind its length in two octets.
pub(crate) fn with_length(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), EncodeError> {
    let start = out.len();
    out.extend_from_slice(&[0, 0]);
    write(out);
    let length = out.len() - start - 2;
    let length = u16::try_from(length).map_err(|_| EncodeError::TooLong(out.len()))?;
    out[start..start + 2].copy_from_slice(&length.to_be_bytes());
    Ok(())
}
