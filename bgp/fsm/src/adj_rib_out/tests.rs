use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use guideway_bgp_wire::{AsPath, Ipv6NextHop, MpReach, MpUnreach, Origin};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

use super::*;

fn v4() -> Attributes {
    Attributes {
        origin: Some(Origin::Igp),
        as_path: Some(AsPath::originated_by(65001)),
        next_hop: Some(Ipv4Addr::new(10, 1, 1, 2)),
        ..Attributes::default()
    }
}

fn v6() -> Attributes {
    let next_hop = Ipv6NextHop { global: "fd00:1::2".parse().unwrap(), link_local: None };
    Attributes { next_hop: None, mp_reach: Some(MpReach::Ipv6 { next_hop, nlri: vec![] }), ..v4() }
}

fn prefixes(texts: &[&str]) -> BTreeSet<IpNet> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// What a peer has after these messages.
#[derive(Default, Debug)]
struct Peer {
    routes: BTreeSet<IpNet>,
    ended: Vec<Family>,
    updates: usize,
}

impl Peer {
    fn take(&mut self, update: &Update) {
        self.updates += 1;
        self.ended.extend(update.ends_rib_of());
        self.routes.extend(update.nlri.iter().copied().map(IpNet::from));
        if let Some(MpReach::Ipv6 { nlri, .. }) = &update.attributes.mp_reach {
            self.routes.extend(nlri.iter().copied().map(IpNet::from));
        }
        for prefix in &update.withdrawn {
            assert!(self.routes.remove(&IpNet::from(*prefix)), "{prefix} was not advertised");
        }
        if let Some(MpUnreach::Ipv6(prefixes)) = &update.attributes.mp_unreach {
            for prefix in prefixes {
                assert!(self.routes.remove(&IpNet::from(*prefix)), "{prefix} was not advertised");
            }
        }
    }

    fn drain(&mut self, rib: &mut AdjRibOut) {
        while let Some(update) = rib.next_update().unwrap() {
            self.take(&update);
        }
        assert!(rib.is_settled());
    }
}

#[test]
fn a_session_starts_with_everything_and_the_end_of_rib() {
    let mut rib = AdjRibOut::new();
    rib.set_desired(prefixes(&["203.0.113.10/32", "203.0.113.11/32", "2001:db8::10/128"]));
    assert_eq!(rib.next_update(), Ok(None), "no session yet");
    rib.start(Context::default(), Some(v4()), Some(v6()));
    let mut peer = Peer::default();
    peer.drain(&mut rib);
    assert_eq!(peer.routes, rib.desired);
    assert_eq!(peer.ended, Family::ALL);
    assert_eq!(peer.updates, 4, "one message per family and one marker per family");
}

#[test]
fn a_family_without_attributes_is_not_advertised() {
    let mut rib = AdjRibOut::new();
    rib.start(Context::default(), Some(v4()), None);
    rib.set_desired(prefixes(&["203.0.113.10/32", "2001:db8::10/128"]));
    let mut peer = Peer::default();
    peer.drain(&mut rib);
    assert_eq!(peer.routes, prefixes(&["203.0.113.10/32"]));
    assert_eq!(peer.ended, [Family::Ipv4]);
}

#[test]
fn only_the_difference_is_sent() {
    let mut rib = AdjRibOut::new();
    rib.start(Context::default(), Some(v4()), Some(v6()));
    let mut peer = Peer::default();
    rib.set_desired(prefixes(&["203.0.113.10/32", "203.0.113.11/32"]));
    peer.drain(&mut rib);
    let before = peer.updates;
    rib.set_desired(prefixes(&["203.0.113.11/32", "203.0.113.12/32"]));
    peer.drain(&mut rib);
    assert_eq!(peer.updates - before, 2, "one to withdraw, one to announce");
    assert_eq!(peer.routes, rib.desired);
    rib.set_desired(rib.desired.clone());
    assert!(rib.is_settled());
}

#[test]
fn a_refresh_sends_the_family_again_and_a_change_meanwhile_wins() {
    let mut rib = AdjRibOut::new();
    rib.start(Context::default(), Some(v4()), Some(v6()));
    rib.set_desired(prefixes(&["203.0.113.10/32", "203.0.113.11/32", "2001:db8::10/128"]));
    let mut peer = Peer::default();
    peer.drain(&mut rib);
    rib.refresh(Family::Ipv4);
    rib.set_desired(prefixes(&["203.0.113.11/32", "2001:db8::10/128"]));
    let first = rib.next_update().unwrap().unwrap();
    assert_eq!(first.withdrawn.len(), 1);
    let second = rib.next_update().unwrap().unwrap();
    assert_eq!(second.nlri, ["203.0.113.11/32".parse().unwrap()]);
    assert_eq!(rib.next_update(), Ok(None), "IPv6 was not asked for");
}

#[test]
fn a_new_session_starts_from_nothing() {
    let mut rib = AdjRibOut::new();
    rib.set_desired(prefixes(&["203.0.113.10/32"]));
    rib.start(Context::default(), Some(v4()), None);
    Peer::default().drain(&mut rib);
    rib.stop();
    assert!(rib.is_settled() && rib.advertised().is_empty());
    rib.start(Context::default(), Some(v4()), None);
    let mut peer = Peer::default();
    peer.drain(&mut rib);
    assert_eq!(peer.routes, prefixes(&["203.0.113.10/32"]));
}

#[derive(Debug, Clone)]
enum Op {
    Set(BTreeSet<u8>),
    Refresh(Family),
    Send(usize),
    Restart,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        btree_set(any::<u8>(), 0..20).prop_map(Op::Set),
        prop::sample::select(&Family::ALL[..]).prop_map(Op::Refresh),
        (0..4usize).prop_map(Op::Send),
        Just(Op::Restart),
    ]
}

/// Even numbers are IPv4, odd ones IPv6.
fn numbered(number: u8) -> IpNet {
    let text = if number.is_multiple_of(2) {
        format!("203.0.113.{number}/32")
    } else {
        format!("2001:db8::{number:x}/128")
    };
    text.parse().unwrap()
}

proptest! {
    /// Whatever the order of changes, refreshes, restarts and writes: the peer ends with the desired set, was never sent a
    /// withdrawal of what it did not have, and `advertised` is at any time what the peer has.
    #[test]
    fn the_peer_converges(ops in vec(op(), 0..40)) {
        let mut rib = AdjRibOut::new();
        rib.start(Context::default(), Some(v4()), Some(v6()));
        let mut peer = Peer::default();
        for op in ops {
            match op {
                Op::Set(numbers) => rib.set_desired(numbers.into_iter().map(numbered).collect()),
                Op::Refresh(family) => rib.refresh(family),
                Op::Send(count) => {
                    for _ in 0..count {
                        if let Some(update) = rib.next_update().unwrap() {
                            peer.take(&update);
                        }
                    }
                }
                Op::Restart => {
                    rib.stop();
                    rib.start(Context::default(), Some(v4()), Some(v6()));
                    peer = Peer::default();
                }
            }
            prop_assert_eq!(&peer.routes, rib.advertised());
        }
        peer.drain(&mut rib);
        prop_assert_eq!(&peer.routes, &rib.desired);
        prop_assert_eq!(peer.ended, Family::ALL);
    }
}
