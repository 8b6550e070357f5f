//! Questions that clients ask about rights and identities: the object of the request in, the answered object out.
//! Nothing of them is stored.

use std::collections::BTreeMap;

use guideway_api::Cause;
use serde_json::{Value, json};

use crate::json::texts;
use crate::rbac::{Attributes, Index, ResourceAttributes, Rule, Target};
use crate::{Identity, MASTERS, Objects, Status, authorize, refusal};

/// What answers are made from.
#[derive(Clone, Copy)]
pub struct Reviewer<'a> {
    /// Roles and bindings.
    pub index: &'a Index,
    /// The other objects.
    pub objects: &'a dyn Objects,
    /// Who asks.
    pub who: &'a Identity,
}

impl Reviewer<'_> {
    /// `authorization.k8s.io/v1` SelfSubjectAccessReview: may I?
    ///
    /// # Errors
    ///
    /// 422: the question is no question.
    pub fn self_subject_access(&self, request: &Value) -> Result<Value, Status> {
        self.access(request, "SelfSubjectAccessReview", self.who)
    }

    /// `authorization.k8s.io/v1` SubjectAccessReview: may they?
    ///
    /// # Errors
    ///
    /// 422: the question is no question.
    pub fn subject_access(&self, request: &Value) -> Result<Value, Status> {
        let who = subject(request, "SubjectAccessReview")?;
        self.access(request, "SubjectAccessReview", &who)
    }

    /// `authorization.k8s.io/v1` LocalSubjectAccessReview: may they, in this namespace?
    ///
    /// # Errors
    ///
    /// 422: the question is no question, or it is about another namespace.
    pub fn local_subject_access(&self, request: &Value, namespace: &str) -> Result<Value, Status> {
        const KIND: &str = "LocalSubjectAccessReview";
        let who = subject(request, KIND)?;
        let wrong = |cause| Err(refusal::invalid("authorization.k8s.io", KIND, "", &[cause]));
        let spec = &request["spec"];
        if !spec["nonResourceAttributes"].is_null() {
            let field = "spec.nonResourceAttributes";
            return wrong(Cause::invalid(
                field,
                &spec["nonResourceAttributes"],
                "disallowed on this kind of request",
            ));
        }
        if spec["resourceAttributes"]["namespace"].as_str().unwrap_or_default() != namespace {
            let field = "spec.resourceAttributes.namespace";
            let detail = format!("must match the namespace of the request: {namespace}");
            return wrong(Cause::invalid(field, &spec["resourceAttributes"]["namespace"], &detail));
        }
        self.access(request, KIND, &who)
    }

    /// `authorization.k8s.io/v1` SelfSubjectRulesReview: what may I, in a namespace?
    ///
    /// # Errors
    ///
    /// 400: the namespace is missing.
    pub fn self_subject_rules(&self, request: &Value) -> Result<Value, Status> {
        let namespace = request["spec"]["namespace"].as_str().unwrap_or_default();
        if namespace.is_empty() {
            return Err(refusal::bad_request("no namespace on request"));
        }
        let everything = [
            Rule { verbs: all(), api_groups: all(), resources: all(), ..Rule::default() },
            Rule { verbs: all(), non_resource_urls: all(), ..Rule::default() },
        ];
        let masters = if self.who.is_in(MASTERS) { everything.as_slice() } else { &[] };
        let mut resources: Vec<&Rule> = Vec::new();
        let mut paths: Vec<&Rule> = Vec::new();
        for rule in masters.iter().chain(self.index.rules(self.who, namespace)) {
            let list = if rule.resources.is_empty() { &mut paths } else { &mut resources };
            if !list.contains(&rule) {
                list.push(rule);
            }
        }
        // What nodes may do depends on their pods: no list of rules says it.
        let incomplete = self.who.node().is_some();
        let mut status = json!({
            "incomplete": incomplete,
            "nonResourceRules": paths.iter().map(|rule| json!({"verbs": rule.verbs, "nonResourceURLs": rule.non_resource_urls})).collect::<Vec<_>>(),
            "resourceRules": resources.iter().map(|rule| resource_rule(rule)).collect::<Vec<_>>(),
        });
        if incomplete {
            status["evaluationError"] = json!("node authorizer does not support user rule resolution");
        }
        Ok(answer(request, "authorization.k8s.io/v1", "SelfSubjectRulesReview", status))
    }

    /// `authentication.k8s.io/v1` SelfSubjectReview: who am I?
    #[must_use]
    pub fn self_subject(&self, request: &Value) -> Value {
        let status = json!({"userInfo": user_info(self.who)});
        answer(request, "authentication.k8s.io/v1", "SelfSubjectReview", status)
    }

    fn access(&self, request: &Value, kind: &str, who: &Identity) -> Result<Value, Status> {
        let spec = &request["spec"];
        let text = |of: &str, field: &str| spec[of][field].as_str().unwrap_or_default().to_owned();
        let decision = match (spec["resourceAttributes"].is_null(), spec["nonResourceAttributes"].is_null()) {
            (false, true) => {
                let [group, version, resource, subresource, namespace, name, verb] =
                    ["group", "version", "resource", "subresource", "namespace", "name", "verb"]
                        .map(|field| text("resourceAttributes", field));
                let to = ResourceAttributes {
                    group: &group,
                    version: &version,
                    resource: &resource,
                    subresource: &subresource,
                    namespace: &namespace,
                    name: &name,
                };
                let attributes = Attributes { verb: &verb, target: Target::Resource(to) };
                authorize(self.index, self.objects, who, &attributes)
            }
            (true, false) => {
                let (path, verb) =
                    (text("nonResourceAttributes", "path"), text("nonResourceAttributes", "verb"));
                let attributes = Attributes { verb: &verb, target: Target::Path(&path) };
                authorize(self.index, self.objects, who, &attributes)
            }
            (both, _) => {
                let detail = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
                let cause = if both {
                    Cause::invalid("spec.resourceAttributes", &Value::Null, detail)
                } else {
                    Cause::invalid(
                        "spec.nonResourceAttributes",
                        &spec["nonResourceAttributes"],
                        "cannot be specified in combination with resourceAttributes",
                    )
                };
                return Err(refusal::invalid("authorization.k8s.io", kind, "", &[cause]));
            }
        };
        let mut status = json!({"allowed": decision.allowed});
        if !decision.reason.is_empty() {
            status["reason"] = json!(decision.reason);
        }
        Ok(answer(request, "authorization.k8s.io/v1", kind, status))
    }
}

