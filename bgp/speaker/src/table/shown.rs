//! The tables of all sessions: as UPDATEs, for BMP stations that have just connected, and as routes, for MRT files.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use guideway_bgp_monitor::mrt::table::Path;
use guideway_bgp_monitor::{PeerNumber, Tables, View, bmp::Counts};
use guideway_bgp_peer::PeerId;
use guideway_bgp_rib::Route;
use guideway_bgp_wire::{Context, Family, Nlri};

use super::Table;

impl Tables for Table {
    fn adj_rib_in(&self, view: &View) -> Vec<Vec<u8>> {
        let paths = self.received(id(view.peer)).into_iter().map(|(nlri, path)| (nlri, path.route));
        updates(&paths.collect::<Vec<_>>(), &view.context.mirrored())
    }

    fn adj_rib_out(&self, view: &View) -> Vec<Vec<u8>> {
        updates(&self.sent(id(view.peer)), &view.context)
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

    fn received(&self, view: &View) -> Vec<Path> {
        let path = |(nlri, path): (Nlri, guideway_bgp_rib::Received)| Path {
            prefix: nlri.prefix,
            path_id: view.context.add_path_receive.contains(nlri.family()).then_some(nlri.path_id),
            since: path.since,
            route: path.route,
        };
        Table::received(self, id(view.peer)).into_iter().map(path).collect()
    }

    fn announced(&self) -> Vec<Path> {
        let inner = self.lock();
        if inner.hold == guideway_bgp_rib::Hold::Held {
            return Vec::new();
        }
        let mut paths = Vec::new();
        let mut seen = HashSet::new();
        for class in &inner.classes {
            class.outlet.change(|group| {
                for (Nlri { prefix, .. }, route) in group.routes() {
                    // Most classes differ in nothing that is said of a route.
                    if seen.insert((prefix, Arc::clone(route))) {
                        let since = UNIX_EPOCH + Duration::from_millis(inner.since.of(&prefix));
                        paths.push(Path { prefix, path_id: None, since, route: Arc::clone(route) });
                    }
                }
            });
        }
        paths
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

/// Of both families, one after the other.
fn updates(paths: &[(Nlri, Arc<Route>)], context: &Context) -> Vec<Vec<u8>> {
    let paths = || paths.iter().map(|(nlri, route)| (*nlri, route));
    Family::ALL.into_iter().flat_map(|family| guideway_bgp_rib::updates(family, context, paths())).collect()
}
