//! What the server does besides answering: it follows definitions and roles, and lets the store forget.

use std::sync::Arc;
use std::time::Duration;

use guideway_access::rbac::RbacKind;
use guideway_cache::{WatchEvent, WatchKind, Watcher};
use guideway_store::Revision;

use super::ApiServer;

/// Keys of CustomResourceDefinitions.
pub(super) const DEFINITIONS: &str = "/registry/apiextensions.k8s.io/customresourcedefinitions/";
const ROLES: &str = "/registry/rbac.authorization.k8s.io/";
/// How long the store remembers: watches and lists at older revisions get 410.
const MEMORY: Duration = Duration::from_secs(5 * 60);

impl ApiServer {
    /// Starts what ends with [`stop`](Self::stop).
    pub(super) fn follow(self: &Arc<Self>) {
        let server = Arc::clone(self);
        tokio::spawn(async move {
            server.follow_prefix(DEFINITIONS, |server, _events| server.read_definitions()).await;
        });
        let server = Arc::clone(self);
        tokio::spawn(async move {
            server
                .follow_prefix(ROLES, |server, events| match events {
                    None => server.read_roles(),
                    Some(events) => server.put_roles(events),
                })
                .await;
        });
        let server = Arc::clone(self);
        tokio::spawn(async move { server.forget().await });
        let server = Arc::clone(self);
        tokio::spawn(async move { server.keep().await });
        let server = Arc::clone(self);
        tokio::spawn(async move { server.feel_pulse().await });
    }

    /// Calls `changed` with what changed, or with None when that is not known.
    async fn follow_prefix(&self, prefix: &str, changed: impl Fn(&Self, Option<&[Arc<WatchEvent>]>)) {
        while !self.is_stopping() {
            let Ok(mut watcher) = self.cache.watch(prefix, None) else { continue };
            // What came between the last look and the watch.
            changed(self, None);
            while let Some(events) = self.next_events(&mut watcher).await {
                changed(self, Some(&events));
            }
        }
    }

    /// The next events. None when some were missed, or at the end.
    async fn next_events(&self, watcher: &mut Watcher) -> Option<Vec<Arc<WatchEvent>>> {
        let first = tokio::select! {
            event = watcher.next() => event.ok()?,
            () = self.stopping() => return None,
        };
        let mut events = vec![first];
        events.extend(watcher.ready(1000).ok()?);
        Some(events)
    }

    fn put_roles(&self, events: &[Arc<WatchEvent>]) {
        let mut index = (**self.rbac.load()).clone();
        for event in events {
            let resource = event.object.key.strip_prefix(ROLES).and_then(|rest| rest.split('/').next());
            let Some(kind) = resource.and_then(RbacKind::from_resource) else { continue };
            if event.kind == WatchKind::Deleted {
                index.remove(kind, event.object.namespace().unwrap_or_default(), event.object.name());
            } else {
                index.put(kind, &event.object.value());
            }
        }
        self.rbac.store(Arc::new(index));
    }

    /// Asks the store whether it answers, so that who asks for the health need not wait for it.
    async fn feel_pulse(&self) {
        let limits = &self.config.limits;
        loop {
            let silent = match tokio::time::timeout(limits.silence, self.store.revision()).await {
                Ok(Ok(_)) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(_) => Some(format!("no answer within {:?}", limits.silence)),
            };
            self.silent.store(silent.map(Arc::new));
            tokio::select! {
                () = tokio::time::sleep(limits.pulse) => {}
                () = self.stopping() => return,
            }
        }
    }

    /// Makes anew what somebody has deleted that the server is found by.
    async fn keep(self: &Arc<Self>) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(self.config.limits.upkeep) => {}
                () = self.stopping() => return,
            }
            if let Err(error) = self.own_service().await {
                tracing::warn!(%error, "the Service of the API cannot be kept");
            }
        }
    }

    /// Lets the store forget what is older than [`MEMORY`].
    async fn forget(&self) {
        let mut before: Option<Revision> = None;
        loop {
            tokio::select! {
                () = tokio::time::sleep(MEMORY) => {}
                () = self.stopping() => return,
            }
            if let Some(revision) = before
                && let Err(error) = self.store.compact(revision).await
            {
                tracing::warn!(%error, "the store keeps its history: it cannot be compacted");
            }
            before = Some(self.cache.revision());
        }
    }
}
