//! Strategic merge patches, as kubectl makes them.

use super::*;
use crate::{PatchError, strategic_merge};

fn pod(spec: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec})
}

/// Patches the spec of a pod.
fn patched(live: Value, patch: Value) -> Result<Value, PatchError> {
    let schema = Schema::builtin("", "v1", "Pod").unwrap();
    strategic_merge(&schema, &pod(live), &json!({"spec": patch})).map(|pod| pod["spec"].clone())
}

#[test]
fn patches_of_kubectl() {
    let a = json!({"name": "a", "image": "1"});
    let b = json!({"name": "b", "image": "1"});
    let toleration = |key: &str| json!({"key": key});
    let cases = [
        (
            "set image",
            json!({"containers": [a, b]}),
            json!({"$setElementOrder/containers": [{"name": "a"}, {"name": "b"}],
                "containers": [{"name": "b", "image": "2"}]}),
            json!({"containers": [a, {"name": "b", "image": "2"}]}),
        ),
        (
            "an element goes",
            json!({"containers": [a, b]}),
            json!({"$setElementOrder/containers": [{"name": "b"}],
                "containers": [{"name": "a", "$patch": "delete"}]}),
            json!({"containers": [b]}),
        ),
        (
            "the order changes",
            json!({"containers": [a, b]}),
            json!({"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}),
            json!({"containers": [b, a]}),
        ),
        (
            "what only the server has stays where it was",
            json!({"containers": [a, {"name": "side"}, b]}),
            json!({"$setElementOrder/containers": [{"name": "c"}, {"name": "a"}, {"name": "b"}],
                "containers": [{"name": "c", "image": "1"}]}),
            json!({"containers": [{"name": "c", "image": "1"}, a, {"name": "side"}, b]}),
        ),
        (
            "a list of objects is replaced",
            json!({"containers": [a, b]}),
            json!({"containers": [{"$patch": "replace"}, {"name": "c"}]}),
            json!({"containers": [{"name": "c"}]}),
        ),
        (
            "a new element has no directives and no nulls",
            json!({}),
            json!({"containers": [{"name": "c", "image": null, "$setElementOrder/env": [], "env": [
                {"name": "A", "value": "1"}]}]}),
            json!({"containers": [{"name": "c", "env": [{"name": "A", "value": "1"}]}]}),
        ),
        (
            "a union keeps what it names",
            json!({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}),
            json!({"volumes": [{"name": "v", "$retainKeys": ["name", "emptyDir"], "emptyDir": {}}]}),
            json!({"volumes": [{"name": "v", "emptyDir": {}}]}),
        ),
        (
            "a map is replaced",
            json!({"nodeSelector": {"a": "1", "b": "2"}}),
            json!({"nodeSelector": {"$patch": "replace", "c": "3"}}),
            json!({"nodeSelector": {"c": "3"}}),
        ),
        (
            "a map is emptied",
            json!({"nodeSelector": {"a": "1"}}),
            json!({"nodeSelector": {"$patch": "delete"}}),
            json!({"nodeSelector": {}}),
        ),
        (
            "null removes",
            json!({"nodeName": "n", "hostNetwork": true}),
            json!({"nodeName": null, "hostPID": null}),
            json!({"hostNetwork": true}),
        ),
        (
            "an atomic list is replaced",
            json!({"tolerations": [toleration("a"), toleration("b")]}),
            json!({"tolerations": [toleration("c")]}),
            json!({"tolerations": [toleration("c")]}),
        ),
        (
            "elements are merged by key",
            json!({"imagePullSecrets": [{"name": "a"}]}),
            json!({"imagePullSecrets": [{"name": "b"}, {"name": "a"}]}),
            json!({"imagePullSecrets": [{"name": "b"}, {"name": "a"}]}),
        ),
    ];
    for (name, live, patch, expected) in cases {
        assert_eq!(patched(live, patch).unwrap(), expected, "{name}");
    }
}

#[test]
fn lists_of_scalars_are_sets() {
    let schema = config_map();
    let live = json!({"metadata": {"finalizers": ["a", "b", "c"]}});
    let patch = |patch: Value| {
        strategic_merge(&schema, &live, &json!({"metadata": patch})).unwrap()["metadata"]["finalizers"]
            .clone()
    };
    assert_eq!(patch(json!({"finalizers": ["d", "a"]})), json!(["d", "a", "b", "c"]));
    assert_eq!(patch(json!({"$deleteFromPrimitiveList/finalizers": ["b", "x"]})), json!(["a", "c"]));
    assert_eq!(
        patch(
            json!({"$deleteFromPrimitiveList/finalizers": ["a"], "$setElementOrder/finalizers": ["c", "d"],
            "finalizers": ["d"]})
        ),
        json!(["b", "c", "d"])
    );
}

#[test]
fn what_cannot_be_obeyed_is_refused() {
    let refused = |patch: Value| {
        let live = json!({"containers": [{"name": "a"}], "volumes": [{"name": "v", "emptyDir": {}}]});
        patched(live, patch).unwrap_err().to_string()
    };
    assert_eq!(
        refused(json!({"containers": [{"image": "x"}]})),
        "map: map[image:x] does not contain declared merge key: name"
    );
    assert_eq!(
        refused(json!({"containers": [{"tty": true, "env": [{"name": "a", "value": null}], "args": []}]})),
        "map: map[args:[] env:[map[name:a value:<nil>]] tty:true] does not contain declared merge key: name"
    );
    assert_eq!(refused(json!({"containers": ["x"]})), ".spec.containers: expected an object, found \"x\"");
    assert_eq!(
        refused(json!({"nodeSelector": {"$patch": "burn"}})),
        "unknown patch type: \"burn\" in map: .spec.nodeSelector.$patch"
    );
    assert_eq!(
        refused(json!({"$setElementOrder/containers": "a"})),
        ".spec.$setElementOrder/containers must be a list"
    );
    assert_eq!(
        refused(json!({"volumes": [{"name": "v", "$retainKeys": ["name"], "hostPath": {}}]})),
        ".spec.volumes.$retainKeys must name \"hostPath\", which the patch sets"
    );
    let schema = config_map();
    assert_eq!(strategic_merge(&schema, &json!({}), &json!([])).unwrap_err().status(), 400);
}

#[test]
fn long_lists_are_merged_in_no_time() {
    let list = |range: std::ops::Range<u32>| -> Value {
        range.map(|number| json!({"name": format!("c{number}"), "image": "x"})).collect()
    };
    let patch = json!({"containers": list(10_000..30_000), "$setElementOrder/containers": list(0..30_000)});
    let found = patched(json!({"containers": list(0..20_000)}), patch).unwrap();
    assert_eq!(found["containers"], list(0..30_000));
}
