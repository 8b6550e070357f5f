//! netgauze-bgp-pkt, which takes or refuses a message.

use std::collections::HashMap;
use std::net::IpAddr;

use guideway_bgp_wire::{
    Aggregator, AsPath, AsSegment, Attributes, Community, Context, ExtendedCommunity, Family, LargeCommunity,
    NextHop, Nlri, Origin, RawAttribute, Reach, SegmentKind, Unreach, Update,
};
use netgauze_bgp_pkt::BgpMessage;
use netgauze_bgp_pkt::nlri::{Ipv4UnicastAddress, Ipv6UnicastAddress};
use netgauze_bgp_pkt::path_attribute::{
    Aggregator as TheirAggregator, AsPath as TheirPath, AsPathSegmentType, MpReach, MpUnreach,
    Origin as TheirOrigin, PathAttribute, PathAttributeValue as Value,
};
use netgauze_bgp_pkt::update::BgpUpdateMessage;
use netgauze_bgp_pkt::wire::deserializer::BgpParsingContext;
use netgauze_iana::address_family::AddressType;
use netgauze_parse_utils::WritablePdu;
use netgauze_parse_utils::reader::SliceReader;
use netgauze_parse_utils::traits::ParseFromWithOneInput;

use super::{Outcome, Verdict, assemble};

/// What it makes of an UPDATE that a peer of this context sent.
pub(crate) fn verdict(bytes: &[u8], context: &Context) -> Verdict {
    let add_path: HashMap<AddressType, bool> = context
        .add_path_receive
        .iter()
        .map(|family| match family {
            Family::Ipv4 => (AddressType::Ipv4Unicast, true),
            Family::Ipv6 => (AddressType::Ipv6Unicast, true),
        })
        .collect();
    let mut theirs = BgpParsingContext::new(true, HashMap::new(), add_path, false, false, true, true);
    match BgpMessage::parse(&mut SliceReader::new(bytes), &mut theirs) {
        Ok(BgpMessage::Update(update)) => {
            Verdict { outcome: Outcome::Fine, update: Some(translate(&update)), why: String::new() }
        }
        Ok(other) => panic!("not an UPDATE: {other:?}"),
        Err(error) => Verdict::reset(error),
    }
}

fn v4(list: &[Ipv4UnicastAddress]) -> Vec<Nlri> {
    let nlri = |found: &Ipv4UnicastAddress| Nlri {
        prefix: found.network().address().trunc().into(),
        path_id: found.path_id().unwrap_or_default(),
    };
    list.iter().map(nlri).collect()
}

fn v6(list: &[Ipv6UnicastAddress]) -> Vec<Nlri> {
    let nlri = |found: &Ipv6UnicastAddress| Nlri {
        prefix: found.network().address().trunc().into(),
        path_id: found.path_id().unwrap_or_default(),
    };
    list.iter().map(nlri).collect()
}

fn translate(message: &BgpUpdateMessage) -> Update {
    let mut attributes = Attributes::default();
    let (mut next_hop, mut reach, mut unreach, mut ignored) = (None, None, None, Vec::new());
    let mut has_others = false;
    for attribute in message.path_attributes() {
        has_others |= !matches!(attribute.value(), Value::MpUnreach(_));
        match attribute.value() {
            Value::NextHop(found) => next_hop = Some(NextHop::V4(found.next_hop())),
            Value::MpReach(MpReach::Ipv4Unicast { next_hop, next_hop_local, nlri }) => {
                let next_hop = match next_hop {
                    IpAddr::V4(address) => NextHop::V4(*address),
                    IpAddr::V6(global) => NextHop::V6 { global: *global, link_local: *next_hop_local },
                };
                reach = Some(Reach { family: Family::Ipv4, next_hop, nlri: v4(nlri) });
            }
            Value::MpReach(MpReach::Ipv6Unicast { next_hop_global, next_hop_local, nlri }) => {
                let next_hop = NextHop::V6 { global: *next_hop_global, link_local: *next_hop_local };
                reach = Some(Reach { family: Family::Ipv6, next_hop, nlri: v6(nlri) });
            }
            Value::MpUnreach(MpUnreach::Ipv4Unicast { nlri }) => {
                unreach = Some(Unreach { family: Family::Ipv4, nlri: v4(nlri) });
            }
            Value::MpUnreach(MpUnreach::Ipv6Unicast { nlri }) => {
                unreach = Some(Unreach { family: Family::Ipv6, nlri: v6(nlri) });
            }
            Value::MpReach(_) | Value::MpUnreach(_) => ignored.push((0, 0)),
            _ => put(&mut attributes, attribute),
        }
    }
    let has_attributes = has_others || !ignored.is_empty();
    let classic = (next_hop, v4(message.nlri()));
    let update = assemble(classic, reach, v4(message.withdraw_routes()), unreach, has_attributes);
    Update { attributes, ignored, ..update }
}

