//! Recorded bodies, bounds, and whatever bytes.

mod names;
mod recorded;

use ::base64::{Engine as _, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::table::{Kind, kinds};
use crate::{DecodeError, decode};

fn base64(text: &str) -> Vec<u8> {
    STANDARD.decode(text).unwrap()
}

fn varint(out: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        out.push(u8::try_from(number & 0x7f).unwrap() | 0x80);
        number >>= 7;
    }
    out.push(u8::try_from(number).unwrap());
}

/// A field with a length.
fn bytes(tag: usize, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    varint(&mut out, tag << 3 | 2);
    varint(&mut out, content.len());
    out.extend(content);
    out
}

fn body(api_version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
    let names = [bytes(1, api_version.as_bytes()), bytes(2, kind.as_bytes())].concat();
    [b"k8s\0".to_vec(), bytes(1, &names), bytes(2, raw)].concat()
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let spec = |spec: &[u8]| decode(&body("apps/v1", "Deployment", &bytes(2, spec))).unwrap_err().to_string();
    assert_eq!(decode(b"{}"), Err(DecodeError::NoMagic));
    assert_eq!(decode(b"k8s\0"), Err(DecodeError::NoKind));
    assert_eq!(
        decode(&body("apps/v1", "Nope", b"")).unwrap_err().to_string(),
        "no protobuf message is known for \"Nope\" in \"apps/v1\"; send JSON"
    );
    assert_eq!(spec(&bytes(1, b"x")), "spec.replicas: expected a number, found wire type 2");
    let pod = bytes(2, &bytes(2, b"\x08\x01"));
    assert_eq!(
        spec(&bytes(3, &pod)),
        "spec.template.spec.containers[0].name: expected bytes with a length, found wire type 0"
    );
    assert_eq!(spec(b"\x08"), "spec: the body ends too early");
    assert_eq!(spec(b"\x08\x80\x80\x80\x80\x10"), "spec.replicas: the number does not fit into 32 bits");
}

#[test]
fn what_is_not_known_is_skipped() {
    let raw = [bytes(15, b"anything"), b"\x70\x05".to_vec()].concat();
    let found = decode(&body("v1", "ConfigMap", &raw)).unwrap();
    assert_eq!(
        found,
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"creationTimestamp": null}})
    );
}

#[test]
fn special_values_are_those_of_json() {
    let metadata = |fields: &[u8]| {
        let found = decode(&body("v1", "ConfigMap", &bytes(1, fields))).unwrap();
        found["metadata"].clone()
    };
    assert_eq!(metadata(&bytes(8, b""))["creationTimestamp"], Value::Null);
    assert_eq!(metadata(&bytes(8, b"\x08\x00\x10\x00"))["creationTimestamp"], "1970-01-01T00:00:00Z");
    assert_eq!(metadata(&bytes(8, b"\x08\x80\xa8\xd6\xb9\x07"))["creationTimestamp"], "2033-05-18T03:33:20Z");
    let lease = |spec: &[u8]| decode(&body("coordination.k8s.io/v1", "Lease", &bytes(2, spec))).unwrap();
    let renewed = bytes(4, b"\x08\x01\x10\xe8\x07");
    assert_eq!(lease(&renewed)["spec"]["renewTime"], "1970-01-01T00:00:01.000001Z");
    let fields = bytes(7, &bytes(1, br#"{"f:data":{}}"#));
    assert_eq!(metadata(&bytes(17, &fields))["managedFields"][0]["fieldsV1"], json!({"f:data": {}}));
}

#[test]
fn options_are_known_in_every_group() {
    let raw = b"\x08\x05";
    for version in ["v1", "apps/v1", "policy/v1", "example.com/v1alpha1"] {
        let found = decode(&body(version, "DeleteOptions", raw)).unwrap();
        assert_eq!(found, json!({"apiVersion": version, "kind": "DeleteOptions", "gracePeriodSeconds": 5}));
    }
}

#[test]
fn few_bytes_do_not_become_many_values() {
    // Each empty container is shown with its name and resources.
    let containers: Vec<u8> = bytes(2, b"").repeat(500_000);
    let error = decode(&body("v1", "Pod", &bytes(2, &containers))).unwrap_err().to_string();
    assert!(error.ends_with("more than 250000 values"), "{error}");
}

#[test]
fn nesting_is_bounded() {
    let mut schema = Vec::new();
    for _ in 0..200 {
        schema = bytes(28, &schema);
    }
    let version = bytes(4, &bytes(1, &schema));
    let raw = bytes(2, &bytes(7, &version));
    let error = decode(&body("apiextensions.k8s.io/v1", "CustomResourceDefinition", &raw)).unwrap_err();
    assert!(error.to_string().ends_with("more than 128 levels"), "{error}");
}

#[test]
fn what_objects_have_before_anything_is_set() {
    let found = crate::unset("apps/v1", "Deployment").unwrap();
    let template = json!({"metadata": {"creationTimestamp": null}, "spec": {"containers": null}});
    assert_eq!(found["spec"], json!({"selector": null, "strategy": {}, "template": template}));
    assert_eq!(found["status"], json!({}));
    assert_eq!(crate::unset("v1", "ConfigMap").unwrap(), json!({"metadata": {"creationTimestamp": null}}));
    // Options belong to all groups; a custom kind of that name is something else.
    assert_eq!(crate::unset("example.com/v1", "DeleteOptions"), None);
}

/// Every kind decodes from nothing, to what a JSON client sends at the least.
#[test]
fn every_kind_has_an_empty_form() {
    for (version, kind, message) in kinds() {
        let found = decode(&body(version, kind, b"")).unwrap();
        assert_eq!(found["kind"], kind);
        assert!(
            message.0.is_sorted_by(|one, next| one.0 < next.0),
            "{kind}: the fields are sorted by tag, each is there once"
        );
        let metadata = message.0.iter().find(|field| field.1 == "metadata");
        if let Some(Kind::Nested(_)) = metadata.map(|field| field.4) {
            assert!(found["metadata"].is_object(), "{kind}");
        }
    }
    assert!(kinds().is_sorted_by(|one, next| (one.0, one.1) < (next.0, next.1)));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(noise in proptest::collection::vec(any::<u8>(), 0..200), which in any::<usize>()) {
        let all: Vec<_> = kinds().collect();
        let (version, kind, _) = all[which % all.len()];
        let _ = decode(&body(version, kind, &noise));
        let _ = decode(&noise);
    }

    /// A recorded body with some bytes changed is an error or still an object.
    #[test]
    fn no_damage_makes_it_panic(
        which in any::<usize>(),
        changes in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..4),
    ) {
        let lines: Vec<&str> = include_str!("tests/kubectl.jsonl").lines().collect();
        let case: Value = serde_json::from_str(lines[which % lines.len()]).unwrap();
        let mut damaged = base64(case["body"].as_str().unwrap());
        for (place, byte) in changes {
            let place = place % damaged.len();
            damaged[place] = byte;
        }
        if let Ok(found) = decode(&damaged) {
            let text = serde_json::to_vec(&found).unwrap();
            prop_assert_eq!(serde_json::from_slice::<Value>(&text).unwrap(), found);
        }
    }
}
