//! Whatever the body is, it becomes an object of bounded depth or an error of one line.
#![no_main]

use guideway_protobuf::decode;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// Common kinds, so that not all of the time goes into finding their names.
const KINDS: &[(&str, &str)] = &[
    ("v1", "Pod"),
    ("v1", "Secret"),
    ("apps/v1", "Deployment"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ("coordination.k8s.io/v1", "Lease"),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    ("policy/v1", "DeleteOptions"),
];

fuzz_target!(|bytes: &[u8]| {
    check(bytes);
    let [which, object @ ..] = bytes else { return };
    let (version, kind) = KINDS[usize::from(*which) % KINDS.len()];
    let names = [field(1, version.as_bytes()), field(2, kind.as_bytes())].concat();
    check(&[b"k8s\0".to_vec(), field(1, &names), field(2, object)].concat());
});

fn check(body: &[u8]) {
    match decode(body) {
        Ok(found) => {
            assert!(found["kind"].is_string() && found["apiVersion"].is_string());
            let text = serde_json::to_vec(&found).expect("what was decoded is JSON");
            serde_json::from_slice::<Value>(&text).expect("its text is not nested too deeply");
        }
        Err(error) => assert!(!error.to_string().contains('\n'), "an error is one line: {error}"),
    }
}

/// A field with a length.
fn field(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag << 3 | 2];
    let mut length = content.len();
    while length >= 0x80 {
        out.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend(content);
    out
}
