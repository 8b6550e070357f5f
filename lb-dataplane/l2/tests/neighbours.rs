//! The kernel as the neighbour: it finds the owner of an address, follows it to another one, and finds nobody where
//! nobody owns the address. Needs root.
#![allow(clippy::unwrap_used)]

mod support;

use std::net::Ipv6Addr;
use std::time::Instant;

use guideway_abi::{
    ActiveWord, Capacities, Counter, GenerationHeader, Vip4Bucket, Vip4Entry, Vip6Bucket, Vip6Entry, VipRef,
    entry_kind, vip_key,
};
use guideway_bpf::{Dataplane, XdpMode};

use support::{Forwarder, Pins, dial, finds, finds_nobody, forget, known, neighbour, run, until};

const VIP4: &str = "192.0.2.10";
const VIP6: &str = "2001:db8::10";

#[test]
fn the_owner_is_found_and_nobody_else() {
    neighbour();
    // So that a search that finds nobody ends soon.
    run("sysctl -qw net.ipv4.neigh.br0.retrans_time_ms=100 net.ipv6.neigh.br0.retrans_time_ms=100");
    let (one, two) = (Forwarder::start("up0", 1), Forwarder::start("up1", 2));
    one.own(&["192.0.2.11", "2001:db8::11"]);
    one.serves();
    for address in [VIP4, VIP6] {
        finds_nobody(address);
    }
    one.own(&[VIP4]);
    two.own(&[VIP6]);
    finds(VIP4, &one.mac);
    finds(VIP6, &two.mac);
    for address in ["192.0.2.11", "2001:db8::11"] {
        finds_nobody(address);
    }
    // Another host that wants the address learns that it is taken (RFC 4862, 5.4.3).
    run("sysctl -qw net.ipv6.conf.br0.accept_dad=1 net.ipv6.conf.br0.dad_transmits=1");
    run(&format!("ip address add {VIP6}/64 dev br0"));
    until("the duplicate", || run("ip -6 address show dev br0").contains("dadfailed").then_some(()));
    run(&format!("ip address del {VIP6}/64 dev br0"));
    one.own(&[]);
    finds_nobody(VIP4);
    assert_eq!(one.problems().len() + two.problems().len(), 0);
}

#[test]
fn a_new_owner_is_known_without_a_question() {
    neighbour();
    let (one, two) = (Forwarder::start("up0", 1), Forwarder::start("up1", 2));
    one.own(&[VIP4, VIP6]);
    finds(VIP4, &one.mac);
    finds(VIP6, &one.mac);
    let mut slowest = std::time::Duration::ZERO;
    for turn in 0..6 {
        let (old, new) = if turn % 2 == 0 { (&one, &two) } else { (&two, &one) };
        let begin = Instant::now();
        old.own(&[]);
        new.own(&[VIP4, VIP6]);
        for address in [VIP4, VIP6] {
            // Nothing is dialled: the announcement says it.
            until(&format!("{address} at {}", new.mac), || {
                let (found, _) = known(address);
                (found.as_deref() == Some(&*new.mac)).then_some(())
            });
        }
        slowest = slowest.max(begin.elapsed());
        // And who asks anew is told the same.
        for address in [VIP4, VIP6] {
            forget(address);
            finds(address, &new.mac);
        }
    }
    println!("the slowest of six moves was known after {slowest:?}");
}

#[test]
fn links_come_and_go() {
    neighbour();
    let one = Forwarder::start("up0", 1);
    one.own(&[VIP4, VIP6]);
    finds(VIP4, &one.mac);
    // Without a carrier nothing is served; when it comes back, all is announced again.
    run("ip link set up0p down");
    until("the problem", || (one.problems().get("up0")?.contains("no carrier")).then_some(()));
    forget(VIP4);
    let before = one.status.borrow().counts.announcements;
    run("ip link set up0p up");
    until("further announcements", || (one.status.borrow().counts.announcements > before).then_some(()));
    finds(VIP4, &one.mac);
    finds(VIP6, &one.mac);
    assert_eq!(one.problems().len(), 0);
    // The interface is gone for good.
    run("ip link del up0p");
    until("the problem", || (one.problems().get("up0")?.contains("no such interface")).then_some(()));
}

#[test]
fn a_host_with_the_address_is_a_claim() {
    neighbour();
    let one = Forwarder::start("up0", 1);
    one.own(&[VIP4]);
    finds(VIP4, &one.mac);
    let before = one.status.borrow().counts.claims;
    run(&format!("ip address add {VIP4}/32 dev br0"));
    // It tells others of itself when it asks from the address.
    until("a claim", || {
        run("sysctl -qw net.ipv4.conf.br0.arp_notify=1");
        run("ip link set br0 down");
        run("ip link set br0 up");
        (one.status.borrow().counts.claims > before).then_some(())
    });
}

/// The forwarder program sees the frames first.
#[test]
fn the_program_passes_what_asks_for_vips() {
    neighbour();
    let pins = Pins::new();
    let root = pins.0.clone();
    let (sender, dataplane) = std::sync::mpsc::channel();
    let one = Forwarder::start_with(
        "up0",
        1,
        Box::new(move |interface| {
            let dataplane = with_vips(&root);
            dataplane.attach(interface, XdpMode::Native).unwrap();
            sender.send(dataplane).unwrap();
        }),
    );
    let dataplane = dataplane.recv().unwrap();
    one.own(&[VIP4, VIP6]);
    let dropped = || {
        let counters = dataplane.counters().unwrap();
        counters.iter().find(|(counter, _)| *counter == Counter::DropUnknownPort).unwrap().1
    };
    for address in [VIP4, VIP6] {
        let before = dropped();
        finds(address, &one.mac);
        // The datagrams are for it.
        until("a packet in the program", || {
            dial(address);
            (dropped() > before).then_some(())
        });
        // Confirmed by a question to the address itself, not to a group.
        run(&format!("ip neighbour change {address} dev br0 lladdr {} nud probe", one.mac));
        until("REACHABLE", || {
            let (found, state) = known(address);
            assert_eq!(found.as_deref(), Some(&*one.mac), "{address} is lost: {state}");
            (state == "REACHABLE").then_some(())
        });
    }
}

/// A generation by hand: both addresses are addresses of VIPs, and no port is one of theirs.
fn with_vips(root: &std::path::Path) -> Dataplane {
    let capacities =
        Capacities { vips: 16, backends: 16, tables_large: 1, tables_small: 2, flow_buckets: 64 };
    let dataplane = Dataplane::open(root, capacities).unwrap();
    let key = vip_key(0, 0, entry_kind::ADDRESS);
    let address = u32::from_ne_bytes([192, 0, 2, 10]);
    let v4 = Vip4Entry { address, key, value: VipRef::default() };
    dataplane.write_vip4_buckets(0, &[Vip4Bucket { entries: [v4, v4, v4, v4] }]).unwrap();
    let octets = VIP6.parse::<Ipv6Addr>().unwrap().octets();
    let half = |at: usize| u64::from_ne_bytes(octets[at..at + 8].try_into().unwrap());
    let v6 = Vip6Entry { address: [half(0), half(8)], key, reserved: 0, value: VipRef::default() };
    dataplane.write_vip6_buckets(0, &[Vip6Bucket { entries: [v6, v6] }]).unwrap();
    dataplane.write_header(0, &GenerationHeader { generation: 1, ..GenerationHeader::default() }).unwrap();
    dataplane.activate(ActiveWord::new(1, 0));
    dataplane
}
