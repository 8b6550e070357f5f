//! The tables of all sessions as UPDATEs, for BMP stations that have just connected.

use std::collections::HashMap;
use std::sync::Arc;

use guideway_bgp_monitor::{PeerNumber, Tables, View, bmp::Counts};
use guideway_bgp_peer::PeerId;
use guideway_bgp_rib::Route;
use guideway_bgp_wire::{Context, Family, Nlri, pack_reach};

use super::Table;

impl Tables for Table {
    fn adj_rib_in(&self, view: &View) -> Vec<Vec<u8>> {
        let paths = self.received(id(view.peer)).into_iter().map(|(nlri, path)| (nlri, path.route));
        updates(paths, &view.context.mirrored())
    }

    fn adj_rib_out(&self, view: &View) -> Vec<Vec<u8>> {
        updates(self.sent(id(view.peer)).into_iter(), &view.context)
    }

    fn counts(&self, view: &View) -> Counts {
        let peer = id(view.peer);
        let by_family = |nlri: &mut dyn Iterator<Item = Nlri>| {
            nlri.fold([0, 0], |[v4, v6], nlri| match nlri.family() {
                Family::Ipv4 => [v4 + 1, v6],
                Family::Ipv6 => [v4, v6 + 1],
            })
        };
        Counts {
            received: by_family(&mut self.received(peer).into_iter().map(|(nlri, _)| nlri)),
            sent: by_family(&mut self.sent(peer).into_iter().map(|(nlri, _)| nlri)),
        }
    }
}

impl Table {
    /// What a peer is to be told; nothing before the release.
    fn sent(&self, peer: PeerId) -> Vec<(Nlri, Arc<Route>)> {
        let inner = self.lock();
        if inner.hold == guideway_bgp_rib::Hold::Held {
            return Vec::new();
        }
        let live = inner.sessions.get(&peer).and_then(|entry| entry.live.as_ref());
        let keys = live.map(|live| live.keys.as_slice()).unwrap_or_default();
        let classes = inner.classes.iter().filter(|class| keys.contains(&class.key));
        let routes = classes.flat_map(|class| {
            class.outlet.change(|group| {
                let routes = group.routes().into_iter().map(|(nlri, route)| (nlri, Arc::clone(route)));
                routes.collect::<Vec<_>>()
            })
        });
        routes.collect()
    }
}

fn id(PeerNumber(number): PeerNumber) -> PeerId {
    PeerId(number)
}

/// Routes that are the same go together.
fn updates(paths: impl Iterator<Item = (Nlri, Arc<Route>)>, context: &Context) -> Vec<Vec<u8>> {
    let mut routes: HashMap<(Family, Arc<Route>), Vec<Nlri>> = HashMap::new();
    for (nlri, route) in paths {
        routes.entry((nlri.family(), route)).or_default().push(nlri);
    }
    let mut updates = Vec::new();
    for ((family, route), nlri) in routes {
        let mut rest = nlri.as_slice();
        while !rest.is_empty() {
            // What came or went in an UPDATE fits into one.
            let Ok((update, count)) = pack_reach(route.next_hop, family, &route.attributes, rest, context)
            else {
                break;
            };
            updates.push(update);
            rest = rest.get(count.max(1)..).unwrap_or_default();
        }
    }
    updates
}
