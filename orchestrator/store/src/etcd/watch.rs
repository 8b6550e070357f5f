//! Watches of etcd, taken up on another member when one fails.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::sync::mpsc;
use tonic::metadata::MetadataValue;
use tonic::{Request, Status, Streaming};

use super::calls::{self, number, range_of};
use super::proto::event::EventType;
use super::proto::watch_client::WatchClient;
use super::proto::watch_request::RequestUnion;
use super::proto::{Event as RawEvent, WatchCreateRequest, WatchRequest, WatchResponse};
use super::{ATTEMPT, Inner};
use crate::{Change, Event, Revision, StoreError, Watch};

/// The longest message of a watch that is read, in bytes: etcd may put the events of a thousand revisions into one.
const MESSAGE: usize = 1 << 30;
/// The pauses before a watch is taken up again: the first, and the longest.
const PAUSE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(500));

/// Events after a revision that is there.
pub(super) async fn watch(etcd: Arc<Inner>, from: Revision) -> Result<Watch, StoreError> {
    etcd.there(from).await?;
    let raw = RawWatch::open(&etcd, &etcd.full("/"), number(from)).await;
    let follower = Follower { etcd, raw, at: number(from), ready: VecDeque::new(), pause: PAUSE.0 };
    Ok(stream::unfold(Some(follower), |follower| async move {
        let mut follower = follower?;
        match follower.next().await {
            Ok(event) => Some((Ok(event), Some(follower))),
            Err(error) => Some((Err(error), None)),
        }
    })
    .boxed())
}

impl Inner {
    /// Whether a revision can be watched from: it is there, and not compacted.
    async fn there(&self, at: Revision) -> Result<(), StoreError> {
        let then = range_of(self.head(), Vec::new(), 1, Some(at.max(Revision::FIRST)));
        let (current, _) = self.read("reading the history of etcd", vec![then]).await?;
        if at > current {
            return Err(StoreError::Future { current });
        }
        Ok(())
    }
}

struct Follower {
    etcd: Arc<Inner>,
    raw: RawWatch,
    /// The revision of the last event in `ready`, or of the last that was handed out.
    at: i64,
    ready: VecDeque<Event>,
    pause: Duration,
}

impl Follower {
    async fn next(&mut self) -> Result<Event, StoreError> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(event);
            }
            match self.raw.next().await {
                Next::Events(events) => {
                    self.pause = PAUSE.0;
                    self.take(&events)?;
                }
                Next::Compacted(oldest) => return Err(StoreError::Compacted { oldest }),
                Next::Lost(status) => {
                    tracing::debug!(%status, at = self.at, "the watch of etcd failed; taking it up again");
                    self.again().await?;
                }
            }
        }
    }

    /// Takes the watch up where it was.
    async fn again(&mut self) -> Result<(), StoreError> {
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(PAUSE.1);
        match self.etcd.there(calls::revision(self.at)).await {
            // No member answers: that ends no watch, as it may well go on without a gap.
            Ok(()) | Err(StoreError::Unavailable { .. }) => {}
            // Our place is gone: compacted, or this is another etcd, restored from a backup.
            Err(error) => return Err(error),
        }
        self.raw = RawWatch::open(&self.etcd, &self.etcd.full("/"), self.at).await;
        Ok(())
    }

    /// Makes events of etcd's, which come key by key, all of one revision in the same message.
    fn take(&mut self, events: &[RawEvent]) -> Result<(), StoreError> {
        let revision = |event: &RawEvent| event.kv.as_ref().map_or(0, |item| item.mod_revision);
        let head = self.etcd.head();
        for group in events.chunk_by(|a, b| revision(a) == revision(b)) {
            let at = group.first().map_or(0, revision);
            // A watch begins with the revision that it is to continue: from one that is compacted etcd then says so,
            // and from the next one it would not, though a deletion may be missing.
            if at <= self.at {
                continue;
            }
            let mut event = Event { revision: calls::revision(at), changes: Vec::new() };
            let mut ours = false;
            for raw in group {
                let Some(item) = &raw.kv else { continue };
                ours |= *item.key == *head;
                let change = match raw.r#type() {
                    EventType::Put => self.etcd.item(item)?.map(Change::Put),
                    EventType::Delete => {
                        self.etcd.own(&item.key)?.map(|key| Change::Delete { key: key.into() })
                    }
                };
                event.changes.extend(change);
            }
            // The fence alone is no revision of the store's.
            if ours || !event.changes.is_empty() {
                self.at = at;
                event.changes.sort_by(|a, b| a.key().cmp(b.key()));
                self.ready.push_back(event);
            }
        }
        Ok(())
    }
}

/// A watch at one member.
pub(super) struct RawWatch {
    answers: Result<Streaming<WatchResponse>, Status>,
    /// The watch ends when its requests do.
    _requests: mpsc::Sender<WatchRequest>,
}

pub(super) enum Next {
    /// All events of one revision or several.
    Events(Vec<RawEvent>),
    /// History was asked for that is gone.
    Compacted(Revision),
    /// The member or its leader is gone, or was not there.
    Lost(Status),
}

impl RawWatch {
    /// Begins to watch the keys with a prefix from a revision on.
    pub(super) async fn open(etcd: &Inner, prefix: &[u8], start: i64) -> Self {
        let (requests, queue) = mpsc::channel(1);
        let mut end = prefix.to_vec();
        if let Some(last) = end.last_mut() {
            *last += 1;
        }
        let create = WatchCreateRequest {
            key: prefix.to_vec().into(),
            range_end: end.into(),
            start_revision: start.max(1),
        };
        // There is room for one.
        let _ = requests.try_send(WatchRequest { request_union: Some(RequestUnion::CreateRequest(create)) });
        let mut request = Request::new(tokio_stream::wrappers::ReceiverStream::new(queue));
        // A member without a leader ends the watch, rather than to be silent.
        request.metadata_mut().insert("hasleader", MetadataValue::from_static("true"));
        let (at, channel) = etcd.endpoints.current();
        let mut client = WatchClient::new(channel).max_decoding_message_size(MESSAGE);
        let answers = tokio::time::timeout(ATTEMPT, client.watch(request)).await;
        let answers = answers.unwrap_or_else(|_| Err(Status::deadline_exceeded("no answer in time")));
        if answers.is_err() {
            etcd.endpoints.failed(at);
        }
        Self { answers: answers.map(tonic::Response::into_inner), _requests: requests }
    }

    /// What the watch tells next.
    pub(super) async fn next(&mut self) -> Next {
        let answers = match &mut self.answers {
            Ok(answers) => answers,
            Err(status) => return Next::Lost(status.clone()),
        };
        loop {
            match answers.message().await {
                Ok(Some(answer)) if answer.compact_revision > 0 => {
                    return Next::Compacted(calls::revision(answer.compact_revision));
                }
                Ok(Some(answer)) if answer.canceled => {
                    return Next::Lost(Status::unavailable(answer.cancel_reason));
                }
                // The first answer says that the watch is there.
                Ok(Some(answer)) if answer.events.is_empty() => {}
                Ok(Some(answer)) => return Next::Events(answer.events),
                Ok(None) => return Next::Lost(Status::unavailable("the watch ended")),
                Err(status) => return Next::Lost(status),
            }
        }
    }
}
