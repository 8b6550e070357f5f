use super::*;
use netlink_packet_route::link::LinkHeader;
use netlink_packet_route::neighbour::NeighbourHeader;
use proptest::prelude::*;

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn routed(kind: RouteType, attributes: Vec<RouteAttribute>) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header.kind = kind;
    message.attributes = attributes;
    message
}

fn several(ifindex: u32, gateway: &str, weight: u8, flags: RouteNextHopFlags) -> RouteNextHop {
    let mut hop = RouteNextHop::default();
    hop.interface_index = ifindex;
    hop.flags = flags;
    hop.hops = weight - 1;
    hop.attributes = vec![RouteAttribute::Gateway(address(gateway).into())];
    hop
}

#[test]
fn routes() {
    let via = |text: &str| RouteAttribute::Gateway(address(text).into());
    let paths = RouteAttribute::MultiPath(vec![
        several(2, "10.0.0.1", 3, RouteNextHopFlags::empty()),
        several(3, "10.0.1.1", 1, RouteNextHopFlags::Dead | RouteNextHopFlags::Linkdown),
        several(4, "10.0.2.1", 1, RouteNextHopFlags::Onlink),
    ]);
    let via6 = RouteAttribute::Via(RouteVia::Inet6("fe80::1".parse().unwrap()));
    let dead = RouteAttribute::MultiPath(vec![several(3, "10.0.1.1", 1, RouteNextHopFlags::Dead)]);
    let metrics = |lock| {
        RouteAttribute::Metrics(vec![
            RouteMetric::Lock(lock),
            RouteMetric::Hoplimit(3),
            RouteMetric::Mtu(1400),
        ])
    };
    let one = |ifindex, gateway: Option<&str>| Path { ifindex, gateway: gateway.map(address), weight: 1 };
    let out = |paths: Vec<Path>| Some(Route::Out { paths, mtu: None });
    let oif = RouteAttribute::Oif;
    type Case = (&'static str, RouteMessage, Option<Route>);
    let cases: Vec<Case> = vec![
        (
            "gateway",
            routed(RouteType::Unicast, vec![oif(7), via("10.0.0.1")]),
            out(vec![one(7, Some("10.0.0.1"))]),
        ),
        ("connected", routed(RouteType::Unicast, vec![oif(7)]), out(vec![one(7, None)])),
        ("IPv6 gateway", routed(RouteType::Unicast, vec![via6, oif(7)]), out(vec![one(7, Some("fe80::1"))])),
        (
            "multipath",
            routed(RouteType::Unicast, vec![paths]),
            out(vec![Path { weight: 3, ..one(2, Some("10.0.0.1")) }, one(4, Some("10.0.2.1"))]),
        ),
        ("every path is dead", routed(RouteType::Unicast, vec![dead]), Some(Route::Nowhere)),
        (
            "MTU",
            routed(RouteType::Unicast, vec![metrics(LOCKED_MTU), oif(7)]),
            Some(Route::Out { paths: vec![one(7, None)], mtu: Some(1400) }),
        ),
        (
            "MTU that is not locked",
            routed(RouteType::Unicast, vec![metrics(0), oif(7)]),
            out(vec![one(7, None)]),
        ),
        ("local", routed(RouteType::Local, vec![oif(1)]), Some(Route::Local)),
        ("unreachable", routed(RouteType::Unreachable, vec![]), Some(Route::Nowhere)),
        ("blackhole", routed(RouteType::BlackHole, vec![]), Some(Route::Nowhere)),
        ("nothing", routed(RouteType::Unicast, vec![]), Some(Route::Nowhere)),
        (
            "a tunnel",
            routed(RouteType::Unicast, vec![oif(7), RouteAttribute::Encap(vec![])]),
            Some(Route::Unsupported),
        ),
        ("an object by name", routed(RouteType::Unicast, vec![RouteAttribute::NhId(4)]), None),
    ];
    for (name, message, expected) in cases {
        assert_eq!(route(&message), expected, "{name}");
    }
}

#[test]
fn neighbours() {
    let mac = [2, 0, 0, 0, 0, 1];
    let [asked, set] = [false, true].map(|is_static| Some(Neighbour { mac, is_static }));
    for (state, expected) in [
        (NeighbourState::Reachable, asked),
        (NeighbourState::Stale, asked),
        (NeighbourState::Delay, asked),
        (NeighbourState::Probe, asked),
        (NeighbourState::Permanent, set),
        (NeighbourState::Incomplete, None),
        (NeighbourState::Failed, None),
        (NeighbourState::None, None),
    ] {
        let mut message = NeighbourMessage::default();
        message.header = NeighbourHeader { ifindex: 3, state, ..NeighbourHeader::default() };
        message.attributes = vec![
            NeighbourAttribute::Destination(NeighbourAddress::Inet([10, 0, 0, 1].into())),
            NeighbourAttribute::LinkLayerAddress(mac.to_vec()),
        ];
        let hop = NextHop { ifindex: 3, address: address("10.0.0.1") };
        assert_eq!(neighbour(&message), Some((hop, expected)), "{state:?}");
        message.header.flags = NeighbourFlags::Proxy;
        assert_eq!(neighbour(&message), None);
    }
}

#[test]
fn interfaces() {
    let mut message = LinkMessage::default();
    message.header = LinkHeader { index: 4, link_layer_type: LinkLayerType::Ether, ..LinkHeader::default() };
    message.attributes = vec![
        LinkAttribute::IfName("up0".to_owned()),
        LinkAttribute::Mtu(1600),
        LinkAttribute::Address(vec![2, 0, 0, 0, 0, 1]),
    ];
    let mut expected = Interface {
        name: "up0".to_owned(),
        mac: Some([2, 0, 0, 0, 0, 1]),
        mtu: 1600,
        mtu_v6: None,
        up: false,
    };
    assert_eq!(interface(&message), Some((4, expected.clone())));
    message.header.flags = LinkFlags::Up;
    assert!(!interface(&message).unwrap().1.up, "without a carrier");
    message.header.flags = LinkFlags::Up | LinkFlags::LowerUp;
    expected.up = true;
    assert_eq!(interface(&message), Some((4, expected.clone())));
    message.header.link_layer_type = LinkLayerType::Loopback;
    assert_eq!(interface(&message), Some((4, Interface { mac: None, ..expected })));
    message.header.interface_family = AddressFamily::Bridge;
    assert_eq!(interface(&message), None);
}

fn datagram(message: RouteNetlinkMessage) -> Vec<u8> {
    let mut message = NetlinkMessage::from(message);
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

#[test]
fn datagrams_of_several_messages() {
    let mut route = routed(RouteType::Unicast, vec![RouteAttribute::Destination(address("10.1.0.0").into())]);
    route.header.address_family = AddressFamily::Inet;
    route.header.destination_prefix_length = 16;
    let mut bytes = datagram(RouteNetlinkMessage::NewRoute(route.clone()));
    route.header.flags = RouteFlags::Cloned;
    bytes.extend(datagram(RouteNetlinkMessage::NewRoute(route)));
    let mut default = RouteMessage::default();
    default.header.address_family = AddressFamily::Inet6;
    bytes.extend(datagram(RouteNetlinkMessage::DelRoute(default)));
    // A next hop object: 16 bytes of header, 8 of its own.
    bytes.extend([24, 0, 0, 0, 104, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    // Cut off.
    bytes.extend([24, 0, 0, 0, 16, 0]);
    let heard: Vec<String> = heard(&bytes).iter().map(|heard| format!("{heard:?}")).collect();
    assert_eq!(heard, ["Event(Routes(10.1.0.0/16))", "Event(Routes(::/0))", "Event(AllRoutes)", "Unclear"]);
}

proptest! {
    #[test]
    fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        heard(&bytes);
    }

    /// Lengths and types that the kernel uses, and rubbish in the rest.
    #[test]
    fn any_message_is_read(kind in 16_u16..110, mut bytes in proptest::collection::vec(any::<u8>(), 16..200)) {
        let length = u32::try_from(bytes.len()).unwrap();
        bytes[..4].copy_from_slice(&length.to_ne_bytes());
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        heard(&bytes);
    }
}
