//! One list and watch for each kind.

use std::time::Duration;

use futures_util::StreamExt as _;
use guideway_controllers::{Detail, Resource, Seen};
use guideway_pauses::Pauses;
use kube::Api;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event};
use tokio_util::sync::CancellationToken;

use crate::api::api_resource;
use crate::shared::Shared;
use crate::watched::Watched;

/// Feeds the world with one kind until it is stopped. Lists and then watches; what was too long ago to be watched is
/// listed again.
pub(crate) async fn run(shared: &Shared, resource: &Resource, detail: Detail, stop: CancellationToken) {
    let kind = api_resource(resource);
    let client = shared.client.clone();
    let feed = async {
        match detail {
            Detail::Body => feed(shared, resource, Api::<Watched<false>>::all_with(client, &kind)).await,
            Detail::Metadata => feed(shared, resource, Api::<Watched<true>>::all_with(client, &kind)).await,
        }
    };
    tokio::select! {
        () = feed => {}
        () = stop.cancelled() => {}
    }
}

async fn feed<const METADATA: bool>(shared: &Shared, resource: &Resource, api: Api<Watched<METADATA>>) {
    let pauses = Pauses::between(Duration::from_millis(50), Duration::from_secs(2));
    let mut events = std::pin::pin!(watcher::watcher(api, watcher::Config::default()).backoff(pauses));
    while let Some(event) = events.next().await {
        let seen = match event {
            Ok(Event::Init) => Seen::ListBegins,
            Ok(Event::InitApply(object)) => Seen::Listed(object.body),
            Ok(Event::InitDone) => Seen::ListEnds,
            Ok(Event::Apply(object)) => Seen::Applied(object.body),
            Ok(Event::Delete(object)) => Seen::Deleted(object.body),
            Err(error) => {
                tracing::debug!(kind = %resource.id, %error, "watch interrupted");
                continue;
            }
        };
        shared.see(&resource.id, seen);
    }
}
