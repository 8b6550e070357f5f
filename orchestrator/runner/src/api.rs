//! Requests for objects as JSON, of kinds that are known only at run time.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use guideway_controllers::{Answer, Detail, ObjectRef, Propagation, Question, Resource, Scope, World};
use kube::Client;
use kube::core::params::{
    DeleteParams, GetParams, ListParams, Patch, PatchParams, PostParams, Preconditions, PropagationPolicy,
};
use kube::core::{ApiResource, DynamicObject, Request, Resource as _, Status};
use serde_json::Value;

use crate::discover;

/// Who writes, in managed fields.
pub(crate) const MANAGER: &str = "guideway-controllers";
/// No request takes longer: less than the time between a leader's stop and its successor's start.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(4);
/// Objects of one page of a list.
const PAGE: u32 = 500;

/// Why a request was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// The API has refused it.
    #[error("{}", .0.message)]
    Refused(Box<Status>),
    /// It took too long; whether it was done is not known.
    #[error("no answer within {TIMEOUT:?}")]
    Late,
    /// It could not be made, or the answer is none. Whether it was done is not known.
    #[error("the API does not answer")]
    Failed(#[source] kube::Error),
    /// The request itself cannot be formed.
    #[error("the request cannot be formed")]
    Unformed(#[source] kube::core::request::Error),
}

impl ApiError {
    pub(crate) fn code(&self) -> u16 {
        match self {
            Self::Refused(status) => status.code,
            _ => 0,
        }
    }

    /// There is no object of this name. A server that does not know the kind (now) says 404, too, but names nothing.
    fn is_absence_of(&self, name: &str) -> bool {
        match self {
            Self::Refused(status) => {
                status.code == 404 && status.details.as_ref().is_some_and(|details| details.name == name)
            }
            _ => false,
        }
    }

    /// The namespace is on its way out: nothing can be made in it any more.
    pub(crate) fn is_terminating_namespace(&self) -> bool {
        match self {
            Self::Refused(status) => {
                let causes = status.details.iter().flat_map(|details| &details.causes);
                status.code == 403 && causes.into_iter().any(|cause| cause.reason == "NamespaceTerminating")
            }
            _ => false,
        }
    }
}

pub(crate) fn api_resource(resource: &Resource) -> ApiResource {
    ApiResource {
        group: resource.id.group.to_string(),
        version: resource.version.to_string(),
        api_version: resource.api_version(),
        kind: resource.kind.to_string(),
        plural: resource.id.plural.to_string(),
    }
}

/// The collection of a kind, in a namespace if there is one.
fn collection(resource: &Resource, namespace: &str) -> Request {
    let namespace =
        Some(namespace).filter(|namespace| !namespace.is_empty() && resource.scope == Scope::Namespaced);
    Request::new(DynamicObject::url_path(&api_resource(resource), namespace))
}

type Formed = Result<http::Request<Vec<u8>>, kube::core::request::Error>;

async fn send(client: &Client, request: Formed) -> Result<Value, ApiError> {
    let request = request.map_err(ApiError::Unformed)?;
    match tokio::time::timeout(TIMEOUT, client.request::<Value>(request)).await {
        Err(_) => Err(ApiError::Late),
        Ok(Ok(value)) => Ok(value),
        Ok(Err(kube::Error::Api(status))) => Err(ApiError::Refused(status)),
        Ok(Err(error)) => Err(ApiError::Failed(error)),
    }
}

fn post() -> PostParams {
    PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() }
}

pub(crate) async fn get(
    client: &Client,
    resource: &Resource,
    namespace: &str,
    name: &str,
) -> Result<Value, ApiError> {
    send(client, collection(resource, namespace).get(name, &GetParams::default())).await
}

pub(crate) async fn create(client: &Client, resource: &Resource, object: &Value) -> Result<Value, ApiError> {
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
    send(client, collection(resource, namespace).create(&post(), object.to_string().into_bytes())).await
}

/// PUT of the whole object, or of a subresource.
pub(crate) async fn replace(
    client: &Client,
    resource: &Resource,
    subresource: Option<&str>,
    object: &Value,
) -> Result<Value, ApiError> {
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let body = object.to_string().into_bytes();
    let collection = collection(resource, namespace);
    let request = match subresource {
        None => collection.replace(name, &post(), body),
        Some(subresource) => collection.replace_subresource(subresource, name, &post(), body),
    };
    send(client, request).await
}

