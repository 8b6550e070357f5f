//! A selector that can be read means the same when it is printed.
#![no_main]

use std::sync::LazyLock;

use guideway_api::selector::{FieldSelector, LabelSelector};
use guideway_api::{Registry, Resource};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

static PODS: LazyLock<Resource> =
    LazyLock::new(|| Registry::built_in().find("", "v1", "pods").expect("pods are built in"));

fuzz_target!(|text: &str| {
    let labels = json!({"app": "web", "tier": "front", "rank": "7", "empty": ""});
    if let Ok(selector) = LabelSelector::parse(text) {
        let again = LabelSelector::parse(&selector.to_string()).expect("what we print can be read");
        assert_eq!(again, selector);
        assert_eq!(again.matches(&labels), selector.matches(&labels));
    }
    if let Ok(selector) = FieldSelector::parse(text, PODS.kind(), PODS.version()) {
        let pod =
            json!({"metadata": {"name": "p"}, "spec": {"nodeName": "n"}, "status": {"phase": "Running"}});
        if selector.matches(&pod) {
            assert!(selector.name().is_none_or(|name| name == "p"), "{selector:?}");
        }
    }
    if let Ok(object) = serde_json::from_str(text)
        && let Ok(selector) = LabelSelector::from_object(&object)
    {
        let again = LabelSelector::parse(&selector.to_string()).expect("what we print can be read");
        assert_eq!(again.matches(&labels), selector.matches(&labels));
    }
});
