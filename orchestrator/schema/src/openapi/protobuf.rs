//! An OpenAPI v2 document as protobuf: the messages of gnostic's `openapi.v2` package, as far as documents use them.
//!
//! A message is a table of fields; words of the JSON form that a table lacks are left out, `x-` words are extensions.

use serde_json::{Map, Value};

/// How a word of JSON becomes a field.
#[derive(Clone, Copy)]
enum Form {
    Text,
    Flag,
    Whole,
    Double,
    /// A list of texts.
    Texts,
    /// A message.
    One(Message),
    /// A list of messages.
    Many(Message),
    /// An object whose entries are messages with a name, within a message whose field of this number repeats them.
    Named(u32, Message),
    /// Any value, as YAML (JSON is).
    Any,
    /// A list of such.
    Anys,
    /// A text, within a message.
    Type,
    /// A schema, within a message.
    Schema,
    /// A response's schema, or a parameter in one of its kinds.
    Parameters,
}

#[derive(Clone, Copy)]
enum Message {
    Document,
    Info,
    Path,
    Operation,
    Response,
    Schema,
    Body,
    Query,
    Place,
}

type Field = (&'static str, u32, Form);

const DOCUMENT: [Field; 4] = [
    ("swagger", 1, Form::Text),
    ("info", 2, Form::One(Message::Info)),
    ("paths", 8, Form::Named(2, Message::Path)),
    ("definitions", 9, Form::Named(1, Message::Schema)),
];
const INFO: [Field; 2] = [("title", 1, Form::Text), ("version", 2, Form::Text)];
const PATH: [Field; 6] = [
    ("get", 2, Form::One(Message::Operation)),
    ("put", 3, Form::One(Message::Operation)),
    ("post", 4, Form::One(Message::Operation)),
    ("delete", 5, Form::One(Message::Operation)),
    ("patch", 8, Form::One(Message::Operation)),
    ("parameters", 9, Form::Parameters),
];
const OPERATION: [Field; 7] = [
    ("tags", 1, Form::Texts),
    ("description", 3, Form::Text),
    ("operationId", 5, Form::Text),
    ("produces", 6, Form::Texts),
    ("consumes", 7, Form::Texts),
    ("parameters", 8, Form::Parameters),
    ("responses", 9, Form::Named(1, Message::Response)),
];
const RESPONSE: [Field; 2] = [("description", 1, Form::Text), ("schema", 2, Form::Schema)];
const BODY: [Field; 5] = [
    ("description", 1, Form::Text),
    ("name", 2, Form::Text),
    ("in", 3, Form::Text),
    ("required", 4, Form::Flag),
    ("schema", 5, Form::One(Message::Schema)),
];
const QUERY: [Field; 5] = [
    ("required", 1, Form::Flag),
    ("in", 2, Form::Text),
    ("description", 3, Form::Text),
    ("name", 4, Form::Text),
    ("type", 6, Form::Text),
];
const PLACE: [Field; 5] = [
    ("required", 1, Form::Flag),
    ("in", 2, Form::Text),
    ("description", 3, Form::Text),
    ("name", 4, Form::Text),
    ("type", 5, Form::Text),
];
const SCHEMA: [Field; 24] = [
    ("$ref", 1, Form::Text),
    ("format", 2, Form::Text),
    ("title", 3, Form::Text),
    ("description", 4, Form::Text),
    ("default", 5, Form::Any),
    ("multipleOf", 6, Form::Double),
    ("maximum", 7, Form::Double),
    ("exclusiveMaximum", 8, Form::Flag),
    ("minimum", 9, Form::Double),
    ("exclusiveMinimum", 10, Form::Flag),
    ("maxLength", 11, Form::Whole),
    ("minLength", 12, Form::Whole),
    ("pattern", 13, Form::Text),
    ("maxItems", 14, Form::Whole),
    ("minItems", 15, Form::Whole),
    ("maxProperties", 17, Form::Whole),
    ("minProperties", 18, Form::Whole),
    ("required", 19, Form::Texts),
    ("enum", 20, Form::Anys),
    ("additionalProperties", 21, Form::Schema),
    ("type", 22, Form::Type),
    ("items", 23, Form::Schema),
    ("allOf", 24, Form::Many(Message::Schema)),
    ("properties", 25, Form::Named(1, Message::Schema)),
];

impl Message {
    fn fields(self) -> &'static [Field] {
        match self {
            Self::Document => &DOCUMENT,
            Self::Info => &INFO,
            Self::Path => &PATH,
            Self::Operation => &OPERATION,
            Self::Response => &RESPONSE,
            Self::Schema => &SCHEMA,
            Self::Body => &BODY,
            Self::Query => &QUERY,
            Self::Place => &PLACE,
        }
    }

    /// Number of the field that holds extensions.
    fn extensions(self) -> Option<u32> {
        match self {
            Self::Operation => Some(13),
            Self::Schema => Some(31),
            _ => None,
        }
    }
}

/// The bytes of a document.
pub(super) fn document(document: &Value) -> Vec<u8> {
    document.as_object().map(|words| message(Message::Document, words)).unwrap_or_default()
}

