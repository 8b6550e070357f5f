//! Writing the list of path attributes.

use super::{Attributes, Origin};
use crate::iana::{attribute as kind, attribute_flag as flag};
use crate::{AsWidth, Context};

const WELL_KNOWN: u8 = flag::TRANSITIVE;
const NON_TRANSITIVE: u8 = flag::OPTIONAL;

impl Attributes {
    /// Appends the attributes: the multiprotocol ones first (RFC 7606 section 5.1), the others in the order of their
    /// types (RFC 4271 section 5), the opaque ones last.
    pub(crate) fn encode(&self, out: &mut Vec<u8>, context: &Context) {
        if let Some(reach) = &self.mp_reach {
            put(out, NON_TRANSITIVE, kind::MP_REACH, &reach.encode());
        }
        if let Some(unreach) = &self.mp_unreach {
            put(out, NON_TRANSITIVE, kind::MP_UNREACH, &unreach.encode());
        }
        if let Some(origin) = self.origin {
            let value = match origin {
                Origin::Igp => 0,
                Origin::Egp => 1,
                Origin::Incomplete => 2,
            };
            put(out, WELL_KNOWN, kind::ORIGIN, &[value]);
        }
        if let Some(path) = &self.as_path {
            put(out, WELL_KNOWN, kind::AS_PATH, &path.encode(context.as_width));
        }
        if let Some(next_hop) = self.next_hop {
            put(out, WELL_KNOWN, kind::NEXT_HOP, &next_hop.octets());
        }
        if let Some(med) = self.med {
            put(out, NON_TRANSITIVE, kind::MED, &med.to_be_bytes());
        }
        if let Some(preference) = self.local_pref {
            put(out, WELL_KNOWN, kind::LOCAL_PREF, &preference.to_be_bytes());
        }
        if self.atomic_aggregate {
            put(out, WELL_KNOWN, kind::ATOMIC_AGGREGATE, &[]);
        }
        // RFC 6793 section 4.2.2: an old speaker gets the true numbers beside AS_TRANS.
        if let (AsWidth::Two, Some(path)) = (context.as_width, &self.as_path)
            && path.needs_four_octets()
        {
            put(out, flag::OPTIONAL | flag::TRANSITIVE, kind::AS4_PATH, &path.encode(AsWidth::Four));
        }
        for attribute in &self.other {
            put(out, attribute.flags, attribute.kind, &attribute.value);
        }
    }
}

fn put(out: &mut Vec<u8>, flags: u8, kind: u8, value: &[u8]) {
    if let Ok(length) = u8::try_from(value.len()) {
        out.extend_from_slice(&[flags & !flag::EXTENDED_LENGTH, kind, length]);
    } else {
        // A value of more than 65,535 octets makes the message too long, which is found when it is complete.
        let [high, low] = u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes();
        out.extend_from_slice(&[flags | flag::EXTENDED_LENGTH, kind, high, low]);
    }
    out.extend_from_slice(value);
}
