//! What happens to an object between its decoding and the store: plugins that fill in what others set up, and plugins that
//! refuse what must not be.
//!
//! The server calls [`mutate`], then validates against the schema, then calls [`validate`], and last
//! [`quota::charge`](crate::quota::charge), whose quotas it writes together with the object. Deletions only come to
//! [`validate`].
//!
//! Each plugin is a function over the request and the object; [`mutate`] and [`validate`] are their order, which is that of
//! Kubernetes.

mod certificates;
mod default_class;
mod escalation;
mod limit_range;
mod namespace;
mod node_restriction;
mod pod_security;
mod priority;
mod runtime_class;
mod service_account;
mod tolerations;
mod volume_resize;

use serde_json::Value;

use crate::json::text;
use crate::rbac::Index;
use crate::{Identity, Objects, Status, refusal};

/// What a request does with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A new object.
    Create,
    /// Another content for one that exists.
    Update,
    /// Its end, whether at once or after finalizers.
    Delete,
}

/// A request as plugins see it.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// What is done.
    pub operation: Operation,
    /// The API group, `""` for the core group.
    pub group: &'a str,
    /// The version of the objects.
    pub version: &'a str,
    /// The plural name of the resource.
    pub resource: &'a str,
    /// For example `status`; empty for the object itself.
    pub subresource: &'a str,
    /// The kind of the object.
    pub kind: &'a str,
    /// The namespace, empty for what is cluster-scoped.
    pub namespace: &'a str,
    /// The name, empty while `metadata.generateName` has not been made into one.
    pub name: &'a str,
    /// Who asks.
    pub identity: &'a Identity,
    /// The object before, for updates and deletions.
    pub old: Option<&'a Value>,
    /// Roles and bindings: nobody gives rights that they have not.
    pub index: &'a Index,
    /// The other objects.
    pub objects: &'a dyn Objects,
    /// Fresh random text of five letters and digits, for names that plugins make up.
    pub random: &'a str,
}

/// Sentences for the client that do not stop the request; each becomes a `Warning` header.
pub type Warnings = Vec<String>;

/// Lets every plugin that changes objects have a look. Not called for deletions.
///
/// # Errors
///
/// What must not be, or what a plugin needs and does not find.
pub fn mutate(request: &Request<'_>, object: &mut Value, warnings: &mut Warnings) -> Result<(), Status> {
    namespace::lifecycle(request, object)?;
    limit_range::mutate(request, object);
    service_account::mutate(request, object)?;
    priority::mutate(request, object)?;
    tolerations::mutate(request, object);
    runtime_class::mutate(request, object)?;
    certificates::mutate(request, object);
    default_class::ingress(request, object, warnings);
    default_class::storage(request, object, warnings);
    Ok(())
}

/// Lets every plugin that refuses objects have a look. `object` is the new state, `None` for a deletion.
///
/// # Errors
///
/// What must not be.
pub fn validate(
    request: &Request<'_>,
    object: Option<&Value>,
    warnings: &mut Warnings,
) -> Result<(), Status> {
    let Some(object) = object else {
        namespace::deletion(request)?;
        return node_restriction::validate(request, &Value::Null);
    };
    limit_range::validate(request, object)?;
    service_account::validate(request, object)?;
    node_restriction::validate(request, object)?;
    pod_security::validate(request, object, warnings)?;
    priority::validate(request, object)?;
    volume_resize::validate(request, object)?;
    certificates::validate(request, object)?;
    escalation::validate(request, object)
}

impl Request<'_> {
    /// Is it about this resource itself, and not about one of its subresources?
    fn is(&self, group: &str, resource: &str) -> bool {
        self.is_part(group, resource, "")
    }

    fn is_part(&self, group: &str, resource: &str, subresource: &str) -> bool {
        self.group == group && self.resource == resource && self.subresource == subresource
    }

    fn creates(&self, group: &str, resource: &str) -> bool {
        self.operation == Operation::Create && self.is(group, resource)
    }

    /// 403 with what Kubernetes calls the object of a request: its name, or the beginning of the name that it will get.
    pub(crate) fn forbid(&self, object: &Value, why: impl std::fmt::Display) -> Status {
        let metadata = &object["metadata"];
        let name = [self.name, text(metadata, "name"), text(metadata, "generateName")]
            .into_iter()
            .find(|name| !name.is_empty())
            .unwrap_or("Unknown");
        refusal::forbidden(self.group, self.resource, name, why)
    }
}

/// Several complaints as one: alone, or in brackets.
fn aggregate(mut complaints: Vec<String>) -> String {
    match complaints.len() {
        1 => complaints.remove(0),
        _ => format!("[{}]", complaints.join(", ")),
    }
}

#[cfg(test)]
mod tests;
