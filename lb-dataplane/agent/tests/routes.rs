//! The follower of routes against a kernel: a network namespace of its own, changed with iproute2. Needs root.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use guideway_abi::{LEGS, LINKS_MAX, Leg, LinkRecord, RouteRecord};
use guideway_dataplane::route::{Fixed, Found, LegStore, Need, Wanted, Wants, Ways, follow};
use tokio::sync::watch;

/// The maps of the ways, on paper.
#[derive(Debug)]
struct Maps {
    addresses: Vec<IpAddr>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    routes: Vec<RouteRecord>,
    links: Vec<LinkRecord>,
    valid_until: u64,
    jiffies: u64,
}

impl Maps {
    fn new(addresses: &[&str]) -> Self {
        let addresses: Vec<IpAddr> = addresses.iter().map(|text| text.parse().unwrap()).collect();
        let state = State {
            routes: vec![RouteRecord::default(); addresses.len()],
            links: vec![LinkRecord::default(); LINKS_MAX as usize],
            valid_until: 0,
            jiffies: 1000,
        };
        Self { addresses, state: Mutex::new(state) }
    }

    /// Last byte of the neighbour's MAC address, MTU, and number of legs, of each way; the number of legs first.
    fn summary(&self, element: usize) -> Vec<(usize, u8, u32)> {
        let state = self.state.lock().unwrap();
        let mut found: BTreeMap<(u8, u32), usize> = BTreeMap::new();
        for leg in state.routes[element].legs.into_iter().filter(|leg| *leg != Leg::UNKNOWN) {
            *found.entry((leg.mac()[5], state.links[usize::from(leg.link())].mtu)).or_default() += 1;
        }
        found.into_iter().map(|((mac, mtu), count)| (count, mac, mtu)).collect()
    }
}

impl LegStore for Maps {
    fn store_leg(&self, backend: u32, leg: usize, value: Leg) {
        self.state.lock().unwrap().routes[backend as usize].legs[leg] = value;
    }

    fn route(&self, backend: u32) -> RouteRecord {
        self.state.lock().unwrap().routes[backend as usize]
    }

    fn links(&self) -> io::Result<Vec<LinkRecord>> {
        Ok(self.state.lock().unwrap().links.clone())
    }

    fn write_link(&self, index: u16, link: &LinkRecord) -> io::Result<()> {
        self.state.lock().unwrap().links[usize::from(index)] = *link;
        Ok(())
    }

    fn addresses(&self) -> io::Result<Vec<Option<IpAddr>>> {
        Ok(self.addresses.iter().copied().map(Some).collect())
    }

    fn valid_until(&self) -> u64 {
        self.state.lock().unwrap().valid_until
    }

    fn set_valid_until(&self, jiffies: u64) {
        self.state.lock().unwrap().valid_until = jiffies;
    }

    fn jiffies(&self) -> io::Result<u64> {
        let mut state = self.state.lock().unwrap();
        state.jiffies += 1;
        Ok(state.jiffies)
    }

    fn ticks_per_second(&self) -> u32 {
        250
    }

    fn grace_period(&self) -> io::Result<()> {
        Ok(())
    }
}

fn ip(words: &str) {
    let done = Command::new("ip").args(words.split_whitespace()).output().unwrap();
    assert!(done.status.success(), "ip {words}: {}", String::from_utf8_lossy(&done.stderr));
}

struct Bench {
    maps: Arc<Maps>,
    wants: Wants,
    found: watch::Receiver<Found>,
}

impl Bench {
    fn start(maps: Maps, wanted: Wanted) -> Self {
        let maps = Arc::new(maps);
        let (wants, (sender, found)) = (Wants::new(Arc::new(wanted)), watch::channel(Found::default()));
        tokio::spawn(follow(wants.subscribe(), Ways::open(maps.clone()).unwrap(), sender));
        Self { maps, wants, found }
    }

