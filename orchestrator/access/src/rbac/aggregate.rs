use guideway_api::selector::LabelSelector;
use serde_json::Value;

use super::Rule;

/// What an aggregated cluster role should say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Aggregation {
    /// The role gathers nothing, or has what it gathers already.
    Settled,
    /// These are to become its rules.
    Rules(Vec<Rule>),
}

/// The rules of a cluster role with an `aggregationRule`: those of every other cluster role that one of its selectors
/// chooses, in the order of their names, each once. A controller writes them when the roles change.
#[must_use]
pub fn aggregate<'a>(role: &Value, all: impl IntoIterator<Item = &'a Value>) -> Aggregation {
    let Some(selectors) = role["aggregationRule"]["clusterRoleSelectors"].as_array() else {
        return Aggregation::Settled;
    };
    let selectors: Vec<LabelSelector> =
        selectors.iter().filter_map(|selector| LabelSelector::from_object(selector).ok()).collect();
    let own = name(role);
    let mut sources: Vec<&Value> = all
        .into_iter()
        .filter(|other| name(other) != own)
        .filter(|other| selectors.iter().any(|selector| selector.matches(&other["metadata"]["labels"])))
        .collect();
    sources.sort_by_key(|other| name(other));
    let mut rules: Vec<Rule> = Vec::new();
    for rule in sources.into_iter().flat_map(Rule::of_role) {
        if !rules.contains(&rule) {
            rules.push(rule);
        }
    }
    if rules == Rule::of_role(role) { Aggregation::Settled } else { Aggregation::Rules(rules) }
}

fn name(role: &Value) -> &str {
    role["metadata"]["name"].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rules_of_chosen_roles_are_gathered_once() {
        let pods = json!({"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]});
        let jobs = json!({"verbs": ["get"], "apiGroups": ["batch"], "resources": ["jobs"]});
        let role = json!({
            "metadata": {"name": "view", "labels": {"to": "view"}},
            "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"to": "view"}}]},
            "rules": [],
        });
        let b = json!({"metadata": {"name": "b", "labels": {"to": "view"}}, "rules": [jobs, pods]});
        let a = json!({"metadata": {"name": "a", "labels": {"to": "view"}}, "rules": [pods]});
        let other = json!({"metadata": {"name": "c", "labels": {"to": "edit"}}, "rules": [{"verbs": ["*"]}]});
        let Aggregation::Rules(rules) = aggregate(&role, [&role, &b, &other, &a]) else {
            panic!("nothing gathered")
        };
        assert_eq!(serde_json::to_value(&rules).unwrap(), json!([pods, jobs]));

        let mut settled = role.clone();
        settled["rules"] = serde_json::to_value(&rules).unwrap();
        assert_eq!(aggregate(&settled, [&settled, &b, &a]), Aggregation::Settled);
        assert_eq!(aggregate(&a, [&b]), Aggregation::Settled, "it gathers nothing");
    }
}
