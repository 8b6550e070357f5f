use std::net::SocketAddr;
use std::sync::Arc;

use guideway_bgp_fsm::{Loss, State, Stop};
use guideway_bgp_peer::{RefreshMarker, Router as _, admin};
use guideway_bgp_wire::Family;

use crate::lab::{Counter, Node, Recorder, Seen, outlet, pair, prefixes, until, v4};

#[tokio::test]
async fn routes_go_both_ways_and_the_status_tells() {
    let (one, two) = pair(10, (3, 0)).await;
    let status = one.established(two.address).await;
    let session = status.session.unwrap();
    assert_eq!((session.local.ip(), session.remote.ip()), (one.address, two.address));
    until("the routes", || (two.router.learnt() == prefixes(3)).then_some(())).await;
    until("End-of-RIB of both families", || {
        let ends = two.router.state.lock().unwrap().ends.clone();
        (ends.len() == 2).then_some(())
    })
    .await;
    let status = one.status(two.address);
    assert_eq!((status.told(), status.sessions, status.flaps), (3, 1, 0));
    assert_eq!(one.peers.told(&two.address.to_string()).unwrap().len(), 3);
    let status = until("both ends of RIB", || {
        let status = two.status(one.address);
        (status.session.as_ref()?.ended.len() == 2).then_some(status)
    })
    .await;
    assert!(status.received.updates >= 3 && status.received.opens >= 1, "{:?}", status.received);
    assert!(status.received.octets > 100 && status.sent.keepalives >= 1);
    let view = two.router.state.lock().unwrap().views.values().next().unwrap().clone();
    assert_eq!(view.interface, Some(("lo".to_owned(), 1)));

    // A change, and what the admin API makes of it.
    one.router.announce(prefixes(2));
    until("one prefix less", || (two.router.learnt() == prefixes(2)).then_some(())).await;
    let shown = admin::peer(&one.status(two.address));
    assert_eq!(
        (shown.state.as_str(), shown.prefixes_advertised, shown.remote_as),
        ("Established", 2, two.asn)
    );
    assert!(shown.capabilities.iter().any(|word| word == "enhanced route refresh"), "{shown:?}");

    one.peers.stop(Stop::Shutdown("maintenance".to_owned())).await;
    let status = two.error(one.address, "maintenance").await;
    assert_eq!(status.flaps, 1);
    assert_eq!(two.router.state.lock().unwrap().downs, [Loss::Hard]);
    let history = two.peers.history(&one.address.to_string()).unwrap();
    assert_eq!(history[0].state, State::Established);
    assert!(history[1].reason.contains("maintenance"), "{history:?}");
}

#[tokio::test]
async fn a_silent_stop_leaves_the_routes_to_graceful_restart() {
    let (one, two) = pair(12, (1, 0)).await;
    one.established(two.address).await;
    // A collision before may have had one.
    let before = two.established(one.address).await.received.notifications;
    one.peers.stop(Stop::Silent).await;
    until("the loss", || two.router.state.lock().unwrap().downs.first().copied()).await;
    assert_eq!(two.router.state.lock().unwrap().downs, [Loss::Graceful]);
    let status = two.error(one.address, "connection closed").await;
    assert_eq!(status.received.notifications, before);
}

/// The port is listened on again at once, although the kernel remembers connections of the process before.
#[tokio::test]
async fn a_peer_that_was_killed_comes_back_at_once() {
    let (mut one, two) = pair(14, (5, 0)).await;
    for round in 1..=3 {
        two.established(one.address).await;
        until("the routes", || (two.router.learnt() == prefixes(5)).then_some(())).await;
        let config = one.config_of(&two);
        let listen = SocketAddr::new(one.address, one.port);
        // Nobody says a word.
        one.peers.stop(Stop::Silent).await;
        until("the end of the session", || (two.status(one.address).flaps == round).then_some(())).await;
        one = Node::start_on(listen, Recorder::announcing(5), Vec::new()).await;
        one.apply(&config);
    }
    two.established(one.address).await;
}

#[tokio::test]
async fn taps_see_every_session_and_message() {
    let tap = Arc::new(Counter::default());
    let one = Node::start_on(SocketAddr::new(v4(16), 0), Recorder::announcing(10), vec![tap.clone()]).await;
    let two = Node::start(17, 4).await;
    one.apply(&one.config_of(&two));
    two.apply(&two.config_of(&one));
    one.established(two.address).await;
    until("the routes", || (one.router.learnt() == prefixes(4)).then_some(())).await;
    until("messages at the tap", || {
        let seen = *tap.seen.lock().unwrap();
        // The routes and two End-of-RIB in each direction.
        (seen.received >= 3 && seen.sent >= 3).then_some(())
    })
    .await;
    two.peers.stop(Stop::Shutdown(String::new())).await;
    until("the end at the tap", || (tap.seen.lock().unwrap().downs == 1).then_some(())).await;
    assert_eq!(tap.seen.lock().unwrap().ups, 1);
    assert_ne!(*tap.seen.lock().unwrap(), Seen::default());
}

#[tokio::test]
async fn a_soft_reset_tells_everything_again() {
    let (one, two) = pair(18, (3, 2)).await;
    one.established(two.address).await;
    until("the routes", || (two.router.learnt() == prefixes(3)).then_some(())).await;
    one.peers.refresh(&two.address.to_string()).unwrap();
    // One's own routes between markers, and the peer's too, which were asked for.
    let markers = [RefreshMarker::Begin, RefreshMarker::End];
    for node in [&one, &two] {
        until("markers", || {
            let state = node.router.state.lock().unwrap();
            markers.iter().all(|marker| state.markers.contains(marker)).then_some(())
        })
        .await;
    }
    assert_eq!((one.status(two.address).flaps, two.status(one.address).flaps), (0, 0));
    assert!(two.status(one.address).received.refreshes >= 2);
    assert!(one.peers.refresh("nobody").is_err());
}

#[tokio::test]
async fn a_peer_moves_to_another_group_in_its_session() {
    let (one, two) = pair(20, (4, 0)).await;
    one.established(two.address).await;
    until("the routes", || (two.router.learnt() == prefixes(4)).then_some(())).await;
    let status = one.status(two.address);
    let context = status.session.as_ref().unwrap().negotiated.context;
    one.peers.set_outlets(status.id, vec![outlet(context, &prefixes(1))]);
    until("the difference", || (two.router.learnt() == prefixes(1)).then_some(())).await;
    assert_eq!((one.status(two.address).flaps, two.status(one.address).flaps), (0, 0));
}

#[tokio::test]
async fn a_router_ends_a_session_with_too_many_prefixes() {
    let (one, two) = pair(22, (10, 0)).await;
    two.router.state.lock().unwrap().limit = Some(5);
    two.error(one.address, "more than 5 ipv4 prefixes").await;
    one.error(two.address, "(6/1)").await;
    until("the end", || (two.status(one.address).state == State::Idle).then_some(())).await;
    // It stays down until somebody resets it.
    two.router.state.lock().unwrap().limit = None;
    two.peers.reset(&one.address.to_string(), Stop::Reset("again".to_owned())).unwrap();
    two.established(one.address).await;
    let family = Family::Ipv4;
    let view = until("a view", || two.router.state.lock().unwrap().views.values().next().cloned()).await;
    two.router.end_of_rib(&view, family);
}
