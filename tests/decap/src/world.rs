//! Two workload nodes, a Pod on the first, a client, and a router between them.
//!
//! ```text
//! client 10.0.0.2 ── router ── a 10.0.1.2 ── pod 10.244.1.7
//!        fd00:0::2     │         fd00:1::2         fd00:244::7
//!                      └────── b 10.0.2.2, fd00:2::2
//! ```

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use guideway_bpf::{Decap, Service, ServiceKey, ServicePort, Services, Transport, VipAddress, XdpMode};

use crate::frame::Wrap;
use crate::netns::Netns;
use crate::place::Pins;
use crate::steer::{Forwarder, Leg, Steer};

/// Patience with the network.
pub const TIMEOUT: Duration = Duration::from_secs(5);
/// VIPs that are delivered as they are, on both nodes.
pub const WHOLE: [&str; 2] = ["203.0.113.10", "2001:db8::10"];
/// VIPs whose port 80, TCP and UDP, is translated to a process of the node, at port 8080.
pub const TO_PROCESS: [&str; 2] = ["203.0.113.20", "2001:db8::20"];
/// VIPs whose port 80 is translated to the Pod on node a, and to a process on node b, at port 8080.
pub const TO_POD: [&str; 2] = ["203.0.113.30", "2001:db8::30"];
/// The Pod.
pub const POD: [&str; 2] = ["10.244.1.7", "fd00:244::7"];

const MACS: [([u8; 6], [u8; 6]); 2] =
    [([2, 0, 0, 0, 1, 2], [2, 0, 0, 0, 1, 1]), ([2, 0, 0, 0, 2, 2], [2, 0, 0, 0, 2, 1])];

/// A workload node.
#[derive(Debug)]
pub struct Node {
    /// Its namespace.
    pub netns: Netns,
    /// Its programs.
    pub decap: Decap,
    _pins: Pins,
}

/// Everything.
#[derive(Debug)]
pub struct World {
    /// Where connections start.
    pub client: Netns,
    /// Between all of them.
    pub router: Netns,
    /// The nodes a and b.
    pub nodes: [Node; 2],
    /// The Pod on node a.
    pub pod: Netns,
    /// The forwarder on the router.
    pub forwarder: Forwarder,
}

impl World {
    /// Builds it, with the programs attached in this mode.
    ///
    /// # Errors
    /// When something cannot be set up.
    pub fn new(mode: XdpMode) -> Result<Self> {
        let [client, router, pod] = ["client", "router", "pod"].map(Netns::new);
        let (client, router, pod) = (client?, router?, pod?);
        let [a, b] = [Netns::new("a")?, Netns::new("b")?];
        join(&client, "c0", &router, "rc", 1500, 0)?;
        join(&a, "up0", &router, "ra", 1600, 1)?;
        join(&b, "up0", &router, "rb", 1600, 2)?;
        // What the client sends is taken off the wire, so that it must be whole; what it gets is checked by it.
        client.run("ethtool -K c0 tx off tso off gso off")?;
        router.run("ethtool -K rc tx off tso off gso off gro off")?;
        for netns in [&router, &a] {
            netns.run("sysctl -qw net.ipv4.ip_forward=1")?;
            netns.run("sysctl -qw net.ipv6.conf.all.forwarding=1")?;
        }
        for vip in vips() {
            router.run(&format!("ip route add blackhole {vip}"))?;
        }
        wire_pod(&a, &pod)?;
        let nodes = [node(a, 0, mode)?, node(b, 1, mode)?];
        let legs = ["ra", "rb"].iter().zip(MACS);
        let legs: Vec<Leg> = legs.map(|(name, macs)| Leg { interface: (*name).to_owned(), macs }).collect();
        let steer = to_node(0, true, Wrap::IpIp);
        let forwarder = Forwarder::start(&router, "rc", &legs, &vips(), steer)?;
        Ok(Self { client, router, nodes, pod, forwarder })
    }

