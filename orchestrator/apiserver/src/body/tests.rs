use axum::http::HeaderValue;
use serde_json::json;

use super::*;

fn read_map(format: Format, bytes: &[u8]) -> Result<Decoded, Status> {
    decode(format, bytes, Content::Object("ConfigMap"))
}

#[test]
fn json_with_fields_that_are_there_twice() {
    let decoded =
        read_map(Format::Json, br#"{"a":{"b":1,"b":2},"l":[{"c":1},{"c":1,"c":null}],"a":{"b":3}}"#).unwrap();
    assert_eq!(decoded.value, json!({"a": {"b": 3}, "l": [{"c": 1}, {"c": null}]}));
    assert_eq!(decoded.duplicates, ["a.b", "l[1].c", "a"]);
}

#[test]
fn nonsense() {
    for text in ["", "{", "{} {}", "nul"] {
        assert!(read_map(Format::Json, text.as_bytes()).is_err(), "{text}");
    }
    // Deep nesting is an error, not the end of the stack.
    assert!(read_map(Format::Json, "[".repeat(100_000).as_bytes()).is_err());
    // A thread of the server has eight times this stack.
    let yaml = std::thread::Builder::new().stack_size(256 << 10).spawn(|| {
        for level in ["[", "- ", "{a: ", "? ", "- a: "] {
            for levels in [60, 120, 127, 130, 100_000] {
                let decoded = read_map(Format::Yaml, level.repeat(levels).as_bytes());
                assert!(decoded.is_err() || levels < 130, "{level}");
            }
        }
        let list = "- ".repeat(120);
        assert!(decode(Format::Yaml, list.as_bytes(), Content::Patch(PatchKind::Apply)).is_ok());
    });
    yaml.unwrap().join().unwrap();
}

#[test]
fn refusals_say_what_was_sent() {
    let said = |format, bytes: &[u8], content| decode(format, bytes, content).unwrap_err().message.clone();
    let object = Content::Object("Pod");
    let begin = "the object provided is unrecognized (must be of type Pod): ";
    let table: [(&[u8], &str); 8] = [
        (
            b"[]",
            "couldn't get version/kind; json parse error: json: cannot unmarshal array into Go value of type struct { \
             APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" } (5b5d)",
        ),
        (
            b"5",
            "couldn't get version/kind; json parse error: json: cannot unmarshal number into Go value of type struct { \
             APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" } (35)",
        ),
        (
            b"{\"kind\":5}",
            "couldn't get version/kind; json parse error: json: cannot unmarshal number into Go struct field .kind of \
             type string ({\"kind\":5})",
        ),
        (
            b"{\"apiVersion\":[]}",
            "couldn't get version/kind; json parse error: json: cannot unmarshal array into Go struct field .apiVersion \
             of type string ({\"apiVersion\":[]})",
        ),
        (b"", "couldn't get version/kind; json parse error: unexpected end of JSON input (<empty>)"),
        (
            b"{\"kind\":\"Pod\",",
            "couldn't get version/kind; json parse error: unexpected end of JSON input ({\"kind\":\"Pod\",)",
        ),
        (
            b"{\"apiVersion\":\"v1\",\"kind\":\"Pod\" oops",
            "couldn't get version/kind; json parse error: invalid character 'o' after object key:value pair \
             ({\"apiVersion\":\"v1\",\"kind\":\"Pod ...)",
        ),
        (
            b"nope",
            "couldn't get version/kind; json parse error: invalid character 'o' in literal null (expecting 'u') (6e6f7065)",
        ),
    ];
    for (bytes, words) in table {
        assert_eq!(said(Format::Json, bytes, object), format!("{begin}{words}"));
    }
    for (kind, words) in [
        (PatchKind::Merge, "error decoding patch: unexpected end of JSON input"),
        (PatchKind::Strategic, "unexpected end of JSON input"),
        (PatchKind::Apply, "error decoding YAML: unexpected end of JSON input"),
    ] {
        assert_eq!(said(Format::Json, b"{", Content::Patch(kind)), words);
    }
    assert_eq!(read_map(Format::Json, b"null").unwrap().value, json!(null));
    assert!(
        said(Format::Yaml, b"- a", object)
            .contains("json: cannot unmarshal array into Go value of type struct")
    );
}

#[test]
fn yaml() {
    let decoded = read_map(Format::Yaml, b"kind: ConfigMap\ndata:\n  a: \"1\"\n  b: |\n    x\n").unwrap();
    assert_eq!(decoded.value, json!({"kind": "ConfigMap", "data": {"a": "1", "b": "x\n"}}));
    let refused = read_map(Format::Yaml, b"a: [").unwrap_err().message.clone();
    assert!(
        refused.starts_with("the object provided is unrecognized (must be of type ConfigMap): "),
        "{refused}"
    );
    assert!(refused.contains("line 1") && !refused.contains('\n'), "{refused}");
    let several = read_map(Format::Yaml, b"a: b\n---\nc: d\n").unwrap_err().message.clone();
    assert!(!several.contains("from_str"), "{several}");
    // Tabs are space in JSON.
    let json = read_map(Format::Yaml, b"{\n\t\"a\": 1}").unwrap();
    assert_eq!(json.value, json!({"a": 1}));
    // An alias may not stand for more than a body may hold.
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..9 {
        let before = level - 1;
        bomb.push_str(&format!("a{level}: &a{level} [{}]\n", vec![format!("*a{before}"); 10].join(", ")));
    }
    assert!(read_map(Format::Yaml, bomb.as_bytes()).is_err());
}

#[test]
fn yaml_with_fields_that_are_there_twice() {
    let decoded =
        read_map(Format::Yaml, b"a: {b: 1, b: 2}\nl:\n- c: 1\n- {c: 1, c: null}\na: {b: 3}\n").unwrap();
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
