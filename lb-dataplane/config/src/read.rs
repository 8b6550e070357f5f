//! Takes the nodes of a tree apart: maps by their known fields, lists by item, scalars by a function of their text.

use std::fmt::Display;

use crate::sink::{Path, Position, Sink};
use crate::suggest::did_you_mean;
use crate::tree::{Kind, Node};

/// The fields of one kind of map, all that the parser knows.
pub(crate) type FieldNames = &'static [&'static str];

/// A map whose keys are checked: each is known and stands once.
pub(crate) struct Fields<'n, 'a> {
    at: Position,
    names: FieldNames,
    values: Vec<Option<(Position, &'n Node<'a>)>>,
}

impl<'n, 'a> Fields<'n, 'a> {
    /// Opens `node` as a map; unknown and repeated fields are reported. `None`: it is no map.
    pub(crate) fn open(
        node: &'n Node<'a>,
        names: FieldNames,
        path: &Path<'_>,
        sink: &mut Sink,
    ) -> Option<Self> {
        let Kind::Map(entries) = &node.kind else {
            wrong_kind(node, "a map (`field: value`)", path, sink);
            return None;
        };
        let mut values: Vec<Option<(Position, &Node<'a>)>> = vec![None; names.len()];
        for entry in entries {
            let path = Path::Field(path, shown(&entry.key));
            match names.iter().position(|name| *name == entry.key) {
                Some(index) => match values[index] {
                    Some((first, _)) => {
                        let reason =
                            format_args!("set twice, first in line {}: keep one of them", first.line);
                        sink.error(entry.key_at, &path, reason);
                    }
                    None => values[index] = Some((entry.key_at, &entry.value)),
                },
                None => {
                    let hint = if sink.is_full() {
                        String::new()
                    } else {
                        did_you_mean(&entry.key, names.iter().copied())
                    };
                    if hint.is_empty() {
                        let reason = format_args!("unknown field; known are {}", names.join(", "));
                        sink.error(entry.key_at, &path, reason);
                    } else {
                        sink.error(entry.key_at, &path, format_args!("unknown field{hint}"));
                    }
                }
            }
        }
        Some(Self { at: node.at, names, values })
    }

    /// Where the map starts.
    pub(crate) fn at(&self) -> Position {
        self.at
    }

    /// The value of a field, which must be one of the map's names; absent fields are `None`.
    pub(crate) fn node(&self, name: &str) -> Option<&'n Node<'a>> {
        self.entry(name).map(|(_, node)| node)
    }

    /// Where the field's name stands, or the map when the field is absent.
    pub(crate) fn key_at(&self, name: &str) -> Position {
        self.entry(name).map_or(self.at, |(at, _)| at)
    }

    /// Where the value of a field stands, or the map when the field is absent.
    pub(crate) fn value_at(&self, name: &str) -> Position {
        self.node(name).map_or(self.at, |node| node.at)
    }

    /// The value of a field that must be there; `None` is reported.
    pub(crate) fn required_node(
        &self,
        name: &'static str,
        path: &Path<'_>,
        sink: &mut Sink,
    ) -> Option<&'n Node<'a>> {
        let node = self.node(name);
        if node.is_none() {
            sink.error(self.at, &Path::Field(path, name), "required, and missing");
        }
        node
    }

    /// The scalar of a field that must be there; `None` is reported.
    pub(crate) fn required<T, E: Display>(
        &self,
        name: &'static str,
        parse: impl FnOnce(&Scalar<'_>) -> Result<T, E>,
        path: &Path<'_>,
        sink: &mut Sink,
    ) -> Option<T> {
        let node = self.required_node(name, path, sink)?;
        scalar(node, parse, &Path::Field(path, name), sink)
    }

    /// The scalar of a field that may be absent: `Some(None)` then. `None` is reported.
    pub(crate) fn optional<T, E: Display>(
        &self,
        name: &'static str,
        parse: impl FnOnce(&Scalar<'_>) -> Result<T, E>,
        path: &Path<'_>,
        sink: &mut Sink,
    ) -> Option<Option<T>> {
        match self.node(name) {
            None => Some(None),
            Some(node) => scalar(node, parse, &Path::Field(path, name), sink).map(Some),
        }
    }

    fn entry(&self, name: &str) -> Option<(Position, &'n Node<'a>)> {
        debug_assert!(self.names.contains(&name), "{name} is no field of this map");
        let index = self.names.iter().position(|known| *known == name)?;
        self.values.get(index).copied().flatten()
    }
}

/// The text of a scalar.
pub(crate) struct Scalar<'s> {
    pub(crate) text: &'s str,
    pub(crate) quoted: bool,
}

/// Applies `parse` to the scalar `node`; `None` is reported.
pub(crate) fn scalar<T, E: Display>(
    node: &Node<'_>,
    parse: impl FnOnce(&Scalar<'_>) -> Result<T, E>,
    path: &Path<'_>,
    sink: &mut Sink,
) -> Option<T> {
    let Kind::Scalar { text, quoted } = &node.kind else {
        wrong_kind(node, "a single value", path, sink);
        return None;
    };
    match parse(&Scalar { text, quoted: *quoted }) {
        Ok(value) => Some(value),
        Err(reason) => {
            sink.error(node.at, path, reason);
            None
        }
    }
}

/// The items of the list `node`; `None` is reported.
pub(crate) fn list<'n, 'a>(node: &'n Node<'a>, path: &Path<'_>, sink: &mut Sink) -> Option<&'n [Node<'a>]> {
    let Kind::List(items) = &node.kind else {
        wrong_kind(node, "a list (`- item` or `[item, item]`)", path, sink);
        return None;
    };
    Some(items)
}

/// A text of the file as an error may show it: short and on one line.
pub(crate) fn shown(text: &str) -> &str {
    let end = text
        .char_indices()
        .find(|(index, c)| *index >= 64 || c.is_control())
        .map_or(text.len(), |(index, _)| index);
    &text[..end]
}

fn wrong_kind(node: &Node<'_>, expected: &str, path: &Path<'_>, sink: &mut Sink) {
    let found = match node.kind {
        Kind::Null => {
            let reason = format_args!("has no value: write {expected}, or leave an optional field out");
            return sink.error(node.at, path, reason);
        }
        Kind::Scalar { .. } => "a single value",
        Kind::List(_) => "a list",
        Kind::Map(_) => "a map",
        Kind::Broken => return, // reported when it was read
    };
    sink.error(node.at, path, format_args!("is {found}, {expected} is expected"));
}
