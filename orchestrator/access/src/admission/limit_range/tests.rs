use serde_json::{Value, json};

use crate::admission::tests::{Ask, cluster};

fn with(limits: Value) -> Ask {
    let range = json!({"metadata": {"namespace": "d", "name": "r"}, "spec": {"limits": [limits]}});
    Ask::of(cluster().with("", "limitranges", range))
}

fn pod(resources: Value) -> Value {
    json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "resources": resources}]}})
}

#[test]
fn containers_get_what_they_do_not_name() {
    let cases = [
        (
            json!({"default": {"cpu": "1"}, "defaultRequest": {"cpu": "500m"}}),
            json!({}),
            json!({"limits": {"cpu": "1"}, "requests": {"cpu": "500m"}}),
        ),
        (
            json!({"default": {"cpu": "1"}}),
            json!({}),
            json!({"limits": {"cpu": "1"}, "requests": {"cpu": "1"}}),
        ),
        (json!({"max": {"cpu": "2"}}), json!({}), json!({"limits": {"cpu": "2"}, "requests": {"cpu": "2"}})),
        (json!({"min": {"cpu": "100m"}}), json!({}), json!({"requests": {"cpu": "100m"}})),
        (
            json!({"default": {"cpu": "1", "memory": "1Gi"}}),
            json!({"limits": {"cpu": "3"}, "requests": {"cpu": "2"}}),
            json!({"limits": {"cpu": "3", "memory": "1Gi"}, "requests": {"cpu": "2", "memory": "1Gi"}}),
        ),
    ];
    for (mut limits, given, expected) in cases {
        limits["type"] = json!("Container");
        let pod = with(limits.clone()).mutate("", "pods", &pod(given)).unwrap();
        assert_eq!(pod["spec"]["containers"][0]["resources"], expected, "{limits}");
    }
}

#[test]
fn a_note_says_what_was_set() {
    let limits = json!({"type": "Container", "default": {"memory": "1Gi", "cpu": "1"}});
    let mut new = pod(json!({}));
    new["spec"]["initContainers"] =
        json!([{"name": "i", "resources": {"limits": {"cpu": "1", "memory": "1Gi"}}}]);
    let pod = with(limits).mutate("", "pods", &new).unwrap();
    assert_eq!(
        pod["metadata"]["annotations"]["kubernetes.io/limit-ranger"],
        "LimitRanger plugin set: cpu, memory request for container c; cpu, memory limit for container c; cpu, memory \
         request for init container i"
    );
    assert!(
        with(json!({"type": "Pod"})).mutate("", "pods", &new).unwrap()["metadata"]["annotations"].is_null()
    );
}

#[test]
fn too_much_and_too_little_are_refused_in_the_words_of_kubernetes() {
    let both = |request: &str, limit: &str| json!({"requests": {"cpu": request}, "limits": {"cpu": limit}});
    let container = "Container";
    let cases = [
        (
            container,
            json!({"min": {"cpu": "1"}}),
            json!({}),
            Some("minimum cpu usage per Container is 1.  No request is specified"),
        ),
        (
            container,
            json!({"min": {"cpu": "1"}}),
            both("500m", "2"),
            Some("minimum cpu usage per Container is 1, but request is 500m"),
        ),
        (
            container,
            json!({"max": {"cpu": "1"}}),
            json!({"requests": {"cpu": "1"}}),
            Some("maximum cpu usage per Container is 1.  No limit is specified"),
        ),
        (
            container,
            json!({"max": {"cpu": "1"}}),
            both("1", "2"),
            Some("maximum cpu usage per Container is 1, but limit is 2"),
        ),
        (container, json!({"max": {"cpu": "1"}}), both("500m", "1000m"), None),
        (
            container,
            json!({"maxLimitRequestRatio": {"cpu": "2"}}),
            both("1", "4"),
            Some("cpu max limit to request ratio per Container is 2, but provided ratio is 4.000000"),
        ),
        (container, json!({"maxLimitRequestRatio": {"cpu": "2"}}), both("1", "2"), None),
        (
            container,
            json!({"maxLimitRequestRatio": {"cpu": "2"}}),
            json!({"limits": {"cpu": "1"}}),
            Some(
                "cpu max limit to request ratio per Container is 2, but no request is specified or request is 0",
            ),
        ),
        (
            container,
            json!({"max": {"cpu": "1", "memory": "1Gi"}}),
            json!({"limits": {"cpu": "2", "memory": "2Gi"}}),
            Some(
                "[maximum cpu usage per Container is 1, but limit is 2, maximum memory usage per Container is 1Gi, but limit is 2Gi]",
            ),
        ),
        (
            "Pod",
            json!({"max": {"cpu": "1"}}),
            both("1", "2"),
            Some("maximum cpu usage per Pod is 1, but limit is 2"),
        ),
    ];
    for (of, mut limits, resources, why) in cases {
        limits["type"] = json!(of);
        let expected = why.map(|why| format!("pods \"p\" is forbidden: {why}"));
        assert_eq!(with(limits.clone()).validate("", "pods", &pod(resources)).err(), expected, "{limits}");
    }
}

#[test]
fn claims_have_bounds_too() {
    let ask =
        with(json!({"type": "PersistentVolumeClaim", "min": {"storage": "1Gi"}, "max": {"storage": "2Gi"}}));
    let claim = |size: &str| json!({"metadata": {"name": "c"}, "spec": {"resources": {"requests": {"storage": size}}}});
    let cases = [
        ("1Gi", None),
        ("512Mi", Some("minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 512Mi")),
        ("3Gi", Some("maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi")),
    ];
    for (size, why) in cases {
        let expected = why.map(|why| format!("persistentvolumeclaims \"c\" is forbidden: {why}"));
        assert_eq!(ask.validate("", "persistentvolumeclaims", &claim(size)).err(), expected);
    }
}
