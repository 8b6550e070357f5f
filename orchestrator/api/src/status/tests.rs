use serde_json::json;

use super::*;

const CONFIG_MAPS: Qualified<'_> = Qualified { group: "", name: "configmaps" };
const CONFIG_MAP: Qualified<'_> = Qualified { group: "", name: "ConfigMap" };

/// Bodies that a real server gave, without what all of them have.
#[test]
fn bodies_are_those_of_kubernetes() {
    let options = |group, kind, cause: Cause| Status::invalid(Qualified { group, name: kind }, "", &[cause]);
    let cases = [
        (
            Status::already_exists(CONFIG_MAPS, "g1"),
            json!({
                "message": "configmaps \"g1\" already exists", "reason": "AlreadyExists",
                "details": {"name": "g1", "kind": "configmaps"}, "code": 409,
            }),
        ),
        (
            Status::conflict(CONFIG_MAPS, "g1"),
            json!({
                "message": "Operation cannot be fulfilled on configmaps \"g1\": the object has been modified; please \
                            apply your changes to the latest version and try again",
                "reason": "Conflict", "details": {"name": "g1", "kind": "configmaps"}, "code": 409,
            }),
        ),
        (
            Status::strict_decoding("ConfigMap", "v1", &["unknown field \"bogus\"".into()]),
            json!({
                "message": "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: \
                            unknown field \"bogus\"",
                "reason": "BadRequest", "code": 400,
            }),
        ),
        (
            Status::invalid(
                Qualified { group: "", name: "Pod" },
                "p",
                &[Cause::required("spec.containers", "")],
            ),
            json!({
                "message": "Pod \"p\" is invalid: spec.containers: Required value", "reason": "Invalid",
                "details": {"name": "p", "kind": "Pod", "causes": [
                    {"reason": "FieldValueRequired", "message": "Required value", "field": "spec.containers"},
                ]},
                "code": 422,
            }),
        ),
        (
            Status::too_large_version(99999999, 55747),
            json!({
                "message": "Timeout: Too large resource version: 99999999, current: 55747", "reason": "Timeout",
                "details": {
                    "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
                    "retryAfterSeconds": 1,
                },
                "code": 504,
            }),
        ),
        (
            Status::too_old_version(1, 589),
            json!({"message": "too old resource version: 1 (589)", "reason": "Expired", "code": 410}),
        ),
        (
            Status::unreadable_version("abc"),
            json!({
                "message": "resourceVersion: Invalid value: \"abc\": strconv.ParseUint: parsing \"abc\": invalid syntax",
                "code": 500,
            }),
        ),
        (
            Status::rejected(),
            json!({
                "message": "the server rejected our request due to an error in our request", "reason": "Invalid",
                "details": {}, "code": 422,
            }),
        ),
        (
            Status::unsupported_media_type(),
            json!({
                "message": "415: Unsupported Media Type", "reason": "UnsupportedMediaType", "details": {}, "code": 415,
            }),
        ),
        (
            options(
                "meta.k8s.io",
                "PatchOptions",
                Cause::required("fieldManager", "is required for apply patch"),
            ),
            json!({
                "message": "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for \
                            apply patch",
                "reason": "Invalid",
                "details": {"group": "meta.k8s.io", "kind": "PatchOptions", "causes": [{
                    "reason": "FieldValueRequired", "message": "Required value: is required for apply patch",
                    "field": "fieldManager",
                }]},
                "code": 422,
            }),
        ),
        (
            Status::apply_conflict(&[("\"curl\" using v1".into(), ".data.a".into())]),
            json!({
                "message": "Apply failed with 1 conflict: conflict with \"curl\" using v1: .data.a",
                "reason": "Conflict",
                "details": {"causes": [{
                    "reason": "FieldManagerConflict", "message": "conflict with \"curl\" using v1", "field": ".data.a",
                }]},
                "code": 409,
            }),
        ),
        (
            Status::uid_precondition(CONFIG_MAP, "g1", "nope", "a9af304f"),
            json!({
                "message": "Operation cannot be fulfilled on ConfigMap \"g1\": the UID in the precondition (nope) does \
                            not match the UID in record (a9af304f). The object might have been deleted and then \
                            recreated",
                "reason": "Conflict", "details": {"name": "g1", "kind": "ConfigMap"}, "code": 409,
            }),
        ),
        (
            Status::not_found(CONFIG_MAPS, "g1"),
            json!({
                "message": "configmaps \"g1\" not found", "reason": "NotFound",
                "details": {"name": "g1", "kind": "configmaps"}, "code": 404,
            }),
        ),
        (
            Status::not_acceptable(&[
                "application/json",
                "application/yaml",
                "application/vnd.kubernetes.protobuf",
            ]),
            json!({
                "message": "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, \
                            application/vnd.kubernetes.protobuf",
                "reason": "NotAcceptable", "details": {}, "code": 406,
            }),
        ),
    ];
    for (status, mut body) in cases {
        for (key, value) in [
            ("kind", json!("Status")),
            ("apiVersion", json!("v1")),
            ("metadata", json!({})),
            ("status", json!("Failure")),
        ] {
            body[key] = value;
        }
        assert_eq!(status.to_value(), body);
        assert_eq!(serde_json::from_value::<Status>(body).unwrap(), status);
    }
}

#[test]
fn a_deletion_says_what_is_gone() {
    let status = Status::deleted(CONFIG_MAPS, "g1", "a9af");
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
        "details": {"name": "g1", "kind": "configmaps", "uid": "a9af"},
    });
    assert_eq!(status.to_value(), body);
    assert_eq!(status.http_code(), 200);
    let text = serde_json::to_string(&status).unwrap();
    assert!(
        text.starts_with(r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Success""#),
        "{text}"
    );
}

#[test]
fn several_causes_are_listed_once_each() {
    let cause = || Cause::required("a", "");
    let status = Status::invalid(
        Qualified { group: "apps", name: "Deployment" },
        "d",
        &[cause(), cause(), Cause::required("b", "why")],
    );
    assert_eq!(
        status.message,
        "Deployment.apps \"d\" is invalid: [a: Required value, b: Required value: why]"
    );
    let conflicts =
        [("\"x\"".into(), ".a".into()), ("\"y\"".into(), ".b".into()), ("\"x\"".into(), ".c".into())];
    assert_eq!(
        Status::apply_conflict(&conflicts).message,
        "Apply failed with 3 conflicts: conflicts with \"x\":\n- .a\n- .c\nconflicts with \"y\":\n- .b"
    );
}

#[test]
fn who_may_not_is_told_what() {
    let pods = Qualified { group: "", name: "pods" };
    assert_eq!(Status::forbidden(pods, "p", "no").message, "pods \"p\" is forbidden: no");
    assert_eq!(Status::forbidden(pods, "", "no").message, "pods is forbidden: no");
    assert_eq!(quote("a\"\\\n\u{1}ä"), r#""a\"\\\n\x01ä""#);
}
