//! Equal routes are kept once.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;

use foldhash::fast::FixedState;

use crate::route::Route;

/// A route of a [`Routes`], with something that is known of it. Two are equal when they are the same.
#[derive(Debug)]
pub(crate) struct Kept<T>(Arc<Inner<T>>);

#[derive(Debug)]
struct Inner<T> {
    route: Arc<Route>,
    known: T,
}

/// The routes that somebody uses.
#[derive(Debug)]
pub(crate) struct Routes<T> {
    kept: HashMap<Arc<Route>, Kept<T>, FixedState>,
    /// The one that was asked for last: most come in rows.
    last: Option<Kept<T>>,
}

impl<T> Kept<T> {
    pub(crate) fn route(&self) -> &Arc<Route> {
        &self.0.route
    }

    pub(crate) fn known(&self) -> &T {
        &self.0.known
    }

    fn users(&self) -> usize {
        Arc::strong_count(&self.0)
    }
}

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for Kept<T> {
    type Target = Route;

    fn deref(&self) -> &Route {
        &self.0.route
    }
}

impl<T> Default for Routes<T> {
    fn default() -> Self {
        Self { kept: HashMap::default(), last: None }
    }
}

impl<T: Clone> Routes<T> {
    /// For one more user. `learn` is asked about a route that has none yet, and may refuse it.
    pub(crate) fn take<E>(
        &mut self,
        route: Arc<Route>,
        learn: impl FnOnce(&Route) -> Result<T, E>,
    ) -> Result<Kept<T>, E> {
        if let Some(last) = &self.last
            && Arc::ptr_eq(last.route(), &route)
        {
            return Ok(last.clone());
        }
        let kept = match self.kept.get(&route) {
            Some(kept) => kept.clone(),
            None => {
                let kept = Kept(Arc::new(Inner { known: learn(&route)?, route: route.clone() }));
                self.kept.insert(route, kept.clone());
                kept
            }
        };
        let before = self.last.replace(kept.clone());
        before.into_iter().for_each(|before| drop(self.give_back(before)));
        Ok(kept)
    }

    /// One user less. What was known of the route when it was the last.
    pub(crate) fn give_back(&mut self, kept: Kept<T>) -> Option<T> {
        if let Some(last) = &self.last
            && Arc::ptr_eq(&last.0, &kept.0)
            && kept.users() <= 3
        {
            self.last = None;
        }
        // The map and this one.
        if kept.users() > 2 {
            return None;
        }
        self.kept.remove(kept.route());
        Some(kept.known().clone())
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use guideway_bgp_wire::{Attributes, NextHop};

    use super::*;

    fn route(last: u8) -> Arc<Route> {
        Arc::new(Route { next_hop: NextHop::V4([192, 0, 2, last].into()), attributes: Attributes::default() })
    }

    #[test]
    fn a_route_goes_with_its_last_user() {
        let mut routes: Routes<u8> = Routes::default();
        let take =
            |routes: &mut Routes<u8>, last| routes.take::<Infallible>(route(last), |_| Ok(last)).unwrap();
        let (one, same, other) = (take(&mut routes, 1), take(&mut routes, 1), take(&mut routes, 2));
        assert!(Arc::ptr_eq(one.route(), same.route()));
        assert_eq!(routes.give_back(one), None);
        assert_eq!(routes.give_back(same), Some(1));
        assert_eq!(routes.give_back(other), Some(2), "although it was the last one asked for");
        assert_eq!((routes.kept.len(), routes.last.is_none()), (0, true));
        let again = take(&mut routes, 1);
        let by_address = routes.take::<Infallible>(again.route().clone(), |_| Ok(9)).unwrap();
        assert_eq!(*by_address.known(), 1);
        assert_eq!((routes.give_back(again), routes.give_back(by_address)), (None, Some(1)));
        assert!(routes.take(route(3), |_| Err(())).is_err());
        assert_eq!(routes.kept.len(), 0);
    }
}
