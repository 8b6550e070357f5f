//! Single packets through the programs that the kernel has loaded, compared with frames that other code builds.
#![allow(clippy::unwrap_used)]

mod needs_root {
    use std::collections::BTreeMap;
    use std::net::{IpAddr, SocketAddr};

    use guideway_bpf::{
        Decap, Global, Service, ServiceKey, ServicePort, Services, TestRunOptions, Transport, VipAddress,
        XdpMode, xdp_action,
    };
    use guideway_decap_tests::frame::{
        L4, MACS, Segment, Wrap, checksums_are_right, encapsulated, ethernet, packet, set_ttl,
    };
    use guideway_decap_tests::place::{Pins, own_netns, run};

    const OUTERS: [(&str, &str); 2] = [("172.16.1.2", "10.1.11.2"), ("100::1:2", "fd00:11::2")];
    const TAGS: [&[u16]; 3] = [&[], &[100], &[100, 200]];
    const PAYLOAD: &[u8] = b"some words, and a byte more";

    struct World {
        decap: Decap,
        _pins: Pins,
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn port(vip: &str, transport: Transport, port: u16, target: Option<&str>) -> (ServiceKey, Service) {
        let key = ServiceKey { vip: ip(vip), port: ServicePort::Port(transport, port) };
        (key, target.map_or(Service::AsIs, |target| Service::Translate(at(target))))
    }

    fn services() -> Services {
        let whole = |vip| (ServiceKey { vip: ip(vip), port: ServicePort::Any }, Service::AsIs);
        let pod = |outer: &str, target: &str| {
            let port = ServicePort::PortBy(Transport::Tcp, 8000, ip(outer));
            (ServiceKey { vip: ip("203.0.113.20"), port }, Service::Translate(at(target)))
        };
        let services: BTreeMap<_, _> = [
            whole("203.0.113.10"),
            whole("2001:db8::10"),
            port("203.0.113.20", Transport::Tcp, 80, Some("10.244.1.7:8080")),
            port("203.0.113.20", Transport::Udp, 53, Some("10.244.1.7:5353")),
            port("203.0.113.20", Transport::Tcp, 81, None),
            port("203.0.113.21", Transport::Tcp, 80, Some("10.244.1.7:8080")),
            port("203.0.113.21", Transport::Udp, 53, Some("10.244.1.7:5353")),
            port("2001:db8::20", Transport::Tcp, 80, Some("[fd00:244::7]:8080")),
            port("2001:db8::20", Transport::Udp, 53, Some("[fd00:244::7]:5353")),
            pod("10.244.1.7", "10.244.1.7:8080"),
            pod("10.244.1.8", "10.244.1.8:8080"),
        ]
        .into();
        let vips = services.keys().map(|key| (key.vip, VipAddress::Foreign)).collect();
        Services { services, vips }
    }

    impl World {
        fn new() -> Self {
            own_netns().unwrap();
            let pins = Pins::new().unwrap();
            let decap = Decap::open(pins.path()).unwrap();
            decap.set_services(&services()).unwrap();
            Self { decap, _pins: pins }
        }

        /// What became of a frame, and the counters that grew.
        fn run(&self, frame: &[u8]) -> (u32, Vec<u8>, Vec<&'static str>) {
            let before = self.decap.counters().unwrap();
            let run = self.decap.test_run(frame, &TestRunOptions::default()).unwrap();
            let after = self.decap.counters().unwrap();
            let mut grown = Vec::new();
            for ((counter, before), (_, after)) in before.into_iter().zip(after) {
                assert!(after - before <= 1, "{}: {before} to {after}", counter.name());
                if after != before {
                    grown.push(counter.name());
                }
            }
            (run.retval, run.packet, grown)
        }

        #[track_caller]
        fn expect(&self, frame: &[u8], verdict: &str, action: u32, expected: &[u8]) {
            let (retval, packet, grown) = self.run(frame);
            assert_eq!(grown[0], verdict, "{grown:?}");
            assert_eq!(retval, action, "{grown:?}");
            assert_eq!(packet, expected, "\n got {packet:02x?}\nwant {expected:02x?}");
        }

