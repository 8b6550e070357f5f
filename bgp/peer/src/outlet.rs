//! What a session sends: a cursor in the update group that it shares with other sessions.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use guideway_bgp_rib::Group;
use guideway_bgp_wire::Family;
use tokio::sync::watch;

/// Handle of the Adj-RIB-Out of an update group. Clones are the same group.
#[derive(Clone)]
pub struct Outlet {
    shared: Arc<Shared>,
}

struct Shared {
    family: Family,
    group: Mutex<Group>,
    version: watch::Sender<u64>,
}

impl Outlet {
    /// A group that sessions can join.
    #[must_use]
    pub fn new(group: Group) -> Self {
        let (version, _) = watch::channel(group.version());
        Self { shared: Arc::new(Shared { family: group.family(), group: Mutex::new(group), version }) }
    }

    /// The family of its routes.
    #[must_use]
    pub fn family(&self) -> Family {
        self.shared.family
    }

    /// Looks at the group or changes it. Its sessions are woken when there is something new to send.
    pub fn change<T>(&self, change: impl FnOnce(&mut Group) -> T) -> T {
        // Nobody panics with the lock held, so a poisoned one is as good as another.
        let mut group = self.shared.group.lock().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut group);
        let now = group.version();
        drop(group);
        self.shared.version.send_if_modified(|version| std::mem::replace(version, now) != now);
        result
    }

    /// True when both are the same group.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// Tells when the group has changed.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.shared.version.subscribe()
    }
}

impl fmt::Debug for Outlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outlet").field("family", &self.shared.family).finish_non_exhaustive()
    }
}
