//! Calls of etcd's API: how requests are made, answers read, and failures told apart.

use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use tonic::{Code, Status};

use super::proto::kv_client::KvClient;
use super::proto::maintenance_client::MaintenanceClient;
use super::proto::request_op::Request;
use super::proto::response_op::Response;
use super::proto::{
    CompactionRequest, Compare, DefragmentRequest, DeleteRangeRequest, KeyValue as Item, PutRequest,
    RangeRequest, RangeResponse, RequestOp, ResponseOp, TxnRequest, compare,
};
use super::said::Said;
use super::{ATTEMPT, Inner, PATIENCE};
use crate::{Expect, KeyValue, Revision, StoreError};

/// The longest answer that is read, in bytes.
const ANSWER: usize = 1 << 30;
/// How long a read is tried while etcd is known to be away: each member is asked.
const GLANCE: Duration = Duration::from_millis(500);
/// How long a member may take to defragment.
const DEFRAGMENT: Duration = Duration::from_secs(120);

pub(super) type Op = RequestOp;

pub(super) fn get(key: Vec<u8>) -> Op {
    let request = RangeRequest { key: key.into(), ..RangeRequest::default() };
    RequestOp { request: Some(Request::RequestRange(request)) }
}

pub(super) fn range_of(first: Vec<u8>, end: Vec<u8>, limit: usize, at: Option<Revision>) -> Op {
    let request = RangeRequest {
        key: first.into(),
        range_end: end.into(),
        limit: i64::try_from(limit).unwrap_or(0),
        revision: at.map_or(0, number),
    };
    RequestOp { request: Some(Request::RequestRange(request)) }
}

pub(super) fn put(key: Vec<u8>, value: impl Into<Bytes>) -> Op {
    let request = PutRequest { key: key.into(), value: value.into() };
    RequestOp { request: Some(Request::RequestPut(request)) }
}

pub(super) fn delete(key: Vec<u8>) -> Op {
    RequestOp { request: Some(Request::RequestDeleteRange(DeleteRangeRequest { key: key.into() })) }
}

pub(super) fn absent(key: Vec<u8>) -> Compare {
    created(key, compare::CompareResult::Equal)
}

pub(super) fn unchanged(key: Vec<u8>, modified: i64) -> Compare {
    Compare {
        result: compare::CompareResult::Equal.into(),
        target: compare::CompareTarget::Mod.into(),
        key: key.into(),
        target_union: Some(compare::TargetUnion::ModRevision(modified)),
    }
}

pub(super) fn expected(key: Vec<u8>, expect: Expect) -> Compare {
    match expect {
        Expect::Absent => absent(key),
        Expect::Present => created(key, compare::CompareResult::Greater),
        // No key has been modified at a revision that large.
        Expect::At(revision) => unchanged(key, i64::try_from(revision.0).unwrap_or(i64::MAX)),
    }
}

/// Whether a key was created before anything was, that is never, or later.
fn created(key: Vec<u8>, result: compare::CompareResult) -> Compare {
    Compare {
        result: result.into(),
        target: compare::CompareTarget::Create.into(),
        key: key.into(),
        target_union: Some(compare::TargetUnion::CreateRevision(0)),
    }
}

pub(super) fn txn(compare: Vec<Compare>, success: Vec<Op>, failure: Vec<Op>) -> TxnRequest {
    TxnRequest { compare, success, failure }
}

/// A revision as etcd writes it.
pub(super) fn number(revision: Revision) -> i64 {
    i64::try_from(revision.0).unwrap_or(i64::MAX)
}

/// A revision of etcd's.
pub(super) fn revision(number: i64) -> Revision {
    Revision(u64::try_from(number).unwrap_or_default())
}

/// The answer to a transaction.
pub(super) struct Reply {
    pub(super) revision: i64,
    pub(super) succeeded: bool,
    responses: Vec<ResponseOp>,
}

impl Reply {
    /// What the read at a place of the request found.
    pub(super) fn range(&self, at: usize) -> Result<&RangeResponse, StoreError> {
        match self.responses.get(at).and_then(|op| op.response.as_ref()) {
            Some(Response::ResponseRange(range)) => Ok(range),
            _ => Err(StoreError::Corrupt { what: "etcd answered another question".into() }),
        }
    }