        #[track_caller]
        fn expect_untouched(&self, frame: &[u8], counter: &str) {
            let action = if counter == "pass" { xdp_action::PASS } else { xdp_action::DROP };
            self.expect(frame, counter, action, frame);
        }
    }

    fn wraps() -> Vec<(Wrap, &'static str)> {
        let mut wraps = vec![
            (Wrap::IpIp, "ipip"),
            (Wrap::gue(&[]), "gue"),
            (Wrap::Gue { hops: vec![], taken: 0, checksum: false }, "gue"),
            (Wrap::Gue { hops: vec![ip("10.1.12.2")], taken: 1, checksum: true }, "gue"),
            (Wrap::Gue { hops: vec![ip("10.1.12.2"), ip("fd00::3")], taken: 2, checksum: true }, "gue"),
        ];
        wraps.extend([0, 0x8000, 0x2000, 0x1000, 0xb000].map(|flags| (Wrap::Gre(flags), "gre")));
        wraps
    }

    fn flows() -> [(SocketAddr, SocketAddr); 2] {
        [
            (at("198.51.100.7:40000"), at("203.0.113.10:80")),
            (at("[2001:db8:ffff::7]:40000"), at("[2001:db8::10]:80")),
        ]
    }

    /// All tunnels, in all mixes of families, with and without VLAN tags.
    #[test]
    fn tunnels_are_taken_off_in_all_mixes() {
        let world = World::new();
        for (wrap, counter) in wraps() {
            for (from, to) in OUTERS {
                for (client, vip) in flows() {
                    for tags in TAGS {
                        for l4 in [L4::Tcp(Segment::Ack), L4::Tcp(Segment::Syn), L4::Udp] {
                            let inner = packet(client, vip, l4, 0x28, PAYLOAD);
                            let outer = encapsulated(ip(from), ip(to), &wrap, 0x28, 64, &inner);
                            let frame = ethernet(MACS, tags, &outer);
                            world.expect(&frame, counter, xdp_action::PASS, &ethernet(MACS, tags, &inner));
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn destinations_are_translated_and_replies_back() {
        let world = World::new();
        let flows = [
            ("198.51.100.7:40000", "203.0.113.20:80", "10.244.1.7:8080", true),
            ("198.51.100.7:40000", "203.0.113.20:53", "10.244.1.7:5353", false),
            ("[2001:db8:ffff::7]:40000", "[2001:db8::20]:80", "[fd00:244::7]:8080", true),
            ("[2001:db8:ffff::7]:40000", "[2001:db8::20]:53", "[fd00:244::7]:5353", false),
        ];
        for (client, vip, target, is_tcp) in flows {
            let (client, vip, target) = (at(client), at(vip), at(target));
            let l4s: &[L4] = if is_tcp {
                &[L4::Tcp(Segment::Syn), L4::Tcp(Segment::Ack), L4::Tcp(Segment::Fin)]
            } else {
                &[L4::Udp, L4::UdpWithoutChecksum]
            };
            for &l4 in l4s {
                for tags in TAGS {
                    let inner = packet(client, vip, l4, 0, PAYLOAD);
                    let outer = encapsulated(ip("100::1:2"), ip("fd00:11::2"), &Wrap::IpIp, 0, 64, &inner);
                    let expected = packet(client, target, l4, 0, PAYLOAD);
                    let frame = ethernet(MACS, tags, &outer);
                    world.expect(&frame, "ipip", xdp_action::PASS, &ethernet(MACS, tags, &expected));

                    let reply = ethernet(MACS, tags, &packet(target, client, l4, 0, PAYLOAD));
                    let expected = ethernet(MACS, tags, &packet(vip, client, l4, 0, PAYLOAD));
                    let run = world.decap.test_run_egress(&reply).unwrap();
                    assert_eq!(run.packet, expected, "{l4:?} {tags:?}\n{:02x?}\n{expected:02x?}", run.packet);
                    assert_eq!(run.retval, u32::MAX, "the next program decides");
                }
            }
        }
        // Not of a translated flow.
        let other =
            ethernet(MACS, &[], &packet(at("10.244.1.7:8080"), at("198.51.100.9:1"), L4::Udp, 0, PAYLOAD));
        assert_eq!(world.decap.test_run_egress(&other).unwrap().packet, other);
    }

    #[test]
    fn one_flow_is_half_open_until_a_second_packet_comes() {
        let world = World::new();
        let send = |l4, client: &str| {
            let inner = packet(at(client), at("203.0.113.20:80"), l4, 0, PAYLOAD);
            let outer = encapsulated(ip("172.16.1.2"), ip("10.1.11.2"), &Wrap::IpIp, 0, 64, &inner);
            world.run(&ethernet(MACS, &[], &outer));
            let counts = world.decap.flow_counts().unwrap();
            (counts.half_open, counts.established)
        };
        assert_eq!(send(L4::Tcp(Segment::Syn), "198.51.100.7:40000"), (1, 0));
        assert_eq!(send(L4::Tcp(Segment::Syn), "198.51.100.7:40000"), (1, 0));
        assert_eq!(send(L4::Tcp(Segment::Ack), "198.51.100.7:40000"), (0, 1));
        assert_eq!(send(L4::Tcp(Segment::Syn), "198.51.100.7:40000"), (0, 1));
        // Known by no SYN, as after a restart with new maps.
        assert_eq!(send(L4::Tcp(Segment::Ack), "198.51.100.7:40001"), (1, 1));
        assert_eq!(send(L4::Tcp(Segment::Ack), "198.51.100.7:40001"), (0, 2));
    }

    #[test]
    fn a_client_port_for_two_vips_of_one_target_clashes_until_the_first_flow_ended() {
        let world = World::new();
        let client = at("198.51.100.7:40000");
        let send = |vip: &str, segment| {
            let inner = packet(client, at(vip), L4::Tcp(segment), 0, b"");
            let outer = encapsulated(ip("172.16.1.2"), ip("10.1.11.2"), &Wrap::IpIp, 0, 64, &inner);
            world.run(&ethernet(MACS, &[], &outer)).2[0]
        };
        let reply = |segment| {
            let reply = ethernet(MACS, &[], &packet(at("10.244.1.7:8080"), client, L4::Tcp(segment), 0, b""));
            let packet = world.decap.test_run_egress(&reply).unwrap().packet;
            packet[26..30].to_vec()
        };
        let (first, second) = ("203.0.113.20:80", "203.0.113.21:80");
        assert_eq!(send(first, Segment::Syn), "ipip");
        // As long as only SYNs came, the last one counts.
        assert_eq!(send(second, Segment::Ack), "drop_port_clash");
        assert_eq!(send(second, Segment::Syn), "ipip");
        assert_eq!(reply(Segment::Ack), [203, 0, 113, 21]);
        assert_eq!(send(first, Segment::Syn), "ipip");
        assert_eq!(send(first, Segment::Ack), "ipip");
        for segment in [Segment::Syn, Segment::Ack, Segment::Fin] {
            assert_eq!(send(second, segment), "drop_port_clash");
        }
        // One side's end is not enough.
        assert_eq!(send(first, Segment::Fin), "ipip");
        assert_eq!(send(second, Segment::Syn), "drop_port_clash");
        assert_eq!(reply(Segment::Fin), [203, 0, 113, 20]);
        assert_eq!(send(second, Segment::Syn), "ipip");
        assert_eq!(reply(Segment::Ack), [203, 0, 113, 21]);
        // A reset by the target ends it at once, one by the client if it has the number that the target waits for.
        assert_eq!(send(second, Segment::Ack), "ipip");
        for number in [0, 1000, 1999, 2001] {
            assert_eq!(send(second, Segment::Reset(number)), "ipip");
            assert_eq!(send(first, Segment::Syn), "drop_port_clash", "{number}");
        }
        assert_eq!(reply(Segment::Rst), [203, 0, 113, 21]);
        assert_eq!(send(first, Segment::Syn), "ipip");
        assert_eq!(send(first, Segment::Ack), "ipip");
        // No number can be right before the target has named one.
        assert_eq!(send(first, Segment::Reset(0)), "ipip");
        assert_eq!(send(second, Segment::Syn), "drop_port_clash");
        assert_eq!(reply(Segment::Acknowledge(3000)), [203, 0, 113, 20]);
        assert_eq!(send(first, Segment::Reset(3000)), "ipip");
        // What the target had sent before changes nothing. That it waits for more shows that it did not take it.
        assert_eq!(reply(Segment::Acknowledge(3000)), [203, 0, 113, 20]);
        assert_eq!(send(second, Segment::Syn), "ipip");
        assert_eq!(send(second, Segment::Ack), "ipip");
        assert_eq!(reply(Segment::Acknowledge(4000)), [203, 0, 113, 21]);
        assert_eq!(send(second, Segment::Reset(4000)), "ipip");
        assert_eq!(reply(Segment::Acknowledge(4001)), [203, 0, 113, 21]);
        assert_eq!(send(first, Segment::Syn), "drop_port_clash");
    }

    #[test]
    fn an_endpoint_that_left_keeps_the_flows_that_it_has() {
        let world = World::new();
        for (vip, tcp, target) in
            [("203.0.113.20:80", true, "10.244.1.7:8080"), ("[2001:db8::20]:53", false, "[fd00:244::7]:5353")]
        {
            let (vip, target) = (at(vip), at(target));
            let clients = if vip.is_ipv4() {
                ["198.51.100.7:40000", "198.51.100.7:40001"]
            } else {
                ["[2001:db8:ffff::7]:40000", "[2001:db8:ffff::7]:40001"]
            };
            let [known, unknown] = clients.map(at);
            let first = if tcp { L4::Tcp(Segment::Syn) } else { L4::Udp };
            let later = if tcp { L4::Tcp(Segment::Ack) } else { L4::Udp };
            let frame = |client, l4| {
                let inner = packet(client, vip, l4, 0, PAYLOAD);
                let outer = encapsulated(ip("172.16.1.2"), ip("10.1.11.2"), &Wrap::IpIp, 0, 64, &inner);
                ethernet(MACS, &[], &outer)
            };
            let port = if tcp { Transport::Tcp } else { Transport::Udp };
            let key = ServiceKey { vip: vip.ip(), port: ServicePort::Port(port, vip.port()) };
            let mut services = services();
            world.decap.set_services(&services).unwrap();
            world.run(&frame(known, first));
            services.services.insert(key, Service::Drain(target));
            world.decap.set_services(&services).unwrap();
            let delivered = ethernet(MACS, &[], &packet(known, target, later, 0, PAYLOAD));
            for _ in 0..3 {
                world.expect(&frame(known, later), "ipip", xdp_action::PASS, &delivered);
            }
            world.expect_untouched(&frame(unknown, later), "drop_unknown_port");
            // A new connection from a port that had one before begins elsewhere.
            if tcp {
                world.expect_untouched(&frame(known, first), "drop_unknown_port");
            }
            let reply = ethernet(MACS, &[], &packet(target, known, later, 0, PAYLOAD));
            let back = world.decap.test_run_egress(&reply).unwrap().packet;
            assert_eq!(back, ethernet(MACS, &[], &packet(vip, known, later, 0, PAYLOAD)));
        }
    }

    #[test]
    fn the_most_specific_service_takes_a_packet() {
        let world = World::new();
        let client = at("198.51.100.7:40000");
        for (outer, port, counter, target) in [
            ("10.1.11.2", 80, "gre", Some("10.244.1.7:8080")),
            ("10.1.11.2", 81, "gre", None),
            ("10.244.1.7", 8000, "gre", Some("10.244.1.7:8080")),
            ("10.244.1.8", 8000, "gre", Some("10.244.1.8:8080")),
            ("10.244.1.9", 8000, "drop_unknown_port", None),
            ("10.1.11.2", 82, "drop_unknown_port", None),
        ] {
            let vip = SocketAddr::new(ip("203.0.113.20"), port);
            let inner = packet(client, vip, L4::Tcp(Segment::Syn), 0, PAYLOAD);
            let outer = encapsulated(ip("172.16.1.2"), ip(outer), &Wrap::Gre(0), 0, 64, &inner);
            let frame = ethernet(MACS, &[], &outer);
            if counter == "drop_unknown_port" {
                world.expect_untouched(&frame, counter);
                continue;
            }
            let to = target.map_or(vip, at);
            let expected = ethernet(MACS, &[], &packet(client, to, L4::Tcp(Segment::Syn), 0, PAYLOAD));
            world.expect(&frame, counter, xdp_action::PASS, &expected);
        }
    }

    #[test]
    fn what_is_not_ours_is_left_alone() {
        let world = World::new();
        let (client, vip) = flows()[0];
        let inner = packet(client, vip, L4::Tcp(Segment::Ack), 0, PAYLOAD);
        let wrap = |wrap: &Wrap| encapsulated(ip("172.16.1.2"), ip("10.1.11.2"), wrap, 0, 64, &inner);
        let whole = wrap(&Wrap::IpIp);
        let pass = |packet: &[u8]| world.expect_untouched(&ethernet(MACS, &[], packet), "pass");
        pass(&inner);
        // For no VIP of this node.
        let other = packet(client, at("203.0.113.11:80"), L4::Tcp(Segment::Ack), 0, PAYLOAD);
        pass(&encapsulated(ip("172.16.1.2"), ip("10.1.11.2"), &Wrap::IpIp, 0, 64, &other));
        // An IPv4-mapped destination is no IPv4 VIP.
        let mapped = packet(at("[2001:db8::7]:1"), at("[::ffff:203.0.113.10]:80"), L4::Udp, 0, PAYLOAD);
        pass(&encapsulated(ip("172.16.1.2"), ip("10.1.11.2"), &Wrap::IpIp, 0, 64, &mapped));
        // Other versions of GRE, its routing bit, its old flags.
        for flags in [0x4000, 0x0800, 0x0400, 1, 7] {
            pass(&wrap(&Wrap::Gre(flags)));
        }
        // Outer fragments and options.
        let mut fragment = whole.clone();
        fragment[6] = 0x20;
        pass(&fragment);
        let mut offset = whole.clone();
        offset[7] = 1;
        pass(&offset);
        let mut options = whole.clone();
        options[0] = 0x46;
        pass(&options);
        // Another UDP port, a GUE control message, another variant, another payload.
        let gue = wrap(&Wrap::gue(&[]));
        for (index, value) in [(23, 0xc1), (28, 0x20), (28, 0x40), (28, 0x80), (29, 59)] {
            let mut changed = gue.clone();
            changed[index] = value;
            pass(&changed);
        }
        // Cut before the inner destination can be read.
        for len in 14..14 + 40 {
            world.expect_untouched(&ethernet(MACS, &[], &whole)[..len], "pass");
        }
        world.decap.set_global(&Global { gue_port: 6081, ..Global::default() }).unwrap();
        pass(&gue);
    }

    #[test]
    fn what_contradicts_itself_is_dropped() {
        let world = World::new();
        let (client, vip) = flows()[0];
        let inner = packet(client, vip, L4::Tcp(Segment::Ack), 0, PAYLOAD);
        let (from, to) = (ip("172.16.1.2"), ip("10.1.11.2"));
        let whole = encapsulated(from, to, &Wrap::IpIp, 0, 64, &inner);
        let malformed =
            |packet: &[u8]| world.expect_untouched(&ethernet(MACS, &[], packet), "drop_malformed");
        let change = |bytes: &[u8], changes: &[(usize, u8)]| {
            let mut changed = bytes.to_vec();
            changes.iter().for_each(|(index, value)| changed[*index] = *value);
            changed
        };
        // The other version than the tunnel says; an inner header that is too short; one packet longer than the other.
        malformed(&change(&whole, &[(20, 0x65)]));
        malformed(&change(&whole, &[(20, 0x44)]));
        malformed(&change(&whole, &[(22, 3)]));
        malformed(&change(&whole, &[(2, 3)]));
        for len in 14 + 40..14 + whole.len() {
            world.expect_untouched(&ethernet(MACS, &[], &whole)[..len], "drop_malformed");
        }
        let hops = [ip("10.1.12.2"), ip("10.1.13.2")];
        let gue = encapsulated(from, to, &Wrap::gue(&hops), 0, 64, &inner);
        // GUE: flags, unknown private data, families, more hops than there are or than are known, more taken than there
        // are, a datagram of another length.
        for changes in
            [&[(30, 1)], &[(32, 2)], &[(33, 5)], &[(33, 6)], &[(34, 1)], &[(34, 3)], &[(35, 3)], &[(25, 9)]]
        {
            malformed(&change(&gue, changes));
        }
        let hops = [ip("10.1.12.2"), ip("10.1.13.2"), ip("10.1.12.3"), ip("10.1.13.3")];
        malformed(&encapsulated(from, to, &Wrap::gue(&hops), 0, 64, &inner));
        // Behind the packet is padding, which belongs to nobody.
        let mut padded = ethernet(MACS, &[], &whole);
        padded.extend([0; 30]);
        let (action, _, grown) = world.run(&padded);
        assert_eq!((action, grown), (xdp_action::PASS, vec!["ipip"]));
    }

    #[test]
    fn marks_of_congestion_are_carried_inward() {
        let world = World::new();
        for (client, vip) in flows() {
            for inner_ecn in 0..4 {
                for outer_ecn in 0..4 {
                    let inner = packet(client, vip, L4::Udp, 0xb8 | inner_ecn, PAYLOAD);
                    let outer = encapsulated(
                        ip("172.16.1.2"),
                        ip("10.1.11.2"),
                        &Wrap::IpIp,
                        0xb8 | outer_ecn,
                        64,
                        &inner,
                    );
                    let frame = ethernet(MACS, &[], &outer);
                    // RFC 6040, figure 4.
                    let ecn = match (inner_ecn, outer_ecn) {
                        (0, 3) => {
                            let (action, _, grown) = world.run(&frame);
                            assert_eq!((action, grown), (xdp_action::DROP, vec!["drop_congested"]));
                            continue;
                        }
                        (1.., 3) => 3,
                        (2, 1) => 1,
                        (inner, _) => inner,
                    };
                    let expected = packet(client, vip, L4::Udp, 0xb8 | ecn, PAYLOAD);
                    world.expect(&frame, "ipip", xdp_action::PASS, &ethernet(MACS, &[], &expected));
                }
            }
        }
    }

    #[test]
    fn fragments_and_other_protocols_go_to_whole_vips_only() {
        let world = World::new();
        let (client, whole) = flows()[0];
        for (vip, counter) in [(whole, "ipip"), (at("203.0.113.20:80"), "drop_unknown_port")] {
            let mut fragment = packet(client, vip, L4::Udp, 0, PAYLOAD);
            fragment[6] = 0x20;
            let mut icmp = packet(client, vip, L4::Udp, 0, PAYLOAD);
            icmp[9] = 1;
            for inner in [fragment, icmp] {
                let outer = encapsulated(ip("172.16.1.2"), ip("10.1.11.2"), &Wrap::IpIp, 0, 64, &inner);
                let (_, _, grown) = world.run(&ethernet(MACS, &[], &outer));
                assert_eq!(grown, [counter]);
            }
        }
    }

    /// What is handed over, in a namespace that routes everything to one router.
    fn with_a_router() -> (World, TestRunOptions) {
        let world = World::new();
        run("ip link add up0 address 02:00:00:00:00:01 type veth peer name peer0 address 02:00:00:00:00:02")
            .unwrap();
        for command in [
            "sysctl -qw net.ipv6.conf.up0.accept_dad=0",
            "ip link set up0 up",
            "ip link set peer0 up",
            "ip addr add 10.1.11.2/24 dev up0",
            "ip addr add fd00:11::2/64 dev up0 nodad",
            "ip route add default via 10.1.11.1",
            "ip -6 route add default via fd00:11::1",
            "ip neigh add 10.1.11.1 lladdr 02:00:00:00:00:99 dev up0",
            "ip neigh add fd00:11::1 lladdr 02:00:00:00:00:99 dev up0",
        ] {
            run(command).unwrap();
        }
        world.decap.attach("up0", XdpMode::Native).unwrap();
        let ingress_ifindex = nix::net::if_::if_nametoindex("up0").unwrap();
        (world, TestRunOptions { ingress_ifindex, ..TestRunOptions::default() })
    }

    #[test]
    fn packets_of_unknown_connections_go_to_the_next_hop_in_all_mixes() {
        let (world, options) = with_a_router();
        let own = Global {
            source_v4: Some("10.1.11.2".parse().unwrap()),
            source_v6: Some("fd00:11::2".parse().unwrap()),
            ..Global::default()
        };
        world.decap.set_global(&own).unwrap();
        let hops = [ip("10.1.12.2"), ip("fd00:13::2")];
        let lists: [&[IpAddr]; 6] = [
            &hops[..1],
            &hops[1..],
            &[hops[0], ip("10.1.13.2")],
            &[hops[1], hops[0]],
            &[hops[0], ip("10.1.13.2"), ip("10.1.12.3")],
            &[hops[0], hops[1], ip("fd00:13::3")],
        ];
        for forwarding in ["0", "1"] {
            run(&format!("sysctl -qw net.ipv4.conf.up0.forwarding={forwarding}")).unwrap();
            run(&format!("sysctl -qw net.ipv6.conf.up0.forwarding={forwarding}")).unwrap();
            // Through the FIB to the router, or back to who sent it.
            let macs = if forwarding == "1" {
                ([2, 0, 0, 0, 0, 0x99], [2, 0, 0, 0, 0, 1])
            } else {
                (MACS.1, MACS.0)
            };
            for (from, to) in OUTERS {
                for (client, vip) in flows() {
                    for (hops, tags) in lists.iter().flat_map(|hops| TAGS.map(|tags| (*hops, tags))) {
                        for checksum in [true, false] {
                            for taken in 0..u8::try_from(hops.len()).unwrap() {
                                let inner = packet(client, vip, L4::Tcp(Segment::Ack), 0x2a, PAYLOAD);
                                let wrap = |taken| Wrap::Gue { hops: hops.to_vec(), taken, checksum };
                                let before = encapsulated(ip(from), ip(to), &wrap(taken), 0x2a, 17, &inner);
                                let next = hops[usize::from(taken)];
                                let source = match (ip(from).is_ipv4(), next.is_ipv4()) {
                                    (same, other) if same == other => ip(from),
                                    (_, true) => ip("10.1.11.2"),
                                    (_, false) => ip("fd00:11::2"),
                                };
                                let after = encapsulated(source, next, &wrap(taken + 1), 0x2a, 16, &inner);
                                let run =
                                    world.decap.test_run(&ethernet(MACS, tags, &before), &options).unwrap();
                                let expected = ethernet(macs, tags, &after);
                                assert_eq!(
                                    run.packet, expected,
                                    "{from} {next} {tags:?} {taken}\n got {:02x?}\nwant {expected:02x?}",
                                    run.packet
                                );
                                assert_eq!(run.retval, xdp_action::TX);
                                assert!(checksums_are_right(&run.packet[14 + 4 * tags.len()..]));
                            }
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_not_handed_over() {
        let (world, options) = with_a_router();
        run("sysctl -qw net.ipv4.conf.up0.forwarding=1").unwrap();
        let client = at("198.51.100.7:40000");
        let frame = |vip: &str, l4, wrap: &Wrap, ttl| {
            let inner = packet(client, at(vip), l4, 0, PAYLOAD);
            ethernet(MACS, &[], &encapsulated(ip("172.16.1.2"), ip("10.1.11.2"), wrap, 0, ttl, &inner))
        };
        let verdict = |frame: &[u8]| {
            let before = world.decap.counters().unwrap();
            let run = world.decap.test_run(frame, &options).unwrap();
            let after = world.decap.counters().unwrap();
            let grown = before.iter().zip(&after).find(|(before, after)| before != after).unwrap();
            (run.retval, grown.0.0.name())
        };
        let ack = L4::Tcp(Segment::Ack);
        let hop = Wrap::gue(&[ip("10.1.12.2")]);
        let vip = "203.0.113.10:80";
        assert_eq!(verdict(&frame(vip, ack, &hop, 64)), (xdp_action::TX, "handed_over"));
        // New connections and UDP stay; so do packets that have gone all their hops.
        assert_eq!(verdict(&frame(vip, L4::Tcp(Segment::Syn), &hop, 64)), (xdp_action::PASS, "gue"));
        assert_eq!(verdict(&frame(vip, L4::Udp, &hop, 64)), (xdp_action::PASS, "gue"));
        let last = Wrap::Gue { hops: vec![ip("10.1.12.2")], taken: 1, checksum: true };
        assert_eq!(verdict(&frame(vip, ack, &last, 64)), (xdp_action::PASS, "gue"));
        // A lifetime that is used up ends every circle.
        assert_eq!(verdict(&frame(vip, ack, &hop, 1)), (xdp_action::DROP, "drop_no_next_hop"));
        // No source for the other family; no route; longer than the way takes.
        let v6 = Wrap::gue(&[ip("fd00:13::2")]);
        assert_eq!(verdict(&frame(vip, ack, &v6, 64)), (xdp_action::DROP, "drop_no_next_hop"));
        run("ip route add unreachable 10.1.14.0/24").unwrap();
        let nowhere = Wrap::gue(&[ip("10.1.14.2")]);
        assert_eq!(verdict(&frame(vip, ack, &nowhere, 64)), (xdp_action::DROP, "drop_no_next_hop"));
        // A neighbour that is not known is the kernel's to ask for.
        let silent = Wrap::gue(&[ip("10.1.11.77")]);
        let before = frame(vip, ack, &silent, 9);
        let run = world.decap.test_run(&before, &options).unwrap();
        let inner = packet(client, at(vip), ack, 0, PAYLOAD);
        let taken = Wrap::Gue { hops: vec![ip("10.1.11.77")], taken: 1, checksum: true };
        let after = encapsulated(ip("172.16.1.2"), ip("10.1.11.77"), &taken, 0, 9, &inner);
        assert_eq!((run.retval, run.packet), (xdp_action::PASS, ethernet(MACS, &[], &after)));

        // A flow that is known here stays here.
        let translated = "203.0.113.20:80";
        assert_eq!(verdict(&frame(translated, ack, &hop, 64)), (xdp_action::TX, "handed_over"));
        assert_eq!(verdict(&frame(translated, L4::Tcp(Segment::Syn), &hop, 64)).1, "gue");
        assert_eq!(verdict(&frame(translated, ack, &hop, 64)).1, "gue");
        assert_eq!(verdict(&frame(translated, ack, &hop, 64)).1, "gue");
        // Until its target says that it is not there.
        let target = at("10.244.1.7:8080");
        let reset = ethernet(MACS, &[], &packet(target, client, L4::Tcp(Segment::Rst), 0, b""));
        world.decap.test_run_egress(&reset).unwrap();
        assert_eq!(verdict(&frame(translated, ack, &hop, 64)), (xdp_action::TX, "handed_over"));

        // The next hop may be another Pod of this node: no packet leaves, and its flows count.
        let pods = Wrap::gue(&[ip("10.244.1.8"), ip("10.1.12.2")]);
        let to_pod = |wrap: &Wrap, l4, outer: &str| {
            let inner = packet(client, at("203.0.113.20:8000"), l4, 0, PAYLOAD);
            let mut outer = encapsulated(ip("172.16.1.2"), ip(outer), wrap, 0, 64, &inner);
            set_ttl(&mut outer, 64);
            ethernet(MACS, &[], &outer)
        };
        let lone = to_pod(&pods, ack, "10.244.1.7");
        let run = world.decap.test_run(&lone, &options).unwrap();
        let inner = packet(client, at("203.0.113.20:8000"), ack, 0, PAYLOAD);
        let both = Wrap::Gue { hops: vec![ip("10.244.1.8"), ip("10.1.12.2")], taken: 2, checksum: true };
        let after = encapsulated(ip("172.16.1.2"), ip("10.1.12.2"), &both, 0, 63, &inner);
        assert_eq!(run.retval, xdp_action::TX);
        assert_eq!(run.packet[14..], after, "two hops at once");
        world
            .decap
            .test_run(&to_pod(&Wrap::gue(&[]), L4::Tcp(Segment::Syn), "10.244.1.8"), &options)
            .unwrap();
        let run = world.decap.test_run(&lone, &options).unwrap();
        assert_eq!(run.retval, xdp_action::PASS);
        assert_eq!(run.packet[14..], packet(client, at("10.244.1.8:8080"), ack, 0, PAYLOAD));
    }
}
