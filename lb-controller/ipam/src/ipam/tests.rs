use guideway_dataplane_config::{Ports, Protocol};

use super::*;
use crate::claim::{Families, RecordedBy, Standing};
use crate::pool::{Admission, AutoAssign, BuggyAddresses};
use crate::refusal::NoSharing;
use crate::selector::{Labels, Selector};
use crate::steps;

mod properties;

fn pool(name: &str, ranges: &[&str]) -> Pool {
    Pool {
        name: name.into(),
        made: String::new(),
        ranges: ranges.iter().map(|range| range.parse().unwrap()).collect(),
        auto_assign: AutoAssign::Yes,
        buggy: BuggyAddresses::Give,
        admission: None,
    }
}

fn ipam(pools: &[Pool]) -> Ipam {
    let mut ipam = Ipam::new();
    assert_eq!(ipam.set_pools(pools.to_vec()), []);
    ipam
}

fn key(name: &str) -> ServiceKey {
    ServiceKey::new("east", "shop", name)
}

fn v4(name: &str) -> Claim {
    Claim::new(key(name), Families::Single(Family::V4))
}

fn tcp(port: u16) -> Vec<(Protocol, Ports)> {
    vec![(Protocol::Tcp, Ports::One(port))]
}

fn shared(name: &str, sharing: &str, port: u16) -> Claim {
    Claim { sharing_key: Some(sharing.to_owned()), ports: tcp(port), ..v4(name) }
}

fn at(address: &str) -> IpAddr {
    address.parse().unwrap()
}

fn addresses(answer: &Result<Allocation, Refusal>) -> Vec<String> {
    let allocation = answer.as_ref().unwrap_or_else(|refusal| panic!("{refusal}"));
    allocation.addresses.iter().map(|assigned| assigned.address.to_string()).collect()
}

fn requesting(claim: Claim, addresses: &[&str]) -> Claim {
    Claim { requested: addresses.iter().map(|address| at(address)).collect(), ..claim }
}

fn recorded(claim: Claim, addresses: &[&str]) -> Claim {
    Claim { recorded: addresses.iter().map(|address| at(address)).collect(), ..claim }
}

#[test]
fn the_lowest_free_address_of_the_first_pool_by_name() {
    let mut ipam =
        ipam(&[pool("b", &["198.51.100.0/24"]), pool("a", &["192.0.2.8-192.0.2.9", "192.0.2.1/32"])]);
    for (name, expected) in
        [("x", "192.0.2.1"), ("y", "192.0.2.8"), ("z", "192.0.2.9"), ("w", "198.51.100.0")]
    {
        let answer = ipam.claim(&v4(name));
        assert_eq!(addresses(&answer), [expected]);
        assert_eq!(answer.unwrap().addresses[0].standing, Standing::InPool);
        assert_eq!(ipam.owners(at(expected)).collect::<Vec<_>>(), [&key(name)]);
    }
    assert_eq!(addresses(&ipam.claim(&v4("x"))), ["192.0.2.1"], "what is held stays");
}

#[test]
fn pools_that_do_not_assign_are_for_who_asks() {
    let quiet = Pool { auto_assign: AutoAssign::No, ..pool("quiet", &["192.0.2.0/30"]) };
    let mut ipam = ipam(&[quiet]);
    let refusal = ipam.claim(&v4("x")).unwrap_err();
    assert_eq!(refusal, Refusal::NoPool { families: vec![Family::V4] });
    assert_eq!(refusal.to_string(), "no pool assigns IPv4 addresses to this Service");
    let by_pool = Claim { requested_pool: Some("quiet".into()), ..v4("x") };
    assert_eq!(addresses(&ipam.claim(&by_pool)), ["192.0.2.0"]);
    assert_eq!(addresses(&ipam.claim(&requesting(v4("y"), &["192.0.2.2"]))), ["192.0.2.2"]);
    let nowhere = Claim { requested_pool: Some("other".into()), ..v4("z") };
    assert_eq!(ipam.claim(&nowhere).unwrap_err(), Refusal::UnknownPool { pool: "other".into() });
}

