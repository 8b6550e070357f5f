//! TCP-MD5, TCP-AO and TTL security.

use std::time::Duration;

use guideway_bgp_config::{AoAlgorithm, AoKey, Authentication, Password, PeerConfig, Remote, Ttl};
use guideway_bgp_fsm::{Config, RemoteAs, State};
use guideway_bgp_peer::{Peers, Settings};

use crate::lab::{Node, Recorder, prefixes, until};

fn md5(password: &str) -> Authentication {
    Authentication::Md5(Password::new(password).unwrap())
}

/// Two nodes with these passwords; `None` where the kernel or the rights do not allow them.
async fn nodes(first: u8, passwords: (&str, &str)) -> Option<(Node, Node)> {
    let (one, two) = (Node::start(first, 3).await, Node::start(first + 1, 0).await);
    let with = |mut config: PeerConfig, password| {
        config.authentication = md5(password);
        // Longer than two retransmissions of a SYN.
        config.session = Config { connect_timeout: Duration::from_secs(4), ..config.session };
        config
    };
    one.apply(&with(one.config_of(&two), passwords.0));
    two.apply(&with(two.config_of(&one), passwords.1));
    let problems = one.peers.listeners().remove(0).problems;
    if problems.iter().any(|problem| problem.contains("Operation not permitted")) {
        eprintln!("skipped: TCP-MD5 is not possible here: {problems:?}");
        return None;
    }
    assert_eq!(problems, Vec::<String>::new());
    Some((one, two))
}

#[tokio::test]
async fn the_same_password_and_then_another_one_in_the_live_session() {
    let Some((one, two)) = nodes(70, ("s3cret", "s3cret")).await else { return };
    one.established(two.address).await;
    two.established(one.address).await;
    for round in 1..=3u32 {
        let password = format!("another {round}");
        let mut of_one = one.config_of(&two);
        of_one.authentication = md5(&password);
        let mut of_two = two.config_of(&one);
        of_two.authentication = md5(&password);
        let applied = one.peers.apply(vec![of_one]);
        assert_eq!(applied.changed, [two.address.to_string()]);
        two.peers.apply(vec![of_two]);
        // What is sent now is signed with the new key.
        one.router.announce(prefixes(3 + round));
        until("routes with the new key", || (two.router.learnt().len() == 3 + round as usize).then_some(()))
            .await;
        assert_eq!((one.status(two.address).flaps, two.status(one.address).flaps), (0, 0));
    }
    // New connections are made with the new one too.
    one.peers.reset(&two.address.to_string(), guideway_bgp_fsm::Stop::Reset(String::new())).unwrap();
    until("a new session", || (two.status(one.address).sessions == 2).then_some(())).await;
}

#[tokio::test]
async fn different_passwords_are_suspected() {
    let Some((one, two)) = nodes(72, ("s3cret", "secret")).await else { return };
    let status = one.error(two.address, "TCP-MD5").await;
    assert_ne!(status.state, State::Established);
    // Both dial, so each sees the other's segments.
    one.error(two.address, "the passwords of both sides differ").await;
    // The one with the wrong password learns the right one.
    let mut of_two = two.config_of(&one);
    of_two.authentication = md5("s3cret");
    two.apply(&of_two);
    one.established(two.address).await;
}

