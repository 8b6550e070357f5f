//! Small pools and few names, so that everything gets into each other's way.

use proptest::prelude::*;

use super::*;

fn pools() -> impl Strategy<Value = Vec<Pool>> {
    let one = (0_usize..3, 0_u8..6, 0_u8..6, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(name, first, length, auto, avoid, admission)| Pool {
            name: ["a", "b", "c"][name].into(),
            made: String::new(),
            ranges: vec![
                format!("10.0.0.{first}-10.0.0.{}", first + length).parse().unwrap(),
                format!("2001:db8::{first}-2001:db8::{}", first + length / 2).parse().unwrap(),
            ],
            auto_assign: if auto { AutoAssign::Yes } else { AutoAssign::No },
            buggy: if avoid { BuggyAddresses::Avoid } else { BuggyAddresses::Give },
            admission: admission.then(|| Admission {
                priority: length.into(),
                namespaces: vec!["n0".into()],
                ..Admission::default()
            }),
        },
    );
    proptest::collection::vec(one, 1..4)
}

fn address() -> impl Strategy<Value = IpAddr> {
    (any::<bool>(), 0_u8..12)
        .prop_map(|(v4, n)| if v4 { at(&format!("10.0.0.{n}")) } else { at(&format!("2001:db8::{n}")) })
}

fn owner() -> impl Strategy<Value = ServiceKey> {
    (0_u8..2, 0_u8..2, 0_u8..4).prop_map(|(cluster, namespace, name)| {
        ServiceKey::new(format!("c{cluster}"), format!("n{namespace}"), format!("s{name}"))
    })
}

fn claim() -> impl Strategy<Value = Claim> {
    let family = prop_oneof![Just(Family::V4), Just(Family::V6)];
    let families = (0_u8..3, family).prop_map(|(kind, family)| match kind {
        0 => Families::Single(family),
        1 => Families::Prefer(family),
        _ => Families::Require(family),
    });
    let port = prop_oneof![
        (1_u16..4).prop_map(Ports::One),
        (1_u16..4).prop_map(|first| Ports::Range(first, first + 2)),
    ];
    (
        owner(),
        families,
        prop_oneof![3 => Just(Vec::new()), 1 => proptest::collection::vec(address(), 1..3)],
        proptest::option::weighted(0.2, prop_oneof![Just("a"), Just("b"), Just("z")]),
        proptest::option::of(prop_oneof![Just("k"), Just("l")]),
        proptest::option::weighted(0.3, Just("app=x".to_owned())),
        proptest::collection::vec(port, 1..3),
        prop_oneof![2 => Just(Vec::new()), 1 => proptest::collection::vec(address(), 1..3)],
        any::<bool>(),
    )
        .prop_map(
            |(owner, families, requested, pool, sharing, local_backends, ports, recorded, ours)| Claim {
                requested,
                requested_pool: pool.map(Into::into),
                sharing_key: sharing.map(ToOwned::to_owned),
                local_backends,
                ports: ports.into_iter().map(|ports| (Protocol::Tcp, ports)).collect(),
                recorded,
                recorded_by: if ours { RecordedBy::Us } else { RecordedBy::Others },
                ..Claim::new(owner, families)
            },
        )
}

/// One claim of each Service.
fn claims() -> impl Strategy<Value = Vec<Claim>> {
    proptest::collection::vec(claim(), 1..12).prop_map(|claims| {
        let once: BTreeMap<ServiceKey, Claim> =
            claims.into_iter().map(|claim| (claim.owner.clone(), claim)).collect();
        once.into_values().collect()
    })
}

fn by(owner: ServiceKey, served: bool) -> ReservedBy {
    if served { ReservedBy::Service(owner) } else { ReservedBy::Cluster(owner.cluster) }
}

/// Claims with at most one record of each family, no two of the same age.
fn recording() -> impl Strategy<Value = Vec<Claim>> {
    let one = (0_u8..8, proptest::option::of(0_u8..4), proptest::option::of(0_u8..4), 0_i64..3);
    proptest::collection::vec(one, 1..10).prop_map(|all| {
        let claim = |(name, v4, v6, created): (u8, Option<u8>, Option<u8>, i64)| {
            let owner = ServiceKey::new("c", "n", format!("s{name}"));
            let uid = format!("{}", 7 - name).as_str().into();
            let v4 = v4.map(|n| at(&format!("10.0.0.{n}")));
            let v6 = v6.map(|n| at(&format!("2001:db8::{n}")));
            let recorded = v4.into_iter().chain(v6).collect();
            let since = Age { created, uid };
            let claim = Claim { since, recorded, ..Claim::new(owner.clone(), Families::Prefer(Family::V4)) };
            (owner, claim)
        };
        all.into_iter().map(claim).collect::<BTreeMap<_, _>>().into_values().collect()
    })
}

