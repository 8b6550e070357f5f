use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::Registry;

fn parse(text: &str) -> LabelSelector {
    LabelSelector::parse(text).unwrap()
}

#[test]
fn selectors_select_by_labels() {
    let labels = json!({"app": "web", "tier": "front", "rank": "7", "empty": ""});
    let cases = [
        ("", true),
        ("app", true),
        ("!app", false),
        ("!other", true),
        ("app=web", true),
        ("app==web", true),
        ("app!=web", false),
        ("other!=web", true),
        (" app in ( web , api ) , tier notin (back)", true),
        ("app notin (web)", false),
        ("other notin (web)", true),
        ("empty=", true),
        ("empty in (,a)", true),
        ("rank>6,rank<8", true),
        ("rank>7", false),
        ("app=web,tier=back", false),
        ("in=notin", false),
    ];
    for (text, selected) in cases {
        assert_eq!(parse(text).matches(&labels), selected, "{text}");
    }
    assert!(!parse("app").matches(&serde_json::Value::Null));
}

#[test]
fn what_is_no_selector_is_refused_in_kubernetes_words() {
    let cases = [
        ("app===x", "unable to parse requirement: found '=', expected: identifier"),
        ("app in b", "unable to parse requirement: found 'b' expected: '('"),
        ("app web", "unable to parse requirement: found 'web', expected: in, notin, =, ==, !=, gt, lt"),
        ("app,", "found '', expected: identifier after ','"),
        ("=x", "found '=', expected: !, identifier, or 'end of string'"),
        ("a=b c", "found 'c', expected: ',' or 'end of string'"),
    ];
    for (text, words) in cases {
        assert_eq!(LabelSelector::parse(text).unwrap_err().to_string(), words, "{text}");
    }
    for text in ["a=b$", "a/b/c=d", "a in (b", "rank>x", "-a=b", "a in (b c)"] {
        assert!(LabelSelector::parse(text).is_err(), "{text}");
    }
}

#[test]
fn selectors_of_objects_are_read() {
    let selector = json!({
        "matchLabels": {"app": "web"},
        "matchExpressions": [{"key": "tier", "operator": "In", "values": ["b", "a"]}, {"key": "x", "operator": "Exists"}],
    });
    assert_eq!(LabelSelector::from_object(&selector).unwrap().to_string(), "app=web,tier in (a,b),x");
    let wrong = json!({"matchExpressions": [{"key": "tier", "operator": "Near"}]});
    assert_eq!(
        LabelSelector::from_object(&wrong).unwrap_err().to_string(),
        "\"Near\" is not a valid label selector operator"
    );
}

#[test]
fn fields_are_those_that_the_kind_offers() {
    let registry = Registry::built_in();
    let parse = |resource: &str, text: &str| {
        let found = registry.find(if resource == "jobs" { "batch" } else { "" }, "v1", resource).unwrap();
        FieldSelector::parse(text, found.kind(), found.version())
    };
    let words = |resource: &str, text: &str| parse(resource, text).unwrap_err().message.clone();
    assert_eq!(words("pods", "spec.foo=1"), "field label not supported: spec.foo");
    assert_eq!(
        words("configmaps", "data.a=1"),
        "\"data.a\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
    );
    assert_eq!(words("jobs", "spec.foo=1"), "field label \"spec.foo\" not supported for Job");
    assert_eq!(words("pods", "spec"), "invalid selector: 'spec'; can't understand 'spec'");
    assert!(parse("pods", r"metadata.name=a\x").is_err());

    let pod = json!({"metadata": {"name": "p"}, "spec": {"nodeName": "n1"}, "status": {"phase": "Running"}});
    let selects = |text: &str| parse("pods", text).unwrap().matches(&pod);
    assert!(selects("spec.nodeName=n1,status.phase!=Succeeded,status.phase!=Failed"));
    assert!(selects("spec.nodeName==n1,metadata.name=p"));
    assert!(selects("spec.hostNetwork=false"));
    assert!(!selects("status.phase!=Running"));
    assert!(!selects("spec.nodeName="));
    assert_eq!(parse("pods", "metadata.name=p,metadata.namespace!=q").unwrap().name(), Some("p"));
}

fn requirement() -> impl Strategy<Value = String> {
    let key = "[a-z]{1,5}(/[A-Za-z]{1,5})?";
    let value = "[A-Za-z0-9]{0,5}";
    prop_oneof![
        key.prop_map(|key| key.to_owned()),
        key.prop_map(|key| format!("!{key}")),
        (key, value).prop_map(|(key, value)| format!("{key}={value}")),
        (key, value).prop_map(|(key, value)| format!("{key}!={value}")),
        (key, proptest::collection::btree_set(value, 1..4)).prop_map(|(key, values)| {
            format!("{key} in ({})", values.into_iter().collect::<Vec<_>>().join(","))
        }),
        (key, proptest::collection::btree_set(value, 1..4)).prop_map(|(key, values)| {
            format!("{key} notin ({})", values.into_iter().collect::<Vec<_>>().join(","))
        }),
        (key, any::<i64>())
            .prop_filter("a sign is no label", |(_, bound)| *bound >= 0)
            .prop_map(|(key, bound)| format!("{key}>{bound}")),
    ]
}

proptest! {
    #[test]
    fn a_selector_is_read_as_it_is_printed(texts in proptest::collection::vec(requirement(), 0..5)) {
        let selector = parse(&texts.join(","));
        prop_assert_eq!(selector.requirements().len(), texts.len());
        prop_assert_eq!(parse(&selector.to_string()), selector);
    }

    #[test]
    fn no_text_panics(text in ".{0,60}") {
        if let Ok(selector) = LabelSelector::parse(&text) {
            prop_assert_eq!(LabelSelector::parse(&selector.to_string()).unwrap(), selector);
        }
        let pods = Registry::built_in().find("", "v1", "pods").unwrap();
        let _ = FieldSelector::parse(&text, pods.kind(), pods.version());
    }
}
