//! Equal routes are one route in memory, and are compared by address.

use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use crate::Route;

/// A route that is equal to another one of the same [`Interner`] exactly when it is the same one.
#[derive(Debug, Clone)]
pub(super) struct Interned(Arc<Route>);

impl Interned {
    pub(super) fn arc(&self) -> &Arc<Route> {
        &self.0
    }
}

impl Deref for Interned {
    type Target = Route;

    fn deref(&self) -> &Route {
        &self.0
    }
}

impl PartialEq for Interned {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Interned {}

impl Hash for Interned {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}

/// All routes, each once.
#[derive(Debug, Default)]
pub(super) struct Interner {
    routes: HashSet<Arc<Route>>,
    /// From so many on it pays to look for those that nobody holds any more.
    sweep_at: usize,
}

impl Interner {
    const FLOOR: usize = 256;

    pub(super) fn intern(&mut self, route: Route) -> Interned {
        if let Some(known) = self.routes.get(&route) {
            return Interned(Arc::clone(known));
        }
        if self.routes.len() >= self.sweep_at {
            self.routes.retain(|route| Arc::strong_count(route) > 1);
            self.sweep_at = (self.routes.len() * 2).max(Self::FLOOR);
        }
        let route = Arc::new(route);
        self.routes.insert(Arc::clone(&route));
        Interned(route)
    }
}
