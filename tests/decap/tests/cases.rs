//! Every case of `cases/`; its README says what the fields mean.
#![allow(clippy::unwrap_used)]

mod needs_root {
    use std::collections::BTreeMap;
    use std::net::{IpAddr, SocketAddr};
    use std::path::Path;

    use guideway_bpf::{
        Decap, Global, Service, ServiceKey, ServicePort, Services, TestRunOptions, Transport, VipAddress,
        XdpMode, xdp_action,
    };
    use guideway_decap_tests::frame::{L4, MACS, Segment, Wrap, encapsulated, ethernet, packet};
    use guideway_decap_tests::place::{Pins, own_netns, run};
    use serde::Deserialize;

    const PAYLOAD: &[u8] = b"twenty bytes of data";
    const ROUTER: [u8; 6] = [2, 0, 0, 0, 0, 0x99];

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Case {
        name: String,
        #[serde(default)]
        vlan: Vec<u16>,
        #[serde(default)]
        outer: Outer,
        tunnel: Option<String>,
        #[serde(default)]
        gre_flags: u16,
        #[serde(default)]
        hops: Vec<IpAddr>,
        #[serde(default)]
        taken: u8,
        #[serde(default)]
        before: Vec<String>,
        #[serde(default)]
        inner: Inner,
        #[serde(default)]
        change: BTreeMap<usize, u8>,
        cut: Option<usize>,
        expect: String,
        tos: Option<u8>,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        from: Option<IpAddr>,
        to: Option<IpAddr>,
        ttl: Option<u8>,
        #[serde(default)]
        tos: u8,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        from: Option<SocketAddr>,
        to: Option<SocketAddr>,
        l4: Option<String>,
        #[serde(default)]
        tos: u8,
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn l4(name: &str) -> L4 {
        match name {
            "syn" => L4::Tcp(Segment::Syn),
            "ack" => L4::Tcp(Segment::Ack),
            "fin" => L4::Tcp(Segment::Fin),
            "rst" => L4::Tcp(Segment::Rst),
            "udp" => L4::Udp,
            "udp without checksum" => L4::UdpWithoutChecksum,
            other => panic!("unknown l4: {other}"),
        }
    }

    impl Case {
        fn client(&self) -> SocketAddr {
            self.inner.from.unwrap_or_else(|| at("198.51.100.7:40000"))
        }

        fn vip(&self) -> SocketAddr {
            self.inner.to.unwrap_or_else(|| at("203.0.113.10:80"))
        }

        fn l4(&self) -> L4 {
            self.inner.l4.as_deref().map_or(L4::Tcp(Segment::Ack), l4)
        }

        fn from(&self) -> IpAddr {
            self.outer.from.unwrap_or_else(|| ip("172.16.1.2"))
        }

        fn to(&self) -> IpAddr {
            self.outer.to.unwrap_or_else(|| ip("10.1.11.2"))
        }

        fn ttl(&self) -> u8 {
            self.outer.ttl.unwrap_or(64)
        }

        fn wrap(&self, taken: u8) -> Option<Wrap> {
            let hops = self.hops.clone();
            Some(match self.tunnel.as_deref() {
                None | Some("ipip") => Wrap::IpIp,
                Some("gre") => Wrap::Gre(self.gre_flags),
                Some("gue") => Wrap::Gue { hops, taken, checksum: true },
                Some("gue without checksum") => Wrap::Gue { hops, taken, checksum: false },
                Some("none") => return None,
                Some(other) => panic!("unknown tunnel: {other}"),
            })
        }

        fn inner_packet(&self) -> Vec<u8> {
            packet(self.client(), self.vip(), self.l4(), self.inner.tos, PAYLOAD)
        }

        fn frame(&self) -> Vec<u8> {
            let inner = self.inner_packet();
            let mut outer = match self.wrap(self.taken) {
                Some(wrap) => encapsulated(self.from(), self.to(), &wrap, self.outer.tos, self.ttl(), &inner),
                None => inner,
            };
            for (offset, byte) in &self.change {
                outer[*offset] = *byte;
            }
            let mut frame = ethernet(MACS, &self.vlan, &outer);
            frame.truncate(self.cut.unwrap_or(frame.len()));
            frame
        }

        /// Counter, action, and the frame that comes out; none: it is not looked at.
        fn expected(&self) -> (String, u32, Option<Vec<u8>>) {
            let delivered = |to: SocketAddr| {
                let tos = self.tos.unwrap_or(self.inner.tos);
                let counter = match self.wrap(0).unwrap() {
                    Wrap::IpIp => "ipip",
                    Wrap::Gre(_) => "gre",
                    Wrap::Gue { .. } => "gue",
                };
                let inner = packet(self.client(), to, self.l4(), tos, PAYLOAD);
                (counter.to_owned(), xdp_action::PASS, Some(ethernet(MACS, &self.vlan, &inner)))
            };
            match self.expect.as_str() {
                "pass" => ("pass".to_owned(), xdp_action::PASS, Some(self.frame())),
                "delivered" => delivered(self.vip()),
                text if text.starts_with("delivered to ") => delivered(at(&text["delivered to ".len()..])),
                text if text.starts_with("drop ") => {
                    (format!("drop_{}", &text["drop ".len()..]), xdp_action::DROP, None)
                }
                text if text.starts_with("handed over to ") => {
                    let next = ip(&text["handed over to ".len()..]);
                    let position = self.hops.iter().position(|hop| *hop == next).unwrap();
                    let taken = u8::try_from(position + 1).unwrap();
                    let source = match (self.from().is_ipv4(), next.is_ipv4()) {
                        (from, to) if from == to => self.from(),
                        (_, true) => ip("10.1.11.2"),
                        (_, false) => ip("fd00:11::2"),
                    };
                    let wrap = self.wrap(taken).unwrap();
                    let inner = self.inner_packet();
                    let outer = encapsulated(source, next, &wrap, self.outer.tos, self.ttl() - 1, &inner);
                    let frame = ethernet((ROUTER, MACS.0), &self.vlan, &outer);
                    ("handed_over".to_owned(), xdp_action::TX, Some(frame))
                }
                other => panic!("unknown expectation: {other}"),
            }
        }
    }

    fn services() -> Services {
        let key = |vip, port| ServiceKey { vip: ip(vip), port };
        let to = |target| Service::Translate(at(target));
        let (tcp, udp) = (Transport::Tcp, Transport::Udp);
        let services: BTreeMap<_, _> = [
            (key("203.0.113.10", ServicePort::Any), Service::AsIs),
            (key("2001:db8::10", ServicePort::Any), Service::AsIs),
            (key("203.0.113.20", ServicePort::Port(tcp, 80)), to("10.244.1.7:8080")),
            (key("203.0.113.20", ServicePort::Port(udp, 53)), to("10.244.1.7:5353")),
            (key("2001:db8::20", ServicePort::Port(tcp, 80)), to("[fd00:244::7]:8080")),
            (key("2001:db8::20", ServicePort::Port(udp, 53)), to("[fd00:244::7]:5353")),
            (key("203.0.113.20", ServicePort::PortBy(tcp, 8000, ip("10.244.1.7"))), to("10.244.1.7:8080")),
            (key("203.0.113.20", ServicePort::PortBy(tcp, 8000, ip("10.244.1.8"))), to("10.244.1.8:8080")),
        ]
        .into();
        let vips = services.keys().map(|key| (key.vip, VipAddress::Foreign)).collect();
        Services { services, vips }
    }

    fn counter_that_grew(before: &[(guideway_abi::DecapCounter, u64)], decap: &Decap) -> &'static str {
        let after = decap.counters().unwrap();
        let grown = before.iter().zip(&after).find(|(before, after)| before.1 != after.1);
        grown.map_or("none", |(_, after)| after.0.name())
    }

