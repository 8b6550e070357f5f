use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Attributes, ResourceAttributes, Target};

/// One rule of a role.
///
/// What matches follows the Kubernetes API: `*` stands for all verbs, groups or resources; a resource is `pods`,
/// `pods/log` or `*/scale` (`pods/*` is nothing that Kubernetes knows: it matches no request); names are exact, and a
/// request without a name is not among them; a URL may end in `*`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Rule {
    /// What may be done.
    pub verbs: Vec<String>,
    /// In which API groups.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub api_groups: Vec<String>,
    /// With which resources and subresources.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// With which objects; all when empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resource_names: Vec<String>,
    /// With which paths that are no resources.
    #[serde(skip_serializing_if = "Vec::is_empty", rename = "nonResourceURLs")]
    pub non_resource_urls: Vec<String>,
}

impl Rule {
    /// The rules of a role object. What is no rule is left out: it can give no right.
    #[must_use]
    pub fn of_role(role: &Value) -> Vec<Self> {
        let rules = role["rules"].as_array().map(Vec::as_slice).unwrap_or_default();
        rules.iter().filter_map(|rule| Self::deserialize(rule).ok()).collect()
    }

    /// Does the rule allow this?
    #[must_use]
    pub fn allows(&self, attributes: &Attributes<'_>) -> bool {
        has_or_all(&self.verbs, attributes.verb)
            && match attributes.target {
                Target::Resource(to) => self.allows_objects(&to),
                Target::Path(path) => self.non_resource_urls.iter().any(|url| url_matches(url, path)),
            }
    }

    fn allows_objects(&self, to: &ResourceAttributes<'_>) -> bool {
        has_or_all(&self.api_groups, to.group)
            && self.resources.iter().any(|resource| resource_matches(resource, to.resource, to.subresource))
            && (self.resource_names.is_empty() || has(&self.resource_names, to.name))
    }
}

/// Does `rule`, which may end in `*`, stand for `path`?
pub(crate) fn url_matches(rule: &str, path: &str) -> bool {
    rule == path || (rule.ends_with('*') && path.starts_with(rule.trim_end_matches('*')))
}

fn resource_matches(rule: &str, resource: &str, subresource: &str) -> bool {
    if rule == "*" {
        return true;
    }
    match rule.split_once('/') {
        None => subresource.is_empty() && rule == resource,
        Some((of, sub)) => !subresource.is_empty() && sub == subresource && (of == "*" || of == resource),
    }
}

pub(crate) fn has(list: &[String], text: &str) -> bool {
    list.iter().any(|own| own == text)
}

fn has_or_all(list: &[String], text: &str) -> bool {
    list.iter().any(|own| own == "*" || own == text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn resource<'a>(verb: &'a str, group: &'a str, path: &'a str, name: &'a str) -> Attributes<'a> {
        let (resource, subresource) = path.split_once('/').unwrap_or((path, ""));
        let to = ResourceAttributes { group, resource, subresource, name, ..Default::default() };
        Attributes { verb, target: Target::Resource(to) }
    }

    #[test]
    fn rules_match_as_in_kubernetes() {
        let cases = [
            (
                json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}),
                "get",
                "apps",
                "deployments/scale",
                "x",
                true,
            ),
            (
                json!({"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}),
                "get",
                "",
                "pods",
                "x",
                true,
            ),
            (
                json!({"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}),
                "list",
                "",
                "pods",
                "",
                false,
            ),
            (
                json!({"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}),
                "get",
                "apps",
                "pods",
                "x",
                false,
            ),
            (
                json!({"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}),
                "get",
                "",
                "pods/log",
                "x",
                false,
            ),
            (
                json!({"verbs": ["get"], "apiGroups": [""], "resources": ["pods/log"]}),
                "get",
                "",
                "pods/log",
                "x",
                true,
            ),
            (
                json!({"verbs": ["get"], "apiGroups": [""], "resources": ["pods/log"]}),
                "get",
                "",
                "pods",
                "x",
                false,
            ),
            (
                json!({"verbs": ["get"], "apiGroups": [""], "resources": ["pods/*"]}),
                "get",
                "",
                "pods/log",
                "x",
                false,
            ),
            (
                json!({"verbs": ["get"], "apiGroups": ["apps"], "resources": ["*/scale"]}),
                "get",
                "apps",
                "deployments/scale",
                "x",
                true,
            ),
            (
                json!({"verbs": ["get"], "apiGroups": ["apps"], "resources": ["*/scale"]}),
                "get",
                "apps",
                "deployments/status",
                "x",
                false,
            ),
            (
                json!({"verbs": ["get"], "apiGroups": ["apps"], "resources": ["*/scale"]}),
                "get",
                "apps",
                "deployments",
                "x",
                false,
            ),
            (
                json!({"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "resourceNames": ["a"]}),
                "get",
                "",
                "pods",
                "a",
                true,
            ),
            (
                json!({"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "resourceNames": ["a"]}),
                "get",
                "",
                "pods",
                "b",
                false,
            ),
            (
                json!({"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "resourceNames": ["a"]}),
                "get",
                "",
                "pods",
                "",
                false,
            ),
            (json!({"verbs": ["get"], "nonResourceURLs": ["*"]}), "get", "", "pods", "", false),
        ];
        for (rule, verb, group, path, name, allowed) in cases {
            let parsed = Rule::deserialize(&rule).unwrap();
            assert_eq!(
                parsed.allows(&resource(verb, group, path, name)),
                allowed,
                "{rule} {verb} {group} {path} {name}"
            );
        }
    }

    #[test]
    fn paths_match_with_a_star_at_the_end() {
        let cases = [
            ("*", "/healthz", true),
            ("/healthz", "/healthz", true),
            ("/healthz", "/healthz/ping", false),
            ("/healthz/*", "/healthz/ping", true),
            ("/healthz/*", "/healthz", false),
            ("/api*", "/apis/apps", true),
            ("/a*c", "/abc", false),
        ];
        for (rule, path, allowed) in cases {
            assert_eq!(url_matches(rule, path), allowed, "{rule} {path}");
        }
    }

    #[test]
    fn what_is_no_rule_gives_nothing() {
        let role = json!({"rules": [1, {"verbs": "get"}, {"verbs": ["get"], "nonResourceURLs": ["/x"]}]});
        assert_eq!(Rule::of_role(&role).len(), 1);
        assert!(Rule::of_role(&json!({})).is_empty());
    }
}