/// `userInfo` of reviews: what is empty is left out.
pub(crate) fn user_info(who: &Identity) -> Value {
    let mut info = json!({"username": who.name});
    if !who.uid.is_empty() {
        info["uid"] = json!(who.uid);
    }
    if !who.groups.is_empty() {
        info["groups"] = json!(who.groups);
    }
    if !who.extra.is_empty() {
        info["extra"] = json!(who.extra);
    }
    info
}

/// The request with its answer.
pub(crate) fn answer(request: &Value, api_version: &str, kind: &str, status: Value) -> Value {
    let mut answer =
        json!({"apiVersion": api_version, "kind": kind, "metadata": request["metadata"], "status": status});
    if answer["metadata"].is_null() {
        answer["metadata"] = json!({});
    }
    if !request["spec"].is_null() {
        answer["spec"] = request["spec"].clone();
    }
    answer
}

/// About whom a SubjectAccessReview asks.
fn subject(request: &Value, kind: &str) -> Result<Identity, Status> {
    let spec = &request["spec"];
    let name = spec["user"].as_str().unwrap_or_default().to_owned();
    let groups = texts(&spec["groups"]);
    if name.is_empty() && groups.is_empty() {
        let cause =
            Cause::invalid("spec.user", &json!(""), "at least one of user or group must be specified");
        return Err(refusal::invalid("authorization.k8s.io", kind, "", &[cause]));
    }
    let extra: BTreeMap<String, Vec<String>> = spec["extra"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, values)| (key.clone(), texts(values)))
        .collect();
    Ok(Identity { name, uid: spec["uid"].as_str().unwrap_or_default().to_owned(), groups, extra })
}

fn resource_rule(rule: &Rule) -> Value {
    let mut value = json!({"verbs": rule.verbs, "apiGroups": rule.api_groups, "resources": rule.resources});
    if !rule.resource_names.is_empty() {
        value["resourceNames"] = json!(rule.resource_names);
    }
    value
}

fn all() -> Vec<String> {
    vec!["*".to_owned()]
}

#[cfg(test)]
mod tests;
