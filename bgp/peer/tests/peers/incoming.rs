//! The first connection of a peer.

use std::net::SocketAddr;

use guideway_bgp_config::Remote;
use guideway_bgp_wire::Message;

use crate::by_hand::ByHand;
use crate::lab::{Node, config, v4};

/// The peer of a range begins with a connection that is there already: it is answered, not closed.
#[tokio::test]
async fn the_first_connection_of_a_range_is_answered() {
    let hub = Node::start(80, 0).await;
    let mut range = config(hub.address, hub.asn, v4(0), 0, 179);
    range.remote = Remote::Range { prefix: "127.0.0.80/29".parse().unwrap(), limit: 8 };
    hub.peers.apply(vec![range]);
    for last in 81..88 {
        let mut leaf = ByHand::dial(v4(last), SocketAddr::new(hub.address, hub.port), 65001).await.unwrap();
        let first = leaf.read().await;
        assert!(matches!(first, Some(Message::Open(_))), "{last}: {first:?}");
    }
}