    fn check(file: &str) {
        own_netns().unwrap();
        for command in [
            "ip link add up0 address 02:00:00:00:00:01 type veth peer name peer0",
            "sysctl -qw net.ipv6.conf.up0.accept_dad=0 net.ipv6.conf.up0.forwarding=1 net.ipv4.conf.up0.forwarding=1",
            // What the far end sends of its own accord would be counted as a packet that passes.
            "sysctl -qw net.ipv6.conf.peer0.disable_ipv6=1",
            "ip link set up0 up",
            "ip link set peer0 up",
            "ip addr add 10.1.11.2/24 dev up0",
            "ip addr add fd00:11::2/64 dev up0 nodad",
            "ip route add default via 10.1.11.1",
            "ip -6 route add default via fd00:11::1",
            "ip route add unreachable 10.1.14.0/24",
            "ip neigh add 10.1.11.1 lladdr 02:00:00:00:00:99 dev up0",
            "ip neigh add fd00:11::1 lladdr 02:00:00:00:00:99 dev up0",
        ] {
            run(command).unwrap();
        }
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases").join(file);
        let cases: Vec<Case> = serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        for case in &cases {
            let pins = Pins::new().unwrap();
            let decap = Decap::open(pins.path()).unwrap();
            decap.set_services(&services()).unwrap();
            let [v4, v6] =
                [[10, 1, 11, 2].into(), "fd00:11::2".parse().unwrap()].map(|address: IpAddr| address);
            let (IpAddr::V4(v4), IpAddr::V6(v6)) = (v4, v6) else { unreachable!() };
            decap
                .set_global(&Global { source_v4: Some(v4), source_v6: Some(v6), ..Global::default() })
                .unwrap();
            decap.attach("up0", XdpMode::Native).unwrap();
            let ingress_ifindex = nix::net::if_::if_nametoindex("up0").unwrap();
            let options = TestRunOptions { ingress_ifindex, ..TestRunOptions::default() };
            for earlier in &case.before {
                let inner = packet(case.client(), case.vip(), l4(earlier), 0, b"");
                let outer = encapsulated(case.from(), case.to(), &Wrap::IpIp, 0, 64, &inner);
                decap.test_run(&ethernet(MACS, &[], &outer), &options).unwrap();
            }
            let before = decap.counters().unwrap();
            let found = decap.test_run(&case.frame(), &options).unwrap();
            let (counter, action, frame) = case.expected();
            assert_eq!(counter_that_grew(&before, &decap), counter, "{}", case.name);
            assert_eq!(found.retval, action, "{}", case.name);
            if let Some(frame) = frame {
                let got = &found.packet;
                assert!(*got == frame, "{}\n got {got:02x?}\nwant {frame:02x?}", case.name);
            }
        }
        println!("{file}: {} cases", cases.len());
    }

    #[test]
    fn tunnels() {
        check("tunnels.yaml");
    }

    #[test]
    fn translation() {
        check("translation.yaml");
    }

    #[test]
    fn hand_over() {
        check("hand_over.yaml");
    }

    #[test]
    fn broken() {
        check("broken.yaml");
    }
}