/// Who is only waited for is not dialled, so nothing fails here; the kernel's counters still tell.
#[tokio::test]
async fn a_wrong_password_is_suspected_of_a_peer_that_dials() {
    let Some((one, two)) = nodes(82, ("s3cret", "secret")).await else { return };
    let mut passive = one.config_of(&two);
    passive.authentication = md5("s3cret");
    passive.session.passive = true;
    one.apply(&passive);
    until("the suspicion", || {
        let problems = one.status(two.address).problems;
        problems.iter().any(|problem| problem.contains("TCP-MD5")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_password_on_one_side_only() {
    let Some((one, two)) = nodes(74, ("s3cret", "s3cret")).await else { return };
    one.established(two.address).await;
    // The session ends, for its connection has to be another one, and no unsigned one takes its place.
    two.apply(&two.config_of(&one));
    until("the end", || (one.status(two.address).flaps == 1).then_some(())).await;
    one.error(two.address, "cannot connect").await;
    assert_ne!(one.status(two.address).state, State::Established);
}

#[tokio::test]
async fn tcp_ao_needs_a_kernel_that_has_it() {
    let (one, two) = (Node::start(76, 3).await, Node::start(77, 0).await);
    let keys = |send_id, receive_id| {
        let key = Password::new("0123456789abcdef").unwrap();
        Authentication::Ao(vec![AoKey { send_id, receive_id, algorithm: AoAlgorithm::HmacSha1, key }])
    };
    let (mut of_one, mut of_two) = (one.config_of(&two), two.config_of(&one));
    of_one.authentication = keys(1, 2);
    of_two.authentication = keys(2, 1);
    one.apply(&of_one);
    two.apply(&of_two);
    if one.peers.listeners()[0].problems.is_empty() {
        eprintln!("this kernel has TCP-AO");
        one.established(two.address).await;
        return;
    }
    one.error(two.address, "CONFIG_TCP_AO").await;
    let problems = one.status(two.address).problems;
    assert!(problems.iter().any(|problem| problem.contains("CONFIG_TCP_AO")), "{problems:?}");
    assert_ne!(two.status(one.address).state, State::Established);
}

#[tokio::test]
async fn ttl_security_on_both_sides() {
    let (one, two) = (Node::start(78, 1).await, Node::start(79, 1).await);
    let secure = |mut config: PeerConfig| {
        config.ttl = Ttl::Security { hops: 1 };
        config
    };
    one.apply(&secure(one.config_of(&two)));
    two.apply(&secure(two.config_of(&one)));
    one.established(two.address).await;
    two.established(one.address).await;
    until("routes", || (two.router.learnt() == prefixes(1)).then_some(())).await;
    // It can be taken back in the live session.
    one.apply(&one.config_of(&two));
    two.apply(&two.config_of(&one));
    one.router.announce(prefixes(2));
    until("more routes", || (two.router.learnt() == prefixes(2)).then_some(())).await;
    assert_eq!(one.status(two.address).flaps, 0);
}

/// The same options over IPv6; both sides have the only address, and their own ports.
#[tokio::test]
async fn ipv6_with_a_password_and_ttl_security() {
    let loopback = std::net::IpAddr::from(std::net::Ipv6Addr::LOCALHOST);
    let nodes = async |asn: u32| {
        let router = Recorder::announcing(2);
        let settings = Settings { listen: vec![(loopback, 0).into()], ..Settings::default() };
        let peers = Peers::start(settings, router.clone());
        let listener = until("a listener", || {
            let listener = peers.listeners().remove(0);
            (listener.address.is_some() || !listener.problems.is_empty()).then_some(listener)
        })
        .await;
        let port = listener.address.map_or(0, |address| address.port());
        Node { peers, router, address: loopback, asn, port }
    };
    let (one, two) = (nodes(65001).await, nodes(65002).await);
    if one.port == 0 {
        eprintln!("skipped: no IPv6 here: {:?}", one.peers.listeners());
        return;
    }
    let config = |own: &Node, other: &Node| {
        let session = Config {
            connect_retry: Duration::from_millis(200),
            ..Config::new(own.asn, own.asn.into(), RemoteAs::Is(other.asn))
        };
        let mut config = PeerConfig::new(Remote::Address(loopback), session);
        (config.port, config.ttl, config.authentication) =
            (other.port, Ttl::Security { hops: 1 }, md5("s3cret"));
        config
    };
    one.apply(&config(&one, &two));
    two.apply(&config(&two, &one));
    let problems = one.peers.listeners().remove(0).problems;
    if problems.iter().any(|problem| problem.contains("Operation not permitted")) {
        eprintln!("skipped: TCP-MD5 is not possible here: {problems:?}");
        return;
    }
    one.established(loopback).await;
    until("routes", || (two.router.learnt() == prefixes(2)).then_some(())).await;
}

#[tokio::test]
async fn ttl_security_keeps_out_who_sends_with_less() {
    let (one, two) = (Node::start(80, 1).await, Node::start(81, 1).await);
    let mut secure = one.config_of(&two);
    secure.ttl = Ttl::Security { hops: 1 };
    secure.session.open_time = Duration::from_secs(1);
    one.apply(&secure);
    // This one sends with TTL 1: its SYNs do not arrive, and its OPEN neither.
    two.apply(&two.config_of(&one));
    two.error(one.address, "(4/0)").await;
    one.error(two.address, "TTL 255").await;
    assert_ne!(one.status(two.address).state, State::Established);
    assert_eq!(one.status(two.address).sessions, 0);
}
