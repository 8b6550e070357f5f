//! What the tasks of a runner share.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use guideway_controllers::{
    Change, Controller, Detail, GroupResource, Interest, ObjectRef, Resource, Seen, World,
};
use guideway_events::Recorder;
use kube::Client;
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::{Notify, watch};

use crate::config::Config;
use crate::metrics::Named;
use crate::queue::Queue;

/// A controller with its queue.
pub(crate) struct Running {
    pub(crate) controller: Box<dyn Controller>,
    pub(crate) queue: Queue,
    pub(crate) name: Named,
    depth: Gauge,
}

impl Running {
    /// Has a key looked at.
    pub(crate) fn enqueue(&self, key: ObjectRef) {
        self.queue.add(key);
        self.count();
    }

    /// Counts what waits.
    pub(crate) fn count(&self) {
        self.depth.set(i64::try_from(self.queue.len()).unwrap_or(i64::MAX));
    }
}

pub(crate) struct Shared {
    pub(crate) client: Client,
    pub(crate) config: Config,
    pub(crate) controllers: Vec<Arc<Running>>,
    pub(crate) recorder: Recorder,
    /// Asks for discovery soon.
    pub(crate) rediscover: Notify,
    world: RwLock<World>,
    /// Counts changes of the world.
    changes: watch::Sender<u64>,
}

impl Shared {
    pub(crate) fn new(
        client: Client,
        config: Config,
        controllers: Vec<Box<dyn Controller>>,
        recorder: Recorder,
    ) -> Self {
        let controllers = controllers
            .into_iter()
            .map(|controller| {
                let name = Named { controller: controller.name() };
                let depth = config.metrics.depth.get_or_create_owned(&name);
                Arc::new(Running { controller, queue: Queue::default(), name, depth })
            })
            .collect();
        Self {
            client,
            config,
            controllers,
            recorder,
            rediscover: Notify::new(),
            world: RwLock::default(),
            changes: watch::Sender::new(0),
        }
    }

    pub(crate) fn world(&self) -> RwLockReadGuard<'_, World> {
        self.world.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn world_mut(&self) -> RwLockWriteGuard<'_, World> {
        self.world.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells of each change of the world.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Takes in what an informer tells, and gives the keys that it concerns to the controllers.
    pub(crate) fn see(&self, resource: &GroupResource, seen: Seen) {
        let listing = matches!(seen, Seen::ListBegins | Seen::Listed(_));
        let result = self.world_mut().see(resource, seen);
        match result {
            // Nothing is known of a list before its end.
            Ok(_) if listing => {}
            Ok(changes) => self.concern(&changes),
            Err(error) => tracing::warn!(kind = %resource, %error, "what was listed or watched is no object"),
        }
    }

    /// Begins to keep a kind.
    pub(crate) fn watch(&self, resource: &Resource, detail: Detail) {
        self.world_mut().watch(resource, detail);
    }

    /// Forgets a kind that is not served any more.
    pub(crate) fn forget(&self, resource: &GroupResource) {
        let changes = self.world_mut().forget(resource);
        self.concern(&changes);
    }

    /// Takes in what is served now.
    pub(crate) fn discovered(&self, discovery: guideway_controllers::Discovery) {
        self.world_mut().discovered(discovery);
        let world = self.world();
        for running in &self.controllers {
            running.controller.discovered(&world, &mut |key| running.enqueue(key));
        }
        drop(world);
        self.changes.send_modify(|count| *count += 1);
    }

    fn concern(&self, changes: &[Change]) {
        let world = self.world();
        for change in changes {
            if change.object().is_some_and(|object| brings_kinds(&object.resource)) {
                self.rediscover.notify_one();
            }
            for running in &self.controllers {
                running.controller.concerns(&world, change, &mut |key| running.enqueue(key));
            }
        }
        drop(world);
        self.changes.send_modify(|count| *count += 1);
    }

    /// Has every controller look at everything that concerns it: what happened while nobody acted is not known.
    pub(crate) fn look_at_everything(&self) {
        let world = self.world();
        let all: Vec<Change> =
            world.everything().map(|object| Change { old: None, new: Some(object.clone()) }).collect();
        for running in &self.controllers {
            for change in &all {
                running.controller.concerns(&world, change, &mut |key| running.enqueue(key));
            }
            running.controller.discovered(&world, &mut |key| running.enqueue(key));
        }
    }

    /// Whether a controller has what it must see.
    pub(crate) fn is_ready(&self, controller: &dyn Controller) -> bool {
        let world = self.world();
        !world.discovery().resources.is_empty()
            && controller.interests().iter().all(|interest| match interest {
                Interest::Kind(kind) => {
                    world.synced(&kind.id) || world.discovery().resource(&kind.id).is_none()
                }
                Interest::Everything => true,
            })
    }
}

/// Whether objects of this kind make others to be served.
fn brings_kinds(resource: &GroupResource) -> bool {
    resource.is("apiextensions.k8s.io", "customresourcedefinitions")
        || resource.is("apiregistration.k8s.io", "apiservices")
}
