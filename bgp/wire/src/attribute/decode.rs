//! Reading the list of path attributes as RFC 7606 wants it read.

use std::net::Ipv4Addr;

use super::as4::As4;
use super::{Aggregator, AsPath, Attributes, Found, Origin, RawAttribute};
use crate::community::{Community, ExtendedCommunity, LargeCommunity};
use crate::context::{AsWidth, Context};
use crate::error::{Approach, DecodeError, Fault};
use crate::iana::{attribute as kind, attribute_flag as flag};
use crate::reader::Reader;

/// What was found in the list of path attributes.
#[derive(Default)]
pub(crate) struct List<'a> {
    pub(crate) attributes: Attributes,
    /// NEXT_HOP, which belongs to the prefixes of the NLRI field; not checked for being a host.
    pub(crate) next_hop: Option<(Ipv4Addr, Vec<u8>)>,
    pub(crate) mp_reach: Option<Found<'a>>,
    pub(crate) mp_unreach: Option<Found<'a>>,
    /// True when there is an attribute besides MP_UNREACH_NLRI.
    pub(crate) has_others: bool,
    pub(crate) faults: Vec<Fault>,
    as4: As4,
}

/// Why an attribute cannot be taken.
pub(super) enum Trouble {
    Survivable(Fault),
    Reset(DecodeError),
}

fn discard(error: DecodeError) -> Trouble {
    Trouble::Survivable(Fault { approach: Approach::AttributeDiscard, error })
}

fn withdraw(error: DecodeError) -> Trouble {
    Trouble::Survivable(Fault { approach: Approach::TreatAsWithdraw, error })
}

impl<'a> List<'a> {
    /// Reads all attributes. A fault does not stop the reading, so that a worse error further on is still found (RFC
    /// 7606 section 3 (h)).
    pub(crate) fn decode(list: &'a [u8], context: &Context) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        let mut seen = [false; 256];
        let mut reader = Reader::new(list);
        while !reader.is_empty() {
            match this.next(&mut reader, &mut seen, context) {
                Ok(()) => {}
                Err(Trouble::Survivable(fault)) => this.faults.push(fault),
                Err(Trouble::Reset(error)) => return Err(error),
            }
        }
        std::mem::take(&mut this.as4).merge_into(&mut this.attributes);
        Ok(this)
    }

    fn next(
        &mut self,
        reader: &mut Reader<'a>,
        seen: &mut [bool; 256],
        context: &Context,
    ) -> Result<(), Trouble> {
        let found = Found::read(reader).map_err(|error| {
            // RFC 7606 section 4: the Total Attribute Length is relied upon to find the NLRI field, so the routes are
            // known, unless this would have been the attribute that holds them.
            reader.take(reader.rest().len());
            self.has_others = true;
            match error {
                DecodeError::AttributeOverrun(kind::MP_REACH | kind::MP_UNREACH) => Trouble::Reset(error),
                error => withdraw(error),
            }
        })?;
        self.has_others |= found.kind != kind::MP_UNREACH;
        if std::mem::replace(&mut seen[usize::from(found.kind)], true) {
            // RFC 7606 section 3 (g).
            return Err(match found.kind {
                kind::MP_REACH | kind::MP_UNREACH => {
                    Trouble::Reset(DecodeError::AttributeList("a multiprotocol attribute appears twice"))
                }
                other => discard(DecodeError::DuplicateAttribute(other)),
            });
        }
        self.put(found, context)
    }