pub(crate) async fn patch(
    client: &Client,
    resource: &Resource,
    target: &ObjectRef,
    subresource: Option<&str>,
    patch: &Value,
) -> Result<Value, ApiError> {
    let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
    let collection = collection(resource, &target.namespace);
    let request = match subresource {
        None => collection.patch(&target.name, &params, &Patch::Merge(patch)),
        Some(subresource) => {
            collection.patch_subresource(subresource, &target.name, &params, &Patch::Merge(patch))
        }
    };
    send(client, request).await
}

pub(crate) async fn delete(
    client: &Client,
    resource: &Resource,
    target: &ObjectRef,
    uid: &str,
    revision: Option<u64>,
    propagation: Propagation,
) -> Result<Value, ApiError> {
    let params = DeleteParams {
        propagation_policy: Some(match propagation {
            Propagation::Background => PropagationPolicy::Background,
            Propagation::Foreground => PropagationPolicy::Foreground,
            Propagation::Orphan => PropagationPolicy::Orphan,
        }),
        preconditions: Some(Preconditions {
            uid: Some(uid.to_owned()),
            resource_version: revision.map(|revision| revision.to_string()),
        }),
        ..DeleteParams::default()
    };
    send(client, collection(resource, &target.namespace).delete(&target.name, &params)).await
}

pub(crate) async fn delete_collection(
    client: &Client,
    resource: &Resource,
    namespace: &str,
) -> Result<Value, ApiError> {
    let params = DeleteParams::background();
    send(client, collection(resource, namespace).delete_collection(&params, &ListParams::default())).await
}

async fn list(
    client: &Client,
    resource: &Resource,
    namespace: &str,
    detail: Detail,
) -> Result<Vec<Value>, ApiError> {
    let collection = collection(resource, namespace);
    let mut items = Vec::new();
    let mut params = ListParams::default().limit(PAGE);
    loop {
        let request = match detail {
            Detail::Metadata => collection.list_metadata(&params),
            Detail::Body => collection.list(&params),
        };
        let mut page = send(client, request).await?;
        match page["items"].take() {
            Value::Array(list) => items.extend(list),
            _ => return Ok(items),
        }
        match page["metadata"]["continue"].as_str().filter(|token| !token.is_empty()) {
            Some(token) => params = ListParams::default().limit(PAGE).continue_token(token),
            None => return Ok(items),
        }
    }
}

/// Answers questions, a few at a time.
pub(crate) async fn answers(
    client: &Client,
    questions: Vec<(Question, Option<Resource>)>,
) -> Vec<(Question, Answer)> {
    stream::iter(questions)
        .map(|(question, resource)| async move {
            let answer = answer(client, &question, resource).await;
            (question, answer)
        })
        .buffer_unordered(16)
        .collect()
        .await
}

/// The kind that a question is about.
pub(crate) fn about(world: &World, question: &Question) -> Option<Resource> {
    match question {
        Question::Get(object) => world.resource(&object.resource).cloned(),
        Question::List(resource, ..) => Some(resource.clone()),
        Question::Discover => None,
    }
}

async fn answer(client: &Client, question: &Question, resource: Option<Resource>) -> Answer {
    let result = match (question, resource) {
        (Question::Discover, _) => {
            return match discover::run(client).await {
                Ok(discovery) => Answer::Discovery(discovery),
                Err(error) => Answer::Failed(error.to_string()),
            };
        }
        (_, None) => return Answer::Failed("no such kind is served".to_owned()),
        (Question::Get(object), Some(resource)) => {
            get(client, &resource, &object.namespace, &object.name).await.map(Answer::Object)
        }
        (Question::List(_, namespace, detail), Some(resource)) => {
            list(client, &resource, namespace, *detail).await.map(Answer::List)
        }
    };
    result.unwrap_or_else(|error| match question {
        Question::Get(object) if error.is_absence_of(&object.name) => Answer::Absent,
        Question::List(..) if error.code() == 404 => Answer::Absent,
        _ => Answer::Failed(error.to_string()),
    })
}
