//! Connections of real sockets between network namespaces, through tunnels.
#![allow(clippy::unwrap_used)]

mod needs_root {
    use std::io::{Read as _, Write as _};
    use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
    use std::time::{Duration, Instant};

    use guideway_bpf::{Service, XdpMode};
    use guideway_decap_tests::frame::{L4, Segment, Wrap, encapsulated, ethernet, packet};
    use guideway_decap_tests::steer;
    use guideway_decap_tests::world::{
        POD, TIMEOUT, TO_POD, TO_PROCESS, WHOLE, World, address, name_of, ping, serve_tcp, serve_udp, to_node,
    };

    fn at(vip: &str) -> SocketAddr {
        SocketAddr::new(vip.parse().unwrap(), 80)
    }

    fn wraps() -> [Wrap; 3] {
        [Wrap::IpIp, Wrap::gue(&[]), Wrap::Gre(0x2000)]
    }

    /// Waits for a condition.
    #[track_caller]
    fn until(what: &str, mut condition: impl FnMut() -> bool) {
        let end = Instant::now() + TIMEOUT;
        while !condition() {
            assert!(Instant::now() < end, "{what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn talk(world: &World, vips: [&str; 2], name: u8) {
        let words: Vec<u8> = (0..300_000_u32).map(|i| i.to_le_bytes()[0]).collect();
        for wrap in wraps() {
            for outer_v4 in [true, false] {
                world.forwarder.steer(to_node(0, outer_v4, wrap.clone()));
                for vip in vips {
                    let mut stream =
                        world.connect(at(vip)).unwrap_or_else(|error| panic!("{vip} {wrap:?}: {error:#}"));
                    assert_eq!(name_of(&mut stream).unwrap(), name, "{vip} {wrap:?}");
                    // More than one segment at once in both directions, so that the hardware is asked to cut it.
                    let mut reader = stream.try_clone().unwrap();
                    let expected = words.clone();
                    let reading = std::thread::spawn(move || {
                        let mut back = vec![0; expected.len()];
                        reader.read_exact(&mut back).unwrap();
                        assert!(back == expected, "other bytes than were sent");
                    });
                    stream.write_all(&words).unwrap();
                    reading.join().unwrap();

                    let any: IpAddr = if at(vip).is_ipv4() { [0; 4].into() } else { [0; 16].into() };
                    let socket = world.client.within(|| Ok(UdpSocket::bind((any, 0))?)).unwrap();
                    socket.connect(at(vip)).unwrap();
                    for length in [1, 700, 1400] {
                        datagram(&socket, &words[..length], name)
                            .unwrap_or_else(|error| panic!("{vip} {wrap:?} outer v4 {outer_v4}: {error}"));
                    }
                }
            }
        }
    }

    /// Sends a datagram until it comes back behind the server's name: the forwarder of these tests reads from a packet
    /// socket, which loses some when the machine is busy.
    fn datagram(socket: &UdpSocket, words: &[u8], name: u8) -> std::io::Result<()> {
        socket.set_read_timeout(Some(TIMEOUT / 10))?;
        let end = Instant::now() + TIMEOUT;
        let mut back = [0; 2048];
        loop {
            socket.send(words)?;
            loop {
                match socket.recv(&mut back) {
                    Ok(got) if back[..got] == [&[name], words].concat()[..] => return Ok(()),
                    // The late answer to one that was sent twice.
                    Ok(got) => assert_eq!((back[0], got < words.len() + 1), (name, true), "another answer"),
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error),
                }
            }
            if Instant::now() > end {
                return Err(std::io::ErrorKind::TimedOut.into());
            }
        }
    }

    fn both(addresses: [&str; 2]) -> [IpAddr; 2] {
        addresses.map(|address| address.parse().unwrap())
    }

    #[test]
    fn a_process_at_another_port_is_reached_and_answers_as_the_vip() {
        for mode in [XdpMode::Native, XdpMode::Generic] {
            let world = World::new(mode).unwrap();
            let node = &world.nodes[0].netns;
            serve_tcp(node, 8080, b'P').unwrap();
            serve_udp(node, &[address(0, true), address(0, false)], 8080, b'P').unwrap();
            talk(&world, TO_PROCESS, b'P');
            assert!(world.counter(0, "translated").unwrap() > 500);
            assert!(world.counter(0, "replied").unwrap() > 100);
            assert_eq!(world.counter(0, "drop_malformed").unwrap(), 0);
        }
    }

    #[test]
    fn a_pod_in_a_namespace_of_its_own_is_reached_and_answers_as_the_vip() {
        let world = World::new(XdpMode::Native).unwrap();
        serve_tcp(&world.pod, 8080, b'Q').unwrap();
        serve_udp(&world.pod, &both(POD), 8080, b'Q').unwrap();
        talk(&world, TO_POD, b'Q');
        assert!(world.counter(0, "replied").unwrap() > 100);
    }

    /// Connections that were made at node a keep working when their packets come to node b first.
    #[test]
    fn connections_follow_their_node_over_the_second_hop() {
        for forwarding in [false, true] {
            let world = World::new(XdpMode::Generic).unwrap();
            if forwarding {
                world.nodes[1].netns.run("sysctl -qw net.ipv4.ip_forward=1").unwrap();
                world.nodes[1].netns.run("sysctl -qw net.ipv6.conf.all.forwarding=1").unwrap();
            }
            for (node, name) in [(0, b'A'), (1, b'B')] {
                serve_tcp(&world.nodes[node].netns, 80, name).unwrap();
                serve_tcp(&world.nodes[node].netns, 8080, name).unwrap();
            }
            serve_tcp(&world.pod, 8080, b'Q').unwrap();
            for (vips, name) in [(WHOLE, b'A'), (TO_PROCESS, b'A'), (TO_POD, b'Q')] {
                for (vip, outer_v4) in [(vips[0], true), (vips[1], false), (vips[0], false)] {
                    world.forwarder.steer(to_node(0, outer_v4, Wrap::gue(&[])));
                    let mut stream = world.connect(at(vip)).unwrap();
                    assert_eq!(name_of(&mut stream).unwrap(), name);
                    let before = world.counter(1, "handed_over").unwrap();
                    let via_b = to_node(1, outer_v4, Wrap::gue(&[address(0, outer_v4)]));
                    world.forwarder.steer(via_b.clone());
                    for round in 0..1000_u32 {
                        ping(&mut stream, &round.to_le_bytes()).unwrap_or_else(|error| {
                            panic!("{vip}, forwarding {forwarding}, round {round}: {error:#}")
                        });
                    }
                    assert!(world.counter(1, "handed_over").unwrap() >= before + 1000);

                    // A new connection stays where it comes first, also when its later packets carry the hop.
                    let mut new = world.connect(at(vip)).unwrap();
                    assert_eq!(name_of(&mut new).unwrap(), b'B');
                    ping(&mut new, b"words").unwrap();
                    assert!(world.counter(1, "socket_hit").unwrap() > 0);
                    // And the other way round: node a finds what it has, and gives node b what it has not.
                    world.forwarder.steer(to_node(0, outer_v4, Wrap::gue(&[address(1, outer_v4)])));
                    ping(&mut new, b"more words").unwrap();
                    ping(&mut stream, b"more words").unwrap();
                }
            }
            // Outer IPv6 to a next hop with an IPv4 address is tested with single packets.
        }
    }

    #[test]
    fn a_flow_that_nobody_has_is_reset_by_the_last_hop() {
        let world = World::new(XdpMode::Generic).unwrap();
        serve_tcp(&world.nodes[0].netns, 80, b'A').unwrap();
        serve_tcp(&world.pod, 8080, b'Q').unwrap();
        for (client, vip) in [
            ("10.0.0.2:5555", WHOLE[0]),
            ("[fd00:0::2]:5555", WHOLE[1]),
            ("10.0.0.2:5556", TO_POD[0]),
            ("[fd00:0::2]:5556", TO_POD[1]),
        ] {
            let before = (world.forwarder.resets(), world.counter(1, "handed_over").unwrap());
            let inner = packet(client.parse().unwrap(), at(vip), L4::Tcp(Segment::Ack), 0, b"words");
            let steer = to_node(1, true, Wrap::gue(&[address(0, true)]));
            let outer = encapsulated(steer.outer.0, steer.outer.1, &steer.wrap, 0, 64, &inner);
            let frame = ethernet(([2, 0, 0, 0, 2, 2], [2, 0, 0, 0, 2, 1]), &[], &outer);
            world
                .router
                .within(|| {
                    let (mut sender, _) = steer::open("rb")?;
                    sender.send_to(&frame, None).unwrap().map_err(Into::into)
                })
                .unwrap();
            until(&format!("a reset from {vip}"), || world.forwarder.resets() > before.0);
            assert_eq!(world.counter(1, "handed_over").unwrap(), before.1 + 1);
        }
    }

    /// A segment by hand, in a packet to node a that names node b as its further hop.
    fn send_by_hand(world: &World, client: SocketAddr, vip: SocketAddr, segment: Segment) {
        let inner = packet(client, vip, L4::Tcp(segment), 0, b"");
        let steer = to_node(0, true, Wrap::gue(&[address(1, true)]));
        let outer = encapsulated(steer.outer.0, steer.outer.1, &steer.wrap, 0, 64, &inner);
        let frame = ethernet(([2, 0, 0, 0, 1, 2], [2, 0, 0, 0, 1, 1]), &[], &outer);
        let sent = world.router.within(|| {
            let (mut sender, _) = steer::open("ra")?;
            sender.send_to(&frame, None).unwrap().map_err(Into::into)
        });
        sent.unwrap();
    }

    #[test]
    fn a_reset_ends_a_translated_connection_and_a_forged_one_does_not() {
        let world = World::new(XdpMode::Native).unwrap();
        serve_tcp(&world.pod, 8080, b'Q').unwrap();
        for vip in TO_POD {
            world.forwarder.steer(to_node(0, true, Wrap::gue(&[address(1, true)])));
            let mut stream = world.connect(at(vip)).unwrap();
            assert_eq!(name_of(&mut stream).unwrap(), b'Q');
            ping(&mut stream, b"words").unwrap();
            let client = stream.local_addr().unwrap();
            let forged = 100;
            let handed_over = world.counter(0, "handed_over").unwrap();
            let before = world.counter(0, "gue").unwrap();
            (0..forged)
                .for_each(|number| send_by_hand(&world, client, at(vip), Segment::Reset(number << 25)));
            until("forged resets", || world.counter(0, "gue").unwrap() >= before + u64::from(forged));
            for _ in 0..100 {
                ping(&mut stream, b"more words").unwrap();
            }
            assert_eq!(world.counter(0, "handed_over").unwrap(), handed_over, "{vip}");
            // The client's own: its node does not take the port's next packets for the connection's any more.
            socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
            drop(stream);
            let before = world.counter(0, "handed_over").unwrap();
            until("the client's reset", || {
                send_by_hand(&world, client, at(vip), Segment::Ack);
                world.counter(0, "handed_over").unwrap() > before
            });
            // Whatever else was sent by hand is through as well.
            until("the rest", || {
                let now = world.counter(0, "handed_over").unwrap();
                std::thread::sleep(Duration::from_millis(50));
                now == world.counter(0, "handed_over").unwrap()
            });
        }
    }

    #[test]
    fn an_endpoint_that_left_serves_the_connections_that_it_has() {
        let world = World::new(XdpMode::Native).unwrap();
        serve_tcp(&world.pod, 8080, b'Q').unwrap();
        world.forwarder.steer(to_node(0, true, Wrap::IpIp));
        let mut streams: Vec<_> = TO_POD.iter().map(|vip| world.connect(at(vip)).unwrap()).collect();
        for stream in &mut streams {
            assert_eq!(name_of(stream).unwrap(), b'Q');
        }
        let decap = &world.nodes[0].decap;
        let mut services = decap.services().unwrap();
        for service in services.services.values_mut() {
            if let Service::Translate(target) = *service {
                *service = Service::Drain(target);
            }
        }
        decap.set_services(&services).unwrap();
        for vip in TO_POD {
            let refused = world
                .client
                .within(|| Ok(TcpStream::connect_timeout(&at(vip), Duration::from_millis(300)).is_err()));
            assert!(refused.unwrap(), "{vip}: a new connection");
        }
        assert!(world.counter(0, "drop_unknown_port").unwrap() >= 2);
        for stream in &mut streams {
            for _ in 0..100 {
                ping(stream, b"words").unwrap();
            }
        }
    }

    #[test]
    fn a_syn_cookie_counts_as_a_connection() {
        let world = World::new(XdpMode::Generic).unwrap();
        let node = &world.nodes[1].netns;
        // Always, so that there is never a socket before the handshake is over.
        node.run("sysctl -qw net.ipv4.tcp_syncookies=2").unwrap();
        serve_tcp(node, 80, b'B').unwrap();
        serve_tcp(node, 8080, b'B').unwrap();
        for (vip, outer_v4) in [(WHOLE[0], true), (WHOLE[1], false)] {
            let before = world.counter(1, "syn_cookie").unwrap();
            world.forwarder.steer(to_node(1, outer_v4, Wrap::gue(&[address(0, outer_v4)])));
            let mut stream = world.connect(at(vip)).unwrap();
            assert_eq!(name_of(&mut stream).unwrap(), b'B');
            ping(&mut stream, b"words").unwrap();
            assert_eq!(world.counter(1, "syn_cookie").unwrap(), before + 1, "{vip}");
            assert_eq!(world.counter(1, "handed_over").unwrap(), 0);
        }
    }

    #[test]
    fn a_flood_of_syns_disturbs_no_translated_connection() {
        const SYNS: u32 = 200_000;
        let world = World::new(XdpMode::Native).unwrap();
        serve_tcp(&world.pod, 8080, b'Q').unwrap();
        world.forwarder.steer(to_node(0, true, Wrap::IpIp));
        let mut streams: Vec<_> = TO_POD.iter().map(|vip| world.connect(at(vip)).unwrap()).collect();
        for stream in &mut streams {
            assert_eq!(name_of(stream).unwrap(), b'Q');
            ping(stream, b"before").unwrap();
        }
        let before = world.counter(0, "ipip").unwrap();
        world
            .router
            .within(|| {
                let (mut sender, _) = steer::open("ra")?;
                for number in 0..SYNS {
                    let [_, a, b, c] = number.to_be_bytes();
                    let client = SocketAddr::new([198, 18 | a, b, c].into(), 1024);
                    let inner = packet(client, at(TO_POD[0]), L4::Tcp(Segment::Syn), 0, b"");
                    let steer = to_node(0, true, Wrap::IpIp);
                    let outer = encapsulated(steer.outer.0, steer.outer.1, &steer.wrap, 0, 64, &inner);
                    let frame = ethernet(([2, 0, 0, 0, 1, 2], [2, 0, 0, 0, 1, 1]), &[], &outer);
                    // A full queue refuses some.
                    while sender.send_to(&frame, None).is_some_and(|sent| sent.is_err()) {}
                    if number % 50_000 == 0 {
                        streams.iter_mut().try_for_each(|stream| ping(stream, b"meanwhile"))?;
                    }
                }
                Ok(())
            })
            .unwrap();
        let arrived = world.counter(0, "ipip").unwrap() - before;
        assert!(arrived >= u64::from(SYNS), "{arrived} arrived");
        for stream in &mut streams {
            for _ in 0..100 {
                ping(stream, b"after").unwrap();
            }
        }
        let counts = world.nodes[0].decap.flow_counts().unwrap();
        assert!(counts.established >= 2 && counts.half_open <= 65_536, "{counts:?}");
        assert_eq!(world.counter(0, "drop_port_clash").unwrap(), 0);
    }
}
