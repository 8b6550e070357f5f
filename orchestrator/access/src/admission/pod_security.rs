//! PodSecurity: what the labels of a namespace say about the pods in it.
//!
//! `pod-security.kubernetes.io/enforce`, `warn` and `audit` name a level each. Pods that break `enforce` are refused; what
//! breaks `warn`, be it a pod or the template of one, is told. `audit` is checked for its form only: there is no audit log.
//! Versions of the levels (`…-version`) are checked for their form and otherwise taken as `latest`.

mod checks;
mod container;

use guideway_api::Cause;
use serde_json::{Value, json};

use super::{Operation, Request, Warnings};
use crate::json::{list, text};
use crate::{Status, refusal};

const PREFIX: &str = "pod-security.kubernetes.io/";
const LATEST: &str = "latest";

/// How much a pod may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Privileged,
    Baseline,
    Restricted,
}

/// A level with its version, as they are shown.
struct Policy {
    level: Level,
    version: String,
}

pub(super) fn validate(request: &Request<'_>, object: &Value, warnings: &mut Warnings) -> Result<(), Status> {
    if request.is("", "namespaces") {
        return namespace(request, object, warnings);
    }
    let Some((metadata, spec)) = pod_of(request, object) else { return Ok(()) };
    let Some(namespace) = request.objects.get("", "namespaces", "", request.namespace) else { return Ok(()) };
    let is_pod = request.resource == "pods";
    let enforce = policy(&namespace, "enforce");
    if is_pod && (request.operation != Operation::Update || changes(request, object)) {
        let violations = checks::violations(enforce.level, metadata, spec);
        if !violations.is_empty() {
            let why = format!("violates PodSecurity \"{enforce}\": {}", violations.join(", "));
            return Err(request.forbid(object, why));
        }
    }
    let warn = policy(&namespace, "warn");
    // What is refused anyway needs no warning.
    if !is_pod || warn.level != enforce.level {
        let violations = checks::violations(warn.level, metadata, spec);
        if !violations.is_empty() {
            warnings.push(format!("would violate PodSecurity \"{warn}\": {}", violations.join(", ")));
        }
    }
    Ok(())
}

/// The metadata and spec of the pod that the object is, or makes.
fn pod_of<'a>(request: &Request<'_>, object: &'a Value) -> Option<(&'a Value, &'a Value)> {
    let template = |template: &'a Value| Some((&template["metadata"], &template["spec"]));
    match (request.group, request.resource, request.subresource) {
        ("", "pods", "" | "ephemeralcontainers" | "resize") => Some((&object["metadata"], &object["spec"])),
        ("apps", "deployments" | "replicasets" | "statefulsets" | "daemonsets", "")
        | ("batch", "jobs", "")
        | ("", "replicationcontrollers", "") => template(&object["spec"]["template"]),
        ("batch", "cronjobs", "") => template(&object["spec"]["jobTemplate"]["spec"]["template"]),
        ("", "podtemplates", "") => template(&object["template"]),
        _ => None,
    }
    .filter(|(_, spec)| spec.is_object())
}

/// Does an update change what levels look at? Everything that they look at is in the spec, or an annotation about AppArmor.
fn changes(request: &Request<'_>, object: &Value) -> bool {
    request.old.is_none_or(|old| {
        old["spec"] != object["spec"] || old["metadata"]["annotations"] != object["metadata"]["annotations"]
    })
}

/// The labels of a namespace must make sense; and whoever makes a level stricter is told which pods would not be let in.
fn namespace(request: &Request<'_>, object: &Value, warnings: &mut Warnings) -> Result<(), Status> {
    let labels = &object["metadata"]["labels"];
    let mut causes = Vec::new();
    for mode in ["enforce", "audit", "warn"] {
        let (level, version) = (format!("{PREFIX}{mode}"), format!("{PREFIX}{mode}-version"));
        if let Some(value) = labels.get(&level)
            && value.as_str().and_then(Level::parse).is_none()
        {
            let detail = "must be one of privileged, baseline, restricted";
            causes.push(Cause::invalid(format!("metadata.labels[{level}]"), value, detail));
        }
        if let Some(value) = labels.get(&version)
            && !value.as_str().is_some_and(is_version)
        {
            let detail = "must be \"latest\" or \"v1.x\"";
            causes.push(Cause::invalid(format!("metadata.labels[{version}]"), value, detail));
        }
    }
    if !causes.is_empty() {
        return Err(refusal::invalid("", "Namespace", text(&object["metadata"], "name"), &causes));
    }
    let after = policy(object, "enforce");
    let before = request.old.map(|old| policy(old, "enforce").level);
    if request.operation == Operation::Update
        && before != Some(after.level)
        && after.level != Level::Privileged
    {
        existing(request, object, &after, warnings);
    }
    Ok(())
}

fn existing(request: &Request<'_>, namespace: &Value, policy: &Policy, warnings: &mut Warnings) {
    let name = text(&namespace["metadata"], "name");
    let mut lines: Vec<String> = Vec::new();
    for pod in request.objects.list("", "pods", name) {
        let violations = checks::reasons(policy.level, &pod["metadata"], &pod["spec"]);
        if !violations.is_empty() {
            lines.push(format!("{}: {}", text(&pod["metadata"], "name"), violations.join(", ")));
        }
    }
    if !lines.is_empty() {
        let first = format!(
            "existing pods in namespace {name:?} violate the new PodSecurity enforce level \"{policy}\""
        );
        warnings.push(first);
        warnings.extend(lines);
    }
}

/// What the namespace says; without a word, anything goes.
fn policy(namespace: &Value, mode: &str) -> Policy {
    let labels = &namespace["metadata"]["labels"];
    let label = |name: String| labels.get(&name).and_then(Value::as_str);
    let level = match label(format!("{PREFIX}{mode}")) {
        None => Level::Privileged,
        // A label that makes no sense cannot be set; should there be one, it means the most.
        Some(text) => Level::parse(text).unwrap_or(Level::Restricted),
    };
    let version =
        label(format!("{PREFIX}{mode}-version")).filter(|version| is_version(version)).unwrap_or(LATEST);
    Policy { level, version: version.to_owned() }
}

fn is_version(text: &str) -> bool {
    text == LATEST
        || text.strip_prefix("v1.").is_some_and(|minor| {
            !minor.is_empty() && minor.len() <= 3 && minor.bytes().all(|byte| byte.is_ascii_digit())
        })
}

impl Level {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "privileged" => Some(Self::Privileged),
            "baseline" => Some(Self::Baseline),
            "restricted" => Some(Self::Restricted),
            _ => None,
        }
    }
}

impl std::fmt::Display for Policy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let level = match self.level {
            Level::Privileged => "privileged",
            Level::Baseline => "baseline",
            Level::Restricted => "restricted",
        };
        write!(f, "{level}:{}", self.version)
    }
}

/// Containers of all kinds.
fn containers(spec: &Value) -> impl Iterator<Item = &Value> {
    ["initContainers", "containers", "ephemeralContainers"].iter().flat_map(|field| list(&spec[field]))
}

/// A field of the security context of the pod.
fn of_pod<'a>(spec: &'a Value, field: &str) -> &'a Value {
    &spec["securityContext"][field]
}

/// Names in quotes, in a list.
fn quoted<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(|name| json!(name).to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