    /// Connects from the client.
    ///
    /// # Errors
    /// When nobody answers in time.
    pub fn connect(&self, to: SocketAddr) -> Result<TcpStream> {
        self.client.within(|| {
            let stream = TcpStream::connect_timeout(&to, TIMEOUT)?;
            stream.set_read_timeout(Some(TIMEOUT))?;
            stream.set_write_timeout(Some(TIMEOUT))?;
            stream.set_nodelay(true)?;
            Ok(stream)
        })
    }

    /// A counter of a node.
    ///
    /// # Errors
    /// When the map cannot be read.
    pub fn counter(&self, node: usize, name: &str) -> Result<u64> {
        let counters = self.nodes[node].decap.counters()?;
        let found = counters.iter().find(|(counter, _)| counter.name() == name);
        found.map(|(_, value)| *value).with_context(|| format!("no counter {name}"))
    }
}

/// All VIPs.
#[must_use]
pub fn vips() -> Vec<IpAddr> {
    [WHOLE, TO_PROCESS, TO_POD].concat().iter().filter_map(|vip| vip.parse().ok()).collect()
}

/// The address of a node.
#[must_use]
pub fn address(node: usize, v4: bool) -> IpAddr {
    let text = match (node, v4) {
        (0, true) => "10.0.1.2",
        (0, false) => "fd00:1::2",
        (_, true) => "10.0.2.2",
        (_, false) => "fd00:2::2",
    };
    text.parse().unwrap_or(IpAddr::from([0, 0, 0, 0]))
}

/// Steers to a node.
#[must_use]
pub fn to_node(node: usize, outer_v4: bool, wrap: Wrap) -> Steer {
    let from = if outer_v4 { [172, 16, 1, 2].into() } else { [0x100, 0, 0, 0, 0, 0, 1, 2].into() };
    Steer { leg: node, outer: (from, address(node, outer_v4)), wrap }
}

/// Serves TCP in a namespace until the process ends: sends its name, then everything back.
///
/// # Errors
/// When the port is taken.
pub fn serve_tcp(netns: &Netns, port: u16, name: u8) -> Result<()> {
    for any in ["0.0.0.0", "::"] {
        let address: IpAddr = any.parse()?;
        netns.within(|| {
            let listener = listen(SocketAddr::new(address, port))?;
            std::thread::spawn(move || {
                while let Ok((stream, _)) = listener.accept() {
                    std::thread::spawn(move || echo(stream, name));
                }
            });
            Ok(())
        })?;
    }
    Ok(())
}

fn echo(mut stream: TcpStream, name: u8) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    stream.write_all(&[name]).ok()?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        let length = stream.read(&mut buffer).ok().filter(|length| *length > 0)?;
        stream.write_all(&buffer[..length]).ok()?;
    }
}

/// As [`serve_tcp`], for UDP: answers with its name and what came.
///
/// # Errors
/// When the port is taken.
pub fn serve_udp(netns: &Netns, addresses: &[IpAddr], port: u16, name: u8) -> Result<()> {
    for address in addresses {
        netns.within(|| {
            let socket = UdpSocket::bind((*address, port))?;
            std::thread::spawn(move || {
                let mut buffer = vec![name; 2048];
                while let Ok((length, from)) = socket.recv_from(&mut buffer[1..]) {
                    let _unreachable = socket.send_to(&buffer[..=length], from);
                }
            });
            Ok(())
        })?;
    }
    Ok(())
}

/// Reads a server's name.
///
/// # Errors
/// When none comes in time.
pub fn name_of(stream: &mut TcpStream) -> Result<u8> {
    let mut name = [0];
    stream.read_exact(&mut name).context("no name")?;
    Ok(name[0])
}

/// Sends bytes and reads them back.
///
/// # Errors
/// When others come, or none in time.
pub fn ping(stream: &mut TcpStream, bytes: &[u8]) -> Result<()> {
    stream.write_all(bytes)?;
    let mut back = vec![0; bytes.len()];
    stream.read_exact(&mut back).context("no answer")?;
    ensure!(back == bytes, "other bytes than were sent");
    Ok(())
}

