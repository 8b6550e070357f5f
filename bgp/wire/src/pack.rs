//! Putting as many prefixes into an UPDATE as fit.

use ipnet::IpNet;

use crate::attribute::{Attributes, MpReach, MpUnreach};
use crate::error::EncodeError;
use crate::family::Family;
use crate::message::Message;
use crate::nlri::Prefix;
use crate::update::Update;
use crate::{Context, MAX_MESSAGE_LEN};

/// An UPDATE that advertises the first prefixes of `prefixes`, and how many these are.
///
/// `attributes` says how: with an `mp_reach` whose prefixes go there, without one IPv4 prefixes go to the NLRI field.
/// Packing stops at the end of the message or at a prefix of another family than the first.
///
/// # Errors
///
/// When the attributes alone leave no room for one prefix, or when IPv6 prefixes come without an `mp_reach` of theirs.
pub fn announce(
    attributes: &Attributes,
    prefixes: &[IpNet],
    context: &Context,
) -> Result<(Update, usize), EncodeError> {
    let is_v6 = matches!(prefixes.first(), Some(IpNet::V6(_)));
    if is_v6 && !matches!(attributes.mp_reach, Some(MpReach::Ipv6 { .. })) {
        return Err(EncodeError::NoNextHop(Family::Ipv6));
    }
    let template = Update { attributes: attributes.clone(), ..Update::default() };
    pack(template, prefixes, context, |update, prefix| match (&mut update.attributes.mp_reach, prefix) {
        (Some(MpReach::Ipv6 { nlri, .. }), IpNet::V6(prefix)) => nlri.push(prefix),
        (Some(MpReach::Ipv4 { nlri, .. }), IpNet::V4(prefix)) => nlri.push(prefix),
        (_, IpNet::V4(prefix)) => update.nlri.push(prefix),
        (_, IpNet::V6(_)) => {}
    })
}

/// An UPDATE that withdraws the first prefixes of `prefixes`, and how many these are. Packing stops at the end of the
/// message or at a prefix of another family than the first.
///
/// # Errors
///
/// None in practice: the message is empty but for the prefixes.
pub fn withdraw(prefixes: &[IpNet], context: &Context) -> Result<(Update, usize), EncodeError> {
    let mut template = Update::default();
    if let Some(IpNet::V6(_)) = prefixes.first() {
        template.attributes.mp_unreach = Some(MpUnreach::Ipv6(Vec::new()));
    }
    pack(template, prefixes, context, |update, prefix| match (&mut update.attributes.mp_unreach, prefix) {
        (Some(MpUnreach::Ipv6(withdrawn)), IpNet::V6(prefix)) => withdrawn.push(prefix),
        (_, IpNet::V4(prefix)) => update.withdrawn.push(prefix),
        (_, IpNet::V6(_)) => {}
    })
}

fn pack(
    template: Update,
    prefixes: &[IpNet],
    context: &Context,
    mut put: impl FnMut(&mut Update, IpNet),
) -> Result<(Update, usize), EncodeError> {
    let mut message = Message::Update(template);
    // One octet is set aside: the length of a multiprotocol attribute may grow from one to two.
    let mut used = message.encode(context)?.len() + 1;
    let Message::Update(update) = &mut message else { return Err(EncodeError::TooLong(used)) };
    let family = prefixes.first().map(Family::of_prefix);
    let mut count = 0;
    for prefix in prefixes.iter().take_while(|prefix| Some(Family::of_prefix(prefix)) == family) {
        used += match prefix {
            IpNet::V4(prefix) => prefix.wire_len(),
            IpNet::V6(prefix) => prefix.wire_len(),
        };
        if used > MAX_MESSAGE_LEN {
            break;
        }
        put(update, *prefix);
        count += 1;
    }
    if count == 0 && family.is_some() {
        return Err(EncodeError::TooLong(used));
    }
    Ok((std::mem::take(update), count))
}
