//! rustbgpd-wire, which has RFC 7606 built in.

use guideway_bgp_wire::{
    Aggregator, AsPath, AsSegment, Attributes, Community, Context, ExtendedCommunity, Families, Family,
    LargeCommunity, NextHop, Nlri, Origin, RawAttribute, Reach, SegmentKind, Unreach, Update,
};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use rustbgpd_wire::attribute::{AsPathSegment, Origin as TheirOrigin, PathAttribute};
use rustbgpd_wire::nlri::{Ipv4NlriEntry, NlriEntry, Prefix};
use rustbgpd_wire::validate::{ErrorDisposition, validate_update_attributes};
use rustbgpd_wire::{Afi, Message, Safi, decode_message};

use super::{Outcome, Verdict, assemble};

/// What it makes of an UPDATE that a peer of this context sent.
pub(crate) fn verdict(bytes: &[u8], context: &Context) -> Verdict {
    let message = match decode_message(&mut bytes::Bytes::copy_from_slice(bytes), 4096) {
        Ok(Message::Update(message)) => message,
        Ok(other) => panic!("not an UPDATE: {other:?}"),
        Err(error) => return Verdict::reset(error),
    };
    let v4 = context.add_path_receive.contains(Family::Ipv4);
    let parsed = match message.parse_revised(true, !context.external, v4, &add_path(context.add_path_receive))
    {
        Ok(parsed) => parsed,
        Err(error) => return Verdict::reset(error),
    };
    let update = &parsed.update;
    let has_mp = update.attributes.iter().any(
        |attribute| matches!(attribute, PathAttribute::MpReachNlri(reach) if !reach.announced.is_empty()),
    );
    let has_body = !update.announced.is_empty();
    let checked =
        validate_update_attributes(&update.attributes, has_body || has_mp, has_body, context.external);
    let semantic = checked.err().map(|error| (error.disposition, format!("{error:?}")));
    let found =
        parsed.malformed.iter().map(|found| (found.disposition, format!("{found:?}"))).chain(semantic);
    let worst = found.max_by_key(|(disposition, _)| *disposition);
    let outcome = match worst.as_ref().map(|(disposition, _)| *disposition) {
        None => Outcome::Fine,
        Some(ErrorDisposition::AttributeDiscard) => Outcome::Discard,
        Some(ErrorDisposition::TreatAsWithdraw) => Outcome::Withdraw,
        Some(ErrorDisposition::SessionReset) => Outcome::Reset,
    };
    let why = worst.map(|(_, why)| why).unwrap_or_default();
    let translated = translate(update.announced.clone(), update.withdrawn.clone(), &update.attributes);
    Verdict { outcome, update: Some(translated).filter(|_| outcome < Outcome::Withdraw), why }
}

fn add_path(families: Families) -> Vec<(Afi, Safi)> {
    let afi = |family| if family == Family::Ipv4 { Afi::Ipv4 } else { Afi::Ipv6 };
    families.iter().map(|family| (afi(family), Safi::Unicast)).collect()
}

fn classic(entries: Vec<Ipv4NlriEntry>) -> Vec<Nlri> {
    let nlri = |entry: Ipv4NlriEntry| Nlri {
        prefix: Ipv4Net::new(entry.prefix.addr, entry.prefix.len).unwrap().into(),
        path_id: entry.path_id,
    };
    entries.into_iter().map(nlri).collect()
}

fn multiprotocol(entries: &[NlriEntry]) -> Vec<Nlri> {
    let prefix = |prefix: &Prefix| -> IpNet {
        match prefix {
            Prefix::V4(prefix) => Ipv4Net::new(prefix.addr, prefix.len).unwrap().into(),
            Prefix::V6(prefix) => Ipv6Net::new(prefix.addr, prefix.len).unwrap().into(),
        }
    };
    entries.iter().map(|entry| Nlri { prefix: prefix(&entry.prefix), path_id: entry.path_id }).collect()
}

fn family(afi: Afi, safi: Safi) -> Option<Family> {
    match (afi, safi) {
        (Afi::Ipv4, Safi::Unicast) => Some(Family::Ipv4),
        (Afi::Ipv6, Safi::Unicast) => Some(Family::Ipv6),
        _ => None,
    }
}

