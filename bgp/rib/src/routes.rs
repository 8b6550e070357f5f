//! Equal routes are kept once.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

use crate::route::Route;

/// The routes that somebody uses, each with something that is known of it.
#[derive(Debug)]
pub(crate) struct Routes<T>(HashMap<Arc<Route>, Kept<T>, BuildHasherDefault<DefaultHasher>>);

#[derive(Debug)]
struct Kept<T> {
    users: usize,
    known: T,
}

impl<T> Default for Routes<T> {
    fn default() -> Self {
        Self(HashMap::default())
    }
}

impl<T> Routes<T> {
    pub(crate) fn get(&self, route: &Arc<Route>) -> Option<&T> {
        self.0.get(route).map(|kept| &kept.known)
    }

    /// One more user. `learn` is asked about a route that has none yet, and may refuse it.
    pub(crate) fn take<E>(
        &mut self,
        route: Arc<Route>,
        learn: impl FnOnce(&Route) -> Result<T, E>,
    ) -> Result<Arc<Route>, E> {
        if let Some((same, _)) = self.0.get_key_value(&route) {
            let same = same.clone();
            if let Some(kept) = self.0.get_mut(&same) {
                kept.users += 1;
            }
            return Ok(same);
        }
        let known = learn(&route)?;
        self.0.insert(route.clone(), Kept { users: 1, known });
        Ok(route)
    }

    /// One user less. What was known of the route when it was the last.
    pub(crate) fn give_back(&mut self, route: &Arc<Route>) -> Option<T> {
        let kept = self.0.get_mut(route)?;
        kept.users -= 1;
        if kept.users > 0 {
            return None;
        }
        self.0.remove(route).map(|kept| kept.known)
    }
}