    pub(super) fn items(&self, at: usize) -> Result<&[Item], StoreError> {
        Ok(&self.range(at)?.kvs)
    }

    /// When a control key was put.
    pub(super) fn modified(&self, at: usize) -> Result<i64, StoreError> {
        let item = self.items(at)?.first();
        let gone = || StoreError::Corrupt { what: "our control keys are gone from etcd".into() };
        item.map(|item| item.mod_revision).ok_or_else(gone)
    }
}

/// Why a call had no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// Etcd refused it: nothing was done, and asking again is no use.
    Refused(StoreError),
    /// The history before some revision is gone.
    Compacted,
    /// The revision is in the future.
    Future,
    /// It may or may not have been done.
    Lost(Status),
}

impl Failure {
    fn of(status: Status) -> Self {
        match status.code() {
            Code::OutOfRange if status.message().contains("compacted") => Self::Compacted,
            Code::OutOfRange => Self::Future,
            // A request that is too large or malformed, no space, no permission.
            Code::InvalidArgument
            | Code::ResourceExhausted
            | Code::PermissionDenied
            | Code::Unauthenticated
            | Code::Unimplemented => {
                Self::Refused(StoreError::unavailable("etcd refused a request", Said(status)))
            }
            _ => Self::Lost(status),
        }
    }
}

impl Inner {
    /// One attempt.
    pub(super) async fn attempt(&self, request: TxnRequest) -> Result<Reply, Failure> {
        let (at, channel) = self.endpoints.current();
        let mut client = KvClient::new(channel).max_decoding_message_size(ANSWER);
        let answer = tokio::time::timeout(ATTEMPT, client.txn(request)).await;
        let answer = answer.unwrap_or_else(|_| Err(Status::deadline_exceeded("no answer in time")));
        match answer.map_err(Failure::of) {
            Ok(answer) => {
                let answer = answer.into_inner();
                let revision = answer.header.map_or(0, |header| header.revision);
                self.seen.fetch_max(revision, Ordering::SeqCst);
                self.trouble.is_over();
                Ok(Reply { revision, succeeded: answer.succeeded, responses: answer.responses })
            }
            Err(failure) => {
                if matches!(failure, Failure::Lost(_)) {
                    self.endpoints.failed(at);
                    self.trouble.is(Instant::now());
                }
                Err(failure)
            }
        }
    }

    /// Tries, on one member after the other, what can be done twice without harm.
    pub(super) async fn retry(
        &self,
        what: &'static str,
        request: impl Fn() -> TxnRequest,
    ) -> Result<Reply, StoreError> {
        self.retry_with(Pause::new(), what, request).await
    }

    /// [`retry`](Self::retry) with pauses that have begun.
    pub(super) async fn retry_with(
        &self,
        mut pause: Pause,
        what: &'static str,
        request: impl Fn() -> TxnRequest,
    ) -> Result<Reply, StoreError> {
        loop {
            match self.attempt(request()).await {
                Ok(reply) => return Ok(reply),
                Err(Failure::Refused(error)) => return Err(error),
                Err(Failure::Compacted) => return Err(self.compacted().await?),
                Err(Failure::Future) => return Err(self.future().await?),
                Err(Failure::Lost(status)) => {
                    if !pause.rest().await {
                        return Err(StoreError::unavailable(what, Said(status)));
                    }
                }
            }
        }
    }

    async fn future(&self) -> Result<StoreError, StoreError> {
        // No revision is asked for there, so this does not come back here.
        Ok(StoreError::Future { current: Box::pin(self.head_revision()).await? })
    }

    /// The error that says how much of the history is left; etcd tells it to watches only.
    async fn compacted(&self) -> Result<StoreError, StoreError> {
        Ok(StoreError::Compacted { oldest: self.oldest().await? })
    }

