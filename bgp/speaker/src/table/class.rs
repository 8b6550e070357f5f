//! Peers that are told the same.

use std::sync::Arc;

use guideway_bgp_peer::Outlet;
use guideway_bgp_rib::policy::{Announcements, Export, ExportSession, Node, NodeState, PeerExport};
use guideway_bgp_rib::{Group, Hold};
use guideway_bgp_wire::{Context, Families, Family, Nlri};
use ipnet::IpNet;
use tracing::error;

/// What peers of one class have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct ClassKey {
    pub(super) family: Family,
    /// With nothing in it that does not change the bytes that are sent.
    pub(super) context: Context,
    pub(super) peer: PeerExport,
    pub(super) session: ExportSession,
}

impl ClassKey {
    /// `context` is what was agreed on with one of the peers.
    pub(super) fn new(family: Family, context: &Context, peer: PeerExport, session: ExportSession) -> Self {
        let only = |families: Families| {
            if families.contains(family) { Families::NONE.with(family) } else { Families::NONE }
        };
        let context = Context {
            as_width: context.as_width,
            add_path_send: only(context.add_path_send),
            extended_next_hop: context.extended_next_hop && family == Family::Ipv4,
            ..Context::default()
        };
        // The other family's next hop divides nobody here.
        let session = ExportSession {
            families: only(session.families),
            next_hop_v4: session.next_hop_v4.filter(|_| family == Family::Ipv4),
            next_hop_v6: session.next_hop_v6.filter(|_| family == Family::Ipv6),
            ..session
        };
        Self { family, context, peer, session }
    }

    /// The NLRI of a prefix. There is one path for each, so any identifier does where ADD-PATH wants one.
    pub(super) fn nlri(&self, prefix: IpNet) -> Nlri {
        Nlri { prefix, path_id: u32::from(self.context.add_path_send.contains(self.family)) }
    }

    pub(super) fn export(&self, node: Arc<Node>, state: NodeState) -> Export {
        Export::new(node, self.peer.clone(), self.session.clone(), state)
    }
}

/// An update group and the policy that fills it.
#[derive(Debug)]
pub(super) struct Class {
    pub(super) key: ClassKey,
    export: Export,
    pub(super) outlet: Outlet,
}

impl Class {
    /// Without routes.
    pub(super) fn new(key: ClassKey, node: Arc<Node>, state: NodeState, hold: Hold) -> Self {
        let mut group = Group::new(key.family, key.context);
        group.hold(hold);
        let outlet = Outlet::new(group);
        Self { export: key.export(node, state), key, outlet }
    }

    /// True when routes may be others now.
    pub(super) fn set_state(&mut self, state: NodeState) -> bool {
        self.export.set_state(state)
    }

    pub(super) fn set_node(&mut self, node: Arc<Node>, state: NodeState) {
        self.export = self.key.export(node, state);
    }

    /// Brings these prefixes up to date.
    pub(super) fn update(&mut self, announcements: &Announcements, prefixes: &[IpNet]) {
        let own = |prefix: &&IpNet| Family::of_prefix(prefix) == self.key.family;
        if !prefixes.iter().any(|prefix| own(&prefix)) {
            return;
        }
        let (export, key) = (&mut self.export, &self.key);
        self.outlet.change(|group| {
            if prefixes.len() > group.len() / 4 {
                let own = announcements.vips().keys().filter(own).count();
                group.reserve(own);
            }
            for prefix in prefixes.iter().filter(own) {
                let route = announcements.candidate(prefix).and_then(|candidate| export.route(&candidate));
                // The policy bounds what it makes, so that an UPDATE always has room; else the prefix is withdrawn.
                if let Err(error) = group.set(key.nlri(*prefix), route) {
                    error!(%error, "a route cannot be announced");
                }
            }
        });
    }

    /// Brings all prefixes up to date.
    pub(super) fn fill(&mut self, announcements: &Announcements) {
        let (export, key) = (&mut self.export, &self.key);
        let own =
            announcements.candidates().filter(|candidate| Family::of_prefix(&candidate.prefix) == key.family);
        let routes = own
            .filter_map(|candidate| Some((key.nlri(candidate.prefix), export.route(&candidate)?)))
            .collect();
        self.outlet.change(|group| {
            if let Err(error) = group.replace(&routes) {
                error!(%error, "a route cannot be announced");
            }
        });
    }
}
