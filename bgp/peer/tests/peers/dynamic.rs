//! Peers of a range.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Instant;

use guideway_bgp_config::{Authentication, Password, Remote};
use guideway_bgp_fsm::{RemoteAs, State, Stop};

use crate::lab::{Node, config, prefixes, until, v4};

fn range(node: &Node, limit: usize) -> guideway_bgp_config::PeerConfig {
    let mut range = config(node.address, node.asn, v4(0), 0, 179);
    range.remote = Remote::Range { prefix: "127.0.0.96/29".parse().unwrap(), limit };
    range.name = "leaves".to_owned();
    range.session.remote_as = RemoteAs::External;
    range
}

#[tokio::test]
async fn the_limit_of_a_range() {
    let hub = Node::start(90, 2).await;
    hub.peers.apply(vec![range(&hub, 2)]);
    let how_full = || {
        let range = hub.peers.ranges().remove(0);
        (range.config.name.clone(), range.prefix.to_string(), range.connected, range.limit)
    };
    assert_eq!(how_full(), ("leaves".to_owned(), "127.0.0.96/29".to_owned(), 0, 2));
    let error = hub.peers.reset("leaves", Stop::Reset(String::new())).unwrap_err().to_string();
    assert!(error.starts_with("leaves is the range 127.0.0.96/29 with 0 connected peers"), "{error}");
    assert_eq!(hub.peers.unknown("leave").to_string(), "no peer is named \"leave\"");
    let (first, second) = (Node::start(97, 0).await, Node::start(98, 0).await);
    for leaf in [&first, &second] {
        leaf.apply(&leaf.config_of(&hub));
        leaf.established(hub.address).await;
        until("the routes", || (leaf.router.learnt() == prefixes(2)).then_some(())).await;
    }
    assert_eq!(how_full().2, 2);
    let third = Node::start(99, 0).await;
    third.apply(&third.config_of(&hub));
    third.error(hub.address, "before the peer's OPEN").await;
    assert!(hub.peers.refused() > 0);
    assert!(hub.peers.status("127.0.0.99").is_none());
    let statuses = hub.peers.statuses();
    assert_eq!(
        statuses.iter().map(|status| status.config.name.as_str()).collect::<Vec<_>>(),
        ["127.0.0.97", "127.0.0.98"]
    );
    assert_eq!(statuses[0].dynamic.as_deref(), Some("leaves"));
    let id = statuses[0].id;

    // One goes, the other one gets its place; who comes back is the same peer.
    first.peers.stop(Stop::Shutdown(String::new())).await;
    third.established(hub.address).await;
    let again =
        Node::start_on(SocketAddr::new(first.address, first.port), Default::default(), Vec::new()).await;
    third.peers.stop(Stop::Shutdown(String::new())).await;
    again.apply(&again.config_of(&hub));
    again.established(hub.address).await;
    assert_eq!(hub.established(first.address).await.id, id);

    // The range goes, and with it its peers.
    hub.peers.apply(Vec::new());
    second.error(hub.address, "(6/3)").await;
    until("nobody", || hub.peers.statuses().is_empty().then_some(())).await;
    until("the word", || hub.router.state.lock().unwrap().forgotten.contains(&id).then_some(())).await;
}

#[tokio::test]
async fn one_password_for_a_range() {
    let hub = Node::start(91, 2).await;
    let password = Authentication::Md5(Password::new("s3cret").unwrap());
    let mut range = range(&hub, 5);
    range.authentication = password.clone();
    let range_remote = range.remote.clone();
    hub.peers.apply(vec![range]);
    let problems = hub.peers.listeners().remove(0).problems;
    if problems.iter().any(|problem| problem.contains("Operation not permitted")) {
        eprintln!("skipped: TCP-MD5 is not possible here: {problems:?}");
        return;
    }
    let leaf = Node::start(100, 0).await;
    let mut signed = leaf.config_of(&hub);
    signed.authentication = password;
    leaf.apply(&signed);
    leaf.established(hub.address).await;
    // Another one for all of them, in the live session.
    let other = Authentication::Md5(Password::new("another").unwrap());
    let mut rotated = hub.peers.statuses()[0].config.as_ref().clone();
    rotated.authentication = other.clone();
    rotated.remote = range_remote;
    rotated.name = "leaves".to_owned();
    rotated.direction = guideway_bgp_config::Direction::Both;
    hub.peers.apply(vec![rotated]);
    signed.authentication = other;
    leaf.apply(&signed);
    hub.router.announce(prefixes(3));
    until("a route with the new key", || (leaf.router.learnt() == prefixes(3)).then_some(())).await;
    assert_eq!(leaf.status(hub.address).flaps, 0);

    let unsigned = Node::start(101, 0).await;
    unsigned.apply(&unsigned.config_of(&hub));
    unsigned.error(hub.address, "no answer in time").await;
    assert!(hub.peers.status("127.0.0.101").is_none());
}

#[tokio::test]
async fn a_peer_that_is_configured_by_itself_is_none_of_the_range() {
    let hub = Node::start(92, 2).await;
    let leaf = Node::start(102, 0).await;
    hub.peers.apply(vec![range(&hub, 5)]);
    leaf.apply(&leaf.config_of(&hub));
    leaf.established(hub.address).await;
    hub.peers.apply(vec![range(&hub, 5), hub.config_of(&leaf)]);
    until("the peer itself", || {
        let status = hub.peers.status("127.0.0.102")?;
        (status.dynamic.is_none() && status.state == State::Established).then_some(())
    })
    .await;
    assert_eq!(hub.peers.statuses().len(), 1);
}

/// All at once; each is told everything, and the hub is told something by each.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rack_of_leaves() {
    const LEAVES: u8 = 32;
    let hub = Node::start(93, 1000).await;
    let mut all = range(&hub, LEAVES.into());
    all.remote = Remote::Range { prefix: "127.0.0.160/27".parse().unwrap(), limit: LEAVES.into() };
    hub.peers.apply(vec![all]);
    let started = Instant::now();
    let mut leaves = Vec::new();
    for number in 0..LEAVES {
        let leaf = Node::start(160 + number, 1).await;
        leaf.apply(&leaf.config_of(&hub));
        leaves.push(leaf);
    }
    for leaf in &leaves {
        leaf.established(hub.address).await;
        until("the routes", || (leaf.router.learnt().len() == 1000).then_some(())).await;
    }
    until("a route of each", || {
        let routes = hub.router.state.lock().unwrap().routes.values().map(BTreeSet::len).sum::<usize>();
        (routes == LEAVES.into()).then_some(())
    })
    .await;
    println!("{LEAVES} leaves with 1000 routes each: {:?}", started.elapsed());
    let statuses = hub.peers.statuses();
    assert_eq!((statuses.len(), hub.peers.refused()), (LEAVES.into(), 0));
    assert!(statuses.iter().all(|status| status.told() == 1000 && status.flaps == 0));
}
