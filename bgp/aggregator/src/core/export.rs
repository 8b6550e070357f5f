//! Update groups: one for each kind of router, and one for nobody to be told anything.

use std::time::Instant;

use guideway_bgp_peer::{Outlet, SessionView};
use guideway_bgp_rib::loc::{Paths, Specifics, Target, TargetKind, View, ViewTarget};
use guideway_bgp_rib::{Group, Hold};
use guideway_bgp_wire::{Context, Family, Nlri};
use tracing::{info, warn};

use super::{Core, Order, Seat, State};
use crate::config::{Kind, Peer};

/// Routers with equal ones get the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClassKey {
    /// What they are told.
    pub(super) target: ViewTarget,
    /// How it is written.
    pub(super) context: Context,
}

impl ClassKey {
    /// One for each family of the session.
    pub(super) fn of(session: &SessionView, peer: &Peer) -> Vec<Self> {
        let agreed = &session.negotiated;
        let specifics = match &peer.kind {
            Kind::Router(router) => router.specifics,
            Kind::Speaker(_) => Specifics::Only,
        };
        let kind = match (agreed.external, peer.client) {
            (true, _) => TargetKind::External,
            (false, true) => TargetKind::Client,
            (false, false) => TargetKind::NonClient,
        };
        let key = |family| {
            let target = Target {
                family,
                kind,
                extended_next_hop: agreed.context.extended_next_hop,
                long_lived: agreed.long_lived.iter().any(|long_lived| long_lived.family == family),
                role: agreed.peer_role,
            };
            let add_path = agreed.context.add_path_send.contains(family);
            let paths = if add_path { Paths::All } else { Paths::Best };
            Self { target: ViewTarget { target, paths, specifics }, context: agreed.context }
        };
        agreed.families.iter().map(key).collect()
    }
}

/// An update group and what feeds it.
#[derive(Debug)]
pub struct Class {
    pub(super) view: View,
    pub(super) outlet: Outlet,
}

/// A group in which there is never a route.
pub(super) fn quiet(family: Family, context: Context) -> Outlet {
    Outlet::new(Group::new(family, context))
}

impl State {
    /// The group of a class, filled when nobody was told by it before.
    pub(super) fn class(&mut self, key: ClassKey) -> Outlet {
        if let Some(class) = self.classes.get(&key) {
            return class.outlet.clone();
        }
        let family = key.target.target.family;
        let mut group = Group::new(family, key.context);
        // The deferral may be over, and the paths not settled by it yet: only `export` lets go.
        group.hold(if self.released { Hold::Released } else { Hold::Held });
        let mut class = Class { view: View::new(key.target), outlet: Outlet::new(group) };
        let prefixes: Vec<_> = self.loc.selected().collect();
        class.update(&self.loc, prefixes.iter());
        let outlet = class.outlet.clone();
        self.classes.insert(key, class);
        outlet
    }

    /// The rules for attributes changed: everything is made again, and what comes out equal is not sent.
    pub(super) fn rebuild_classes(&mut self) {
        let prefixes: Vec<_> = self.loc.selected().collect();
        for (key, class) in &mut self.classes {
            class.view = View::new(key.target);
            let wanted = prefixes.iter().flat_map(|prefix| class.view.update(&self.loc, *prefix));
            let wanted = wanted.filter_map(|(nlri, route)| Some((nlri, route?))).collect();
            if let Err(error) = class.outlet.change(|group| group.replace(&wanted)) {
                warn!(%error, "a route is not told");
            }
        }
    }

    pub(super) fn drop_unused_classes(&mut self) {
        let seats = &self.seats;
        let is_used = |key: &ClassKey| {
            seats.values().any(|seat| matches!(seat, Seat::Router(router) if router.keys.contains(key)))
        };
        self.classes.retain(|key, _| is_used(key));
    }
}

impl Class {
    fn update<'a>(
        &mut self,
        loc: &guideway_bgp_rib::loc::LocRib,
        prefixes: impl Iterator<Item = &'a ipnet::IpNet>,
    ) -> usize {
        let changes: Vec<_> = prefixes.flat_map(|prefix| self.view.update(loc, *prefix)).collect();
        if changes.is_empty() {
            return 0;
        }
        let count = changes.len();
        self.outlet.change(|group| {
            for (nlri, route) in changes {
                if let Err(error) = group.set(nlri, route) {
                    let Nlri { prefix, path_id } = nlri;
                    warn!(%prefix, path_id, %error, "a route is not told");
                }
            }
        });
        count
    }
}

impl Core {
    /// Does what time and events made necessary, and puts all changes since the last call into the groups. Gives the moment at
    /// which it has to be called again though nothing happens, and how many changes there were.
    pub fn export(&self, now: Instant) -> (Option<Instant>, usize) {
        let mut state = self.state();
        let state = &mut *state;
        if state.frozen {
            // Sessions end one after the other: what one took away must not be told to the next one.
            return (None, 0);
        }
        state.loc.handle_timeout(now);
        state.deferral.handle_timeout(now);
        let releases = state.deferral.is_released() && !state.released;
        let changed = if releases { state.loc.settle_after_restart(now) } else { state.loc.settle(now) };
        let mut count = 0;
        for class in state.classes.values_mut() {
            count += class.update(&state.loc, changed.iter());
        }
        for prefix in &changed {
            state.since.changed(&state.loc, *prefix, now);
        }
        if releases {
            state.released = true;
            state.since.release(now);
            let left: Vec<_> =
                state.deferral.waiting_for().map(|(known, what)| format!("{known}: {what}")).collect();
            info!(not_waited_for = ?left, "everything is sent from now on");
            for class in state.classes.values() {
                class.outlet.change(|group| group.hold(Hold::Released));
            }
            self.order(Order::Released);
        }
        // As long as the speakers of the last run are waited for, it is they who are to be remembered.
        if state.released {
            let memory = state.memory();
            self.memory.send_if_modified(|old| {
                let differs = *old != memory;
                *old = memory;
                differs
            });
        }
        let next = [state.loc.poll_timeout(), state.deferral.poll_timeout()].into_iter().flatten().min();
        (next, count)
    }
}
