use std::collections::BTreeMap;
use std::net::IpAddr;

use guideway_abi::VIP_NONE;
use proptest::prelude::*;

use super::*;
use crate::{Ports, Protocol, VipKey};

fn key(net: &str, protocol: Protocol, ports: Ports) -> Match {
    VipKey { address: net.parse().unwrap(), protocol, ports }.into()
}

fn numbered(mut keys: Vec<Match>) -> Vec<(Match, VipRef)> {
    keys.sort_unstable();
    keys.dedup();
    (0..).zip(keys).map(|(vip, key)| (key, VipRef { vip, set: 7, flags: 0 })).collect()
}

/// By the rules, one by one.
fn by_hand(
    vips: &[(Match, VipRef)],
    pools: &[Net],
    host: &Net,
    protocol: u8,
    port: u16,
) -> Option<Option<u32>> {
    let around: Vec<&(Match, VipRef)> = vips.iter().filter(|(key, _)| key.net.contains(host)).collect();
    if around.is_empty() && !pools.iter().any(|pool| pool.contains(host)) {
        return None;
    }
    let matching = around.iter().filter(|(key, _)| key.has_port(protocol, port));
    let best = matching.min_by_key(|(key, _)| (u8::MAX - key.net.length, key.precedence()));
    Some(best.map(|(_, value)| value.vip))
}

/// As a packet is looked up.
fn by_maps(lookup: &Lookup, host: &Net, protocol: u8, port: u16) -> Option<Option<u32>> {
    let exact = entry(lookup, host, vip_key(port.to_be(), protocol, entry_kind::PORT));
    if let Some(value) = exact {
        return Some(Some(value.vip));
    }
    let ports = match entry(lookup, host, vip_key(0, 0, entry_kind::ADDRESS)) {
        Some(value) => unpacked(value),
        None => prefix(lookup, host).filter(|ports| ports.count > 0)?,
    };
    let intervals = &lookup.intervals[ports.first as usize..][..ports.count as usize];
    let at = u32::from(protocol) << 16 | u32::from(port);
    let interval = intervals.iter().rev().find(|interval| interval.start <= at);
    Some(interval.map(|interval| interval.value.vip).filter(|vip| *vip != VIP_NONE))
}

fn entry(lookup: &Lookup, host: &Net, key: u32) -> Option<VipRef> {
    let octets = host.octets();
    if host.is_v6 {
        let (address, mask) = (words_v6(octets), u32::try_from(lookup.buckets6.len() - 1).unwrap());
        let homes = home6(&lookup.key, mask, address, key).map(|home| lookup.buckets6[home as usize]);
        let mut entries = homes.into_iter().flat_map(|bucket| bucket.entries);
        entries.find(|entry| entry.address == address && entry.key == key).map(|entry| entry.value)
    } else {
        let address = u32::from_le_bytes(octets[..4].try_into().unwrap());
        let mask = u32::try_from(lookup.buckets4.len() - 1).unwrap();
        let homes = home4(&lookup.key, mask, address, key).map(|home| lookup.buckets4[home as usize]);
        let mut entries = homes.into_iter().flat_map(|bucket| bucket.entries);
        entries.find(|entry| entry.address == address && entry.key == key).map(|entry| entry.value)
    }
}

fn prefix(lookup: &Lookup, host: &Net) -> Option<AddressRef> {
    if host.is_v6 {
        let at = |prefix: &Prefix6| u128::from(prefix.start[0]) << 64 | u128::from(prefix.start[1]);
        lookup.prefixes6.iter().rev().find(|prefix| at(prefix) <= host.start).map(|prefix| prefix.value)
    } else {
        lookup
            .prefixes4
            .iter()
            .rev()
            .find(|prefix| u128::from(prefix.start) <= host.start)
            .map(|prefix| prefix.value)
    }
}

#[test]
fn the_most_specific_wins() {
    use Ports::{Any, One, Range};
    use Protocol::{Tcp, Udp};
    let vips = numbered(vec![
        key("203.0.113.0/24", Tcp, One(80)),
        key("203.0.113.0/25", Tcp, Any),
        key("203.0.113.1/32", Tcp, Range(10, 20)),
        key("203.0.113.1/32", Tcp, Range(12, 14)),
        key("203.0.113.1/32", Tcp, One(13)),
        key("203.0.113.1/32", Udp, Any),
    ]);
    let lookup = compile(&vips, &[], &Seed([1; 16])).unwrap();
    let find = |address: &str, protocol, port| {
        let vip = by_maps(&lookup, &Net::host(address.parse::<IpAddr>().unwrap()), protocol, port);
        vip.map(|vip| vip.map(|vip| (vips[vip as usize].0.first, vips[vip as usize].0.last)))
    };
    let cases = [
        ("203.0.113.1", 6, 13, Some(Some((13, 13)))),
        ("203.0.113.1", 6, 14, Some(Some((12, 14)))),
        ("203.0.113.1", 6, 15, Some(Some((10, 20)))),
        ("203.0.113.1", 6, 80, Some(Some((0, 65_535)))),
        ("203.0.113.1", 17, 80, Some(Some((0, 65_535)))),
        ("203.0.113.2", 6, 80, Some(Some((0, 65_535)))),
        ("203.0.113.2", 17, 80, Some(None)),
        ("203.0.113.200", 6, 80, Some(Some((80, 80)))),
        ("203.0.113.200", 6, 81, Some(None)),
        ("203.0.114.1", 6, 80, None),
        ("2001:db8::1", 6, 80, None),
    ];
    for (address, protocol, port, expected) in cases {
        assert_eq!(find(address, protocol, port), expected, "{address} {protocol} {port}");
    }
}

