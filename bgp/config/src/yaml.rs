//! A YAML document as a tree whose nodes know their lines, so that every mistake of a file can be told, not only the first.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::{Error, MergeKeyPolicy, Spanned};

/// A value and the line where it stands, counted from 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Counted from 1.
    pub line: u64,
    /// What stands there.
    pub value: Value,
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing, or `null`.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// A whole number.
    Integer(i128),
    /// Another number.
    Float(f64),
    /// A string.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order of the file, each key once.
    Map(Vec<Entry>),
}

/// One key of a map with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The line of the key.
    pub line: u64,
    /// The key.
    pub key: String,
    /// The value.
    pub node: Node,
}

/// Reads one document; the error is a line (0 when it is not known) and a reason.
///
/// # Errors
///
/// Where and why it is no YAML, or more of it than a configuration needs.
pub fn parse(text: &str) -> Result<Node, (u64, String)> {
    // A file says what it means in place: nothing in it grows beyond its own length, nor comes from somewhere else.
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_anchors: 0, max_aliases: 0 },
        merge_keys: MergeKeyPolicy::Error,
    };
    match serde_saphyr::from_str_with_options::<Spanned<Value>>(text, options) {
        Ok(value) => Ok(Node::from(value)),
        Err(error) => {
            let line = error.location().map_or(0, |location| location.line());
            Err((line, reason(error.without_snippet())))
        }
    }
}

/// One line for the operator; what the YAML library says about its own options is of no use to one.
fn reason(error: &Error) -> String {
    match error {
        Error::Budget { breach: BudgetBreach::Anchors { .. } | BudgetBreach::Aliases { .. }, .. } => {
            "anchors (`&name`) and aliases (`*name`) are not supported: write the value out".to_owned()
        }
        Error::Budget { breach: BudgetBreach::Depth { .. }, .. } => {
            "nests too deep; a configuration needs 6 levels".to_owned()
        }
        Error::Budget { .. } => "the file has too many values".to_owned(),
        Error::MergeKeyNotAllowed { .. } => {
            "merge keys (`<<`) are not supported: write the fields out".to_owned()
        }
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            format!("the field `{}` stands here twice", key.escape_debug())
        }
        Error::MultipleDocuments { .. } => {
            "a second document starts here: a configuration is one document, remove the `---`".to_owned()
        }
        error => {
            // The first line is the reason; the place is told beside it.
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default();
            let first = first.rsplit_once(" at line ").map_or(first, |(reason, _)| reason);
            format!("not valid YAML: {first}")
        }
    }
}

impl From<Spanned<Value>> for Node {
    fn from(spanned: Spanned<Value>) -> Self {
        Self { line: spanned.referenced.line(), value: spanned.value }
    }
}

impl Value {
    /// What the value is, for messages.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) => "a number",
            Self::Float(_) => "a fraction",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Integer(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Integer(value.into()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Value, E> {
        Ok(Value::Integer(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element::<Spanned<Value>>()? {
            list.push(Node::from(item));
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some((key, value)) = entries.next_entry::<Spanned<String>, Spanned<Value>>()? {
            map.push(Entry { line: key.referenced.line(), key: key.value, node: Node::from(value) });
        }
        Ok(Value::Map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_know_their_lines() {
        let node = parse("a: 1\nb:\n  - c: x\n    d: true\n  - {e: 1.5, f: }\n").unwrap();
        let Value::Map(entries) = &node.value else { panic!("{node:?}") };
        assert_eq!((entries[0].line, &entries[0].node.value), (1, &Value::Integer(1)));
        assert_eq!((entries[1].line, entries[1].key.as_str()), (2, "b"));
        let Value::List(items) = &entries[1].node.value else { panic!("{node:?}") };
        assert_eq!(items.iter().map(|item| item.line).collect::<Vec<_>>(), [3, 5]);
        let Value::Map(first) = &items[0].value else { panic!("{node:?}") };
        assert_eq!((first[1].line, &first[1].node.value), (4, &Value::Bool(true)));
    }

    #[test]
    fn a_document_says_everything_in_place() {
        let bomb = (1..9).fold("a0: &a0 [x, x, x, x, x, x, x, x]\n".to_owned(), |text, n| {
            let before = format!("*a{}, ", n - 1).repeat(8);
            text + &format!("a{n}: &a{n} [{before}]\n")
        });
        let deep = format!("a: {}", "[".repeat(100_000));
        for (text, line, expected) in [
            (bomb.as_str(), 1, "anchors (`&name`)"),
            ("a: 1\nb: &x 2\n", 2, "anchors (`&name`)"),
            ("a: 1\nb: {<<: {c: 1}}\n", 2, "merge keys (`<<`)"),
            ("a: 1\na: 2\n", 2, "the field `a` stands here twice"),
            ("a: 1\n---\nb: 2\n", 2, "a second document"),
            (&deep, 1, ""),
        ] {
            let (at, reason) = parse(text).unwrap_err();
            assert!(reason.contains(expected) && at.abs_diff(line) <= 1, "{at}: {reason}");
            assert!(!reason.contains("Options") && !reason.contains('\n'), "{reason}");
        }
    }

    #[test]
    fn syntax_errors_have_a_line_and_one_line_of_reason() {
        for (text, line) in [("a: 1\nb: [\n", 3), ("a: 1\n  b: 2\n", 2), ("a: 1\na: 2\n", 2)] {
            let (at, reason) = parse(text).unwrap_err();
            assert!(at.abs_diff(line) <= 1, "{text:?}: {at}: {reason}");
            assert!(!reason.contains('\n') && !reason.is_empty());
        }
    }
}
