//! Values of objects as CEL has them.

use std::{collections::HashMap, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use kube_cel::cel::{
    Value as Cel, functions,
    objects::{Key, Map, OptionalValue},
};
use serde_json::Value;

use crate::{Schema, Type};

/// Names that CEL keeps for itself.
const RESERVED: [&str; 21] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "null",
    "package",
    "return",
    "true",
    "var",
    "void",
    "while",
];

/// What names of fields may have and names in expressions may not. Underscores are the first to be replaced, as all words
/// have them.
const ESCAPED: [(&str, &str); 4] =
    [("__underscores__", "__"), ("__dot__", "."), ("__dash__", "-"), ("__slash__", "/")];

/// The name under which expressions know a field.
pub(super) fn escape(name: &str) -> String {
    if RESERVED.contains(&name) {
        return format!("__{name}__");
    }
    ESCAPED.iter().fold(name.to_owned(), |name, (word, text)| name.replace(text, word))
}

/// The field that a name in an expression stands for, if the schema names it. (To escape all names of the schema instead
/// would cost as much as it is large, for each name of the expression.)
pub(super) fn property<'a>(schema: &'a Schema, name: &str) -> Option<&'a Schema> {
    let named = unescape(name);
    // Several texts are read as one name, but only one is how it is written.
    schema.property(&named).filter(|_| escape(&named) == name)
}

fn unescape(name: &str) -> String {
    let inner = name.strip_prefix("__").and_then(|name| name.strip_suffix("__"));
    if let Some(reserved) = inner.filter(|inner| RESERVED.contains(inner)) {
        return reserved.to_owned();
    }
    let mut made = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(at) = rest.find('_') {
        made.push_str(&rest[..at]);
        rest = &rest[at..];
        let escaped = ESCAPED.iter().find(|(word, _)| rest.starts_with(word)).copied();
        let (word, text) = escaped.unwrap_or(("_", "_"));
        made.push_str(text);
        rest = &rest[word.len()..];
    }
    made.push_str(rest);
    made
}

/// A value, as its schema says it is meant.
pub(super) fn to_cel(schema: Option<&Schema>, value: &Value) -> Cel {
    match value {
        Value::Null => Cel::Null,
        Value::Bool(flag) => Cel::Bool(*flag),
        Value::Number(number) => {
            let as_double = schema.is_some_and(|schema| schema.kind() == Type::Number);
            match number.as_i64() {
                Some(whole) if !as_double => Cel::Int(whole),
                _ => {
                    let double = number.as_f64().unwrap_or(f64::NAN);
                    let as_whole = schema.is_some_and(|schema| schema.kind() == Type::Integer);
                    #[allow(clippy::cast_possible_truncation)] // saturates, as far as it can be that large
                    if as_whole { Cel::Int(double as i64) } else { Cel::Float(double) }
                }
            }
        }
        Value::String(text) => string(schema, text),
        Value::Array(elements) => {
            let items = schema.and_then(Schema::items);
            Cel::List(Arc::new(elements.iter().map(|element| to_cel(items, element)).collect()))
        }
        Value::Object(fields) => {
            let mut map = HashMap::with_capacity(fields.len());
            for (name, value) in fields {
                let (name, below) = match schema {
                    Some(schema) => match (schema.property(name), schema.additional()) {
                        (Some(below), _) => (escape(name), Some(below)),
                        (None, Some(below)) => (name.clone(), Some(below)),
                        // Fields that the schema does not know are not seen by expressions.
                        (None, None) if schema.kind() == Type::Object => continue,
                        (None, None) => (name.clone(), None),
                    },
                    None => (name.clone(), None),
                };
                map.insert(Key::String(Arc::new(name)), to_cel(below, value));
            }
            Cel::Map(Map { map: Arc::new(map) })
        }
    }
}

fn string(schema: Option<&Schema>, text: &str) -> Cel {
    let plain = || Cel::String(Arc::new(text.to_owned()));
    match schema.filter(|schema| schema.kind() == Type::String).and_then(Schema::format) {
        Some("date-time") => functions::timestamp(Arc::new(text.to_owned())).unwrap_or_else(|_| plain()),
        Some("date") => {
            functions::timestamp(Arc::new(format!("{text}T00:00:00Z"))).unwrap_or_else(|_| plain())
        }
        Some("duration") => functions::duration(Arc::new(text.to_owned())).unwrap_or_else(|_| plain()),
        Some("byte") => STANDARD.decode(text).map_or_else(|_| plain(), |bytes| Cel::Bytes(Arc::new(bytes))),
        _ => plain(),
    }
}

/// A value that may be absent.
pub(super) fn optional(value: Option<Cel>) -> Cel {
    Cel::Opaque(Arc::new(value.map_or_else(OptionalValue::none, OptionalValue::of)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_of_fields() {
        for (name, escaped) in [
            ("a", "a"),
            ("a-b.c/d", "a__dash__b__dot__c__slash__d"),
            ("__a__", "__underscores__a__underscores__"),
            ("namespace", "__namespace__"),
            ("a__dash__b", "a__underscores__dash__underscores__b"),
            ("___", "__underscores___"),
        ] {
            assert_eq!((escape(name).as_str(), unescape(escaped).as_str()), (escaped, name));
        }
    }

    proptest! {
        #[test]
        fn each_name_comes_back(name in "[-_./ad]{0,12}|(dash|dot|_|-|in|slash|underscores){0,6}|\\PC{0,8}") {
            let escaped = escape(&name);
            prop_assert_eq!(unescape(&escaped), name);
        }

        #[test]
        fn any_text_is_read(text in "[_a-z]{0,20}|\\PC{0,20}") {
            unescape(&text);
        }
    }
}