/// Gives records one after the other, and again to those who were displaced.
fn one_by_one(claims: &[Claim]) -> BTreeMap<ServiceKey, Vec<IpAddr>> {
    let mut ipam = Ipam::new();
    let mut waiting: Vec<&Claim> = claims.iter().rev().collect();
    for _ in 0..1000 {
        let Some(claim) = waiting.pop() else { break };
        ipam.restore(claim);
        let displaced = ipam.displaced();
        waiting.extend(claims.iter().filter(|claim| displaced.contains(&claim.owner)));
    }
    assert!(waiting.is_empty(), "somebody is displaced for ever");
    let held = |claim: &Claim| {
        let mut held = ipam.held_by(&claim.owner).to_vec();
        held.sort();
        (claim.owner.clone(), held)
    };
    claims.iter().map(held).collect()
}

proptest! {
    /// Who has an address that several record does not depend on who came first: it is the oldest.
    #[test]
    fn the_oldest_record_counts(claims in recording(), order in any::<proptest::sample::Index>()) {
        let expected = one_by_one(&claims);
        let mut turned = claims.clone();
        turned.rotate_left(order.index(claims.len()));
        prop_assert_eq!(&one_by_one(&turned), &expected);
        turned.reverse();
        prop_assert_eq!(&one_by_one(&turned), &expected);
        let mut at_once = Ipam::new();
        let _answers = at_once.claim_all(&claims);
        prop_assert!(at_once.displaced().is_empty(), "nobody takes what is lost at once");
        let mut by_age: Vec<&Claim> = claims.iter().collect();
        by_age.sort_by_key(|claim| (&claim.since, &claim.owner));
        let mut taken = BTreeSet::new();
        for claim in by_age {
            let mut own: Vec<IpAddr> =
                claim.recorded.iter().copied().filter(|address| taken.insert(*address)).collect();
            own.sort();
            prop_assert_eq!(&expected[&claim.owner], &own);
        }
    }
}

/// No two owners of one (address, protocol, port), two of one address only on the same terms, and what is held is neither
/// free nor leaving. What is reserved is not free.
fn check(ipam: &Ipam, claims: &BTreeMap<ServiceKey, Claim>) {
    let mut seen: BTreeMap<IpAddr, Vec<&Claim>> = BTreeMap::new();
    for (owner, claim) in claims {
        for address in ipam.held_by(owner) {
            seen.entry(*address).or_default().push(claim);
        }
    }
    for (address, holders) in &seen {
        assert!(!ipam.leaving.contains_key(address));
        for (at, one) in holders.iter().enumerate() {
            for other in &holders[at + 1..] {
                assert!(one.sharing_key.is_some());
                assert_eq!(one.sharing_key, other.sharing_key);
                assert_eq!(one.local_backends, other.local_backends);
                assert_eq!(one.owner.cluster, other.owner.cluster);
                for (_, a) in &one.ports {
                    for (_, b) in &other.ports {
                        let ((a, b), (c, d)) = (a.bounds(), b.bounds());
                        assert!(b < c || d < a, "{} and {} have a port in common", one.owner, other.owner);
                    }
                }
            }
        }
    }
    assert_eq!(seen.keys().collect::<Vec<_>>(), ipam.held.keys().collect::<Vec<_>>());
    // Everything that a pool gives is free, held, leaving or reserved.
    for used in ipam.usage() {
        let mut rest = ipam.pools.clone();
        let pool = rest.named(&used.name).unwrap().clone();
        let mut free = 0;
        while let Some(address) = rest.first_free(&pool, used.family) {
            assert!(!seen.contains_key(&address) && !ipam.leaving.contains_key(&address));
            assert!(!ipam.reserved.contains_key(&address));
            rest.take(address);
            free += 1;
        }
        let given = |address: &&IpAddr| {
            Family::of(**address) == used.family
                && ipam.pools.of(**address).is_some_and(|found| found.name == pool.name)
                && !ipam.pools.avoids(&pool, **address)
        };
        let taken: BTreeSet<&IpAddr> =
            seen.keys().chain(ipam.leaving.keys()).chain(ipam.reserved.keys()).filter(given).collect();
        assert_eq!(used.capacity, (free + taken.len()) as u128);
    }
}

fn records(ipam: &Ipam, claims: &[Claim]) -> Vec<Claim> {
    let record = |claim: &Claim| Claim {
        recorded: ipam.held_by(&claim.owner).to_vec(),
        recorded_by: RecordedBy::Us,
        ..claim.clone()
    };
    claims.iter().map(record).collect()
}

