//! Many prefixes into few messages.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::{
    AsPath, Attributes, Context, EncodeError, Families, Family, MAX_MESSAGE_LEN, Message, NextHop, Nlri,
    Origin, pack_reach, pack_unreach,
};

fn attributes() -> Attributes {
    Attributes {
        origin: Some(Origin::Igp),
        as_path: Some(AsPath::originated_by(4_200_000_001)),
        ..Attributes::default()
    }
}

fn v4(count: u32) -> Vec<Nlri> {
    let prefix = |n| Ipv4Net::new(Ipv4Addr::from(0x0a00_0000 + n), 32).unwrap();
    (0..count).map(|n| Nlri { prefix: prefix(n).into(), path_id: 0 }).collect()
}

fn v6(count: u32) -> Vec<Nlri> {
    let prefix = |n: u32| Ipv6Net::new(Ipv6Addr::from((0x2001_0db8 << 96) + u128::from(n)), 128).unwrap();
    (0..count).map(|n| Nlri { prefix: prefix(n).into(), path_id: 0 }).collect()
}

const V6: NextHop = NextHop::V6 { global: Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1), link_local: None };

/// All messages for `nlri`, which are read again.
fn all(family: Family, next_hop: Option<NextHop>, nlri: &[Nlri], context: &Context) -> usize {
    let (mut rest, mut messages, mut seen) = (nlri, 0, Vec::new());
    while !rest.is_empty() {
        let packed = match next_hop {
            Some(next_hop) => pack_reach(next_hop, family, &attributes(), rest, context),
            None => pack_unreach(family, rest, context),
        };
        let (bytes, count) = packed.unwrap();
        // Full: one more would have been too much.
        let room = MAX_MESSAGE_LEN - bytes.len();
        assert!(rest.len() == count || room < 4 + 17, "{room} octets were left");
        rest = &rest[count..];
        messages += 1;
        let Message::Update(update) = Message::decode(&bytes, &context.mirrored()).unwrap() else {
            panic!("not an UPDATE")
        };
        assert!(update.reach.iter().all(|reach| Some(reach.next_hop) == next_hop));
        assert!(update.faults.is_empty());
        seen.extend(update.reach.into_iter().flat_map(|reach| reach.nlri));
        seen.extend(update.unreach.into_iter().flat_map(|unreach| unreach.nlri));
    }
    assert_eq!(seen, nlri);
    messages
}

#[test]
fn ten_thousand_prefixes_take_thirteen_messages() {
    let plain = Context::default();
    let add_path = Context { add_path_send: Families::ALL, ..plain };
    let over_v6 = Context { extended_next_hop: true, ..plain };
    let hop = NextHop::V4(Ipv4Addr::new(10, 0, 0, 1));
    assert_eq!(all(Family::Ipv4, Some(hop), &v4(10_000), &plain), 13);
    assert_eq!(all(Family::Ipv4, Some(V6), &v4(10_000), &over_v6), 13);
    assert_eq!(all(Family::Ipv4, None, &v4(10_000), &plain), 13);
    assert_eq!(all(Family::Ipv4, Some(hop), &v4(10_000), &add_path), 23);
    assert_eq!(all(Family::Ipv6, Some(V6), &v6(10_000), &plain), 43);
    assert_eq!(all(Family::Ipv6, None, &v6(10_000), &plain), 42);
    assert_eq!(all(Family::Ipv6, None, &v6(10_000), &add_path), 52);
}

#[test]
fn what_cannot_be_packed_is_refused() {
    let context = Context::default();
    let hop = NextHop::V4(Ipv4Addr::new(10, 0, 0, 1));
    let refused = |next_hop, family, nlri: &[Nlri]| {
        pack_reach(next_hop, family, &attributes(), nlri, &context).unwrap_err()
    };
    assert_eq!(
        refused(hop, Family::Ipv6, &v6(1)),
        EncodeError::NextHop { family: Family::Ipv6, next_hop: hop }
    );
    assert_eq!(
        refused(V6, Family::Ipv4, &v4(1)),
        EncodeError::NextHop { family: Family::Ipv4, next_hop: V6 }
    );
    let wrong = EncodeError::WrongFamily { family: Family::Ipv4, nlri: v6(1)[0] };
    assert_eq!(refused(hop, Family::Ipv4, &v6(1)), wrong);
    assert_eq!(pack_unreach(Family::Ipv4, &v6(1), &context), Err(wrong));
    assert_eq!(refused(hop, Family::Ipv4, &[]), EncodeError::Nothing);
    assert_eq!(pack_unreach(Family::Ipv6, &[], &context), Err(EncodeError::Nothing));
    let huge = Attributes { communities: vec![crate::Community(1); 1100], ..attributes() };
    let refused = pack_reach(hop, Family::Ipv4, &huge, &v4(1), &context);
    assert!(matches!(refused, Err(EncodeError::TooLong(_))), "{refused:?}");
    let default = Nlri::new("0.0.0.0/0".parse::<IpNet>().unwrap());
    let (bytes, count) = pack_unreach(Family::Ipv4, &[default; 5000], &context).unwrap();
    assert_eq!((bytes.len(), count), (4096, 4096 - 23));
}
