//! One thing each.

use super::*;

#[test]
fn ten_thousand_equal_routes_are_a_few_full_messages_and_the_marker() {
    let mut v6 = Group::new(Family::Ipv6, Context::default());
    for number in 0..10_000 {
        v6.set(v6_nlri(number), Some(v6_route(1))).unwrap();
    }
    for (mut group, updates) in [(group(10_000), 13), (v6, 45)] {
        let cursor = group.join();
        let mut peer = Receiver::default();
        peer.settle(&mut group, &cursor);
        assert_eq!(peer.routes, table(&group));
        assert_eq!(peer.end_of_rib, 1);
        assert_eq!(peer.updates, updates);
        assert!(group.is_settled(&cursor));
        assert!(group.next(&cursor).is_none());
        assert_eq!(group.told(&cursor).count(), 10_000);
    }
}

#[test]
fn routes_are_packed_by_attributes_however_they_are_mixed() {
    let mut group = Group::new(Family::Ipv4, Context::default());
    for number in 0..3_000 {
        group.set(nlri(number), Some(route(number % 3))).unwrap();
    }
    let cursor = group.join();
    let mut peer = Receiver::default();
    peer.settle(&mut group, &cursor);
    assert_eq!(peer.routes, table(&group));
    assert_eq!(peer.updates, 6, "1000 prefixes of each are two messages");
}

#[test]
fn one_change_is_one_message_for_all() {
    let mut group = group(10_000);
    let cursors: Vec<Cursor> = (0..4).map(|_| group.join()).collect();
    let mut peers: Vec<Receiver> = cursors.iter().map(|_| Receiver::default()).collect();
    peers.iter_mut().zip(&cursors).for_each(|(peer, cursor)| peer.settle(&mut group, cursor));
    assert!(group.set(nlri(5_000), Some(route(2))).unwrap());
    assert!(!group.set(nlri(5_000), Some(route(2))).unwrap(), "nothing new");
    let told: Vec<_> = cursors.iter().map(|cursor| group.next(cursor).unwrap()).collect();
    assert!(told.iter().all(|bytes| Arc::ptr_eq(bytes, &told[0])));
    peers[0].updates = 0;
    peers[0].take(&told[0], &Context::default());
    assert_eq!((peers[0].updates, &peers[0].routes), (1, &table(&group)));
    assert!(cursors.iter().all(|cursor| group.is_settled(cursor)));
}

#[test]
fn withdrawals_come_first() {
    let mut group = group(10);
    let cursor = group.join();
    let mut peer = Receiver::default();
    peer.settle(&mut group, &cursor);
    group.set(nlri(20), Some(route(1))).unwrap();
    group.set(nlri(3), None).unwrap();
    peer.take(&group.next(&cursor).unwrap(), &Context::default());
    assert!(!peer.routes.contains_key(&nlri(3)) && !peer.routes.contains_key(&nlri(20)));
    peer.settle(&mut group, &cursor);
    assert_eq!(peer.routes, table(&group));
}

#[test]
fn tombstones_go_when_everyone_who_was_told_is_past_them() {
    let mut group = group(100);
    let (fast, slow) = (group.join(), group.join());
    let mut peers = [Receiver::default(), Receiver::default()];
    peers[0].settle(&mut group, &fast);
    peers[1].settle(&mut group, &slow);
    for number in 0..50 {
        group.set(nlri(number), None).unwrap();
    }
    peers[0].settle(&mut group, &fast);
    assert_eq!(group.tombstones(), 50);
    peers[1].settle(&mut group, &slow);
    assert_eq!(group.tombstones(), 0);
    group.set(nlri(60), None).unwrap();
    peers[0].settle(&mut group, &fast);
    group.leave(slow);
    assert_eq!(group.tombstones(), 0);
    assert_eq!(peers[0].routes, table(&group));
}

