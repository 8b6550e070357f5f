//! What peers end up with, and what it costs.

mod examples;
mod random;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use guideway_bgp_wire::{
    AsPath, Attributes, Context, Family, Frame, Message, NextHop, Nlri, Origin, RefreshKind, frame,
};

use super::*;

/// A route that differs from others in its MED.
fn route(med: u32) -> Arc<Route> {
    let attributes = Attributes {
        origin: Some(Origin::Igp),
        as_path: Some(AsPath::originated_by(65001)),
        med: Some(med),
        ..Attributes::default()
    };
    Arc::new(Route { next_hop: NextHop::V4([192, 0, 2, 1].into()), attributes })
}

fn v6_route(med: u32) -> Arc<Route> {
    let next_hop = NextHop::V6 { global: "2001:db8::1".parse().unwrap(), link_local: None };
    Arc::new(Route { next_hop, ..(*route(med)).clone() })
}

fn nlri(number: u32) -> Nlri {
    let [_, a, b, c] = number.to_be_bytes();
    Nlri::new(ipnet::IpNet::new([10, a, b, c].into(), 32).unwrap())
}

fn v6_nlri(number: u32) -> Nlri {
    let mut octets = *b"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\0";
    octets[12..].copy_from_slice(&number.to_be_bytes());
    Nlri::new(ipnet::IpNet::new(std::net::Ipv6Addr::from(octets).into(), 128).unwrap())
}

/// A group with prefixes 0 to `count` of one route.
fn group(count: u32) -> Group {
    let mut group = Group::new(Family::Ipv4, Context::default());
    for number in 0..count {
        group.set(nlri(number), Some(route(1))).unwrap();
    }
    group
}

/// A receiver that believes every byte.
#[derive(Debug, Default)]
struct Receiver {
    routes: BTreeMap<Nlri, Route>,
    /// What was not announced again since Beginning-of-RIB.
    unconfirmed: Option<BTreeSet<Nlri>>,
    updates: usize,
    withdrawals: usize,
    end_of_rib: usize,
    refreshes: usize,
}

impl Receiver {
    fn take(&mut self, bytes: &[u8], context: &Context) {
        assert!(bytes.len() <= batch::BATCH_LEN);
        let context = context.mirrored();
        let mut rest = bytes;
        while !rest.is_empty() {
            let Frame::Complete { length } = frame(rest).unwrap() else { panic!("a message is cut off") };
            let (message, behind) = rest.split_at(length);
            rest = behind;
            match Message::decode(message, &context).unwrap() {
                Message::Update(update) => {
                    assert_eq!(update.faults, []);
                    self.end_of_rib += usize::from(update.end_of_rib.is_some());
                    self.updates += usize::from(update.end_of_rib.is_none());
                    for nlri in update.unreach.iter().flat_map(|unreach| &unreach.nlri) {
                        self.withdrawals += 1;
                        self.routes.remove(nlri);
                    }
                    for reach in &update.reach {
                        let route = Route { next_hop: reach.next_hop, attributes: update.attributes.clone() };
                        for nlri in &reach.nlri {
                            self.routes.insert(*nlri, route.clone());
                            self.unconfirmed.iter_mut().for_each(|unconfirmed| {
                                unconfirmed.remove(nlri);
                            });
                        }
                    }
                }
                Message::RouteRefresh(refresh) => match refresh.kind {
                    RefreshKind::BeginOfRefresh => {
                        assert!(self.end_of_rib > 0, "RFC 7313: not before End-of-RIB");
                        assert_eq!(self.unconfirmed, None, "two refreshes at once");
                        self.unconfirmed = Some(self.routes.keys().copied().collect());
                    }
                    RefreshKind::EndOfRefresh => {
                        self.refreshes += 1;
                        for nlri in self.unconfirmed.take().unwrap() {
                            self.routes.remove(&nlri);
                        }
                    }
                    other => panic!("{other:?}"),
                },
                other => panic!("{other:?}"),
            }
        }
    }

    /// Takes everything that is due.
    fn settle(&mut self, group: &mut Group, cursor: &Cursor) {
        while let Some(bytes) = group.next(cursor) {
            self.take(&bytes, &group.context.clone());
        }
    }
}

/// The table as a receiver would have it.
fn table(group: &Group) -> BTreeMap<Nlri, Route> {
    group.routes().into_iter().map(|(nlri, route)| (nlri, (**route).clone())).collect()
}