fn message(kind: Message, words: &Map<String, Value>) -> Vec<u8> {
    let mut out = Vec::new();
    for (word, number, form) in kind.fields() {
        if let Some(value) = words.get(*word) {
            field(*number, *form, value, &mut out);
        }
    }
    if let Some(number) = kind.extensions() {
        for (word, value) in words.iter().filter(|(word, _)| word.starts_with("x-")) {
            let mut named = Vec::new();
            bytes(1, word.as_bytes(), &mut named);
            bytes(2, &any(value), &mut named);
            bytes(number, &named, &mut out);
        }
    }
    out
}

fn field(number: u32, form: Form, value: &Value, out: &mut Vec<u8>) {
    match (form, value) {
        (Form::Text, Value::String(text)) => bytes(number, text.as_bytes(), out),
        (Form::Flag, Value::Bool(true)) => {
            varint(u64::from(number << 3), out);
            varint(1, out);
        }
        (Form::Whole, Value::Number(whole)) => {
            varint(u64::from(number << 3), out);
            varint(whole.as_u64().unwrap_or_default(), out);
        }
        (Form::Double, Value::Number(double)) => {
            varint(u64::from(number << 3 | 1), out);
            out.extend(double.as_f64().unwrap_or_default().to_le_bytes());
        }
        (Form::Texts, Value::Array(texts)) => {
            texts.iter().for_each(|text| field(number, Form::Text, text, out));
        }
        (Form::One(kind), Value::Object(words)) => bytes(number, &message(kind, words), out),
        (Form::Many(kind), Value::Array(values)) => {
            values.iter().for_each(|value| field(number, Form::One(kind), value, out));
        }
        (Form::Named(repeated, kind), Value::Object(entries)) => {
            let mut all = Vec::new();
            for (name, value) in entries {
                let Value::Object(words) = value else { continue };
                let mut named = Vec::new();
                bytes(1, name.as_bytes(), &mut named);
                let mut inner = message(kind, words);
                if matches!(kind, Message::Response) {
                    // A response, which might have been a reference to one.
                    let mut value = Vec::new();
                    bytes(1, &inner, &mut value);
                    inner = value;
                }
                bytes(2, &inner, &mut named);
                bytes(repeated, &named, &mut all);
            }
            bytes(number, &all, out);
        }
        (Form::Any, value) => bytes(number, &any(value), out),
        (Form::Anys, Value::Array(values)) => values.iter().for_each(|value| bytes(number, &any(value), out)),
        (Form::Type, Value::String(text)) => {
            let mut inner = Vec::new();
            bytes(1, text.as_bytes(), &mut inner);
            bytes(number, &inner, out);
        }
        (Form::Schema, Value::Object(words)) => {
            let mut inner = Vec::new();
            bytes(1, &message(Message::Schema, words), &mut inner);
            bytes(number, &inner, out);
        }
        (Form::Schema, Value::Bool(true)) => bytes(number, &[2 << 3, 1], out),
        (Form::Parameters, Value::Array(parameters)) => {
            for words in parameters.iter().filter_map(Value::as_object) {
                bytes(number, &parameter(words), out);
            }
        }
        _ => {}
    }
}

fn parameter(words: &Map<String, Value>) -> Vec<u8> {
    let place = words.get("in").and_then(Value::as_str);
    let (kind, outer, inner) = match place {
        Some("body") => (Message::Body, 1, None),
        Some("path") => (Message::Place, 2, Some(4)),
        _ => (Message::Query, 2, Some(3)),
    };
    let mut own = message(kind, words);
    for number in inner.into_iter().chain([outer, 1]) {
        let mut wrapped = Vec::new();
        bytes(number, &own, &mut wrapped);
        own = wrapped;
    }
    own
}

/// A value as text.
fn any(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    bytes(2, value.to_string().as_bytes(), &mut out);
    out
}

fn bytes(number: u32, content: &[u8], out: &mut Vec<u8>) {
    varint(u64::from(number << 3 | 2), out);
    varint(content.len() as u64, out);
    out.extend_from_slice(content);
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        #[allow(clippy::cast_possible_truncation)] // the low seven bits
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    #[allow(clippy::cast_possible_truncation)] // less than 128
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn bytes_are_those_of_the_messages() {
        let cases: [(Value, &[u8]); 3] = [
            (json!({"swagger": "2.0"}), b"\x0a\x032.0"),
            (
                json!({"definitions": {"A": {"type": "string", "x-k": 1}}}),
                b"\x4a\x1f\x0a\x1d\x0a\x01A\x12\x18\xb2\x01\x08\x0a\x06string\xfa\x01\x0a\x0a\x03x-k\x12\x03\x12\x011",
            ),
            (
                json!({"paths": {"/": {"patch": {"parameters": [{"in": "query", "name": "n"}]}}}}),
                b"\x42\x1b\x12\x19\x0a\x01/\x12\x14\x42\x12\x42\x10\x0a\x0e\x12\x0c\x1a\x0a\x12\x05query\x22\x01n",
            ),
        ];
        for (value, bytes) in cases {
            assert_eq!(document(&value), bytes, "{value}");
        }
        assert_eq!(document(&json!({"swagger": "x".repeat(200)}))[..3], [0x0a, 0xc8, 0x01]);
    }
}