    /// Waits until the legs of an element are these; gives the time that it took.
    async fn legs(&self, element: usize, expected: &[(usize, u8, u32)]) -> Duration {
        let begin = Instant::now();
        loop {
            let now = self.maps.summary(element);
            if now == expected {
                return begin.elapsed();
            }
            assert!(
                begin.elapsed() < Duration::from_secs(10),
                "element {element}: {now:?}, not {expected:?}"
            );
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
    }

    async fn problem(&mut self, address: &str, expected: &str) {
        let address: IpAddr = address.parse().unwrap();
        let is_told = |found: &Found| {
            let problem = found.ways.get(&address).and_then(|way| way.problem);
            problem.map(|problem| problem.to_string()).unwrap_or_default() == expected
        };
        let told = self.found.wait_for(is_told);
        tokio::time::timeout(Duration::from_secs(10), told).await.expect(expected).unwrap();
    }
}

/// Two interfaces with a router each, and multipath routes by both, 3 to 1 in IPv4 and 1 to 1 in IPv6.
fn world() {
    assert!(nix::unistd::geteuid().is_root(), "this test makes a network namespace and has to run as root");
    nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET).unwrap();
    ip("link set lo up");
    for (up, last) in [("up0", 1), ("up1", 2)] {
        ip(&format!("link add {up} type veth peer name {up}p"));
        ip(&format!("link set {up} up mtu 1600"));
        ip(&format!("link set {up}p up"));
        ip(&format!("address add 10.0.{last}.2/24 dev {up}"));
        ip(&format!("address add 2001:db8:{last}::2/64 dev {up} nodad"));
        ip(&format!("neighbour replace 10.0.{last}.1 lladdr 02:00:00:00:00:0{last} dev {up} nud permanent"));
        ip(&format!(
            "neighbour replace 2001:db8:{last}::1 lladdr 02:00:00:00:00:0{last} dev {up} nud permanent"
        ));
    }
    ip("route add 10.9.0.0/16 nexthop via 10.0.1.1 weight 3 nexthop via 10.0.2.1 weight 1");
    ip("route add 2001:db8:9::/48 nexthop via 2001:db8:1::1 nexthop via 2001:db8:2::1");
}

fn wanted(backends: &[(&str, Need)]) -> Wanted {
    let backends = backends.iter().map(|(text, need)| (text.parse().unwrap(), *need)).collect();
    Wanted { backends, fixed: None, is_whole: true }
}

const ROUTED: &str = "10.9.0.1";
const ROUTED_6: &str = "2001:db8:9::1";
const ON_LINK: &str = "10.0.1.50";

