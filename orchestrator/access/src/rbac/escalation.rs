use super::rule::{has, url_matches};
use super::{Index, Rule};
use crate::{Identity, MASTERS};

/// Nobody gives what they do not have: does `who` have all rights of `wanted` in the namespace (`""`: everywhere)?
///
/// # Errors
///
/// What is missing, in Kubernetes' words.
pub(crate) fn confirm(index: &Index, who: &Identity, namespace: &str, wanted: &[Rule]) -> Result<(), String> {
    if who.is_in(MASTERS) {
        return Ok(());
    }
    let own: Vec<&Rule> = index.rules(who, namespace).collect();
    let missing: Vec<Rule> = wanted
        .iter()
        .flat_map(single_rights)
        .filter(|right| !own.iter().any(|rule| covers(rule, right)))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut lines: Vec<String> = compact(missing).iter().map(words).collect();
    lines.sort();
    lines.dedup();
    Err(format!(
        "user {:?} (groups={}) is attempting to grant RBAC permissions not currently held:\n{}",
        who.name,
        list(&who.groups),
        lines.join("\n")
    ))
}

/// The rule as rules of one verb, one group, one resource and one name (or one path) each.
fn single_rights(rule: &Rule) -> Vec<Rule> {
    let mut rights = Vec::new();
    for group in &rule.api_groups {
        for resource in &rule.resources {
            for verb in &rule.verbs {
                let right = Rule {
                    verbs: vec![verb.clone()],
                    api_groups: vec![group.clone()],
                    resources: vec![resource.clone()],
                    ..Rule::default()
                };
                if rule.resource_names.is_empty() {
                    rights.push(right);
                } else {
                    rights.extend(
                        rule.resource_names
                            .iter()
                            .map(|name| Rule { resource_names: vec![name.clone()], ..right.clone() }),
                    );
                }
            }
        }
    }
    for url in &rule.non_resource_urls {
        for verb in &rule.verbs {
            rights.push(Rule {
                verbs: vec![verb.clone()],
                non_resource_urls: vec![url.clone()],
                ..Rule::default()
            });
        }
    }
    rights
}

/// Does `own` allow everything that the single right `right` allows?
fn covers(own: &Rule, right: &Rule) -> bool {
    let all = |own: &[String], right: &[String]| has(own, "*") || right.iter().all(|one| has(own, one));
    all(&own.verbs, &right.verbs)
        && all(&own.api_groups, &right.api_groups)
        && right.resources.iter().all(|resource| covers_resource(&own.resources, resource))
        && names_cover(&own.resource_names, &right.resource_names)
        && right
            .non_resource_urls
            .iter()
            .all(|wanted| own.non_resource_urls.iter().any(|url| url_matches(url, wanted)))
}

fn covers_resource(own: &[String], resource: &str) -> bool {
    has(own, "*")
        || has(own, resource)
        || resource.split_once('/').is_some_and(|(_, sub)| has(own, &format!("*/{sub}")))
}

fn names_cover(own: &[String], right: &[String]) -> bool {
    own.is_empty() || (!right.is_empty() && right.iter().all(|name| has(own, name)))
}

/// Single rights with their verbs put together again, for a message that people can read.
fn compact(rights: Vec<Rule>) -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    for right in rights {
        let same = rules.iter_mut().find(|rule| {
            rule.api_groups == right.api_groups
                && rule.resources == right.resources
                && rule.resource_names == right.resource_names
                && rule.non_resource_urls == right.non_resource_urls
        });
        match same {
            Some(rule) => {
                for verb in right.verbs {
                    if !has(&rule.verbs, &verb) {
                        rule.verbs.push(verb);
                    }
                }
            }
            None => rules.push(right),
        }
    }
    rules
}

/// `{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}`.
fn words(rule: &Rule) -> String {
    let parts = [
        ("APIGroups", &rule.api_groups),
        ("Resources", &rule.resources),
        ("NonResourceURLs", &rule.non_resource_urls),
        ("ResourceNames", &rule.resource_names),
        ("Verbs", &rule.verbs),
    ];
    let parts = parts.iter().filter(|(_, texts)| !texts.is_empty());
    let parts: Vec<String> = parts.map(|(name, texts)| format!("{name}:{}", list(texts))).collect();
    format!("{{{}}}", parts.join(", "))
}

