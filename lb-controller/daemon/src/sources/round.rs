//! One kind of one cluster: listed, then watched, listed again when the watch is too old.

use std::fmt::Debug;

use futures_util::StreamExt as _;
use kube::Api;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event};
use serde::de::DeserializeOwned;

/// What becomes of the events of a kind.
pub(super) trait Takes<K>: Send {
    /// The object is like this.
    fn is(&mut self, object: K) -> impl Future<Output = ()> + Send;
    /// The object is no more.
    fn gone(&mut self, object: K) -> impl Future<Output = ()> + Send;
    /// There is nothing besides what [`is`](Self::is) was called for since [`begins`](Self::begins).
    fn listed(&mut self) -> impl Future<Output = ()> + Send;
    /// A list begins.
    fn begins(&mut self);
    /// The API does not answer, or refuses.
    fn failed(&mut self, error: &watcher::Error) -> impl Future<Output = ()> + Send;
}

/// Never ends.
pub(super) async fn watch<K>(api: Api<K>, mut takes: impl Takes<K>)
where
    K: kube::Resource + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let mut events =
        std::pin::pin!(watcher::watcher(api, watcher::Config::default()).backoff(super::pauses()));
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Init) => takes.begins(),
            Ok(Event::InitApply(object) | Event::Apply(object)) => takes.is(object).await,
            Ok(Event::InitDone) => takes.listed().await,
            Ok(Event::Delete(object)) => takes.gone(object).await,
            Err(error) => takes.failed(&error).await,
        }
    }
}