fn listen(address: SocketAddr) -> Result<TcpListener> {
    use socket2::{Domain, Socket, Type};
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    socket.listen(1024)?;
    Ok(socket.into())
}

fn node(netns: Netns, number: usize, mode: XdpMode) -> Result<Node> {
    for vip in WHOLE {
        netns.run(&format!("ip addr add {vip} dev lo"))?;
    }
    let pins = Pins::new()?;
    let services = services(number);
    let vips = services.keys().map(|key| (key.vip, VipAddress::Foreign)).collect();
    let decap = netns.within(|| {
        let decap = Decap::open(pins.path())?;
        decap.set_services(&Services { services, vips })?;
        decap.attach("up0", mode)?;
        Ok(decap)
    })?;
    Ok(Node { netns, decap, _pins: pins })
}

fn services(number: usize) -> BTreeMap<ServiceKey, Service> {
    let mut services = BTreeMap::new();
    let parse = |text: &str| text.parse::<IpAddr>().ok();
    for vip in WHOLE.iter().copied().filter_map(parse) {
        services.insert(ServiceKey { vip, port: ServicePort::Any }, Service::AsIs);
    }
    for transport in [Transport::Tcp, Transport::Udp] {
        for (vip, pod) in TO_PROCESS.iter().map(|vip| (vip, None)).chain(TO_POD.iter().zip(POD.map(Some))) {
            let Some(vip) = parse(vip) else { continue };
            let pod = pod.filter(|_| number == 0).and_then(parse);
            let target = pod.unwrap_or_else(|| address(number, vip.is_ipv4()));
            let key = ServiceKey { vip, port: ServicePort::Port(transport, 80) };
            services.insert(key, Service::Translate(SocketAddr::new(target, 8080)));
        }
    }
    services
}

/// A cable, with addresses of net `net`: `.2` and `.1`.
fn join(left: &Netns, left_name: &str, right: &Netns, right_name: &str, mtu: u32, net: u8) -> Result<()> {
    let mac = |last: u8| format!("02:00:00:00:{net:02x}:{last:02x}");
    left.run(&format!(
        "ip link add {left_name} mtu {mtu} address {} type veth peer name {right_name} mtu {mtu} address {} netns {}",
        mac(2),
        mac(1),
        right.name()
    ))?;
    for (netns, name, last) in [(left, left_name, 2), (right, right_name, 1)] {
        netns.run(&format!("ip addr add 10.0.{net}.{last}/24 dev {name}"))?;
        netns.run(&format!("ip addr add fd00:{net}::{last}/64 dev {name} nodad"))?;
        netns.run(&format!("ip link set {name} up"))?;
    }
    left.run(&format!("ip route add default via 10.0.{net}.1"))?;
    left.run(&format!("ip -6 route add default via fd00:{net}::1")).map(drop)
}

/// As CNIs with routes of their own do: a /32 and a /128 on the node's end, nothing shared on the Pod's.
fn wire_pod(node: &Netns, pod: &Netns) -> Result<()> {
    node.run(&format!(
        "ip link add pod0 address 02:00:00:00:09:01 type veth peer name eth0 address 02:00:00:00:09:02 netns {}",
        pod.name()
    ))?;
    pod.run("ip link set eth0 up")?;
    node.run("ip link set pod0 up")?;
    node.run("ip addr add fe80::1/64 dev pod0 nodad")?;
    for address in POD {
        pod.run(&format!(
            "ip addr add {address} dev eth0 {}",
            if address.contains(':') { "nodad" } else { "" }
        ))?;
        node.run(&format!("ip route add {address} dev pod0"))?;
    }
    pod.run("ip route add 169.254.1.1 dev eth0 scope link")?;
    pod.run("ip route add default via 169.254.1.1 dev eth0")?;
    pod.run("ip neigh add 169.254.1.1 lladdr 02:00:00:00:09:01 dev eth0")?;
    pod.run("ip -6 route add default via fe80::1 dev eth0").map(drop)
}
