use axum::http::HeaderValue;
use serde_json::json;

use super::*;

#[test]
fn json_with_fields_that_are_there_twice() {
    let decoded =
        decode(Format::Json, br#"{"a":{"b":1,"b":2},"l":[{"c":1},{"c":1,"c":null}],"a":{"b":3}}"#).unwrap();
    assert_eq!(decoded.value, json!({"a": {"b": 3}, "l": [{"c": 1}, {"c": null}]}));
    assert_eq!(decoded.duplicates, ["a.b", "l[1].c", "a"]);
}

#[test]
fn nonsense() {
    for text in ["", "{", "{} {}", "nul"] {
        assert!(decode(Format::Json, text.as_bytes()).is_err(), "{text}");
    }
    // Deep nesting is an error, not the end of the stack.
    assert!(decode(Format::Json, "[".repeat(100_000).as_bytes()).is_err());
    // A thread of the server has eight times this stack.
    let yaml = std::thread::Builder::new().stack_size(256 << 10).spawn(|| {
        for level in ["[", "- ", "{a: ", "? ", "- a: "] {
            for levels in [60, 120, 127, 130, 100_000] {
                let decoded = decode(Format::Yaml, level.repeat(levels).as_bytes());
                assert!(decoded.is_err() || levels < 130, "{level}");
            }
        }
        assert!(decode(Format::Yaml, "- ".repeat(120).as_bytes()).is_ok());
    });
    yaml.unwrap().join().unwrap();
}

#[test]
fn yaml() {
    let decoded = decode(Format::Yaml, b"kind: ConfigMap\ndata:\n  a: \"1\"\n  b: |\n    x\n").unwrap();
    assert_eq!(decoded.value, json!({"kind": "ConfigMap", "data": {"a": "1", "b": "x\n"}}));
    let refused = decode(Format::Yaml, b"a: [").unwrap_err().message.clone();
    assert!(refused.starts_with("error decoding the body of the request: "), "{refused}");
    assert!(refused.contains("line 1") && !refused.contains('\n'), "{refused}");
    let several = decode(Format::Yaml, b"a: b\n---\nc: d\n").unwrap_err().message.clone();
    assert!(!several.contains("from_str"), "{several}");
    // Tabs are space in JSON.
    let json = decode(Format::Yaml, b"{\n\t\"a\": 1}").unwrap();
    assert_eq!(json.value, json!({"a": 1}));
    // An alias may not stand for more than a body may hold.
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..9 {
        let before = level - 1;
        bomb.push_str(&format!("a{level}: &a{level} [{}]\n", vec![format!("*a{before}"); 10].join(", ")));
    }
    assert!(decode(Format::Yaml, bomb.as_bytes()).is_err());
}

#[test]
fn yaml_with_fields_that_are_there_twice() {
    let decoded =
        decode(Format::Yaml, b"a: {b: 1, b: 2}\nl:\n- c: 1\n- {c: 1, c: null}\na: {b: 3}\n").unwrap();
    assert_eq!(decoded.value, json!({"a": {"b": 3}, "l": [{"c": 1}, {"c": null}]}));
    assert_eq!(decoded.duplicates, ["a.b", "l[1].c", "a"]);
}

#[test]
fn formats() {
    for (header, expected) in [
        (None, Some(Format::Json)),
        (Some("application/json"), Some(Format::Json)),
        (Some("application/json; charset=utf-8"), Some(Format::Json)),
        (Some("application/yaml"), Some(Format::Yaml)),
        (Some("application/vnd.kubernetes.protobuf"), Some(Format::Protobuf)),
        (Some("text/plain"), None),
    ] {
        let mut headers = HeaderMap::new();
        if let Some(header) = header {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(header));
        }
        assert_eq!(format(&headers).ok(), expected, "{header:?}");
    }
}

#[tokio::test]
async fn a_body_has_a_bound() {
    assert_eq!(read(Body::from("12345"), 5).await.unwrap(), "12345");
    assert_eq!(read(Body::from("123456"), 5).await.unwrap_err().code, 413);
}