    fn put(&mut self, found: Found<'a>, context: &Context) -> Result<(), Trouble> {
        // What has no place here is not looked into.
        if is_misplaced(found.kind, context) {
            return Err(discard(DecodeError::Misplaced(found.kind)));
        }
        if !found.has_expected_flags() {
            let error = DecodeError::AttributeFlags(found.raw());
            return Err(match found.kind {
                // RFC 7606 section 5.3.
                kind::MP_REACH | kind::MP_UNREACH => Trouble::Reset(error),
                // RFC 7311 section 3.2: as if it were not recognised.
                kind::AIGP => discard(error),
                // RFC 7606 section 3 (c). It has no exception for ATOMIC_AGGREGATE and AGGREGATOR: with it, no session
                // reset is left that section 3 (f) could turn into a discard.
                _ => withdraw(error),
            });
        }
        let attributes = &mut self.attributes;
        match found.kind {
            kind::MP_REACH => self.mp_reach = Some(found),
            kind::MP_UNREACH => self.mp_unreach = Some(found),
            kind::ORIGIN => attributes.origin = Some(origin(&found).map_err(withdraw)?),
            kind::AS_PATH => attributes.as_path = Some(as_path(&found, context).map_err(withdraw)?),
            kind::NEXT_HOP => {
                // RFC 7606 section 7.3.
                let next_hop = found.array::<4>().map_err(withdraw)?.into();
                self.next_hop = Some((next_hop, found.raw()));
            }
            // RFC 7606 section 7.4.
            kind::MED => attributes.med = Some(word(&found).map_err(withdraw)?),
            // RFC 7606 section 7.5.
            kind::LOCAL_PREF => attributes.local_pref = Some(word(&found).map_err(withdraw)?),
            kind::ATOMIC_AGGREGATE => {
                // RFC 7606 section 7.6.
                let [] = found.array().map_err(discard)?;
                attributes.atomic_aggregate = true;
            }
            // RFC 7606 section 7.7, RFC 7607 section 2.
            kind::AGGREGATOR => {
                attributes.aggregator = Some(aggregator(&found, context.as_width).map_err(discard)?);
            }
            kind::COMMUNITIES => {
                // RFC 7606 section 7.8.
                let entries = found.entries().map_err(withdraw)?;
                attributes.communities = entries.map(|entry| Community(u32::from_be_bytes(entry))).collect();
            }
            // RFC 7606 section 7.9.
            kind::ORIGINATOR_ID => {
                attributes.originator_id = Some(found.array::<4>().map_err(withdraw)?.into());
            }
            kind::CLUSTER_LIST => {
                // RFC 7606 section 7.10.
                let entries = found.entries::<4>().map_err(withdraw)?;
                attributes.cluster_list = entries.map(Ipv4Addr::from).collect();
            }
            kind::EXTENDED_COMMUNITIES => {
                // RFC 7606 section 7.14.
                let entries = found.entries().map_err(withdraw)?;
                attributes.extended_communities = entries.map(ExtendedCommunity).collect();
            }
            kind::LARGE_COMMUNITIES => {
                // RFC 8092 section 6.
                let entries = found.entries().map_err(withdraw)?;
                let all: Vec<_> = entries.map(LargeCommunity::from_octets).collect();
                attributes.large_communities = LargeCommunity::distinct(&all);
            }
            // RFC 9234 section 5.
            kind::ONLY_TO_CUSTOMER => attributes.only_to_customer = Some(word(&found).map_err(withdraw)?),
            // RFC 6793 section 6.
            kind::AS4_PATH => {
                self.as4.path = Some(AsPath::decode(found.value, AsWidth::Four).map_err(discard)?);
            }
            kind::AS4_AGGREGATOR => {
                self.as4.aggregator = Some(aggregator(&found, AsWidth::Four).map_err(discard)?);
            }
            _ => self.put_other(&found)?,
        }
        Ok(())
    }

    fn put_other(&mut self, found: &Found<'_>) -> Result<(), Trouble> {
        if found.kind == kind::IPV6_EXTENDED_COMMUNITIES {
            // RFC 7606 section 7.15.
            let _ = found.entries::<20>().map_err(withdraw)?;
        }
        if found.flags & flag::OPTIONAL == 0 {
            // RFC 4271 section 6.3, which RFC 7606 leaves as it is.
            return Err(Trouble::Reset(DecodeError::UnrecognizedWellKnown(found.raw())));
        }
        // RFC 4271 section 9: an unrecognised non-transitive attribute is quietly ignored.
        if found.flags & flag::TRANSITIVE != 0 {
            let (flags, value) = (found.class(), found.value.to_vec());
            self.attributes.other.push(RawAttribute { flags, kind: found.kind, value });
        }
        Ok(())
    }
}

/// True for what this peer should not have sent and nobody minds.
fn is_misplaced(kind: u8, context: &Context) -> bool {
    match kind {
        // RFC 7606 sections 7.5, 7.9 and 7.10.
        kind::LOCAL_PREF | kind::ORIGINATOR_ID | kind::CLUSTER_LIST => context.external,
        // RFC 6793 section 4.1.
        kind::AS4_PATH | kind::AS4_AGGREGATOR => context.as_width == AsWidth::Four,
        _ => false,
    }
}

/// RFC 7606 section 7.1.
fn origin(found: &Found<'_>) -> Result<Origin, DecodeError> {
    match found.array()? {
        [0] => Ok(Origin::Igp),
        [1] => Ok(Origin::Egp),
        [2] => Ok(Origin::Incomplete),
        _ => Err(DecodeError::InvalidOrigin(found.raw())),
    }
}

fn as_path(found: &Found<'_>, context: &Context) -> Result<AsPath, DecodeError> {
    let path = AsPath::decode(found.value, context.as_width)?;
    // RFC 5065 section 5: from outside of the confederation its segments are an error. An internal peer is inside.
    if context.external && path.has_confederation() {
        return Err(DecodeError::AsPath("a confederation segment from an external peer"));
    }
    Ok(path)
}

fn aggregator(found: &Found<'_>, width: AsWidth) -> Result<Aggregator, DecodeError> {
    let (asn, address) = match width {
        AsWidth::Two => {
            let [a, b, address @ ..] = found.array::<6>()?;
            (u32::from(u16::from_be_bytes([a, b])), address)
        }
        AsWidth::Four => {
            let [a, b, c, d, address @ ..] = found.array::<8>()?;
            (u32::from_be_bytes([a, b, c, d]), address)
        }
    };
    // RFC 7607 section 2.
    if asn == 0 {
        return Err(DecodeError::OptionalAttribute(found.raw()));
    }
    Ok(Aggregator { asn, address: Ipv4Addr::from(address) })
}

fn word(found: &Found<'_>) -> Result<u32, DecodeError> {
    found.array().map(u32::from_be_bytes)
}