    pub(super) async fn compact(&self, to: Revision) -> Result<(), StoreError> {
        let current = self.head_revision().await?;
        if to > current {
            return Err(StoreError::Future { current });
        }
        let mut pause = Pause::new();
        loop {
            let (at, channel) = self.endpoints.current();
            let mut client = KvClient::new(channel);
            let call = client.compact(CompactionRequest { revision: number(to) });
            let answer = tokio::time::timeout(ATTEMPT, call).await;
            let answer = answer.unwrap_or_else(|_| Err(Status::deadline_exceeded("no answer in time")));
            match answer.map_err(Failure::of) {
                // Another API server may have done it.
                Ok(_) | Err(Failure::Compacted) => return Ok(()),
                Err(Failure::Refused(error)) => return Err(error),
                Err(Failure::Future) => return Err(StoreError::Future { current }),
                Err(Failure::Lost(status)) => {
                    self.endpoints.failed(at);
                    if !pause.rest().await {
                        return Err(StoreError::unavailable("compacting etcd", Said(status)));
                    }
                }
            }
        }
    }

    /// One member after the other: each is silent meanwhile.
    pub(super) async fn defragment(&self) -> Result<(), StoreError> {
        for channel in self.endpoints.all() {
            let mut client = MaintenanceClient::new(channel.clone());
            let call = client.defragment(DefragmentRequest {});
            let answer = tokio::time::timeout(DEFRAGMENT, call).await;
            answer
                .unwrap_or_else(|_| Err(Status::deadline_exceeded("no answer in time")))
                .map_err(|status| StoreError::unavailable("defragmenting etcd", Said(status)))?;
        }
        Ok(())
    }

    /// An item as the store has it; none for a control key.
    pub(super) fn item(&self, item: &Item) -> Result<Option<KeyValue>, StoreError> {
        Ok(self.own(&item.key)?.map(|key| KeyValue {
            key: key.into(),
            value: item.value.clone(),
            created: revision(item.create_revision),
            modified: revision(item.mod_revision),
        }))
    }
}

/// Growing pauses between attempts, until patience ends.
pub(super) struct Pause {
    next: Duration,
    end: Instant,
}

impl Pause {
    pub(super) fn new() -> Self {
        Self::until(Instant::now() + PATIENCE)
    }

    const fn until(end: Instant) -> Self {
        Self { next: Duration::from_millis(10), end }
    }

    /// Rests; says whether to try once more.
    pub(super) async fn rest(&mut self) -> bool {
        if Instant::now() + self.next > self.end {
            return false;
        }
        tokio::time::sleep(self.next).await;
        self.next = (self.next * 2).min(Duration::from_millis(200));
        true
    }
}

/// Since when members fail, if they do. Patience is for members that fail, not for each call: clients try a read that fails
/// again by themselves, and would wait many times as long otherwise.
#[derive(Debug, Default)]
pub(super) struct Trouble(Mutex<Option<Failing>>);

#[derive(Clone, Copy, Debug)]
struct Failing {
    since: Instant,
    last: Instant,
}

impl Trouble {
    fn is(&self, now: Instant) {
        let mut failing = self.failing();
        let since = failing.and_then(|failing| failing.at(now)).map_or(now, |failing| failing.since);
        *failing = Some(Failing { since, last: now });
    }

    fn is_over(&self) {
        *self.failing() = None;
    }

    /// For a read that may as well be tried later by whoever wants it.
    pub(super) fn pause(&self, now: Instant) -> Pause {
        let since = self.failing().and_then(|failing| failing.at(now)).map_or(now, |failing| failing.since);
        Pause::until((since + PATIENCE).max(now + GLANCE))
    }

    fn failing(&self) -> MutexGuard<'_, Option<Failing>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Failing {
    /// Nobody may have asked for long.
    fn at(self, now: Instant) -> Option<Self> {
        (now.duration_since(self.last) < PATIENCE).then_some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_is_for_members_and_not_for_calls() {
        let trouble = Trouble::default();
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let patience = |seconds: u64| trouble.pause(at(seconds)).end - at(seconds);
        assert_eq!(patience(0), PATIENCE);
        trouble.is(at(1));
        assert_eq!(patience(3), PATIENCE - Duration::from_secs(2));
        trouble.is(at(14));
        assert_eq!(patience(15), Duration::from_secs(1));
        assert_eq!(patience(20), GLANCE);
        trouble.is(at(20));
        assert_eq!(patience(34), GLANCE);
        assert_eq!(patience(35), PATIENCE, "that was long ago");
        trouble.is(at(36));
        assert_eq!(patience(37), PATIENCE - Duration::from_secs(1));
        trouble.is_over();
        assert_eq!(patience(37), PATIENCE);
    }
}
