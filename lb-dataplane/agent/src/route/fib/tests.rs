use super::*;

fn backend() -> IpAddr {
    "10.9.9.9".parse().unwrap()
}

fn router(last: u8) -> IpAddr {
    IpAddr::from([10, 0, 0, last])
}

fn path(ifindex: u32, last: u8, weight: u32) -> Path {
    Path { ifindex, gateway: Some(router(last)), weight }
}

fn mac(last: u8) -> [u8; 6] {
    [2, 0, 0, 0, 0, last]
}

fn interface(up: bool) -> Interface {
    Interface { name: "up0".to_owned(), mac: Some(mac(100)), mtu: 1600, mtu_v6: Some(1500), up }
}

/// Interfaces 2 and 3 are up, 4 is down, 5 is no Ethernet. Routers 1, 2 and the backend answer.
fn world() -> (Interfaces, Neighbours) {
    let tunnel = Interface { mac: None, ..interface(true) };
    let interfaces =
        Interfaces::from([(2, interface(true)), (3, interface(true)), (4, interface(false)), (5, tunnel)]);
    let answers = |ifindex| {
        [(router(1), mac(1)), (router(2), mac(2)), (backend(), mac(9))]
            .map(|(address, mac)| (NextHop { ifindex, address }, Neighbour { mac, is_static: false }))
    };
    (interfaces, Neighbours::from_iter([2, 3, 4, 5].into_iter().flat_map(answers)))
}

/// Interface, neighbour and number of legs of each way.
fn summary(way: &Way) -> Vec<(u32, u8, usize)> {
    let mut found: Vec<(u32, u8, usize)> = Vec::new();
    for hop in way.legs.into_iter().flatten() {
        let key = (hop.link.ifindex, hop.mac[5]);
        match found.iter_mut().find(|(ifindex, last, _)| (*ifindex, *last) == key) {
            Some((_, _, count)) => *count += 1,
            None => found.push((key.0, key.1, 1)),
        }
    }
    found
}

#[test]
fn ways_of_routes() {
    let (interfaces, neighbours) = world();
    let out = |paths: &[Path]| Some(Route::Out { paths: paths.to_vec(), mtu: None });
    let direct = Path { ifindex: 2, gateway: None, weight: 1 };
    type Case = (&'static str, Option<Route>, Need, Vec<(u32, u8, usize)>, Option<Problem>);
    let cases: Vec<Case> = vec![
        ("router", out(&[path(2, 1, 1)]), Need::Any, vec![(2, 1, 8)], None),
        ("directly connected", out(&[direct]), Need::Any, vec![(2, 9, 8)], None),
        ("two routers", out(&[path(2, 1, 1), path(3, 2, 1)]), Need::Any, vec![(2, 1, 4), (3, 2, 4)], None),
        ("weights", out(&[path(2, 1, 3), path(3, 2, 1)]), Need::Any, vec![(2, 1, 6), (3, 2, 2)], None),
        (
            "one router is silent",
            out(&[path(2, 1, 1), path(3, 7, 1)]),
            Need::Any,
            vec![(2, 1, 8)],
            Some(Problem::Neighbour),
        ),
        ("the router is silent", out(&[path(2, 7, 1)]), Need::Any, vec![], Some(Problem::Neighbour)),
        (
            "one interface is down",
            out(&[path(4, 1, 1), path(2, 2, 1)]),
            Need::Any,
            vec![(2, 2, 8)],
            Some(Problem::Interface),
        ),
        ("the interface is down", out(&[path(4, 1, 1)]), Need::Any, vec![], Some(Problem::Interface)),
        ("no Ethernet", out(&[path(5, 1, 1)]), Need::Any, vec![], Some(Problem::Interface)),
        ("no such interface", out(&[path(6, 1, 1)]), Need::Any, vec![], Some(Problem::Interface)),
        ("l2", out(&[direct]), Need::OnLink, vec![(2, 9, 8)], None),
        ("l2 behind a router", out(&[path(2, 1, 1)]), Need::OnLink, vec![], Some(Problem::BehindRouter)),
        (
            "l2, one of two ways by a router",
            out(&[direct, path(2, 1, 1)]),
            Need::OnLink,
            vec![],
            Some(Problem::BehindRouter),
        ),
        ("local", Some(Route::Local), Need::Any, vec![], Some(Problem::Local)),
        ("nowhere", Some(Route::Nowhere), Need::Any, vec![], Some(Problem::NoRoute)),
        ("a tunnel", Some(Route::Unsupported), Need::Any, vec![], Some(Problem::Unsupported)),
        ("not asked", None, Need::Any, vec![], Some(Problem::NotAsked)),
    ];
    for (name, route, need, expected, problem) in cases {
        let way = way(backend(), need, route.as_ref(), &interfaces, &neighbours);
        let mut got = summary(&way);
        got.sort_unstable();
        assert_eq!((got, way.problem), (expected, problem), "{name}");
    }
}

#[test]
fn the_smallest_mtu_counts() {
    let one = interface(true);
    let v6: IpAddr = "2001:db8::1".parse().unwrap();
    for (towards, route, expected) in [
        (backend(), None, 1600),
        (v6, None, 1500),
        (backend(), Some(1400), 1400),
        (backend(), Some(9000), 1600),
        (v6, Some(0), 1500),
    ] {
        assert_eq!(one.link(2, towards, route).unwrap().mtu, expected, "{towards} {route:?}");
    }
}

#[test]
fn fixed_next_hops() {
    let link = interface(true).link(2, backend(), None);
    let fixed = fixed_way(Need::Any, link, mac(1));
    assert_eq!((summary(&fixed), fixed.problem), (vec![(2, 1, 8)], None));
    assert_eq!(fixed_way(Need::Any, None, mac(1)).problem, Some(Problem::FixedInterface));
    assert_eq!(fixed_way(Need::OnLink, link, mac(1)), Way::unknown(Problem::Fixed));
}
