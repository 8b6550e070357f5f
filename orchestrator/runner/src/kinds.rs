//! Which kinds are watched: those that controllers read, and all that can have owners. Follows what is served.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use guideway_controllers::{Detail, Discovery, GroupResource, Interest, Resource};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::shared::Shared;
use crate::{discover, informer};

/// When it is looked again after a definition has changed: the server may take a moment to serve what it defines.
const AFTER_CHANGE: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(50), Duration::from_millis(300), Duration::from_secs(2)];

/// Keeps an informer for each kind until `shutdown`.
pub(crate) async fn run(shared: Arc<Shared>, shutdown: CancellationToken) {
    let tasks = TaskTracker::new();
    let mut informers: BTreeMap<GroupResource, (Resource, Detail, CancellationToken)> = BTreeMap::new();
    let mut pauses = AFTER_CHANGE.iter();
    loop {
        match discover::run(&shared.client).await {
            Ok(discovery) => {
                follow(&shared, &discovery, &mut informers, &tasks, &shutdown);
                if *shared.world().discovery() != discovery {
                    shared.discovered(discovery);
                }
            }
            Err(error) => {
                tracing::warn!(%error, "the kinds that are served are not known");
                pauses = AFTER_CHANGE[1..].iter();
            }
        }
        let pause = pauses.next().copied().unwrap_or(shared.config.discovery_period);
        tokio::select! {
            () = shutdown.cancelled() => break,
            () = tokio::time::sleep(pause) => {}
            () = shared.rediscover.notified() => pauses = AFTER_CHANGE.iter(),
        }
    }
    tasks.close();
    tasks.wait().await;
}

fn follow(
    shared: &Arc<Shared>,
    discovery: &Discovery,
    informers: &mut BTreeMap<GroupResource, (Resource, Detail, CancellationToken)>,
    tasks: &TaskTracker,
    shutdown: &CancellationToken,
) {
    let wanted = wanted(shared, discovery);
    informers.retain(|id, (resource, detail, stop)| {
        let stays = wanted.get(id).is_some_and(|wanted| *wanted == (resource.clone(), *detail));
        if !stays {
            tracing::info!(kind = %id, "not served as before, its objects are forgotten");
            stop.cancel();
            shared.forget(id);
        }
        stays
    });
    for (id, (resource, detail)) in wanted {
        if informers.contains_key(&id) {
            continue;
        }
        let stop = shutdown.child_token();
        informers.insert(id, (resource.clone(), detail, stop.clone()));
        shared.watch(&resource, detail);
        let shared = shared.clone();
        tasks.spawn(async move { informer::run(&shared, &resource, detail, stop).await });
    }
}

fn wanted(shared: &Shared, discovery: &Discovery) -> BTreeMap<GroupResource, (Resource, Detail)> {
    let mut wanted = BTreeMap::new();
    for interest in shared.controllers.iter().flat_map(|running| running.controller.interests()) {
        match interest {
            Interest::Everything => {
                for resource in discovery.collectable() {
                    wanted.entry(resource.id.clone()).or_insert_with(|| (resource.clone(), Detail::Metadata));
                }
            }
            Interest::Kind(kind) => {
                if let Some(served) = discovery.resource(&kind.id).filter(|served| served.verbs.watch) {
                    let kind = Resource { verbs: served.verbs, ..kind };
                    wanted.insert(kind.id.clone(), (kind, Detail::Body));
                }
            }
        }
    }
    wanted
}
