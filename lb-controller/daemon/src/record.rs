//! The record in the status of the Rollout object: what leaders write by compare-and-swap.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use guideway_controller_core::{Digest, Generation, Term};
use guideway_controller_crds::Kind;
use guideway_controller_crds::guideway::status::{
    CommittedGeneration, GenerationStamp, RolloutRecord, RolloutStatus,
};
use guideway_controller_rollout::{Record, Stamp, Stored, Version, WriteFault};
use jiff::{Timestamp, Unit};
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, PostParams};
use serde_json::{Value, json};

use crate::rollout::RecordStore;

/// Generations that the object remembers. The definition allows no more.
const HISTORY: usize = 100;
/// How long a request may take: less than the driver waits.
const TIMEOUT: Duration = Duration::from_secs(4);

/// The record in a Rollout object.
pub(crate) struct RolloutObject {
    api: Api<DynamicObject>,
    resource: ApiResource,
    name: String,
    /// As it was read or written last: a commit is one request, unless somebody else has changed the object since.
    last: Mutex<Option<DynamicObject>>,
}

impl RolloutObject {
    /// That of a name, in a namespace.
    pub(crate) fn new(client: Client, namespace: &str, name: &str) -> Self {
        let (group, version) = (Kind::Rollout.group(), Kind::Rollout.versions()[0]);
        let resource = ApiResource {
            group: group.to_owned(),
            version: version.to_owned(),
            api_version: format!("{group}/{version}"),
            kind: Kind::Rollout.as_str().to_owned(),
            plural: Kind::Rollout.plural().to_owned(),
        };
        let api = Api::namespaced_with(client, namespace, &resource);
        Self { api, resource, name: name.to_owned(), last: Mutex::default() }
    }

    async fn get(&self) -> Result<Option<DynamicObject>, String> {
        let object = match tokio::time::timeout(TIMEOUT, self.api.get_opt(&self.name)).await {
            Ok(Ok(object)) => object,
            Ok(Err(error)) => return Err(error.to_string()),
            Err(_) => return Err(format!("no answer within {TIMEOUT:?}")),
        };
        self.remember(object.clone());
        Ok(object)
    }

    fn remember(&self, object: Option<DynamicObject>) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = object;
    }

    /// What is known of the object, if that is of this version. A version stands for one state of the object for ever, and
    /// whether it is the last one is for the API server to say.
    fn known(&self, expected: &Version) -> Option<DynamicObject> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.clone().filter(|object| version(object).as_ref() == Some(expected))
    }

    async fn create(&self) -> Result<DynamicObject, WriteFault> {
        let mut object = DynamicObject::new(&self.name, &self.resource);
        object.data = json!({ "spec": {} });
        asked(self.api.create(&PostParams::default(), &object)).await
    }
}

async fn asked<T>(request: impl Future<Output = kube::Result<T>>) -> Result<T, WriteFault> {
    match tokio::time::timeout(TIMEOUT, request).await {
        Ok(Ok(answer)) => Ok(answer),
        // Nothing was written, and what is there is another one, or none.
        Ok(Err(kube::Error::Api(status))) if matches!(status.code, 404 | 409) => Err(WriteFault::Conflict),
        Ok(Err(error)) => Err(WriteFault::Unknown(error.to_string())),
        Err(_) => Err(WriteFault::Unknown(format!("no answer within {TIMEOUT:?}"))),
    }
}

fn version(object: &DynamicObject) -> Option<Version> {
    object.metadata.resource_version.clone().map(Version)
}

fn status(object: &DynamicObject) -> Result<RolloutStatus, String> {
    match object.data.get("status") {
        None | Some(Value::Null) => Ok(RolloutStatus::default()),
        Some(status) => serde_json::from_value(status.clone())
            .map_err(|error| format!("the status of the Rollout is not understood: {error}")),
    }
}

#[async_trait]
impl RecordStore for RolloutObject {
    async fn read(&self) -> Result<Stored, String> {
        let Some(object) = self.get().await? else { return Ok(Stored::default()) };
        let record = status(&object)?.record.map(|record| from_object(&record)).transpose()?;
        Ok(Stored { record, version: version(&object) })
    }

    async fn history(&self) -> Result<Vec<(Stamp, SystemTime)>, String> {
        let Some(object) = self.get().await? else { return Ok(Vec::new()) };
        Ok(past(&status(&object)?))
    }

    async fn write(&self, record: &Record, expected: Option<&Version>) -> Result<Version, WriteFault> {
        let mut object = match expected {
            None => self.create().await?,
            Some(expected) => {
                // The rest of the object stays as it is.
                match self.known(expected) {
                    Some(object) => object,
                    None => {
                        let object = self.get().await.map_err(WriteFault::Unknown)?;
                        let object = object.filter(|object| version(object).as_ref() == Some(expected));
                        object.ok_or(WriteFault::Conflict)?
                    }
                }
            }
        };
        let mut status = status(&object).map_err(WriteFault::Unknown)?;
        let now = Timestamp::now();
        write(&mut status, record, &now.round(Unit::Second).unwrap_or(now).to_string());
        let value = serde_json::to_value(status).map_err(|error| WriteFault::Unknown(error.to_string()))?;
        object.data["status"] = value;
        object.types.get_or_insert_with(|| kube::core::TypeMeta {
            api_version: self.resource.api_version.clone(),
            kind: self.resource.kind.clone(),
        });
        let written = asked(self.api.replace_status(&self.name, &PostParams::default(), &object)).await?;
        let version = version(&written);
        self.remember(Some(written));
        version.ok_or_else(|| WriteFault::Unknown("the answer has no resourceVersion".to_owned()))
    }
}

fn write(status: &mut RolloutStatus, record: &Record, now: &str) {
    let committed = record
        .committed
        .map(|stamp| GenerationStamp { generation: stamp.generation.0, digest: stamp.digest.to_string() });
    let before = status.history.first();
    if let Some(stamp) = &committed
        && before.is_none_or(|before| before.generation < stamp.generation)
    {
        let committed = CommittedGeneration {
            generation: stamp.generation,
            digest: stamp.digest.clone(),
            committed_at: now.to_owned(),
        };
        status.history.insert(0, committed);
        status.history.truncate(HISTORY);
    }
    status.record = Some(RolloutRecord {
        term: record.term.0,
        leader: record.leader.clone(),
        proposed: record.proposed.0,
        committed,
        rolled_back_to: record.rolled_back_to.map(|generation| generation.0),
    });
}

/// What cannot be read is left out: it is for people.
fn past(status: &RolloutStatus) -> Vec<(Stamp, SystemTime)> {
    let past = |committed: &CommittedGeneration| {
        let at: Timestamp = committed.committed_at.parse().ok()?;
        let stamp =
            Stamp { generation: Generation(committed.generation), digest: committed.digest.parse().ok()? };
        Some((stamp, at.into()))
    };
    status.history.iter().filter_map(past).collect()
}

fn from_object(record: &RolloutRecord) -> Result<Record, String> {
    let stamp = |stamp: &GenerationStamp| {
        let digest: Digest = stamp
            .digest
            .parse()
            .map_err(|error| format!("the record of the Rollout is not understood: {error}"))?;
        Ok::<_, String>(Stamp { generation: Generation(stamp.generation), digest })
    };
    Ok(Record {
        term: Term(record.term),
        leader: record.leader.clone(),
        proposed: Generation(record.proposed),
        committed: record.committed.as_ref().map(stamp).transpose()?,
        rolled_back_to: record.rolled_back_to.map(Generation),
    })
}

#[cfg(test)]
mod tests;