fn put(attributes: &mut Attributes, attribute: &PathAttribute) {
    let class = |attribute: &PathAttribute| {
        u8::from(attribute.optional()) << 7
            | u8::from(attribute.transitive()) << 6
            | u8::from(attribute.partial()) << 5
    };
    match attribute.value() {
        Value::Origin(origin) => {
            attributes.origin = Some(match origin {
                TheirOrigin::IGP => Origin::Igp,
                TheirOrigin::EGP => Origin::Egp,
                TheirOrigin::Incomplete => Origin::Incomplete,
            });
        }
        Value::AsPath(TheirPath::As4PathSegments(segments)) => {
            let segments = segments.iter().map(|segment| AsSegment {
                kind: match segment.segment_type() {
                    AsPathSegmentType::AsSet => SegmentKind::Set,
                    AsPathSegmentType::AsSequence => SegmentKind::Sequence,
                },
                asns: segment.as_numbers().to_vec(),
            });
            attributes.as_path = Some(AsPath { segments: segments.collect() });
        }
        Value::MultiExitDiscriminator(med) => attributes.med = Some(med.metric()),
        Value::LocalPreference(preference) => attributes.local_pref = Some(preference.metric()),
        Value::AtomicAggregate(_) => attributes.atomic_aggregate = true,
        Value::Aggregator(TheirAggregator::As4Aggregator(found)) => {
            attributes.aggregator = Some(Aggregator { asn: *found.asn(), address: found.origin() });
        }
        Value::Communities(found) => {
            attributes.communities =
                found.communities().iter().map(|found| Community(found.value())).collect();
        }
        Value::ExtendedCommunities(found) => {
            let octets = |community: &netgauze_bgp_pkt::community::ExtendedCommunity| {
                let mut octets = Vec::new();
                community.write(&mut octets).unwrap();
                ExtendedCommunity(octets.try_into().unwrap())
            };
            attributes.extended_communities = found.communities().iter().map(octets).collect();
        }
        Value::ExtendedCommunitiesIpv6(found) => {
            let mut value = Vec::new();
            for community in found.communities() {
                community.write(&mut value).unwrap();
            }
            attributes.other.push(RawAttribute { flags: class(attribute), kind: 25, value });
        }
        Value::LargeCommunities(found) => {
            let large = |found: &netgauze_bgp_pkt::community::LargeCommunity| LargeCommunity {
                global: found.global_admin(),
                local1: found.local_data1(),
                local2: found.local_data2(),
            };
            let all: Vec<LargeCommunity> = found.communities().iter().map(large).collect();
            // It leaves RFC 8092 section 3 to its user.
            for community in all {
                if !attributes.large_communities.contains(&community) {
                    attributes.large_communities.push(community);
                }
            }
        }
        Value::Originator(id) => attributes.originator_id = Some(id.id()),
        Value::ClusterList(list) => {
            attributes.cluster_list =
                list.cluster_list().iter().map(netgauze_bgp_pkt::path_attribute::ClusterId::id).collect();
        }
        Value::OnlyToCustomer(found) => attributes.only_to_customer = Some(found.asn()),
        Value::UnknownAttribute(found) if attribute.transitive() => {
            let (flags, kind, value) = (class(attribute), found.code(), found.value().to_vec());
            attributes.other.push(RawAttribute { flags, kind, value });
        }
        _ => {}
    }
}