#[test]
fn a_stuck_peer_does_not_make_the_table_grow() {
    let mut group = group(100);
    let (stuck, fast) = (group.join(), group.join());
    let mut peers = [Receiver::default(), Receiver::default()];
    peers[0].settle(&mut group, &stuck);
    for number in 0..10_000u32 {
        group.set(nlri(1_000 + number), Some(route(number % 7))).unwrap();
        peers[1].settle(&mut group, &fast);
        group.set(nlri(1_000 + number), None).unwrap();
        peers[1].settle(&mut group, &fast);
    }
    assert_eq!((group.tombstones(), group.len()), (0, 100));
    for number in 0..100 {
        group.set(nlri(number), None).unwrap();
    }
    peers[1].settle(&mut group, &fast);
    assert_eq!((group.tombstones(), group.len()), (100, 0), "what the stuck one was told of");
    peers[0].settle(&mut group, &stuck);
    assert_eq!((group.tombstones(), peers[0].routes.len()), (0, 0));
}

#[test]
fn a_held_group_says_nothing_and_then_everything() {
    let mut group = group(0);
    group.hold(Hold::Held);
    let cursor = group.join();
    assert!(group.next(&cursor).is_none(), "no End-of-RIB before the routes are known");
    group.set(nlri(1), Some(route(1))).unwrap();
    assert!(group.next(&cursor).is_none() && !group.is_settled(&cursor));
    let version = group.version();
    group.hold(Hold::Released);
    assert!(group.version() > version, "whoever waits for a change is woken");
    let mut peer = Receiver::default();
    peer.take(&group.next(&cursor).unwrap(), &Context::default());
    assert_eq!((peer.routes.len(), peer.end_of_rib), (1, 0));
    peer.settle(&mut group, &cursor);
    assert_eq!((peer.routes.len(), peer.end_of_rib), (1, 1));
}

#[test]
fn an_empty_table_ends_at_once() {
    let mut group = group(0);
    let cursor = group.join();
    assert!(!group.is_settled(&cursor));
    let mut peer = Receiver::default();
    peer.settle(&mut group, &cursor);
    assert_eq!((peer.end_of_rib, peer.updates), (1, 0));
}

#[test]
fn a_refresh_tells_everything_again() {
    for enhanced in [Enhanced::Yes, Enhanced::No] {
        let mut group = group(2_000);
        let cursor = group.join();
        let mut peer = Receiver::default();
        group.refresh(&cursor, enhanced);
        peer.take(&group.next(&cursor).unwrap(), &Context::default());
        peer.settle(&mut group, &cursor);
        peer.routes.clear();
        peer.updates = 0;
        group.refresh(&cursor, enhanced);
        group.refresh(&cursor, enhanced);
        assert!(!group.is_settled(&cursor));
        peer.settle(&mut group, &cursor);
        assert_eq!(peer.routes, table(&group));
        assert_eq!((peer.updates, peer.end_of_rib), (3, 1));
        assert_eq!(peer.refreshes, if enhanced == Enhanced::Yes { 2 } else { 0 });
        assert!(group.is_settled(&cursor));
    }
}

#[test]
fn a_peer_moves_in_a_live_session() {
    let (mut old, mut new) = (group(10), group(0));
    for number in 5..15 {
        new.set(nlri(number), Some(route(9))).unwrap();
    }
    let cursor = old.join();
    let mut peer = Receiver::default();
    peer.settle(&mut old, &cursor);
    old.set(nlri(7), None).unwrap();
    let cursor = new.join_from(old.depart(cursor));
    assert_eq!((old.peers(), old.tombstones()), (0, 0));
    peer.settle(&mut new, &cursor);
    assert_eq!(peer.routes, table(&new));
    assert_eq!((peer.end_of_rib, peer.withdrawals, new.tombstones()), (1, 5, 0));
}

#[test]
fn a_peer_that_moves_before_end_of_rib_gets_it_after() {
    let (mut old, mut new) = (group(10), group(0));
    old.hold(Hold::Held);
    let cursor = old.join();
    assert!(old.next(&cursor).is_none());
    let cursor = new.join_from(old.depart(cursor));
    let mut peer = Receiver::default();
    peer.settle(&mut new, &cursor);
    assert_eq!((peer.end_of_rib, peer.withdrawals), (1, 0));
}

