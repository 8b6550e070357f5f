//! RFC 4271 section 9.1.2.2, step by step.

use std::net::Ipv4Addr;
use std::sync::Arc;

use guideway_bgp_wire::{AsPath, AsSegment, Attributes, Community, Origin, SegmentKind};
use proptest::prelude::*;

use super::{address, attributes, id};
use crate::Route;
use crate::loc::{Candidate, SourceKind, decide};

fn candidate(n: u8, change: impl FnOnce(&mut Candidate, &mut Attributes)) -> Candidate {
    let mut made = attributes(n);
    let mut candidate = Candidate {
        speaker: id(n),
        address: address(n),
        kind: SourceKind::External,
        route: Arc::new(Route {
            next_hop: Ipv4Addr::new(10, 1, n, 2).into(),
            attributes: Attributes::default(),
        }),
        long_lived: false,
    };
    change(&mut candidate, &mut made);
    Candidate { route: Arc::new(Route { next_hop: candidate.route.next_hop, attributes: made }), ..candidate }
}

fn sequence(asns: &[u32]) -> Option<AsPath> {
    Some(AsPath { segments: vec![AsSegment { kind: SegmentKind::Sequence, asns: asns.to_vec() }] })
}

#[test]
fn each_step_decides() {
    type Make = fn(&mut Candidate, &mut Attributes);
    // The worse one has the lower identifier, so that the tie-break would choose it; how many are as good as the best?
    let table: [(&str, Make, Make, usize); 13] = [
        ("long-lived stale", |c, _| c.long_lived = true, |_, _| {}, 1),
        (
            "local preference",
            |c, a| (c.kind, a.local_pref) = (SourceKind::Client, Some(100)),
            |c, a| (c.kind, a.local_pref) = (SourceKind::Client, Some(200)),
            1,
        ),
        ("that of an external path means nothing", |_, _| {}, |_, a| a.local_pref = Some(500), 2),
        ("graceful shutdown", |_, a| a.communities = vec![Community::GRACEFUL_SHUTDOWN], |_, _| {}, 1),
        ("length", |_, a| a.as_path = sequence(&[1, 2]), |_, a| a.as_path = sequence(&[3]), 1),
        (
            "a set is one hop",
            |_, a| a.as_path = sequence(&[1, 2, 3]),
            |_, a| {
                let set = AsSegment { kind: SegmentKind::Set, asns: vec![5, 6, 7] };
                let first = AsSegment { kind: SegmentKind::Sequence, asns: vec![4] };
                a.as_path = Some(AsPath { segments: vec![first, set] });
            },
            1,
        ),
        ("origin", |_, a| a.origin = Some(Origin::Egp), |_, a| a.origin = Some(Origin::Igp), 1),
        ("no origin", |_, a| a.origin = None, |_, a| a.origin = Some(Origin::Egp), 1),
        (
            "MED of one AS",
            |_, a| (a.as_path, a.med) = (sequence(&[1]), Some(5)),
            |_, a| (a.as_path, a.med) = (sequence(&[1]), None),
            1,
        ),
        ("MEDs of two ASes", |_, a| a.med = Some(5), |_, a| a.med = Some(9), 2),
        (
            "external before internal",
            |c, a| (c.kind, a.as_path) = (SourceKind::Client, sequence(&[1])),
            |_, _| {},
            1,
        ),
        ("originator", |_, a| a.originator_id = Some(Ipv4Addr::new(10, 255, 1, 9)), |_, _| {}, 2),
        (
            "cluster list",
            |_, a| {
                a.originator_id = Some(Ipv4Addr::new(9, 9, 9, 9));
                a.cluster_list = vec![Ipv4Addr::new(1, 1, 1, 1)];
            },
            |_, a| a.originator_id = Some(Ipv4Addr::new(9, 9, 9, 9)),
            2,
        ),
    ];
    for (what, worse, better, ways) in table {
        let mut candidates = vec![candidate(1, worse), candidate(2, better)];
        // Where nothing decides, the lower identifier does.
        let tie = ways == 2 && !matches!(what, "originator" | "cluster list");
        let best = if tie { id(1) } else { id(2) };
        for _ in 0..2 {
            let decision = decide(&candidates, 100).unwrap();
            assert_eq!(candidates[decision.best].speaker, best, "{what}");
            assert_eq!(decision.multipath.len(), ways, "{what}");
            assert!(decision.multipath.contains(&decision.best), "{what}");
            candidates.reverse();
        }
    }
    assert_eq!(decide(&[], 100), None);
}

/// The MED rule makes preference depend on the whole set: the naive comparison of pairs is no order.
#[test]
fn med_does_not_depend_on_the_order() {
    let of = |n, neighbour, med, origin| {
        candidate(n, |_, a| {
            (a.as_path, a.med, a.origin) = (sequence(&[neighbour]), Some(med), Some(origin));
        })
    };
    let candidates = [of(3, 100, 10, Origin::Igp), of(1, 100, 20, Origin::Igp), of(2, 200, 30, Origin::Igp)];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let shuffled: Vec<_> = order.iter().map(|at: &usize| candidates[*at].clone()).collect();
        let decision = decide(&shuffled, 100).unwrap();
        assert_eq!(shuffled[decision.best].speaker, id(2));
        let mut ways: Vec<_> = decision.multipath.iter().map(|at| shuffled[*at].speaker).collect();
        ways.sort();
        assert_eq!(ways, [id(2), id(3)]);
    }
}

fn any_candidate(n: u8) -> impl Strategy<Value = Candidate> {
    let path = proptest::collection::vec(1u32..4, 0..3);
    (any::<bool>(), 0..3u8, proptest::option::of(0..2u32), proptest::option::of(0..3u32), 0..3u8, path)
        .prop_map(move |(long_lived, kind, local_pref, med, origin, path)| {
            candidate(n, |c, a| {
                c.long_lived = long_lived;
                c.kind = [SourceKind::External, SourceKind::Client, SourceKind::NonClient][usize::from(kind)];
                a.local_pref = local_pref;
                a.med = med;
                a.origin = Some([Origin::Igp, Origin::Egp, Origin::Incomplete][usize::from(origin)]);
                a.as_path = if path.is_empty() { Some(AsPath::default()) } else { sequence(&path) };
            })
        })
}

proptest! {
    #[test]
    fn the_order_of_candidates_decides_nothing(
        candidates in (any_candidate(1), any_candidate(2), any_candidate(3), any_candidate(4), any_candidate(5)),
        shift in 0..5usize,
    ) {
        let (a, b, c, d, e) = candidates;
        let candidates = vec![a, b, c, d, e];
        let mut shuffled = candidates.clone();
        shuffled.rotate_left(shift);
        shuffled.swap(0, 2);
        let speakers = |from: &[Candidate]| {
            let decision = decide(from, 100).unwrap();
            let mut ways: Vec<_> = decision.multipath.iter().map(|at| from[*at].speaker).collect();
            ways.sort();
            (from[decision.best].speaker, ways)
        };
        prop_assert_eq!(speakers(&candidates), speakers(&shuffled));
    }
}