#[test]
fn equal_lists_of_ports_stand_once() {
    let one_each = |n: u32| format!("203.0.{}.{}/32", n >> 8, n & 255);
    let mut keys: Vec<Match> = (0..500).map(|n| key(&one_each(n), Protocol::Tcp, Ports::One(80))).collect();
    keys.push(key("203.0.0.0/16", Protocol::Tcp, Ports::One(443)));
    let counts = counts(&numbered(keys), &[]);
    assert_eq!(counts, Counts { intervals: 3, prefixes4: 3, prefixes6: 0 });
}

fn any_key() -> impl Strategy<Value = Match> {
    let v4 = (0_u32..4, 28_u8..=32).prop_map(|(host, length)| format!("10.0.0.{}/{length}", host * 5));
    let wide = proptest::sample::select(vec![
        "0.0.0.0/0",
        "10.0.0.8/29",
        "255.255.255.255/32",
        "255.255.255.248/29",
    ]);
    let v6 = (0_u32..4, 124_u8..=128).prop_map(|(host, length)| format!("2001:db8::{}/{length}", host * 5));
    let wide6 = proptest::sample::select(vec!["::/0", "::ffff:10.0.0.0/124", "ffff::/16"]);
    let net =
        prop_oneof![4 => v4, 1 => wide.prop_map(str::to_owned), 2 => v6, 1 => wide6.prop_map(str::to_owned)];
    let ports = prop_oneof![
        (0_u16..12).prop_map(Ports::One),
        (0_u16..12, 0_u16..6).prop_map(|(first, more)| Ports::Range(first, first + more)),
        Just(Ports::Range(60_000, 65_535)),
        Just(Ports::Any),
    ];
    (net, any::<bool>(), ports)
        .prop_map(|(net, udp, ports)| key(&net, if udp { Protocol::Udp } else { Protocol::Tcp }, ports))
}

proptest! {
    #[test]
    fn as_by_hand(
        keys in proptest::collection::vec(any_key(), 0..30),
        pools in proptest::collection::vec(any_key(), 0..4),
        seed: [u8; 16],
    ) {
        let vips = numbered(keys);
        let mut pools: Vec<Net> = pools.into_iter().map(|key| key.net).collect();
        pools.sort_unstable();
        pools.dedup();
        let lookup = compile(&vips, &pools, &Seed(seed)).unwrap();
        let hosts = (0..32_u32).map(|host| format!("10.0.0.{host}"))
            .chain((0..32_u32).map(|host| format!("2001:db8::{host:x}")))
            .chain(["255.255.255.255", "255.255.255.249", "11.0.0.1", "ffff:ffff::1", "0.0.0.0"].map(str::to_owned));
        for host in hosts {
            let host = Net::host(host.parse().unwrap());
            for protocol in [6, 17] {
                for port in (0..20).chain([59_999, 60_000, 65_535]) {
                    prop_assert_eq!(
                        by_maps(&lookup, &host, protocol, port),
                        by_hand(&vips, &pools, &host, protocol, port),
                        "{:?} {} {}", host, protocol, port
                    );
                }
            }
        }
        let mut sorted = lookup.prefixes4.iter().map(|prefix| prefix.start);
        prop_assert!(sorted.clone().is_sorted_by(|a, b| a < b) && sorted.next().is_none_or(|first| first == 0));
        let counts = counts(&vips, &pools);
        prop_assert!(lookup.intervals.len() <= counts.intervals);
    }
}

#[test]
fn a_hundred_thousand_vips_have_their_places() {
    let keys: Vec<Match> = (0..100_000_u32)
        .map(|n| {
            let port = Ports::One(u16::try_from(n % 10 + 1).unwrap());
            let net = match n % 3 {
                0 => format!("2001:db8::{:x}:{:x}/128", n >> 16, n & 0xffff),
                _ => format!("10.{}.{}.{}/32", n >> 16, n >> 8 & 255, n & 255),
            };
            key(&net, Protocol::Tcp, port)
        })
        .collect();
    let vips = numbered(keys);
    let lookup = compile(&vips, &[], &Seed([3; 16])).unwrap();
    let by_key: BTreeMap<Match, u32> = vips.iter().map(|(key, value)| (*key, value.vip)).collect();
    for (key, vip) in by_key {
        assert_eq!(by_maps(&lookup, &key.net, key.protocol, key.first), Some(Some(vip)));
    }
}