#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "there are few")]
enum Op {
    Claim(Claim),
    Release(usize),
    Pools(Vec<Pool>),
    Withdrawn,
    Reserve(ReservedBy, IpAddr),
    EndReservation(IpAddr),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => claim().prop_map(Op::Claim),
        2 => (0_usize..16).prop_map(Op::Release),
        1 => pools().prop_map(Op::Pools),
        2 => Just(Op::Withdrawn),
        1 => (owner(), any::<bool>(), address()).prop_map(|(owner, served, address)| Op::Reserve(by(owner, served), address)),
        1 => address().prop_map(Op::EndReservation),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn never_two_owners_without_terms(first in pools(), ops in proptest::collection::vec(op(), 0..40)) {
        let mut ipam = Ipam::new();
        ipam.set_pools(first);
        let mut claims = BTreeMap::new();
        for op in ops {
            match op {
                Op::Claim(claim) => {
                    let before = ipam.held_by(&claim.owner).to_vec();
                    let answer = ipam.claim(&claim);
                    let got: Vec<IpAddr> =
                        answer.iter().flat_map(|given| &given.addresses).map(|one| one.address).collect();
                    for address in got.iter().filter(|address| !before.contains(address)) {
                        let by = ipam.reserved.get(address).map(|reserved| reserved.by.cluster().clone());
                        let is_record = claim.recorded_by == RecordedBy::Us && claim.records(*address);
                        let is_own = by.is_none_or(|cluster| cluster == claim.owner.cluster);
                        prop_assert!(is_own || is_record, "{} is reserved", address);
                    }
                    prop_assert_eq!(ipam.held_by(&claim.owner), got);
                    prop_assert!(answer.is_err() || !ipam.held_by(&claim.owner).is_empty());
                    claims.insert(claim.owner.clone(), claim);
                }
                Op::Release(at) => {
                    if let Some(owner) = claims.keys().nth(at).cloned() {
                        ipam.release(&owner);
                        claims.remove(&owner);
                    }
                }
                Op::Pools(pools) => {
                    let before: Vec<_> = claims.keys().map(|owner| ipam.held_by(owner).to_vec()).collect();
                    ipam.set_pools(pools);
                    let after: Vec<_> = claims.keys().map(|owner| ipam.held_by(owner).to_vec()).collect();
                    prop_assert_eq!(before, after);
                }
                Op::Reserve(by, address) => ipam.reserve(address, by),
                Op::EndReservation(address) => ipam.end_reservation(address),
                Op::Withdrawn => {
                    let mark = ipam.mark();
                    ipam.withdrawn(mark);
                    prop_assert!(ipam.leaving.is_empty());
                }
            }
            check(&ipam, &claims);
        }
    }

    #[test]
    fn the_order_of_claims_does_not_matter(pools in pools(), claims in claims(), seed: u64) {
        let mut shuffled: Vec<(u64, Claim)> = claims
            .iter()
            .enumerate()
            .map(|(at, claim)| ((at as u64 + 1).wrapping_mul(seed | 1).rotate_left(17), claim.clone()))
            .collect();
        shuffled.sort_by_key(|(order, _)| *order);
        let shuffled: Vec<Claim> = shuffled.into_iter().map(|(_, claim)| claim).collect();
        let (mut one, mut other) = (Ipam::new(), Ipam::new());
        one.set_pools(pools.clone());
        other.set_pools(pools);
        let answers: BTreeMap<_, _> =
            claims.iter().map(|claim| claim.owner.clone()).zip(one.claim_all(&claims)).collect();
        let others: BTreeMap<_, _> =
            shuffled.iter().map(|claim| claim.owner.clone()).zip(other.claim_all(&shuffled)).collect();
        prop_assert_eq!(answers, others);
        check(&one, &claims.into_iter().map(|claim| (claim.owner.clone(), claim)).collect());
    }

    #[test]
    fn a_restart_with_records_changes_nothing(pools in pools(), claims in claims()) {
        let mut ipam = Ipam::new();
        ipam.set_pools(pools.clone());
        let mut answers = ipam.claim_all(&claims);
        // Until nothing changes: what prefers both families may get the second one late.
        for _ in 0..4 {
            let mark = ipam.mark();
            ipam.withdrawn(mark);
            answers = ipam.claim_all(&records(&ipam, &claims));
        }
        let mut again = Ipam::new();
        again.set_pools(pools);
        prop_assert_eq!(again.claim_all(&records(&ipam, &claims)), answers);
    }

    /// What a restart restores is what the claim alone gets.
    #[test]
    fn one_who_is_restored_gets_what_it_would_get(pools in pools(), claim in claim()) {
        let (mut alone, mut restored) = (Ipam::new(), Ipam::new());
        alone.set_pools(pools.clone());
        restored.set_pools(pools);
        restored.restore(&claim);
        prop_assert_eq!(restored.claim(&claim), alone.claim(&claim));
    }

    #[test]
    fn what_is_released_can_be_claimed_again(pools in pools(), claims in claims(), at in 0_usize..12) {
        let mut ipam = Ipam::new();
        ipam.set_pools(pools);
        let before = ipam.claim_all(&claims);
        let at = at % claims.len();
        let Ok(before) = &before[at] else { return Ok(()) };
        ipam.release(&claims[at].owner);
        let mark = ipam.mark();
        ipam.withdrawn(mark);
        prop_assert_eq!(ipam.held_by(&claims[at].owner), [] as [IpAddr; 0]);
        prop_assert!(ipam.claim(&claims[at]).is_ok(), "{:?}", before);
    }
}
