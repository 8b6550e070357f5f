//! Nobody gives rights that they do not have, neither in roles nor by bindings.

use serde_json::Value;

use super::{Operation, Request};
use crate::json::text;
use crate::rbac::{Attributes, GROUP, RbacKind, ResourceAttributes, Rule, Target, confirm_no_escalation};
use crate::{Status, authorize, refusal};

pub(super) fn validate(request: &Request<'_>, object: &Value) -> Result<(), Status> {
    if request.group != GROUP
        || request.operation == Operation::Delete
        || changes_owners_only(request, object)
    {
        return Ok(());
    }
    match RbacKind::from_resource(request.resource) {
        Some(RbacKind::Role | RbacKind::ClusterRole) => role(request, object),
        Some(RbacKind::RoleBinding | RbacKind::ClusterRoleBinding) => binding(request, object),
        None => Ok(()),
    }
}

fn role(request: &Request<'_>, object: &Value) -> Result<(), Status> {
    if may(request, "escalate", request.resource, request.name) {
        return Ok(());
    }
    confirm(request, object, &Rule::of_role(object))?;
    if object["aggregationRule"].is_null() {
        return Ok(());
    }
    // It may gather anything, so it takes everything.
    let all = || vec!["*".to_owned()];
    let everything = [
        Rule { verbs: all(), api_groups: all(), resources: all(), ..Rule::default() },
        Rule { verbs: all(), non_resource_urls: all(), ..Rule::default() },
    ];
    confirm(request, object, &everything)
}

fn binding(request: &Request<'_>, object: &Value) -> Result<(), Status> {
    let reference = &object["roleRef"];
    let (kind, name) = (text(reference, "kind"), text(reference, "name"));
    let (resource, namespace) =
        if kind == "ClusterRole" { ("clusterroles", "") } else { ("roles", request.namespace) };
    if may(request, "bind", resource, name) {
        return Ok(());
    }
    match request.index.role(namespace, name) {
        Some(rules) => confirm(request, object, rules),
        None => Err(refusal::not_found(GROUP, resource, name)),
    }
}

fn confirm(request: &Request<'_>, object: &Value, rules: &[Rule]) -> Result<(), Status> {
    confirm_no_escalation(request.index, request.identity, request.namespace, rules)
        .map_err(|why| request.forbid(object, why))
}

fn may(request: &Request<'_>, verb: &str, resource: &str, name: &str) -> bool {
    let to = ResourceAttributes {
        group: GROUP,
        version: "v1",
        resource,
        subresource: "",
        namespace: request.namespace,
        name,
    };
    let attributes = Attributes { verb, target: Target::Resource(to) };
    authorize(request.index, request.objects, request.identity, &attributes).allowed
}

/// What the garbage collector does must not need all rights of all roles.
fn changes_owners_only(request: &Request<'_>, object: &Value) -> bool {
    let (Operation::Update, Some(old)) = (request.operation, request.old) else { return false };
    let rest = |object: &Value| {
        let mut rest = object.clone();
        if let Some(metadata) = rest.get_mut("metadata").and_then(Value::as_object_mut) {
            for field in ["finalizers", "managedFields", "ownerReferences", "resourceVersion"] {
                metadata.remove(field);
            }
        }
        rest
    };
    rest(old) == rest(object)
}
