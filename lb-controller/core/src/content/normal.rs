//! The normal form of what is put in: lists without an order are sorted and hold each thing once. What has it already is
//! not copied.

use std::sync::Arc;

use guideway_dataplane_config::BackendSet;

use crate::{Pool, Routing, Vip};

pub(super) fn set(mut set: Arc<BackendSet>) -> Arc<BackendSet> {
    // A table does not depend on the order; two backends with one name are an error and stay.
    if !set.backends.is_sorted_by(|a, b| a.name <= b.name) {
        Arc::make_mut(&mut Arc::make_mut(&mut set).backends).sort_by(|a, b| a.name.cmp(&b.name));
    }
    set
}

pub(super) fn vip(mut vip: Arc<Vip>) -> Arc<Vip> {
    if !is_normal(&vip.sources) {
        normalise(&mut Arc::make_mut(&mut vip).sources);
    }
    if vip.advertise.l2.as_ref().is_some_and(|l2| !is_normal(&l2.interfaces))
        && let Some(l2) = &mut Arc::make_mut(&mut vip).advertise.l2
    {
        normalise(&mut l2.interfaces);
    }
    vip
}

pub(super) fn pool(mut pool: Arc<Pool>) -> Arc<Pool> {
    if !is_normal(&pool.prefixes) {
        normalise(&mut Arc::make_mut(&mut pool).prefixes);
    }
    pool
}

pub(super) fn routing(mut routing: Routing) -> Routing {
    routing.peers.sort_by(|a, b| a.name.cmp(&b.name));
    routing.advertisements.sort_by(|a, b| a.name.cmp(&b.name));
    routing.bfd_profiles.sort_by(|a, b| a.name.cmp(&b.name));
    for advertisement in &mut routing.advertisements {
        normalise(&mut advertisement.communities);
        normalise(&mut advertisement.extended_communities);
        normalise(&mut advertisement.large_communities);
    }
    routing
}

fn is_normal<T: Ord>(items: &[T]) -> bool {
    items.is_sorted_by(|a, b| a < b)
}

fn normalise<T: Ord>(items: &mut Vec<T>) {
    items.sort_unstable();
    items.dedup();
}