#[test]
fn buggy_addresses_are_given_to_nobody() {
    let careful =
        Pool { buggy: BuggyAddresses::Avoid, ..pool("a", &["192.0.2.254-192.0.3.1", "2001:db8::/127"]) };
    let mut ipam = ipam(&[careful]);
    assert_eq!(addresses(&ipam.claim(&v4("x"))), ["192.0.2.254"]);
    assert_eq!(addresses(&ipam.claim(&v4("y"))), ["192.0.3.1"]);
    let refusal = ipam.claim(&v4("z")).unwrap_err();
    assert_eq!(refusal.to_string(), "no free IPv4 address in pool a");
    let refusal = ipam.claim(&requesting(v4("z"), &["192.0.3.0"])).unwrap_err();
    assert_eq!(refusal, Refusal::Buggy { address: at("192.0.3.0"), pool: "a".into() });
    let v6 = Claim::new(key("z"), Families::Single(Family::V6));
    assert_eq!(addresses(&ipam.claim(&v6)), ["2001:db8::"], "IPv6 has none");
    let usage: Vec<_> = ipam.usage().iter().map(|used| (used.family, used.capacity, used.assigned)).collect();
    assert_eq!(usage, [(Family::V4, 2, 2), (Family::V6, 2, 1)]);
}

/// Whether it is requested too or not, and whether its owner comes with all others or alone.
#[test]
fn a_buggy_address_of_another_load_balancer_is_taken_over() {
    let careful = Pool { buggy: BuggyAddresses::Avoid, ..pool("a", &["192.0.2.254-192.0.3.1"]) };
    let ipam = ipam(&[careful]);
    let theirs = |claim| Claim { recorded_by: RecordedBy::Others, ..recorded(claim, &["192.0.3.0"]) };
    for claim in [theirs(v4("x")), theirs(requesting(v4("x"), &["192.0.3.0"]))] {
        assert_eq!(addresses(&ipam.clone().claim(&claim)), ["192.0.3.0"]);
        let mut all = ipam.clone();
        assert_eq!(addresses(&all.claim_all(std::slice::from_ref(&claim)).remove(0)), ["192.0.3.0"]);
        all.release(&claim.owner);
        assert_eq!(addresses(&all.claim(&claim)), ["192.0.3.0"], "after it was released");
    }
}

#[test]
fn admission_and_priority() {
    let mine = |name: &str, priority, admission: Admission| Pool {
        admission: Some(Admission { priority, ..admission }),
        ..pool(name, &[&format!("10.0.{priority}.0/32")])
    };
    let namespaces = Admission { namespaces: vec!["shop".to_owned()], ..Admission::default() };
    let labelled = Admission {
        namespace_selectors: vec![Selector::equal([("team", "red")])],
        service_selectors: vec![Selector::equal([("tier", "web")]), Selector::equal([("tier", "api")])],
        ..Admission::default()
    };
    let other = Admission { namespaces: vec!["bank".to_owned()], ..Admission::default() };
    let mut ipam = ipam(&[
        pool("open", &["10.1.0.0/32"]),
        mine("zero", 0, namespaces.clone()),
        mine("third", 3, labelled),
        mine("second", 2, namespaces),
        mine("first", 1, other.clone()),
    ]);
    let claim = |name: &str| Claim {
        labels: Labels::from([("tier".to_owned(), "api".to_owned())]).into(),
        namespace_labels: Labels::from([("team".to_owned(), "red".to_owned())]).into(),
        ..v4(name)
    };
    for (name, expected) in [("a", "10.0.2.0"), ("b", "10.0.3.0"), ("c", "10.0.0.0"), ("d", "10.1.0.0")] {
        assert_eq!(addresses(&ipam.claim(&claim(name))), [expected], "{name}");
    }
    let refusal = ipam.claim(&claim("e")).unwrap_err();
    assert_eq!(refusal.to_string(), "no free IPv4 address in pools second, third, zero, open");
    let refusal = ipam.claim(&requesting(claim("e"), &["10.0.1.0"])).unwrap_err();
    assert_eq!(refusal, Refusal::NotAdmitted { pool: "first".into() });
    let refusal = ipam.claim(&Claim { requested_pool: Some("first".into()), ..claim("e") }).unwrap_err();
    assert_eq!(refusal, Refusal::NotAdmitted { pool: "first".into() });
    let mut unlabelled = ipam.clone();
    unlabelled.set_pools([mine(
        "third",
        3,
        Admission { service_selectors: vec![Selector::equal([("tier", "web")])], ..Admission::default() },
    )]);
    assert!(matches!(unlabelled.claim(&v4("f")), Err(Refusal::NoPool { .. })));
}

