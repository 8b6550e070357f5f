//! Putting as many prefixes into an UPDATE as fit, straight into bytes.

use crate::MAX_MESSAGE_LEN;
use crate::attribute::Attributes;
use crate::context::Context;
use crate::error::EncodeError;
use crate::family::Family;
use crate::iana::message_type;
use crate::message::{begin, finish};
use crate::next_hop::NextHop;
use crate::nlri::{Nlri, PathIds};
use crate::update::{Place, place, put_reach, put_unreach, with_length};

/// A message that advertises the first prefixes of `nlri`, and how many these are: as many as fit.
///
/// # Errors
///
/// When the attributes leave no room for one prefix, the family cannot have the next hop, a prefix is of another
/// family, or there are no prefixes.
pub fn pack_reach(
    next_hop: NextHop,
    family: Family,
    attributes: &Attributes,
    nlri: &[Nlri],
    context: &Context,
) -> Result<(Vec<u8>, usize), EncodeError> {
    let mut out = begin(message_type::UPDATE);
    with_length(&mut out, |_| {})?;
    let count = match place(family, next_hop, context)? {
        Place::Classic(address) => {
            with_length(&mut out, |out| attributes.encode(Some(address), out, context))?;
            let count = fitting(nlri, family, out.len(), context)?;
            let path_ids = PathIds::of(context.add_path_send, family);
            nlri[..count].iter().for_each(|nlri| nlri.encode(path_ids, &mut out));
            count
        }
        Place::Multiprotocol => {
            let mut rest = Vec::new();
            attributes.encode(None, &mut rest, context);
            // Length of the list; flags, type, length of two octets; family, next hop with its length, reserved octet.
            let head = 2 + 4 + 3 + 1 + usize::from(next_hop.wire_len()) + 1;
            let count = fitting(nlri, family, out.len() + head + rest.len(), context)?;
            with_length(&mut out, |out| {
                // RFC 7606 section 5.1: MP_REACH_NLRI comes first.
                put_reach(out, family, next_hop, &nlri[..count], context);
                out.extend_from_slice(&rest);
            })?;
            count
        }
    };
    Ok((finish(out)?, count))
}

/// A message that withdraws the first prefixes of `nlri`, and how many these are: as many as fit.
///
/// # Errors
///
/// When a prefix is of another family, or there are no prefixes.
pub fn pack_unreach(
    family: Family,
    nlri: &[Nlri],
    context: &Context,
) -> Result<(Vec<u8>, usize), EncodeError> {
    let mut out = begin(message_type::UPDATE);
    let path_ids = PathIds::of(context.add_path_send, family);
    // Both length fields are there in any case.
    let used = out.len() + 4;
    let count = match family {
        Family::Ipv4 => {
            let count = fitting(nlri, family, used, context)?;
            with_length(&mut out, |out| nlri[..count].iter().for_each(|nlri| nlri.encode(path_ids, out)))?;
            with_length(&mut out, |_| {})?;
            count
        }
        Family::Ipv6 => {
            // Flags, type, length of two octets; family.
            let count = fitting(nlri, family, used + 4 + 3, context)?;
            with_length(&mut out, |_| {})?;
            with_length(&mut out, |out| put_unreach(out, family, &nlri[..count], context))?;
            count
        }
    };
    Ok((finish(out)?, count))
}

/// How many prefixes have room behind `used` octets; at least one.
fn fitting(nlri: &[Nlri], family: Family, used: usize, context: &Context) -> Result<usize, EncodeError> {
    let path_ids = PathIds::of(context.add_path_send, family);
    let mut length = used;
    let mut count = 0;
    for nlri in nlri {
        if nlri.family() != family {
            return Err(EncodeError::WrongFamily { family, nlri: *nlri });
        }
        length += nlri.wire_len(path_ids);
        if length > MAX_MESSAGE_LEN {
            break;
        }
        count += 1;
    }
    match (count, nlri.is_empty()) {
        (0, true) => Err(EncodeError::Nothing),
        (0, false) => Err(EncodeError::TooLong(length)),
        (count, _) => Ok(count),
    }
}