#[tokio::test]
async fn follows_the_kernel() {
    world();
    ip("neighbour replace 10.0.1.50 lladdr 02:00:00:00:00:50 dev up0 nud permanent");
    let maps = Maps::new(&["0.0.0.0", ROUTED, ROUTED_6, ON_LINK, "10.9.0.2", "198.51.100.1"]);
    let backends = [
        (ROUTED, Need::Any),
        (ROUTED_6, Need::Any),
        (ON_LINK, Need::OnLink),
        ("10.9.0.2", Need::OnLink),
        ("198.51.100.1", Need::Any),
    ];
    let mut bench = Bench::start(maps, wanted(&backends));
    bench.legs(1, &[(6, 1, 1600), (2, 2, 1600)]).await;
    bench.legs(2, &[(4, 1, 1600), (4, 2, 1600)]).await;
    bench.legs(3, &[(8, 0x50, 1600)]).await;
    bench
        .problem(
            "10.9.0.2",
            "the backend is behind a router, and encapsulation l2 needs it on the same network",
        )
        .await;
    bench.problem("198.51.100.1", "there is no route").await;
    bench.found.wait_for(|found| found.is_current).await.unwrap();
    assert!(bench.maps.valid_until() >= 1000 + 3 * 250);

    // A router fails: its legs go to the other one.
    ip("neighbour replace 10.0.1.1 dev up0 nud failed");
    let took = bench.legs(1, &[(8, 2, 1600)]).await;
    println!("a neighbour that failed: {took:?}");
    bench.problem(ROUTED, "a next hop does not answer ARP or ND").await;
    ip("neighbour replace 10.0.1.1 lladdr 02:00:00:00:00:11 dev up0 nud permanent");
    bench.legs(1, &[(2, 2, 1600), (6, 0x11, 1600)]).await;
    bench.problem(ROUTED, "").await;

    // Routes change.
    ip("route replace 10.9.0.1/32 via 10.0.2.1 mtu lock 1400");
    let took = bench.legs(1, &[(8, 2, 1400)]).await;
    println!("a route that changed: {took:?}");
    ip("route del 10.9.0.1/32");
    bench.legs(1, &[(2, 2, 1600), (6, 0x11, 1600)]).await;
    ip("rule add to 10.9.0.1 blackhole");
    bench.legs(1, &[]).await;
    ip("rule del to 10.9.0.1 blackhole");
    bench.legs(1, &[(2, 2, 1600), (6, 0x11, 1600)]).await;

    // An interface goes.
    ip("link set up0 mtu 1500");
    bench.legs(1, &[(2, 2, 1600), (6, 0x11, 1500)]).await;
    bench.legs(2, &[(4, 1, 1500), (4, 2, 1600)]).await;
    ip("link set up0 down");
    let took = bench.legs(3, &[]).await;
    println!("an interface that went down: {took:?}");
    bench.legs(1, &[(8, 2, 1600)]).await;
    bench.legs(2, &[(8, 2, 1600)]).await;
    ip("link set up1 down");
    bench.legs(1, &[]).await;
    bench.legs(2, &[]).await;
    ip("link set up1 up");
    ip("neighbour replace 10.0.2.1 lladdr 02:00:00:00:00:02 dev up1 nud permanent");
    ip("route replace 10.9.0.0/16 via 10.0.2.1");
    bench.legs(1, &[(8, 2, 1600)]).await;
}