fn list(texts: &[String]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| format!("{text:?}")).collect();
    format!("[{}]", quoted.join(" "))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::rbac::{Attributes, RbacKind, ResourceAttributes, Target};

    /// Someone with these rules everywhere.
    fn holder(rules: serde_json::Value) -> (Index, Identity) {
        let mut index = Index::default();
        index.put(RbacKind::ClusterRole, &json!({"metadata": {"name": "own"}, "rules": rules}));
        index.put(
            RbacKind::ClusterRoleBinding,
            &json!({
                "metadata": {"name": "b"},
                "roleRef": {"kind": "ClusterRole", "name": "own"},
                "subjects": [{"kind": "User", "name": "alice"}],
            }),
        );
        (index, Identity::user("alice", &[]))
    }

    fn rules(rules: serde_json::Value) -> Vec<Rule> {
        Rule::of_role(&json!({ "rules": rules }))
    }

    #[test]
    fn only_what_is_held_can_be_given() {
        let cases = [
            (
                json!([{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]),
                json!([{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]),
                true,
            ),
            (
                json!([{"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"]}]),
                json!([{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]),
                true,
            ),
            (
                json!([{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}, {"verbs": ["list"], "apiGroups": [""], "resources": ["pods"]}]),
                json!([{"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"]}]),
                true,
            ),
            (
                json!([{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]),
                json!([{"verbs": ["*"], "apiGroups": [""], "resources": ["pods"]}]),
                false,
            ),
            (
                json!([{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "resourceNames": ["a"]}]),
                json!([{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]),
                false,
            ),
            (
                json!([{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "resourceNames": ["a"]}]),
                json!([{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "resourceNames": ["a"]}]),
                true,
            ),
            (
                json!([{"verbs": ["update"], "apiGroups": ["apps"], "resources": ["*/scale"]}]),
                json!([{"verbs": ["update"], "apiGroups": ["apps"], "resources": ["deployments/scale"]}]),
                true,
            ),
            (
                json!([{"verbs": ["get"], "nonResourceURLs": ["/health*"]}]),
                json!([{"verbs": ["get"], "nonResourceURLs": ["/healthz", "/healthz/*"]}]),
                true,
            ),
            (
                json!([{"verbs": ["get"], "nonResourceURLs": ["/healthz"]}]),
                json!([{"verbs": ["get"], "nonResourceURLs": ["*"]}]),
                false,
            ),
        ];
        for (own, wanted, allowed) in cases {
            let (index, alice) = holder(own.clone());
            assert_eq!(
                confirm(&index, &alice, "", &rules(wanted.clone())).is_ok(),
                allowed,
                "{own} -> {wanted}"
            );
        }
    }

    #[test]
    fn what_is_missing_is_said_in_words() {
        let (index, alice) = holder(json!([{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]));
        let wanted =
            rules(json!([{"verbs": ["get", "list", "watch"], "apiGroups": [""], "resources": ["pods"]}]));
        assert_eq!(
            confirm(&index, &alice, "default", &wanted).unwrap_err(),
            "user \"alice\" (groups=[\"system:authenticated\"]) is attempting to grant RBAC permissions not currently \
             held:\n{APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"list\" \"watch\"]}"
        );
        assert!(confirm(&index, &Identity::user("root", &[MASTERS]), "", &wanted).is_ok());
    }

    fn some(texts: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
        let one = proptest::sample::select(texts).prop_map(str::to_owned);
        proptest::collection::vec(one, 0..3)
    }

    prop_compose! {
        fn any_rule()(
            verbs in some(&["get", "list", "*"]),
            api_groups in some(&["", "apps", "*"]),
            resources in some(&["pods", "pods/log", "*/scale", "deployments/scale", "*", "pods/*"]),
            resource_names in some(&["a", "b"]),
            non_resource_urls in some(&["/api*", "/api", "/api/x*", "*"]),
        ) -> Rule {
            Rule { verbs, api_groups, resources, resource_names, non_resource_urls }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn what_may_be_given_allows_nothing_more(own in proptest::collection::vec(any_rule(), 0..4), wanted in any_rule()) {
            let (index, alice) = holder(json!(own));
            prop_assume!(confirm(&index, &alice, "", std::slice::from_ref(&wanted)).is_ok());
            let mut questions = Vec::new();
            for verb in ["get", "list", "watch"] {
                for path in ["/api", "/api/x", "/api/xy", "/healthz"] {
                    questions.push(Attributes { verb, target: Target::Path(path) });
                }
                for group in ["", "apps", "batch"] {
                    for (resource, subresource) in [("pods", ""), ("pods", "log"), ("deployments", "scale"), ("jobs", "scale")] {
                        for name in ["", "a", "b", "c"] {
                            let to = ResourceAttributes { group, resource, subresource, name, ..Default::default() };
                            questions.push(Attributes { verb, target: Target::Resource(to) });
                        }
                    }
                }
            }
            for question in questions {
                let given = wanted.allows(&question);
                prop_assert!(!given || index.authorize(&alice, &question).allowed, "{:?}", question);
            }
        }
    }
}
