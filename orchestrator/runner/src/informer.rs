//! One list and watch for each kind.

use std::fmt::Debug;
use std::time::Duration;

use futures_util::StreamExt as _;
use guideway_controllers::{Detail, Resource, Seen};
use kube::Api;
use kube::core::{DynamicObject, PartialObjectMeta};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, ExponentialBackoff};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use crate::api::api_resource;
use crate::shared::Shared;

/// Feeds the world with one kind until it is stopped. Lists and then watches; what was too long ago to be watched is
/// listed again.
pub(crate) async fn run(shared: &Shared, resource: &Resource, detail: Detail, stop: CancellationToken) {
    let kind = api_resource(resource);
    let client = shared.client.clone();
    let feed = async {
        match detail {
            Detail::Body => feed(shared, resource, Api::<DynamicObject>::all_with(client, &kind)).await,
            Detail::Metadata => {
                feed(shared, resource, Api::<PartialObjectMeta<DynamicObject>>::all_with(client, &kind))
                    .await;
            }
        }
    };
    tokio::select! {
        () = feed => {}
        () = stop.cancelled() => {}
    }
}

async fn feed<K>(shared: &Shared, resource: &Resource, api: Api<K>)
where
    K: kube::Resource + Clone + Debug + DeserializeOwned + Serialize + Send + 'static,
    Api<K>: Send,
{
    let pauses = backon();
    let mut events = std::pin::pin!(watcher::watcher(api, watcher::Config::default()).backoff(pauses));
    while let Some(event) = events.next().await {
        let seen = match event {
            Ok(Event::Init) => Ok(Seen::ListBegins),
            Ok(Event::InitApply(object)) => serde_json::to_value(object).map(Seen::Listed),
            Ok(Event::InitDone) => Ok(Seen::ListEnds),
            Ok(Event::Apply(object)) => serde_json::to_value(object).map(Seen::Applied),
            Ok(Event::Delete(object)) => serde_json::to_value(object).map(Seen::Deleted),
            Err(error) => {
                tracing::debug!(kind = %resource.id, %error, "watch interrupted");
                continue;
            }
        };
        match seen {
            Ok(seen) => shared.see(&resource.id, seen),
            Err(error) => tracing::warn!(kind = %resource.id, %error, "an object cannot be read"),
        }
    }
}

fn backon() -> ExponentialBackoff {
    ExponentialBackoff::from(
        backon::ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(50))
            .with_max_delay(Duration::from_secs(10))
            .with_factor(2.0)
            .with_jitter()
            .without_max_times(),
    )
}