#[tokio::test]
async fn a_fixed_next_hop_counts_for_ever() {
    world();
    let maps = Maps::new(&["0.0.0.0", ROUTED, "198.51.100.1"]);
    let routed = wanted(&[(ROUTED, Need::Any), ("198.51.100.1", Need::Any)]);
    let fixed = Fixed { interface: "up1".to_owned(), mac: [2, 0, 0, 0, 0, 0x77] };
    let bench = Bench::start(maps, Wanted { fixed: Some(fixed), ..routed.clone() });
    let valid_until = async |expected: fn(u64) -> bool| {
        let begin = Instant::now();
        while !expected(bench.maps.valid_until()) {
            assert!(begin.elapsed() < Duration::from_secs(10));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    bench.legs(1, &[(8, 0x77, 1600)]).await;
    bench.legs(2, &[(8, 0x77, 1600)]).await;
    valid_until(|jiffies| jiffies == u64::MAX).await;
    ip("link set up1 mtu 1500");
    bench.legs(1, &[(8, 0x77, 1500)]).await;
    ip("link set up1 mtu 1600");

    // And back to routes: the validity ends.
    bench.wants.send_replace(Arc::new(routed));
    bench.legs(1, &[(6, 1, 1600), (2, 2, 1600)]).await;
    bench.legs(2, &[]).await;
    valid_until(|jiffies| jiffies < 1_000_000 && jiffies > 0).await;
}

/// A second agent knows the backends that left only when it has planned. Until then their legs stay.
#[tokio::test]
async fn backends_that_left_keep_their_ways_until_it_is_known_who_they_are() {
    world();
    let maps = Maps::new(&["0.0.0.0", ROUTED, "10.9.0.9"]);
    let part = wanted(&[(ROUTED, Need::Any)]);
    let mut bench = Bench::start(maps, Wanted { is_whole: false, ..part.clone() });
    bench.found.wait_for(|found| found.is_current).await.unwrap();
    bench.legs(2, &[(6, 1, 1600), (2, 2, 1600)]).await;
    bench.wants.send_replace(Arc::new(part));
    bench.legs(2, &[]).await;
    bench.legs(1, &[(6, 1, 1600), (2, 2, 1600)]).await;
}

/// A next hop that somebody has set stays set, though the agent keeps others resolved: marked as used, the kernel would
/// begin to ask for it.
#[tokio::test]
async fn neighbours_that_are_set_are_left_alone() {
    world();
    let bench = Bench::start(Maps::new(&["0.0.0.0", ROUTED]), wanted(&[(ROUTED, Need::Any)]));
    bench.legs(1, &[(6, 1, 1600), (2, 2, 1600)]).await;
    // The one of the other interface is asked for, in vain, at the latest after the period of three seconds.
    ip("neighbour del 10.0.2.1 dev up1");
    bench.legs(1, &[(8, 1, 1600)]).await;
    let entries = || {
        let done = Command::new("ip").args(["-4", "neighbour"]).output().unwrap();
        String::from_utf8(done.stdout).unwrap()
    };
    let begin = Instant::now();
    while !entries().contains("10.0.2.1 dev up1 FAILED") {
        assert!(begin.elapsed() < Duration::from_secs(20), "{}", entries());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(entries().contains("10.0.1.1 dev up0 lladdr 02:00:00:00:00:01 PERMANENT"), "{}", entries());
    bench.legs(1, &[(8, 1, 1600)]).await;
}

/// Whatever the follower is busy with: the program drops what is for a neighbour that the kernel does not know.
#[tokio::test]
async fn a_neighbour_that_is_lost_again_and_again_is_asked_for_each_time() {
    world();
    ip("address add 10.8.0.2/16 dev up0");
    let lost = "10.8.0.3";
    // Those that nobody is, so that asking for all of them takes a while.
    let others: Vec<String> = (0..300_u32).map(|n| format!("10.8.{}.{}", 1 + n / 200, n % 200)).collect();
    let all = || std::iter::once(lost).chain(others.iter().map(String::as_str));
    let backends: Vec<(&str, Need)> = all().map(|text| (text, Need::Any)).collect();
    let bench = Bench::start(Maps::new(&all().collect::<Vec<_>>()), wanted(&backends));
    let comes = || ip(&format!("neighbour replace {lost} lladdr 02:00:00:00:00:03 dev up0 nud stale"));
    let goes = || ip(&format!("neighbour del {lost} dev up0"));
    for _ in 0..6 {
        comes();
        bench.legs(0, &[(8, 3, 1600)]).await;
        goes();
        comes();
        goes();
        let begin = Instant::now();
        let is_asked_for = || {
            let done = Command::new("ip").args(["neighbour", "show", "to", lost]).output().unwrap();
            done.stdout.starts_with(lost.as_bytes())
        };
        while !is_asked_for() {
            // Much less than the three seconds after which all are asked for anyway.
            assert!(begin.elapsed() < Duration::from_secs(1), "nobody asks for it");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Thousands of backends are looked up within the time for which the program waits.
#[tokio::test]
async fn many_backends() {
    world();
    let texts: Vec<String> = (0..4096_u32).map(|n| format!("10.9.{}.{}", n / 256, n % 256)).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let backends: Vec<(&str, Need)> = texts.iter().map(|text| (*text, Need::Any)).collect();
    let begin = Instant::now();
    let mut bench = Bench::start(Maps::new(&texts), wanted(&backends));
    let ready = bench.found.wait_for(|found| found.is_current && found.unresolved() == 0);
    tokio::time::timeout(Duration::from_secs(20), ready).await.unwrap().unwrap();
    println!("4096 backends: {:?}", begin.elapsed());
    ip("link set up0 down");
    let took = bench.legs(4095, &[(8, 2, 1600)]).await;
    println!("4096 backends, an interface goes down, the last leg: {took:?}");
    assert_eq!(bench.maps.route(0).legs.len(), LEGS);
}
