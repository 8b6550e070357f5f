//! Options of lists and watches.

use std::time::Duration;

use guideway_schema::Cause;

use super::query::{Query, refuse};
use crate::kind::{Kind, Version};
use crate::selector::{FieldSelector, LabelSelector};
use crate::status::Status;

/// How a list's resourceVersion is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionMatch {
    /// That one.
    Exact,
    /// That one or a newer one.
    NotOlderThan,
}

/// Options of a list, a watch or a deletion of a collection.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListOptions {
    /// By labels.
    pub label_selector: LabelSelector,
    /// By fields.
    pub field_selector: FieldSelector,
    /// The client wants to be told what changes.
    pub watch: bool,
    /// It understands bookmarks.
    pub allow_watch_bookmarks: bool,
    /// None: the newest. 0: any.
    pub resource_version: Option<u64>,
    /// How it is meant.
    pub version_match: Option<VersionMatch>,
    /// How long a watch lasts at most.
    pub timeout: Option<Duration>,
    /// Objects in an answer, 0: all.
    pub limit: u64,
    /// Where the list goes on, see [`continue_token`](crate::continue_token).
    pub continue_token: Option<String>,
    /// A watch begins with the state that is there.
    pub send_initial_events: Option<bool>,
    /// JSON is to be indented.
    pub pretty: bool,
}

impl ListOptions {
    /// Reads a query string.
    ///
    /// # Errors
    ///
    /// A parameter that is unknown, has a value that it cannot have, or does not go with another.
    pub fn parse(query: &str, kind: &Kind, version: &Version) -> Result<Self, Status> {
        let query = Query::parse(query)?;
        let labels = LabelSelector::parse(query.value("labelSelector").unwrap_or_default());
        let fields = query.value("fieldSelector").unwrap_or_default();
        let watch = query.flag("watch").unwrap_or_default();
        let seconds = query.number("timeoutSeconds")?.map(|seconds| u64::try_from(seconds).unwrap_or(0));
        let options = Self {
            label_selector: labels.map_err(|error| Status::bad_request(error.to_string()))?,
            field_selector: FieldSelector::parse(fields, kind, version)?,
            watch,
            allow_watch_bookmarks: query.flag("allowWatchBookmarks").unwrap_or_default(),
            resource_version: None,
            version_match: None,
            timeout: seconds.map(Duration::from_secs),
            limit: query.number("limit")?.map_or(0, |limit| u64::try_from(limit).unwrap_or(0)),
            continue_token: query.text("continue").map(str::to_owned),
            send_initial_events: query.flag("sendInitialEvents"),
            pretty: query.pretty(),
        };
        options.with_version(&query)
    }

    /// Reads resourceVersion and what goes with it, or does not.
    fn with_version(mut self, query: &Query<'_>) -> Result<Self, Status> {
        let mut causes = Vec::new();
        let mut forbid = |field: &str, words: &str| causes.push(Cause::forbidden(field, words));
        let version = query.text("resourceVersion");
        let how = query.text("resourceVersionMatch");
        let continues = self.continue_token.is_some();
        if let (true, Some(_)) = (self.watch, self.send_initial_events) {
            if how != Some("NotOlderThan") {
                forbid(
                    "resourceVersionMatch",
                    "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
                );
            }
            if continues {
                forbid("continue", "sendInitialEvents is forbidden when continue is provided");
            }
        } else if self.watch && how.is_some() {
            forbid(
                "resourceVersionMatch",
                "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
            );
        }
        if !self.watch && self.send_initial_events.is_some() {
            forbid("sendInitialEvents", "sendInitialEvents is forbidden for list");
        }
        if !self.watch && how.is_some() {
            if version.is_none() {
                forbid(
                    "resourceVersionMatch",
                    "resourceVersionMatch is forbidden unless resourceVersion is provided",
                );
            }
            if continues {
                forbid("resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided");
            }
            if how == Some("Exact") && version == Some("0") {
                forbid(
                    "resourceVersionMatch",
                    "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"",
                );
            }
        }
        self.version_match = match how {
            None => None,
            Some("Exact") if !self.watch => Some(VersionMatch::Exact),
            Some("NotOlderThan") => Some(VersionMatch::NotOlderThan),
            Some(other) => {
                let known: &[&str] =
                    if self.watch { &["NotOlderThan"] } else { &["Exact", "NotOlderThan", ""] };
                causes.push(Cause::not_supported("resourceVersionMatch", &other.into(), known));
                None
            }
        };
        refuse("ListOptions", &causes)?;
        self.resource_version = query.version("resourceVersion")?;
        if continues && self.resource_version.is_some_and(|version| version != 0) {
            return Err(Status::bad_request(
                "specifying resource version is not allowed when using continue",
            ));
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Registry;

    fn parse(query: &str) -> Result<ListOptions, Status> {
        let pods = Registry::built_in().find("", "v1", "pods").unwrap();
        ListOptions::parse(query, pods.kind(), pods.version())
    }

    #[test]
    fn lists_of_clients_are_read() {
        let options =
            parse("limit=500&labelSelector=a%3Db&fieldSelector=spec.nodeName%3Dn1%2Cstatus.phase!%3DFailed");
        let options = options.unwrap();
        assert_eq!(options.limit, 500);
        assert_eq!(options.label_selector.to_string(), "a=b");
        assert_eq!(options.field_selector.requirements().len(), 2);
        let options = parse(
            "allowWatchBookmarks=true&resourceVersion=0&resourceVersionMatch=NotOlderThan&sendInitialEvents=true\
             &timeoutSeconds=290&watch=true",
        );
        let options = options.unwrap();
        assert!(options.watch && options.allow_watch_bookmarks);
        assert_eq!(options.send_initial_events, Some(true));
        assert_eq!(options.timeout, Some(Duration::from_secs(290)));
        assert_eq!(options.resource_version, Some(0));
        assert!(parse("watch").unwrap().watch);
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        let cases = [
            ("resourceVersionMatch=Exact", 422),
            ("resourceVersion=0&resourceVersionMatch=Exact", 422),
            ("resourceVersion=1&resourceVersionMatch=Newer", 422),
            ("watch=1&resourceVersion=1&resourceVersionMatch=NotOlderThan", 422),
            ("watch=1&sendInitialEvents=true", 422),
            ("sendInitialEvents=true", 422),
            ("continue=x&resourceVersion=5", 400),
            ("resourceVersion=abc", 500),
            ("limit=x", 400),
            ("labelSelector=a%3D%3D%3D", 400),
            ("fieldSelector=spec.foo%3D1", 400),
            ("shard=1", 400),
        ];
        for (query, code) in cases {
            assert_eq!(parse(query).unwrap_err().code, code, "{query}");
        }
        let status = parse("watch=1&sendInitialEvents=true&resourceVersionMatch=Exact").unwrap_err();
        assert_eq!(
            status.message,
            "ListOptions.meta.k8s.io \"\" is invalid: [resourceVersionMatch: Forbidden: sendInitialEvents requires setting \
             resourceVersionMatch to NotOlderThan, resourceVersionMatch: Unsupported value: \"Exact\": supported values: \
             \"NotOlderThan\"]"
        );
        let status = parse("resourceVersionMatch=Exact").unwrap_err();
        assert_eq!(
            status.message,
            "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is \
             forbidden unless resourceVersion is provided"
        );
    }
}
