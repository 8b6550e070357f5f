//! Desired states that are refused, and what is said about them.

use super::*;

#[test]
fn bad_desired_states_are_refused() {
    let key = web_and_dns().vips[0].key;
    let large = Limit::Tables(TableSize::Large);
    let cases: Vec<(Change, PlanError)> = vec![
        (
            |d| d.vips.push(vip("twin", "[::ffff:203.0.113.10]:80", "dns")),
            PlanError::DuplicateVip {
                key: VipKey { address: "::ffff:203.0.113.10/128".parse().unwrap(), ..key },
                first: "web-v4".into(),
                second: "twin".into(),
            },
        ),
        (
            |d| d.vips[0].key.ports = crate::Ports::Range(9, 8),
            PlanError::NoPorts { vip: "web-v4".into(), first: 9, last: 8 },
        ),
        (
            |d| d.vips[0].session = crate::Session::Flow { timeout: WINDOW },
            PlanError::FlowSessionOfTcp { vip: "web-v4".into() },
        ),
        (|d| d.sets[1].name = "web".into(), PlanError::DuplicateSet { name: "web".into() }),
        (
            |d| d.vips[1].set = "nope".into(),
            PlanError::UnknownSet { vip: "web-v6".into(), set: "nope".into() },
        ),
        (
            |d| d.sets[1].members[1].name = "be2".into(),
            PlanError::Set { set: "dns".into(), source: TableError::DuplicateName { name: "be2".into() } },
        ),
        (
            |d| d.vips.extend((0..4).map(|n| vip("v", &format!("203.0.113.99:{}", 1 + n), "web"))),
            PlanError::Limit { limit: Limit::Vips, needed: 7, capacity: 6 },
        ),
        (
            |d| {
                let more = (0..9).map(|n| member(&format!("m{n}"), "10.0.0.1"));
                d.sets[0].members.extend(more);
            },
            PlanError::Limit { limit: Limit::Backends, needed: 13, capacity: 12 },
        ),
        (
            |d| d.sets.iter_mut().for_each(|set| set.table_size = TableSize::Large),
            PlanError::Limit { limit: large, needed: 4, capacity: 2 },
        ),
    ];
    for (change, expected) in cases {
        let mut desired = web_and_dns();
        // From one that knows that the state before it was right.
        let mut cache = TableCache::new();
        plan(&desired, &Installed::empty(SMALL_MAPS), NOW, &mut cache).unwrap();
        change(&mut desired);
        let refused = plan(&desired, &Installed::empty(SMALL_MAPS), NOW, &mut cache);
        assert_eq!(refused, Err(expected));
        let refused = plan(&desired, &Installed::empty(SMALL_MAPS), NOW, &mut TableCache::new());
        assert_eq!(refused, plan(&desired, &Installed::empty(SMALL_MAPS), NOW, &mut cache));
    }
    let mut desired = web_and_dns();
    desired.vips[0].set = "nope".into();
    desired.vips[1].set = "neither".into();
    assert_eq!(validate(&desired, &SMALL_MAPS).len(), 2, "all errors are told");
}

#[test]
fn what_the_lookup_is_compiled_to_has_to_fit() {
    let mut desired = web_and_dns();
    let prefix = |n: u32| {
        let net = ipnet::Ipv4Net::new((n << 8).into(), 24).unwrap();
        crate::Vip { key: VipKey { address: net.into(), ..desired.vips[0].key }, ..desired.vips[0].clone() }
    };
    let prefixes: Vec<crate::Vip> = (0..600).map(|n| prefix(2 * n + 1)).collect();
    desired.vips = prefixes.into();
    let errors = validate(&desired, &Capacities { vips: 1000, ..SMALL_MAPS });
    assert_eq!(errors, [PlanError::Limit { limit: Limit::Prefixes4, needed: 1201, capacity: 1024 }]);
    insta::assert_snapshot!(
        errors[0],
        @"1201 intervals of IPv4 addresses are needed and there is room for 1024; use fewer VIP prefixes"
    );
}

#[test]
fn the_sources_have_to_fit() {
    // Two VIPs with equal lists have it once; the third one's takes what is left and one border more.
    let list = |count: u32| -> Vec<ipnet::IpNet> {
        (0..count).map(|n| ipnet::Ipv4Net::new((512 * n).into(), 24).unwrap().into()).collect()
    };
    let capacity = SMALL_MAPS.sources();
    let mut desired = web_and_dns();
    desired.vips[1].key = VipKey { ports: crate::Ports::One(81), ..desired.vips[0].key };
    desired.vips[0].sources = list(100);
    desired.vips[1].sources = list(100);
    desired.vips[2].sources = list(capacity / 2 - 100);
    assert_eq!(validate(&desired, &SMALL_MAPS), []);
    desired.vips[2].sources = list(capacity / 2 - 99);
    let errors = validate(&desired, &SMALL_MAPS);
    assert_eq!(errors, [PlanError::Limit { limit: Limit::Sources, needed: 1074, capacity: 1072 }]);
    insta::assert_snapshot!(
        errors[0],
        @"1074 borders of sources (two for each stretch of addresses) are needed and there is room for 1072; raise limits.vips"
    );
}

#[test]
fn no_vip_has_more_sources_than_are_looked_at() {
    let mut desired = web_and_dns();
    let every_other = (0..32_768_u32).map(|n| ipnet::Ipv4Net::new((2 * n).into(), 32).unwrap().into());
    desired.vips[0].sources = every_other.collect();
    let large = Capacities { vips: 10_000, ..SMALL_MAPS };
    let borders = 65_536;
    let error = PlanError::Sources { vip: "web-v4".into(), borders, max: 65_535 };
    assert_eq!(validate(&desired, &large), [error]);
    desired.vips[0].sources.pop();
    assert_eq!(validate(&desired, &large), []);
}

#[test]
fn errors_say_what_to_do() {
    let limit = PlanError::Limit { limit: Limit::Tables(TableSize::Large), needed: 66, capacity: 64 };
    insta::assert_snapshot!(
        limit,
        @"66 lookup tables of size 65537 (two for each backend set in use) are needed and there is room for 64; raise limits.tables_65537"
    );
    insta::assert_snapshot!(
        PlanError::BackendsHeld { needed: 9, free: 4 },
        @"9 new backends find only 4 places, for the installed generation or flows from before it still use the others; remove old backends first, in a change of its own, and try again when the drain windows of what left are over, or raise limits.backends"
    );
    insta::assert_snapshot!(
        PlanError::TablesHeld { size: TableSize::Small, needed: 9, free: 4 },
        @"9 new lookup tables of size 16381 find only 4 places, for flows from before the last changes still use the others; try again when their drain windows are over, or raise limits.tables_16381"
    );
}