#[test]
fn routes_that_cannot_be_told_are_withdrawn() {
    let mut group = group(2);
    let cursor = group.join();
    let mut peer = Receiver::default();
    peer.settle(&mut group, &cursor);
    let mut long = (*route(1)).clone();
    long.attributes.communities = (0..2_000).map(guideway_bgp_wire::Community).collect();
    let error = group.set(nlri(1), Some(Arc::new(long))).unwrap_err();
    assert_eq!(error.to_string(), "the route of 10.0.0.1/32 cannot be encoded");
    assert!(matches!(group.set(nlri(0), Some(v6_route(1))), Err(SetError::Encode { .. })), "RFC 8950");
    let error = group.set(v6_nlri(1), Some(v6_route(1))).unwrap_err();
    assert_eq!(error.to_string(), "2001:db8::1/128 is not of the family ipv4");
    let error = group.set(Nlri { path_id: 1, ..nlri(5) }, Some(route(1))).unwrap_err();
    assert_eq!(error.to_string(), "10.0.0.5/32 has a path identifier, which needs ADD-PATH");
    peer.settle(&mut group, &cursor);
    assert_eq!((peer.routes.len(), group.len(), group.tombstones()), (0, 0, 0));
}

#[test]
fn replacing_touches_only_what_differs() {
    let mut group = group(1_000);
    let cursor = group.join();
    let mut peer = Receiver::default();
    peer.settle(&mut group, &cursor);
    let mut wanted: BTreeMap<Nlri, Arc<Route>> =
        group.routes().into_iter().map(|(nlri, route)| (nlri, route.clone())).collect();
    let version = group.version();
    assert!(!group.replace(&wanted).unwrap());
    assert_eq!(group.version(), version);
    wanted.remove(&nlri(3));
    wanted.insert(nlri(4), route(4));
    assert!(group.replace(&wanted).unwrap());
    assert_eq!(group.version(), version + 2);
    peer.settle(&mut group, &cursor);
    assert_eq!(peer.routes, table(&group));
}

#[test]
fn add_path_gives_a_prefix_several_routes() {
    let context = Context { add_path_send: [Family::Ipv4].into_iter().collect(), ..Context::default() };
    let mut group = Group::new(Family::Ipv4, context);
    for path_id in 1..=64 {
        let nlri = Nlri { path_id, ..nlri(1) };
        group.set(nlri, Some(route(path_id % 2))).unwrap();
    }
    let cursor = group.join();
    let mut peer = Receiver::default();
    peer.settle(&mut group, &cursor);
    assert_eq!((peer.routes.len(), peer.updates), (64, 2));
    group.set(Nlri { path_id: 5, ..nlri(1) }, None).unwrap();
    peer.settle(&mut group, &cursor);
    assert_eq!(peer.routes, table(&group));
}

#[test]
fn a_peer_is_not_told_of_the_end_of_what_it_never_had() {
    let mut group = group(0);
    for number in 0..1_000 {
        let mut long = (*route(number)).clone();
        long.attributes.communities = (0..20).map(guideway_bgp_wire::Community).collect();
        group.set(nlri(number), Some(Arc::new(long))).unwrap();
    }
    let (early, all) = (group.join(), group.join());
    let mut peers = [Receiver::default(), Receiver::default()];
    peers[0].take(&group.next(&early).unwrap(), &Context::default());
    peers[1].settle(&mut group, &all);
    assert!(peers[0].routes.len() < 999);
    group.set(nlri(3), None).unwrap();
    group.set(nlri(999), None).unwrap();
    peers[0].take(&group.next(&early).unwrap(), &Context::default());
    assert_eq!(peers[0].withdrawals, 1);
    peers[1].settle(&mut group, &all);
    assert_eq!((peers[1].withdrawals, peers[1].routes == table(&group)), (2, true));
    peers[0].settle(&mut group, &early);
    assert_eq!((peers[0].withdrawals, peers[0].routes == table(&group)), (1, true));
}

#[test]
fn a_list_of_routes_is_as_good_as_a_group() {
    let mut group = group(0);
    for number in 0..3_000 {
        group.set(nlri(number), Some(route(number % 500))).unwrap();
    }
    let mut long = (*route(1)).clone();
    long.attributes.communities = (0..2_000).map(guideway_bgp_wire::Community).collect();
    let (long, other) = (Arc::new(long), v6_route(1));
    let refused = [(nlri(9_999), &long), (v6_nlri(1), &other)];
    let messages = updates(Family::Ipv4, &Context::default(), group.routes().into_iter().chain(refused));
    assert_eq!(messages.len(), 500);
    let mut peer = Receiver::default();
    messages.iter().for_each(|message| peer.take(message, &Context::default()));
    assert_eq!(peer.routes, table(&group));
}
