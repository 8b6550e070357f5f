//! Options of deletions.

use guideway_schema::Cause;
use serde_json::Value;

use super::query::{Query, dry_run, refuse};
use super::write::DryRun;
use crate::json::View;
use crate::status::Status;

/// What becomes of the objects that the deleted one owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// They go before it.
    Foreground,
    /// They go after it.
    Background,
    /// They stay, without an owner.
    Orphan,
}

/// What must hold for an object to be deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preconditions {
    /// Its uid.
    pub uid: Option<String>,
    /// Its resourceVersion.
    pub resource_version: Option<String>,
}

/// Options of a deletion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeleteOptions {
    /// Seconds that the object has to go; 0: at once. None: what its kind says.
    pub grace_seconds: Option<i64>,
    /// What becomes of what it owns. None: what its kind and its finalizers say.
    pub propagation: Option<Propagation>,
    /// The client said, in the words from before `propagation`, that what it owns goes as well.
    pub takes_dependents: bool,
    /// What must hold.
    pub preconditions: Preconditions,
    /// Whether it is only tried.
    pub dry_run: DryRun,
    /// JSON is to be indented.
    pub pretty: bool,
}

impl DeleteOptions {
    /// Reads the options from a body (null if there is none) and a query string; the body counts more.
    ///
    /// # Errors
    ///
    /// Options that are unknown, malformed or contradict each other.
    pub fn parse(query: &str, body: &Value) -> Result<Self, Status> {
        let query = Query::parse(query)?;
        if !body.is_null() {
            return Self::from_body(body, query.pretty());
        }
        let mut causes = Vec::new();
        let orphan = query.flag("orphanDependents");
        let options = Self {
            grace_seconds: query.number("gracePeriodSeconds")?,
            propagation: propagation(query.text("propagationPolicy"), orphan, &mut causes),
            takes_dependents: orphan == Some(false),
            preconditions: Preconditions {
                uid: query.text("preconditions.uid").map(str::to_owned),
                resource_version: query.text("preconditions.resourceVersion").map(str::to_owned),
            },
            dry_run: query.dry_run(&mut causes),
            pretty: query.pretty(),
        };
        options.checked(causes)
    }

    fn from_body(body: &Value, pretty: bool) -> Result<Self, Status> {
        let malformed = |why: &str| Err(Status::cannot_decode("DeleteOptions", "v1", why));
        if !body.is_object() {
            return malformed("the body is no object");
        }
        if !matches!(body.text("kind"), "" | "DeleteOptions") {
            return malformed(&format!("the body is a {}", body.text("kind")));
        }
        const KNOWN: [&str; 8] = [
            "apiVersion",
            "kind",
            "dryRun",
            "gracePeriodSeconds",
            "ignoreStoreReadErrorWithClusterBreakingPotential",
            "orphanDependents",
            "preconditions",
            "propagationPolicy",
        ];
        if let Some((field, _)) =
            body.as_object().into_iter().flatten().find(|(key, _)| !KNOWN.contains(&key.as_str()))
        {
            return malformed(&format!("unknown field {field:?}"));
        }
        let is_text = |path: &str| matches!(body.at(path), Value::Null | Value::String(_));
        for path in ["propagationPolicy", "preconditions.uid", "preconditions.resourceVersion"] {
            if !is_text(path) {
                return malformed(&format!("{path} is no text"));
            }
        }
        if body.has("gracePeriodSeconds") && body.at("gracePeriodSeconds").as_i64().is_none() {
            return malformed("gracePeriodSeconds is no whole number");
        }
        let text = |path: &str| Some(body.text(path)).filter(|text| !text.is_empty()).map(str::to_owned);
        let mut causes = Vec::new();
        let values: Vec<&str> =
            body.list("dryRun").iter().map(|value| value.as_str().unwrap_or_default()).collect();
        let policy = text("propagationPolicy");
        let orphan = body.at("orphanDependents").as_bool();
        let options = Self {
            grace_seconds: body.at("gracePeriodSeconds").as_i64(),
            propagation: propagation(policy.as_deref(), orphan, &mut causes),
            takes_dependents: orphan == Some(false),
            preconditions: Preconditions {
                uid: text("preconditions.uid"),
                resource_version: text("preconditions.resourceVersion"),
            },
            dry_run: dry_run(&values, &mut causes),
            pretty,
        };
        options.checked(causes)
    }

    fn checked(mut self, causes: Vec<Cause>) -> Result<Self, Status> {
        refuse("DeleteOptions", &causes)?;
        // Kubernetes takes a negative time for the shortest one.
        self.grace_seconds = self.grace_seconds.map(|seconds| if seconds < 0 { 1 } else { seconds });
        Ok(self)
    }
}

fn propagation(policy: Option<&str>, orphan: Option<bool>, causes: &mut Vec<Cause>) -> Option<Propagation> {
    if let (Some(policy), Some(_)) = (policy, orphan) {
        let words = "orphanDependents and deletionPropagation cannot be both set";
        causes.push(Cause::invalid("propagationPolicy", &policy.into(), words));
    }
    match (policy, orphan) {
        (Some("Foreground"), _) => Some(Propagation::Foreground),
        (Some("Background"), _) | (None, Some(false)) => Some(Propagation::Background),
        (Some("Orphan"), _) | (None, Some(true)) => Some(Propagation::Orphan),
        (None, None) => None,
        (Some(other), _) => {
            let known = ["Foreground", "Background", "Orphan", "nil"];
            causes.push(Cause::not_supported("propagationPolicy", &other.into(), &known));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn deletions_of_clients_are_read() {
        let body = json!({
            "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Foreground", "gracePeriodSeconds": 0,
            "preconditions": {"uid": "u"}, "dryRun": ["All"],
        });
        let options = DeleteOptions::parse("pretty=true", &body).unwrap();
        assert_eq!(options.propagation, Some(Propagation::Foreground));
        assert_eq!(options.grace_seconds, Some(0));
        assert_eq!(options.preconditions.uid.as_deref(), Some("u"));
        assert_eq!((options.dry_run, options.pretty), (DryRun::All, true));
        let options =
            DeleteOptions::parse("propagationPolicy=Orphan&gracePeriodSeconds=-5", &Value::Null).unwrap();
        assert_eq!((options.propagation, options.grace_seconds), (Some(Propagation::Orphan), Some(1)));
        assert_eq!(DeleteOptions::parse("", &json!({})).unwrap(), DeleteOptions::default());
    }

    #[test]
    fn wrong_deletions_are_refused() {
        let bodies = [
            json!([]),
            json!({"kind": "Pod"}),
            json!({"propagationPolicy": "Sideways"}),
            json!({"propagationPolicy": 1}),
            json!({"orphanDependents": true, "propagationPolicy": "Orphan"}),
            json!({"dryRun": ["Some"]}),
            json!({"gracePeriodSeconds": "1"}),
            json!({"preconditions": {"uid": 1}}),
            json!({"somethingNew": true}),
        ];
        for body in bodies {
            assert!(DeleteOptions::parse("", &body).is_err(), "{body}");
        }
    }
}
