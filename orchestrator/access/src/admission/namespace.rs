//! NamespaceLifecycle: objects live in namespaces that exist, nothing comes into one that goes, and those of the system stay.

use guideway_api::status::StatusCause;
use serde_json::Value;

use super::{Operation, Request};
use crate::{Status, refusal};

/// Without these a cluster is none.
const IMMORTAL: [&str; 3] = ["default", "kube-public", "kube-system"];

/// Is there a namespace for the object, and will it stay?
pub(super) fn lifecycle(request: &Request<'_>, object: &Value) -> Result<(), Status> {
    let is_review = request.group == "authorization.k8s.io";
    if request.namespace.is_empty() || request.is_namespace() || is_review {
        return Ok(());
    }
    let Some(namespace) = request.objects.get("", "namespaces", "", request.namespace) else {
        return Err(refusal::not_found("", "namespaces", request.namespace));
    };
    let terminating = namespace["status"]["phase"] == "Terminating"
        || !namespace["metadata"]["deletionTimestamp"].is_null();
    if request.operation != Operation::Create || !terminating {
        return Ok(());
    }
    let name = request.namespace;
    let why = format!("unable to create new content in namespace {name} because it is being terminated");
    Err(request.forbid(object, why).with_cause(StatusCause {
        reason: "NamespaceTerminating".to_owned(),
        message: format!("namespace {name} is being terminated"),
        field: "metadata.namespace".to_owned(),
    }))
}

/// May the namespace go?
pub(super) fn deletion(request: &Request<'_>) -> Result<(), Status> {
    if request.is_namespace() && request.subresource.is_empty() && IMMORTAL.contains(&request.name) {
        return Err(request.forbid(&Value::Null, "this namespace may not be deleted"));
    }
    Ok(())
}

impl Request<'_> {
    fn is_namespace(&self) -> bool {
        self.group.is_empty() && self.resource == "namespaces"
    }
}
