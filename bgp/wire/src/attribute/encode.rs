//! Writing the list of path attributes.

use std::net::Ipv4Addr;

use super::{Aggregator, Attributes, Origin};
use crate::community::LargeCommunity;
use crate::context::{AsWidth, Context};
use crate::iana::{AS_TRANS, attribute as kind, attribute_flag as flag};
use crate::next_hop::NextHop;

const WELL_KNOWN: u8 = flag::TRANSITIVE;
const NON_TRANSITIVE: u8 = flag::OPTIONAL;
const OPTIONAL: u8 = flag::OPTIONAL | flag::TRANSITIVE;

impl Attributes {
    /// Appends the attributes in the order of their types (RFC 4271 section 5), the opaque ones last. `next_hop` is
    /// that of the NLRI field.
    pub(crate) fn encode(&self, next_hop: Option<Ipv4Addr>, out: &mut Vec<u8>, context: &Context) {
        if let Some(origin) = self.origin {
            let value = match origin {
                Origin::Igp => 0,
                Origin::Egp => 1,
                Origin::Incomplete => 2,
            };
            put(out, WELL_KNOWN, kind::ORIGIN, |out| out.push(value));
        }
        if let Some(path) = &self.as_path {
            put(out, WELL_KNOWN, kind::AS_PATH, |out| path.encode(context.as_width, out));
        }
        if let Some(next_hop) = next_hop {
            put_octets(out, WELL_KNOWN, kind::NEXT_HOP, &next_hop.octets());
        }
        if let Some(med) = self.med {
            put_octets(out, NON_TRANSITIVE, kind::MED, &med.to_be_bytes());
        }
        if let Some(preference) = self.local_pref {
            put_octets(out, WELL_KNOWN, kind::LOCAL_PREF, &preference.to_be_bytes());
        }
        if self.atomic_aggregate {
            put_octets(out, WELL_KNOWN, kind::ATOMIC_AGGREGATE, &[]);
        }
        if let Some(aggregator) = self.aggregator {
            put(out, OPTIONAL, kind::AGGREGATOR, |out| aggregator.encode(context.as_width, out));
        }
        put_list(out, OPTIONAL, kind::COMMUNITIES, &self.communities, |community| community.0.to_be_bytes());
        if let Some(originator) = self.originator_id {
            put_octets(out, NON_TRANSITIVE, kind::ORIGINATOR_ID, &originator.octets());
        }
        put_list(out, NON_TRANSITIVE, kind::CLUSTER_LIST, &self.cluster_list, |id| id.octets());
        put_list(out, OPTIONAL, kind::EXTENDED_COMMUNITIES, &self.extended_communities, |community| {
            community.0
        });
        if context.as_width == AsWidth::Two {
            self.encode_as4(out);
        }
        let large = LargeCommunity::distinct(&self.large_communities);
        put_list(out, OPTIONAL, kind::LARGE_COMMUNITIES, &large, LargeCommunity::octets);
        if let Some(asn) = self.only_to_customer {
            put_octets(out, OPTIONAL, kind::ONLY_TO_CUSTOMER, &asn.to_be_bytes());
        }
        for attribute in &self.other {
            put_octets(out, attribute.flags, attribute.kind, &attribute.value);
        }
    }

    /// Appends the attributes as a RIB entry of an MRT file has them (RFC 6396 section 4.3.4): AS numbers of four octets;
    /// an IPv6 next hop in an MP_REACH_NLRI that has nothing else.
    pub fn encode_rib_entry(&self, next_hop: NextHop, out: &mut Vec<u8>) {
        let context = Context { as_width: AsWidth::Four, ..Context::default() };
        match next_hop {
            NextHop::V4(address) => self.encode(Some(address), out, &context),
            NextHop::V6 { .. } => {
                put(out, NON_TRANSITIVE, kind::MP_REACH, |out| {
                    out.push(next_hop.wire_len());
                    next_hop.encode(out);
                });
                self.encode(None, out, &context);
            }
        }
    }

    /// An old speaker gets the true numbers beside AS_TRANS (RFC 6793 section 4.2.2).
    fn encode_as4(&self, out: &mut Vec<u8>) {
        if let Some(path) = &self.as_path
            && path.needs_four_octets()
        {
            put(out, OPTIONAL, kind::AS4_PATH, |out| {
                // RFC 6793 section 3: the segments of a confederation are left out.
                for segment in path.segments.iter().filter(|segment| !segment.kind.is_confederation()) {
                    segment.encode(AsWidth::Four, out);
                }
            });
        }
        if let Some(aggregator) = self.aggregator
            && aggregator.asn > u32::from(u16::MAX)
        {
            put(out, OPTIONAL, kind::AS4_AGGREGATOR, |out| aggregator.encode(AsWidth::Four, out));
        }
    }
}

impl Aggregator {
    fn encode(self, width: AsWidth, out: &mut Vec<u8>) {
        match width {
            AsWidth::Two => out.extend_from_slice(&u16::try_from(self.asn).unwrap_or(AS_TRANS).to_be_bytes()),
            AsWidth::Four => out.extend_from_slice(&self.asn.to_be_bytes()),
        }
        out.extend_from_slice(&self.address.octets());
    }
}

fn put_octets(out: &mut Vec<u8>, flags: u8, kind: u8, value: &[u8]) {
    put(out, flags, kind, |out| out.extend_from_slice(value));
}

/// An empty list is no attribute at all (RFC 7606 section 4).
fn put_list<T: Copy, const N: usize>(
    out: &mut Vec<u8>,
    flags: u8,
    kind: u8,
    list: &[T],
    octets: impl Fn(T) -> [u8; N],
) {
    if !list.is_empty() {
        put(out, flags, kind, |out| out.extend(list.iter().flat_map(|entry| octets(*entry))));
    }
}

/// Appends an attribute whose value `write` appends. The length takes one octet where it can.
pub(crate) fn put(out: &mut Vec<u8>, flags: u8, kind: u8, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[flags & !flag::EXTENDED_LENGTH, kind, 0]);
    write(out);
    let length = out.len() - start - 3;
    if let Ok(length) = u8::try_from(length) {
        out[start + 2] = length;
    } else {
        // A value of more than 65,535 octets makes the message too long, which is found when it is complete.
        let [high, low] = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
        out[start] |= flag::EXTENDED_LENGTH;
        out[start + 2] = high;
        out.insert(start + 3, low);
    }
}
