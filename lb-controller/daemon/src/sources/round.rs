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

/// What is wrong with a watch that nobody else tells of.
#[derive(Default)]
pub(super) struct Trouble(Option<String>);

impl Trouble {
    /// It is tried again and again: each cause is worth a warning once. That a watch is over is nothing unusual.
    pub(super) fn is(&mut self, kind: &str, error: &watcher::Error) {
        let fails =
            matches!(error, watcher::Error::InitialListFailed(_) | watcher::Error::WatchStartFailed(_));
        let cause = error.to_string();
        if !fails || self.0.as_ref() == Some(&cause) {
            tracing::debug!(kind, %error, "watch interrupted");
        } else {
            tracing::warn!(kind, %error, "cannot be read in the home cluster: what is known of it stays");
            self.0 = Some(cause);
        }
    }

    /// It works.
    pub(super) fn is_over(&mut self, kind: &str) {
        if self.0.take().is_some() {
            tracing::info!(kind, "can be read again in the home cluster");
        }
    }
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
