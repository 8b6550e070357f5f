//! A query string, read once.

use std::borrow::Cow;

use guideway_schema::Cause;

use super::write::{DryRun, FieldValidation};
use crate::status::{Qualified, Status};

/// Parameters that a request may have at most; a longer query is nobody's honest one.
const MOST: usize = 256;

/// Every parameter that has a meaning in some request to a resource. One that has none in this request is harmless;
/// one that is not here may change what the request means, so it is refused.
const KNOWN: [&str; 24] = [
    "allowWatchBookmarks",
    "continue",
    "dryRun",
    "fieldManager",
    "fieldSelector",
    "fieldValidation",
    "force",
    "gracePeriodSeconds",
    "ignoreStoreReadErrorWithClusterBreakingPotential",
    "includeObject",
    "includeUninitialized",
    "labelSelector",
    "limit",
    "orphanDependents",
    "preconditions.resourceVersion",
    "preconditions.uid",
    "pretty",
    "propagationPolicy",
    "resourceVersion",
    "resourceVersionMatch",
    "sendInitialEvents",
    "timeout",
    "timeoutSeconds",
    "watch",
];

/// The parameters of a request.
pub(super) struct Query<'a> {
    parameters: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Query<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, Status> {
        let mut parameters = Vec::new();
        for (key, value) in form_urlencoded::parse(text.as_bytes()) {
            if !KNOWN.contains(&key.as_ref()) {
                return Err(Status::bad_request(format!(
                    "unknown query parameter {key:?}: it may change what the request means, so the request is refused"
                )));
            }
            if parameters.len() == MOST {
                return Err(Status::bad_request(format!("more than {MOST} query parameters")));
            }
            parameters.push((key, value));
        }
        Ok(Self { parameters })
    }

    /// The first value of a parameter.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_ref())
    }

    /// All values of a parameter.
    pub(super) fn values<'b>(&'b self, name: &'b str) -> impl Iterator<Item = &'b str> {
        self.parameters.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_ref())
    }

    /// The value of a parameter, unless it is empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.value(name).filter(|value| !value.is_empty())
    }

    /// Whether something is asked for. An empty value is a yes, as in `?watch`.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.value(name).map(|value| !matches!(value.to_ascii_lowercase().as_str(), "0" | "false"))
    }

    /// JSON is to be indented; many say `pretty=true` out of habit.
    pub(super) fn pretty(&self) -> bool {
        self.flag("pretty").unwrap_or_default()
    }

    /// A whole number; empty text is none.
    pub(super) fn number(&self, name: &str) -> Result<Option<i64>, Status> {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| {
            Status::bad_request(format!(
                "strconv.ParseInt: parsing {text:?}: invalid syntax (parameter {name})"
            ))
        })
    }

    /// A resourceVersion; empty text is none.
    pub(super) fn version(&self, name: &str) -> Result<Option<u64>, Status> {
        match self.text(name) {
            None => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| Status::unreadable_version(text)),
        }
    }

    /// The one value that `dryRun` can have.
    pub(super) fn dry_run(&self, causes: &mut Vec<Cause>) -> DryRun {
        let values: Vec<&str> = self.values("dryRun").filter(|value| !value.is_empty()).collect();
        dry_run(&values, causes)
    }

    pub(super) fn field_validation(&self, causes: &mut Vec<Cause>) -> FieldValidation {
        match self.text("fieldValidation") {
            None | Some("Warn") => FieldValidation::Warn,
            Some("Ignore") => FieldValidation::Ignore,
            Some("Strict") => FieldValidation::Strict,
            Some(other) => {
                let known = ["", "Ignore", "Strict", "Warn"];
                causes.push(Cause::not_supported("fieldValidation", &other.into(), &known));
                FieldValidation::Warn
            }
        }
    }

    pub(super) fn field_manager(&self, causes: &mut Vec<Cause>) -> Option<String> {
        let manager = self.text("fieldManager")?;
        if manager.len() > 128 {
            causes.push(Cause::too_long("fieldManager", 128));
        }
        if manager.chars().any(char::is_control) {
            causes.push(Cause::invalid(
                "fieldManager",
                &manager.into(),
                "should only contain printable characters",
            ));
        }
        Some(manager.to_owned())
    }
}

/// Reads the values of `dryRun`.
pub(super) fn dry_run(values: &[&str], causes: &mut Vec<Cause>) -> DryRun {
    for value in values {
        if *value != "All" {
            let list = serde_json::Value::from(values);
            causes.push(Cause::not_supported("dryRun", &list, &["All"]));
            break;
        }
    }
    if values.is_empty() { DryRun::No } else { DryRun::All }
}

/// The answer to options that are wrong.
pub(super) fn refuse(kind: &str, causes: &[Cause]) -> Result<(), Status> {
    if causes.is_empty() {
        return Ok(());
    }
    Err(Status::invalid(Qualified { group: "meta.k8s.io", name: kind }, "", causes))
}