fn translate(announced: Vec<Ipv4NlriEntry>, withdrawn: Vec<Ipv4NlriEntry>, list: &[PathAttribute]) -> Update {
    let mut attributes = Attributes::default();
    let (mut next_hop, mut reach, mut unreach, mut ignored) = (None, None, None, Vec::new());
    let mut has_others = false;
    for attribute in list {
        has_others |= !matches!(attribute, PathAttribute::MpUnreachNlri(_));
        match attribute {
            PathAttribute::NextHop(address) => next_hop = Some(NextHop::V4(*address)),
            PathAttribute::MpReachNlri(found) => match family(found.afi, found.safi) {
                Some(family) => {
                    let next_hop = match found.next_hop {
                        std::net::IpAddr::V4(address) => NextHop::V4(address),
                        std::net::IpAddr::V6(global) => {
                            NextHop::V6 { global, link_local: found.link_local_next_hop }
                        }
                    };
                    reach = Some(Reach { family, next_hop, nlri: multiprotocol(&found.announced) });
                }
                None => ignored.push((found.afi as u16, found.safi as u8)),
            },
            PathAttribute::MpUnreachNlri(found) => match family(found.afi, found.safi) {
                Some(family) => unreach = Some(Unreach { family, nlri: multiprotocol(&found.withdrawn) }),
                None => ignored.insert(0, (found.afi as u16, found.safi as u8)),
            },
            other => put(&mut attributes, other),
        }
    }
    let has_attributes = has_others || !ignored.is_empty();
    let update = assemble((next_hop, classic(announced)), reach, classic(withdrawn), unreach, has_attributes);
    Update { attributes, ignored, ..update }
}

fn put(attributes: &mut Attributes, attribute: &PathAttribute) {
    match attribute {
        PathAttribute::Origin(origin) => {
            attributes.origin = Some(match origin {
                TheirOrigin::Igp => Origin::Igp,
                TheirOrigin::Egp => Origin::Egp,
                TheirOrigin::Incomplete => Origin::Incomplete,
            });
        }
        PathAttribute::AsPath(path) => {
            let segment = |segment: &AsPathSegment| match segment {
                AsPathSegment::AsSet(asns) => AsSegment { kind: SegmentKind::Set, asns: asns.clone() },
                AsPathSegment::AsSequence(asns) => {
                    AsSegment { kind: SegmentKind::Sequence, asns: asns.clone() }
                }
            };
            attributes.as_path = Some(AsPath { segments: path.segments.iter().map(segment).collect() });
        }
        PathAttribute::Aggregator(found) => {
            attributes.aggregator = Some(Aggregator { asn: found.asn, address: found.router_id });
        }
        PathAttribute::AtomicAggregate => attributes.atomic_aggregate = true,
        PathAttribute::LocalPref(preference) => attributes.local_pref = Some(*preference),
        PathAttribute::Med(med) => attributes.med = Some(*med),
        PathAttribute::Communities(found) | PathAttribute::CommunitiesPartial(found) => {
            attributes.communities = found.iter().map(|community| Community(*community)).collect();
        }
        PathAttribute::ExtendedCommunities(found) | PathAttribute::ExtendedCommunitiesPartial(found) => {
            let octets =
                |community: &rustbgpd_wire::attribute::ExtendedCommunity| community.as_u64().to_be_bytes();
            attributes.extended_communities = found.iter().map(octets).map(ExtendedCommunity).collect();
        }
        PathAttribute::LargeCommunities(found) | PathAttribute::LargeCommunitiesPartial(found) => {
            let large = |found: &rustbgpd_wire::attribute::LargeCommunity| LargeCommunity {
                global: found.global_admin,
                local1: found.local_data1,
                local2: found.local_data2,
            };
            attributes.large_communities = found.iter().map(large).collect();
        }
        PathAttribute::OriginatorId(id) => attributes.originator_id = Some(*id),
        PathAttribute::ClusterList(list) => attributes.cluster_list = list.clone(),
        PathAttribute::OnlyToCustomer(asn) | PathAttribute::OnlyToCustomerPartial(asn) => {
            attributes.only_to_customer = Some(*asn);
        }
        PathAttribute::Ipv6ExtendedCommunities(found)
        | PathAttribute::Ipv6ExtendedCommunitiesPartial(found) => {
            let value = found.iter().flat_map(|community| *community.as_bytes()).collect();
            attributes.other.push(RawAttribute { flags: attribute.flags() & 0xe0, kind: 25, value });
        }
        // Only what goes on to the next speaker.
        PathAttribute::Unknown(raw) if raw.flags & 0x40 != 0 => {
            let (flags, kind, value) = (raw.flags & 0xe0, raw.type_code, raw.data.to_vec());
            attributes.other.push(RawAttribute { flags, kind, value });
        }
        _ => {}
    }
}
