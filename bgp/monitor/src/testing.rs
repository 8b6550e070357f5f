//! Sessions and messages for tests.

use std::net::SocketAddr;

use guideway_bgp_wire::{
    AsPath, AsWidth, Attributes, Capability, Context, Families, Family, Message, NextHop, Nlri, Open, Origin,
    pack_reach,
};
use proptest::prelude::*;

use crate::view::{PeerNumber, View};

/// An external IPv4 session.
pub(crate) fn view() -> View {
    let open = |asn, last| {
        let capabilities = Family::ALL.map(Capability::family).to_vec();
        let open = Open::new(asn, 90, [10, 0, 0, last].into(), capabilities);
        Message::Open(open).encode(&Context::default()).unwrap()
    };
    View {
        peer: PeerNumber(1),
        local: "10.1.1.2:40000".parse().unwrap(),
        remote: "10.1.1.1:179".parse().unwrap(),
        interface_index: 7,
        local_as: 65001,
        peer_as: 4_200_000_001,
        peer_router_id: [10, 0, 0, 1].into(),
        context: Context::default(),
        families: Family::ALL.into_iter().collect(),
        open_sent: open(65001, 2),
        open_received: open(4_200_000_001, 1),
    }
}

/// The same with IPv6 transport.
pub(crate) fn v6_view() -> View {
    let address = |text: &str| text.parse::<SocketAddr>().unwrap();
    View {
        peer: PeerNumber(2),
        local: address("[2001:db8::2]:40000"),
        remote: address("[2001:db8::1]:179"),
        ..view()
    }
}

/// Prefix number `number` of 10.0.0.0/8.
pub(crate) fn nlri(number: u32) -> Nlri {
    let [_, a, b, c] = number.to_be_bytes();
    Nlri::new(ipnet::IpNet::new([10, a, b, c].into(), 32).unwrap())
}

/// An UPDATE that advertises some IPv4 prefixes.
pub(crate) fn update(nlri: &[Nlri], context: &Context) -> Vec<u8> {
    let attributes = Attributes {
        origin: Some(Origin::Igp),
        as_path: Some(AsPath::originated_by(4_200_000_001)),
        ..Attributes::default()
    };
    let next_hop = NextHop::V4([10, 1, 1, 1].into());
    pack_reach(next_hop, Family::Ipv4, &attributes, nlri, context).unwrap().0
}

/// Sessions of all kinds.
pub(crate) fn any_view() -> impl Strategy<Value = View> {
    let width = prop::sample::select(vec![AsWidth::Two, AsWidth::Four]);
    let ids = || prop::sample::select(vec![Families::NONE, Families::NONE.with(Family::Ipv4)]);
    let numbers = (any::<u32>(), any::<u32>(), any::<u32>(), any::<u16>());
    (any::<bool>(), width, ids(), ids(), numbers).prop_map(|(is_v6, as_width, send, receive, numbers)| {
        let context =
            Context { as_width, add_path_send: send, add_path_receive: receive, ..Context::default() };
        let (local_as, peer_as, interface_index, port) = numbers;
        // Who does not know 4-octet numbers has none.
        let peer_as = if as_width == AsWidth::Two { peer_as & 0xffff } else { peer_as };
        let mut view = if is_v6 { v6_view() } else { view() };
        view.local.set_port(port);
        View { local_as, peer_as, interface_index, context, ..view }
    })
}
