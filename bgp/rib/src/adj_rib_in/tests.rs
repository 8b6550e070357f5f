use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use guideway_bgp_wire::{Attributes, Community, NextHop};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const LIMIT: AdjRibInLimit = AdjRibInLimit { paths: 5, octets: 2_000 };

fn nlri(number: u8) -> Nlri {
    let prefix = match number % 2 {
        0 => ipnet::IpNet::new([10, 0, 0, number].into(), 32).unwrap(),
        _ => format!("2001:db8::{number:x}/128").parse().unwrap(),
    };
    Nlri::new(prefix)
}

/// The kind of a route says how long it is, too.
fn route(kind: u8) -> Arc<Route> {
    let communities = (0..u32::from(kind) * 10).map(Community).collect();
    let attributes = Attributes { communities, ..Attributes::default() };
    Arc::new(Route { next_hop: NextHop::V4([192, 0, 2, kind].into()), attributes })
}

#[test]
fn too_many_are_refused_and_counts_are_by_family() {
    let mut table = AdjRibIn::new(LIMIT);
    for number in 0..20 {
        let result = table.insert(nlri(number), route(0), UNIX_EPOCH);
        assert_eq!(result, if number < 10 { Ok(Inserted::New) } else { Err(Full::Paths(5)) });
    }
    assert_eq!((table.count(Family::Ipv4), table.count(Family::Ipv6)), (5, 5));
    assert_eq!(Full::Paths(5).to_string(), "the peer announces more than 5 prefixes of one family");
    // What is there can change.
    assert_eq!(table.insert(nlri(0), route(1), UNIX_EPOCH), Ok(Inserted::Replaced));
    assert_eq!(table.insert(nlri(0), route(1), UNIX_EPOCH), Ok(Inserted::Same));
    assert_eq!(table.insert(nlri(0), route(60), UNIX_EPOCH), Err(Full::Octets(2_000)));
    assert_eq!(table.get(&nlri(0)), None, "the earlier one is not true any more");
}

#[test]
fn what_is_not_said_again_is_swept() {
    let mut table = AdjRibIn::new(LIMIT);
    for number in [0, 2, 4, 1] {
        table.insert(nlri(number), route(0), UNIX_EPOCH).unwrap();
    }
    table.mark_stale(Family::Ipv4);
    let later = UNIX_EPOCH + Duration::from_secs(1);
    assert_eq!(table.insert(nlri(0), route(0), later), Ok(Inserted::Same));
    assert_eq!(table.insert(nlri(2), route(1), later), Ok(Inserted::Replaced));
    assert_eq!((table.stale(Family::Ipv4), table.stale(Family::Ipv6)), (1, 0));
    assert_eq!(table.sweep(Family::Ipv4), [nlri(4)]);
    assert_eq!(table.get(&nlri(0)).unwrap().since, UNIX_EPOCH, "it did not change");
    assert_eq!(table.get(&nlri(2)).unwrap().since, later);
    let order: Vec<Nlri> = table.iter().map(|(nlri, _)| *nlri).collect();
    assert_eq!(order, [nlri(0), nlri(2), nlri(1)]);
}

#[derive(Debug, Clone)]
enum Op {
    Insert(u8, u8),
    Withdraw(u8),
    MarkStale(Family),
    Sweep(Family),
    Clear,
}

fn op() -> impl Strategy<Value = Op> {
    let family = || prop::sample::select(&Family::ALL[..]);
    prop_oneof![
        8 => (0..20u8, 0..6u8).prop_map(|(number, kind)| Op::Insert(number, kind)),
        4 => (0..20u8).prop_map(Op::Withdraw),
        1 => family().prop_map(Op::MarkStale),
        1 => family().prop_map(Op::Sweep),
        1 => Just(Op::Clear),
    ]
}

proptest! {
    #[test]
    fn counts_are_true_and_limits_hold(ops in vec(op(), 0..100)) {
        let mut table = AdjRibIn::new(LIMIT);
        let mut model: BTreeMap<Nlri, (Arc<Route>, bool)> = BTreeMap::new();
        for op in ops {
            match op {
                Op::Insert(number, kind) => match table.insert(nlri(number), route(kind), UNIX_EPOCH) {
                    Ok(inserted) => {
                        let before = model.insert(nlri(number), (route(kind), false));
                        prop_assert_eq!(inserted, match before {
                            None => Inserted::New,
                            Some((before, _)) if before == route(kind) => Inserted::Same,
                            Some(_) => Inserted::Replaced,
                        });
                    }
                    Err(_) => {
                        model.remove(&nlri(number));
                    }
                },
                Op::Withdraw(number) => {
                    prop_assert_eq!(table.withdraw(&nlri(number)), model.remove(&nlri(number)).is_some());
                }
                Op::MarkStale(family) => {
                    table.mark_stale(family);
                    let of_family = model.iter_mut().filter(|(nlri, _)| nlri.family() == family);
                    of_family.for_each(|(_, (_, stale))| *stale = true);
                }
                Op::Sweep(family) => {
                    let is_swept = |nlri: &Nlri, stale: bool| nlri.family() == family && stale;
                    let swept: Vec<Nlri> = model.iter()
                        .filter(|(nlri, (_, stale))| is_swept(nlri, *stale)).map(|(nlri, _)| *nlri).collect();
                    prop_assert_eq!(table.sweep(family), swept);
                    model.retain(|nlri, (_, stale)| !is_swept(nlri, *stale));
                }
                Op::Clear => {
                    table.clear();
                    model.clear();
                }
            }
            for family in Family::ALL {
                let of_family = || model.iter().filter(|(nlri, _)| nlri.family() == family);
                prop_assert_eq!(table.count(family), of_family().count());
                prop_assert_eq!(table.stale(family), of_family().filter(|(_, (_, stale))| *stale).count());
                prop_assert!(table.count(family) <= LIMIT.paths);
                prop_assert!(table.family(family).map(|(nlri, path)| (*nlri, path.route.clone()))
                    .eq(of_family().map(|(nlri, (route, _))| (*nlri, route.clone()))));
            }
            let different: std::collections::HashSet<_> = model.values().map(|(route, _)| route.clone()).collect();
            prop_assert_eq!(table.octets, different.iter().map(|route| route.octets()).sum::<usize>());
            prop_assert!(table.octets <= LIMIT.octets);
        }
    }
}
