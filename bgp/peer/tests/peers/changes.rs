//! New settings in a running daemon.

use std::time::Duration;

use guideway_bgp_config::{LimitAction, MaxPrefixes};
use guideway_bgp_fsm::{HoldTime, Stop};

use crate::lab::{Node, pair, prefixes, until, v4};

#[tokio::test]
async fn what_does_not_concern_a_session_does_not_touch_it() {
    let (one, two) = pair(110, (3, 0)).await;
    one.established(two.address).await;
    let mut config = one.config_of(&two);
    config.description = "top of rack".to_owned();
    config.session.connect_retry = Duration::from_secs(5);
    config.max_prefixes =
        Some(MaxPrefixes { limit: 10, warn_percent: 75, action: LimitAction::Warn, restart: None });
    let applied = one.peers.apply(vec![config.clone()]);
    assert_eq!(applied.changed.len(), 1);
    until("the new settings", || {
        let status = one.status(two.address);
        (status.config.description == "top of rack").then_some(())
    })
    .await;
    // Again: nothing to do. With another peer: only that one is new.
    assert_eq!(one.peers.apply(vec![config.clone()]), Default::default());
    let other = Node::start(112, 0).await;
    let applied = one.peers.apply(vec![one.config_of(&other), config.clone()]);
    assert_eq!((applied.added.len(), applied.changed.len(), applied.removed.len()), (1, 0, 0));
    let applied = one.peers.apply(vec![config]);
    assert_eq!((applied.added.len(), applied.changed.len(), applied.removed.len()), (0, 0, 1));
    one.router.announce(prefixes(4));
    until("a route", || (two.router.learnt() == prefixes(4)).then_some(())).await;
    assert_eq!((one.status(two.address).flaps, two.status(one.address).flaps), (0, 0));
}

#[tokio::test]
async fn what_the_open_said_needs_a_new_session() {
    let (one, two) = pair(114, (1, 0)).await;
    one.established(two.address).await;
    two.established(one.address).await;
    let mut config = one.config_of(&two);
    config.session.hold_time = HoldTime::from_secs(6).unwrap();
    one.apply(&config);
    two.error(one.address, "(6/6)").await;
    until("the new hold time", || {
        let status = two.status(one.address);
        (status.session?.negotiated.hold_time == Duration::from_secs(6)).then_some(())
    })
    .await;
    one.established(two.address).await;
    assert_eq!((one.status(two.address).flaps, two.status(one.address).flaps), (1, 1));
}

#[tokio::test]
async fn a_peer_that_goes_is_told() {
    let (one, two) = pair(116, (1, 0)).await;
    one.established(two.address).await;
    two.established(one.address).await;
    one.peers.apply(Vec::new());
    two.error(one.address, "(6/3)").await;
    until("the word", || (one.router.state.lock().unwrap().forgotten.len() == 1).then_some(())).await;
    assert!(one.peers.reset("127.0.0.117", Stop::Reset(String::new())).is_err());
}

/// All sessions down with a word, and up again.
#[tokio::test]
async fn sessions_are_held_down() {
    let (one, two) = pair(118, (1, 0)).await;
    one.established(two.address).await;
    two.established(one.address).await;
    one.peers.shut(Some("drained".to_owned()));
    two.error(one.address, "drained").await;
    until("the reason", || {
        let problems = one.status(two.address).problems;
        problems.iter().any(|problem| problem.contains("drained")).then_some(())
    })
    .await;
    one.peers.shut(None);
    until("a new session", || (one.status(two.address).sessions == 2).then_some(())).await;
}

/// Listeners come and go; sessions stay.
#[tokio::test]
async fn other_addresses_to_listen_on() {
    let (one, two) = pair(120, (1, 0)).await;
    one.established(two.address).await;
    one.peers.listen(&[(v4(122), 0).into()]);
    until("the other address", || {
        let listeners = one.peers.listeners();
        (listeners.len() == 1 && listeners[0].address.is_some_and(|address| address.ip() == v4(122)))
            .then_some(())
    })
    .await;
    // An address that is none of this machine's is told, and tried again.
    one.peers.listen(&[(std::net::Ipv4Addr::new(192, 0, 2, 1), 1790).into()]);
    until("the problem", || {
        let listeners = one.peers.listeners();
        listeners[0].problems.iter().any(|problem| problem.contains("192.0.2.1:1790")).then_some(())
    })
    .await;
    assert_eq!(one.status(two.address).flaps, 0);
}