#[test]
fn requested_addresses() {
    let mut ipam = ipam(&[pool("a", &["192.0.2.0/24"]), pool("b", &["2001:db8::/64", "198.51.100.0/24"])]);
    let dual = |name| Claim::new(key(name), Families::Require(Family::V6));
    let all =
        requesting(dual("x"), &["192.0.2.7", "2001:db8::7", "198.51.100.7", "192.0.2.7", "::ffff:192.0.2.7"]);
    assert_eq!(addresses(&ipam.claim(&all)), ["192.0.2.7", "2001:db8::7", "198.51.100.7"]);
    let many: Vec<String> = (0..17).map(|n| format!("192.0.2.{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (claim, expected) in [
        (
            requesting(v4("y"), &["192.0.2.7"]),
            "192.0.2.7 is in use by east/shop/x, and that Service allows no sharing",
        ),
        (requesting(v4("y"), &["203.0.113.1"]), "203.0.113.1 is requested, but is in no pool"),
        (
            requesting(v4("y"), &["2001:db8::1"]),
            "2001:db8::1 is requested, but the Service has no IPv6 in ipFamilies",
        ),
        (
            requesting(dual("y"), &["192.0.2.9"]),
            "the Service requires both families, but requests no IPv6 address",
        ),
        (requesting(v4("y"), &many), "17 addresses are requested: at most 16 are possible"),
        (
            Claim { requested_pool: Some("b".into()), ..requesting(v4("y"), &["192.0.2.9"]) },
            "192.0.2.9 is requested from pool b, but is in a",
        ),
        (requesting(v4("y"), &["192.0.2.9", "192.0.2.7"]), "192.0.2.7 is in use by east/shop/x"),
    ] {
        let refusal = ipam.claim(&claim).unwrap_err();
        assert!(refusal.to_string().starts_with(expected), "{refusal}");
        assert_eq!(ipam.held_by(&key("y")), [] as [IpAddr; 0], "all or none");
    }
    assert_eq!(addresses(&ipam.claim(&requesting(v4("x"), &["192.0.2.8"]))), ["192.0.2.8"], "wishes change");
}

#[test]
fn sharing_as_in_metallb() {
    let mut ipam = ipam(&[pool("a", &["192.0.2.1-192.0.2.9"])]);
    let local = |claim: Claim, selector: &str| Claim { local_backends: Some(selector.to_owned()), ..claim };
    assert_eq!(addresses(&ipam.claim(&shared("x", "k", 80))), ["192.0.2.1"]);
    assert_eq!(addresses(&ipam.claim(&shared("y", "k", 443))), ["192.0.2.1"], "before a free one");
    let udp = Claim { ports: vec![(Protocol::Udp, Ports::One(80))], ..shared("z", "k", 1) };
    assert_eq!(addresses(&ipam.claim(&udp)), ["192.0.2.1"], "another protocol");
    assert_eq!(addresses(&ipam.claim(&shared("w", "k", 80))), ["192.0.2.2"], "the port is taken");
    assert_eq!(addresses(&ipam.claim(&local(shared("l", "k", 90), "app=x"))), ["192.0.2.3"]);
    assert_eq!(addresses(&ipam.claim(&local(shared("m", "k", 91), "app=x"))), ["192.0.2.3"]);
    assert_eq!(addresses(&ipam.claim(&local(shared("n", "k", 92), "app=n"))), ["192.0.2.4"]);
    let elsewhere = Claim {
        owner: ServiceKey::new("west", "shop", "x"),
        ..requesting(shared("x", "k", 99), &["192.0.2.1"])
    };
    let address = at("192.0.2.1");
    let range = vec![(Protocol::Tcp, Ports::Range(400, 500))];
    for (claim, expected) in [
        (elsewhere, Refusal::OtherKey { address, by: key("x") }),
        (requesting(shared("q", "j", 99), &["192.0.2.1"]), Refusal::OtherKey { address, by: key("x") }),
        (
            requesting(local(shared("q", "k", 99), "app=x"), &["192.0.2.1"]),
            Refusal::OtherBackends { address, by: key("x") },
        ),
        (requesting(shared("q", "k", 443), &["192.0.2.1"]), Refusal::PortConflict { address, by: key("y") }),
        (
            Claim { ports: range, ..requesting(shared("q", "k", 1), &["192.0.2.1"]) },
            Refusal::PortConflict { address, by: key("y") },
        ),
        (
            requesting(v4("q"), &["192.0.2.1"]),
            Refusal::InUse { address, by: key("x"), who: NoSharing::Claimant },
        ),
        (
            requesting(shared("q", "", 99), &["192.0.2.1"]),
            Refusal::InUse { address, by: key("x"), who: NoSharing::Claimant },
        ),
    ] {
        assert_eq!(ipam.claim(&claim).unwrap_err(), expected);
    }
    // Who is left says on which terms.
    for name in ["x", "y", "z"] {
        ipam.release(&key(name));
    }
    let mark = ipam.mark();
    assert_eq!(ipam.withdrawn(mark), [address]);
    assert_eq!(addresses(&ipam.claim(&requesting(v4("q"), &["192.0.2.1"]))), ["192.0.2.1"]);
}

#[test]
fn dual_stack() {
    let mut ipam = ipam(&[
        pool("a", &["192.0.2.1-192.0.2.2"]),
        pool("b", &["198.51.100.1-198.51.100.2", "2001:db8::1-2001:db8::1"]),
        pool("c", &["2001:db8:1::1-2001:db8:1::3"]),
    ]);
    let require = |name| Claim::new(key(name), Families::Require(Family::V6));
    let prefer = |name, first| Claim::new(key(name), Families::Prefer(first));
    assert_eq!(addresses(&ipam.claim(&require("r"))), ["2001:db8::1", "198.51.100.1"], "both from one pool");
    let refusal = ipam.claim(&require("s")).unwrap_err();
    assert_eq!(refusal.to_string(), "no free IPv6 and IPv4 address in pool b");
    assert_eq!(addresses(&ipam.claim(&prefer("p", Family::V6))), ["2001:db8:1::1"]);
    for (name, expected) in
        [("q", "192.0.2.1"), ("t", "192.0.2.2"), ("u", "198.51.100.2"), ("v", "2001:db8:1::2")]
    {
        assert_eq!(addresses(&ipam.claim(&prefer(name, Family::V4))), [expected]);
    }
    // What becomes free completes what prefers both, from the same pool, and the first family stays the first.
    ipam.release(&key("r"));
    let mark = ipam.mark();
    ipam.withdrawn(mark);
    assert_eq!(addresses(&ipam.claim(&prefer("u", Family::V6))), ["2001:db8::1", "198.51.100.2"]);
    assert_eq!(addresses(&ipam.claim(&Claim::new(key("u"), Families::Single(Family::V6)))), ["2001:db8::1"]);
}

#[test]
fn records_come_first() {
    let mut ipam = ipam(&[pool("a", &["192.0.2.1-192.0.2.9"])]);
    let claims = [
        v4("a"),
        requesting(v4("b"), &["192.0.2.1"]),
        recorded(v4("c"), &["192.0.2.2"]),
        requesting(v4("d"), &["192.0.2.2"]),
        // Of two records of one address the first by name counts.
        recorded(v4("e"), &["192.0.2.2"]),
    ];
    let answers = ipam.claim_all(&claims);
    assert_eq!(addresses(&answers[0]), ["192.0.2.3"]);
    assert_eq!(addresses(&answers[1]), ["192.0.2.1"]);
    assert_eq!(addresses(&answers[2]), ["192.0.2.2"]);
    assert!(matches!(answers[3], Err(Refusal::InUse { .. })));
    assert_eq!(addresses(&answers[4]), ["192.0.2.4"]);
}

/// Its record may be out of date for as long as nobody has written it.
#[test]
fn who_was_refused_does_not_get_its_record_back() {
    let both = |name: &str| Claim { families: Families::Require(Family::V4), ..shared(name, "k", 80) };
    let mut ipam = ipam(&[pool("a", &["192.0.2.0/32"])]);
    let claim = recorded(both("x"), &["192.0.2.0"]);
    for _ in 0..2 {
        let refused = ipam.claim_all(std::slice::from_ref(&claim));
        assert!(matches!(&refused[..], [Err(Refusal::NoPool { .. })]), "{refused:?}");
        assert_eq!(ipam.held_by(&key("x")), [] as [IpAddr; 0]);
        let mark = ipam.mark();
        ipam.withdrawn(mark);
    }
    let younger = recorded(Claim { since: Age { created: 1, uid: "1".into() }, ..v4("y") }, &["192.0.2.0"]);
    assert_eq!(addresses(&ipam.claim(&younger)), ["192.0.2.0"]);
    assert!(ipam.claim(&claim).is_err());
    assert_eq!(ipam.held_by(&key("y")), [at("192.0.2.0")], "nothing is taken for nothing");
    assert_eq!(ipam.displaced(), BTreeSet::new());
}

#[test]
fn no_change_of_pools_takes_an_address_away() {
    let mut ipam = ipam(&[pool("a", &["192.0.2.0/24"])]);
    let ask = requesting(v4("y"), &["192.0.2.9"]);
    assert_eq!(addresses(&ipam.claim(&v4("x"))), ["192.0.2.0"]);
    assert_eq!(addresses(&ipam.claim(&ask)), ["192.0.2.9"]);
    let standing = |ipam: &mut Ipam, claim: &Claim| ipam.claim(claim).unwrap().addresses[0].standing;
    ipam.set_pools([pool("b", &["198.51.100.0/24"])]);
    assert_eq!(standing(&mut ipam, &v4("x")), Standing::OutsideOfPools);
    assert_eq!(standing(&mut ipam, &ask), Standing::OutsideOfPools);
    let bank = Some(Admission { namespaces: vec!["bank".to_owned()], ..Admission::default() });
    let closed = Pool { admission: bank, buggy: BuggyAddresses::Avoid, ..pool("a", &["192.0.2.0/24"]) };
    ipam.set_pools([closed.clone(), pool("b", &["198.51.100.0/24"])]);
    assert_eq!(standing(&mut ipam, &v4("x")), Standing::NotAdmitted);
    assert_eq!(standing(&mut ipam, &ask), Standing::NotAdmitted);
    // So it is after a restart, if the record is ours; another one's must fit.
    let mut again = Ipam::new();
    again.set_pools([closed, pool("b", &["198.51.100.0/24"])]);
    let ours = recorded(v4("x"), &["192.0.2.0"]);
    let theirs = Claim { recorded_by: RecordedBy::Others, ..ours.clone() };
    assert_eq!(addresses(&again.clone().claim(&theirs)), ["198.51.100.0"]);
    assert_eq!(standing(&mut again, &ours), Standing::NotAdmitted);
    // What its owner wants instead counts.
    let moved = Claim { requested_pool: Some("b".into()), ..ours };
    assert_eq!(addresses(&again.claim(&moved)), ["198.51.100.0"]);
    // The pool that comes back has its addresses in use.
    ipam.set_pools([pool("a", &["192.0.2.0/24"])]);
    assert_eq!(standing(&mut ipam, &v4("x")), Standing::InPool);
    assert_eq!(addresses(&ipam.claim(&v4("z"))), ["192.0.2.1"]);
}

#[test]
fn what_is_given_back_is_free_when_it_is_withdrawn() {
    let mut ipam = ipam(&[pool("a", &["192.0.2.1-192.0.2.1"])]);
    ipam.claim(&v4("x")).unwrap();
    let earlier = ipam.mark();
    assert_eq!(ipam.release(&key("x")), [at("192.0.2.1")]);
    assert_eq!(ipam.withdrawn(earlier), [] as [IpAddr; 0], "that content had it");
    assert!(matches!(ipam.claim(&v4("y")), Err(Refusal::Exhausted { .. })));
    let ask = requesting(v4("y"), &["192.0.2.1"]);
    assert_eq!(ipam.claim(&ask).unwrap_err(), Refusal::Leaving { address: at("192.0.2.1"), by: key("x") });
    assert_eq!(
        addresses(&ipam.clone().claim(&requesting(v4("x"), &["192.0.2.1"]))),
        ["192.0.2.1"],
        "its own"
    );
    assert_eq!(ipam.usage()[0].leaving, 1);
    ipam.set_pools([pool("a", &["192.0.2.1-192.0.2.1"])]);
    assert!(matches!(ipam.claim(&v4("y")), Err(Refusal::Exhausted { .. })), "new pools do not forget it");
    let mark = ipam.mark();
    assert_eq!(ipam.withdrawn(mark), [at("192.0.2.1")]);
    assert_eq!(addresses(&ipam.claim(&v4("y"))), ["192.0.2.1"]);
}

#[test]
fn what_is_reserved_goes_to_nobody_of_another_cluster() {
    let mut ipam = ipam(&[pool("a", &["192.0.2.1-192.0.2.2"])]);
    let west = |name: &str| ServiceKey::new("west", "shop", name);
    let earlier = ipam.mark();
    ipam.reserve(at("192.0.2.1"), ReservedBy::Service(west("x")));
    ipam.reserve(at("192.0.2.1"), ReservedBy::Cluster("west".into()));
    assert_eq!(ipam.usage()[0].assigned, 1);
    let ask = requesting(v4("y"), &["192.0.2.1"]);
    assert_eq!(
        ipam.claim(&ask).unwrap_err(),
        Refusal::Reserved { address: at("192.0.2.1"), cluster: "west".into() }
    );
    assert_eq!(addresses(&ipam.claim(&v4("y"))), ["192.0.2.2"]);
    assert!(matches!(ipam.claim(&v4("z")), Err(Refusal::Exhausted { .. })));
    ipam.set_pools([pool("a", &["192.0.2.1-192.0.2.2"])]);
    assert!(matches!(ipam.claim(&v4("z")), Err(Refusal::Exhausted { .. })), "new pools do not forget it");
    // Of MetalLB, say.
    let theirs = Claim { recorded_by: RecordedBy::Others, ..recorded(v4("z"), &["192.0.2.1"]) };
    assert!(matches!(ipam.claim(&theirs), Err(Refusal::Exhausted { .. })));
    assert_eq!(addresses(&ipam.clone().claim(&recorded(v4("z"), &["192.0.2.1"]))), ["192.0.2.1"]);

    // Who has it comes, or nobody does.
    let mut claimed = ipam.clone();
    claimed.end_reservation(at("192.0.2.1"));
    let own = recorded(Claim::new(west("other"), Families::Single(Family::V4)), &["192.0.2.1"]);
    claimed.restore(&own);
    let mark = claimed.mark();
    assert_eq!(claimed.withdrawn(mark), [] as [IpAddr; 0]);
    assert_eq!(claimed.held_by(&west("other")), [at("192.0.2.1")]);
    ipam.end_reservation(at("192.0.2.1"));
    assert_eq!(
        ipam.claim(&requesting(v4("z"), &["192.0.2.1"])).unwrap_err(),
        Refusal::Reserved { address: at("192.0.2.1"), cluster: "west".into() },
        "it is served until a content without it is"
    );
    assert_eq!(ipam.withdrawn(earlier), [] as [IpAddr; 0]);
    let mark = ipam.mark();
    assert_eq!(
        ipam.claim(&requesting(v4("z"), &["192.0.2.1"])).unwrap_err(),
        Refusal::Leaving { address: at("192.0.2.1"), by: west("x") }
    );
    assert_eq!(ipam.withdrawn(mark), [at("192.0.2.1")]);
    assert_eq!(addresses(&ipam.claim(&v4("z"))), ["192.0.2.1"]);
}

#[test]
fn what_is_reserved_and_not_served_waits_for_no_withdrawal() {
    let mut ipam = ipam(&[pool("a", &["192.0.2.1-192.0.2.1"])]);
    let earlier = ipam.mark();
    ipam.reserve(at("192.0.2.1"), ReservedBy::Cluster("west".into()));
    assert!(matches!(ipam.claim(&v4("z")), Err(Refusal::Exhausted { .. })));
    ipam.end_reservation(at("192.0.2.1"));
    assert_eq!(ipam.withdrawn(earlier), [at("192.0.2.1")]);
    assert_eq!(addresses(&ipam.claim(&v4("z"))), ["192.0.2.1"]);
}

#[test]
fn what_clusters_hold_is_told_in_ranges() {
    let mut ipam = ipam(&[pool("a", &["192.0.2.0/24", "2001:db8::/120"])]);
    for name in ["a", "b", "c", "d"] {
        ipam.claim(&v4(name)).unwrap();
    }
    ipam.release(&key("b"));
    ipam.claim(&Claim::new(ServiceKey::new("west", "shop", "x"), Families::Require(Family::V4))).unwrap();
    let told: Vec<String> = ipam
        .of_clusters()
        .iter()
        .map(|(cluster, ranges)| {
            let all: Vec<IpAddr> = ranges.iter().flat_map(AddressRange::addresses).collect();
            format!(
                "{cluster} {ranges:?} {all:?}",
                ranges = ranges.iter().map(ToString::to_string).collect::<Vec<_>>()
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            r#"east ["192.0.2.0-192.0.2.0", "192.0.2.2-192.0.2.3"] [192.0.2.0, 192.0.2.2, 192.0.2.3]"#,
            r#"west ["192.0.2.4-192.0.2.4", "2001:db8::-2001:db8::"] [192.0.2.4, 2001:db8::]"#,
        ]
    );
}

#[test]
fn pools_that_overlap() {
    let mut ipam = Ipam::new();
    let problems = ipam.set_pools([
        pool("b", &["192.0.2.0-192.0.2.20", "10.0.0.0/30", "10.0.0.0/31"]),
        pool("a", &["192.0.2.5-192.0.2.6", "192.0.2.8/32"]),
        pool("b", &["10.0.0.0/8"]),
    ]);
    let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        problems,
        [
            "pool b: 192.0.2.5-192.0.2.6 is in pool a already, which keeps it",
            "pool b: 192.0.2.8-192.0.2.8 is in pool a already, which keeps it",
            "pool b is there twice, the second is not used",
        ]
    );
    let usage: Vec<_> = ipam.usage().iter().map(|used| (used.name.to_string(), used.capacity)).collect();
    assert_eq!(usage, [("a".to_owned(), 3), ("b".to_owned(), 22)]);
    assert_eq!(&*ipam.pool_of(at("192.0.2.7")).unwrap().name, "b");
    assert_eq!(&*ipam.pool_of(at("192.0.2.8")).unwrap().name, "a");
    // The older one keeps what it has, whatever it is called.
    let made = |name: &str, made: &str| Pool { made: made.to_owned(), ..pool(name, &["192.0.2.0/28"]) };
    let pools = [made("a", "2026-02-01T00:00:00Z"), made("b", "2026-01-31T23:59:59Z")];
    let problems: Vec<String> = ipam.set_pools(pools).iter().map(ToString::to_string).collect();
    assert_eq!(problems, ["pool a: 192.0.2.0-192.0.2.15 is in pool b already, which keeps it"]);
}

/// Steps are look-ups in trees: a claim among 100,000 takes no more of them than one of the first.
#[test]
fn a_claim_costs_the_same_among_a_hundred_thousand() {
    let mut ipam = ipam(&[
        Pool { buggy: BuggyAddresses::Avoid, ..pool("a", &["10.0.0.0/15"]) },
        pool("b", &["2001:db8::/64", "192.0.2.0/24"]),
    ]);
    let dual = Families::Prefer(Family::V6);
    let claim = |n: u32| {
        let families = if n.is_multiple_of(2) { Families::Single(Family::V4) } else { dual };
        let sharing_key = n.is_multiple_of(25).then(|| "k".to_owned());
        Claim { ports: tcp(80), sharing_key, ..Claim::new(key(&n.to_string()), families) }
    };
    let mut most_of = |numbers: std::ops::Range<u32>| {
        let mut most = 0;
        for n in numbers {
            steps::taken();
            ipam.claim(&claim(n)).unwrap();
            most = most.max(steps::taken());
        }
        most
    };
    let early = most_of(0..2_000);
    let late = most_of(2_000..100_000);
    assert!(early <= 600 && late <= early, "{early} {late}");
    for n in (0..100_000).step_by(3) {
        steps::taken();
        ipam.release(&key(&n.to_string()));
        assert!(steps::taken() <= 4);
    }
    let mark = ipam.mark();
    assert!(ipam.withdrawn(mark).len() >= 33_334);
    steps::taken();
    ipam.claim(&claim(100_000)).unwrap();
    assert!(steps::taken() <= early);
}
