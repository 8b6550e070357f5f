//! Rough figures, printed; the bounds are far away.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use guideway_bgp_wire::Message;
use tokio::net::TcpListener;

use crate::by_hand::ByHand;
use crate::lab::{Node, config, pair, prefixes, until, v4};

/// From the change of a group until the octets are at a peer, which is played by hand; and from new settings until the
/// session stands.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_route_to_a_peer() {
    let node = Node::start(132, 0).await;
    let listener = TcpListener::bind((v4(133), 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let started = Instant::now();
    node.apply(&config(node.address, node.asn, v4(133), 64999, port));
    let mut peer = ByHand::accept(&listener, 64999).await;
    peer.establish().await;
    // The End-of-RIB.
    while !matches!(peer.read().await, Some(Message::Update(_))) {}
    println!("from settings to End-of-RIB: {:?}", started.elapsed());
    let mut times = Vec::new();
    for count in 1..=200 {
        let started = Instant::now();
        node.router.announce(prefixes(count));
        while !matches!(peer.read().await, Some(Message::Update(_))) {}
        times.push(started.elapsed());
    }
    times.sort();
    println!("one route to a peer: median {:?}, 99 of 100 {:?}", times[100], times[198]);
    assert!(times[100] < Duration::from_millis(100));
}

const ROUTES: u32 = 10_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_routes_both_ways() {
    let (one, two) = pair(130, (0, 0)).await;
    one.established(two.address).await;
    two.established(one.address).await;
    let all = prefixes(ROUTES);
    let before = one.status(two.address).sent.updates;
    let started = Instant::now();
    one.router.announce(all.clone());
    two.router.announce(all.clone());
    until("all routes", || {
        let of_two = two.router.state.lock().unwrap().routes.values().next().map_or(0, BTreeSet::len);
        let of_one = one.router.state.lock().unwrap().routes.values().next().map_or(0, BTreeSet::len);
        (of_one + of_two == 2 * all.len()).then_some(())
    })
    .await;
    let took = started.elapsed();
    let updates = one.status(two.address).sent.updates - before;
    println!("{ROUTES} routes in both directions: {took:?}, {updates} UPDATEs in each");
    assert!(took < Duration::from_secs(10));
    assert!(updates <= 20, "{updates} UPDATEs for {ROUTES} prefixes");

    let mut one_more = all;
    one_more.extend(prefixes(ROUTES + 1));
    let started = Instant::now();
    one.router.announce(one_more);
    until("one more", || (two.router.learnt().len() == ROUTES as usize + 1).then_some(())).await;
    println!("one route more, with the polling of the test: {:?}", started.elapsed());
}
