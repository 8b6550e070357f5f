//! What a write changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use guideway_schema::Schema;
use serde_json::{Map, Value};

use super::{Shape, element_or_index, field, is_empty, items, shape};
use crate::fields::{FieldSet, PathElement};

/// Places that differ between two objects.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Comparison {
    /// Only in the new one.
    pub(crate) added: FieldSet,
    /// In both, with different values.
    pub(crate) modified: FieldSet,
    /// Only in the old one.
    pub(crate) removed: FieldSet,
}

/// Fields that belong to the server, or say which object it is: nobody owns them.
const UNOWNED: &[&str] = &["apiVersion", "kind"];
/// The same of `metadata`.
pub(crate) const UNOWNED_METADATA: &[&str] = &[
    "creationTimestamp",
    "generation",
    "managedFields",
    "name",
    "namespace",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// Compares two objects, less what nobody owns. `None` is an object that is not there.
///
/// `unset` is an object in which nothing was set, or null. What it has is in both objects, whether they show it or not.
pub(crate) fn compare(
    schema: Option<&Schema>,
    unset: &Value,
    old: Option<&Value>,
    new: &Value,
) -> Comparison {
    let (old, new) = (map(old), map(Some(new)));
    let mut found = Comparison::default();
    for name in names(old, new).into_iter().filter(|name| !UNOWNED.contains(name)) {
        let (unset, old, new) = (unset.get(name), old.get(name), new.get(name));
        let schema = field(schema, name);
        let child = if name == "metadata" {
            let (old, new) = (map(old), map(new));
            let mut metadata = Comparison::default();
            for name in names(old, new).into_iter().filter(|name| !UNOWNED_METADATA.contains(name)) {
                let child = values(field(schema, name), None, old.get(name), new.get(name));
                metadata.hang(PathElement::Field(name.into()), child);
            }
            metadata
        } else {
            values(schema, unset, old, new)
        };
        found.hang(PathElement::Field(name.into()), child);
    }
    found
}

impl Comparison {
    /// Nothing differs.
    pub(crate) fn is_same(&self) -> bool {
        self.added.is_empty() && self.modified.is_empty() && self.removed.is_empty()
    }

    /// Leaves out what is in `set` and below.
    pub(crate) fn without(self, set: &FieldSet) -> Self {
        if set.is_empty() {
            return self;
        }
        Self {
            added: self.added.without(set),
            modified: self.modified.without(set),
            removed: self.removed.without(set),
        }
    }

    /// What the new object holds and the old one does not, or not so; and what only the old one holds.
    pub(crate) fn split(self) -> (FieldSet, FieldSet) {
        (self.added.union(&self.modified), self.removed)
    }

    fn hang(&mut self, element: PathElement, below: Self) {
        let hang = |set: &mut FieldSet, below: FieldSet| {
            if !below.is_empty() {
                set.children.insert(element.clone(), below);
            }
        };
        hang(&mut self.added, below.added);
        hang(&mut self.modified, below.modified);
        hang(&mut self.removed, below.removed);
    }
}

/// The entries of an object; none if it is no object.
fn map(value: Option<&Value>) -> &Map<String, Value> {
    static NONE: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
    value.and_then(Value::as_object).unwrap_or(&NONE)
}

fn names<'a>(old: &'a Map<String, Value>, new: &'a Map<String, Value>) -> BTreeSet<&'a str> {
    old.keys().chain(new.keys()).map(String::as_str).collect()
}

fn values(
    schema: Option<&Schema>,
    unset: Option<&Value>,
    old: Option<&Value>,
    new: Option<&Value>,
) -> Comparison {
    let mut found = Comparison::default();
    let (old, new) = match (old.or(unset), new.or(unset)) {
        (None, None) => return found,
        (None, Some(new)) => {
            found.added = everything(schema, new);
            return found;
        }
        (Some(old), None) => {
            found.removed = everything(schema, old);
            return found;
        }
        (Some(old), Some(new)) if old == new => return found,
        (Some(old), Some(new)) => (old, new),
    };
    match (shape(schema, old), shape(schema, new)) {
        // Null and empty are told apart, so the place itself changes.
        _ if is_empty(old) && is_empty(new) => found.modified.member = true,
        (Shape::Map(old), Shape::Map(new)) => {
            for name in names(old, new) {
                let unset = unset.and_then(|unset| unset.get(name));
                let child = values(field(schema, name), unset, old.get(name), new.get(name));
                found.hang(PathElement::Field(name.into()), child);
            }
        }
        (Shape::List(old), Shape::List(new)) => lists(schema, old, new, &mut found),
        (Shape::Leaf, Shape::Leaf) => found.modified.member = true,
        // Null becomes something, or something becomes null: like an empty map or list.
        _ => {
            found.removed = everything(schema, old);
            found.added = everything(schema, new);
            found.removed.member = false;
            found.added.member = false;
            found.modified.member = !(old.is_null() || new.is_null());
        }
    }
    found
}

fn lists(schema: Option<&Schema>, old: &[Value], new: &[Value], found: &mut Comparison) {
    let mut pairs: BTreeMap<PathElement, (Vec<&Value>, Vec<&Value>)> = BTreeMap::new();
    for (index, item) in old.iter().enumerate() {
        pairs.entry(element_or_index(schema, item, index)).or_default().0.push(item);
    }
    for (index, item) in new.iter().enumerate() {
        pairs.entry(element_or_index(schema, item, index)).or_default().1.push(item);
    }
    for (element, (old, new)) in pairs {
        let below = if old.len() <= 1 && new.len() <= 1 {
            values(items(schema), None, old.first().copied(), new.first().copied())
        } else {
            // Several elements with one key are one place.
            let mut place = Comparison::default();
            if old != new {
                let set = match (old.is_empty(), new.is_empty()) {
                    (true, _) => &mut place.added,
                    (_, true) => &mut place.removed,
                    _ => &mut place.modified,
                };
                set.member = true;
            }
            place
        };
        found.hang(element, below);
    }
}

/// Every place of a value, itself included.
fn everything(schema: Option<&Schema>, value: &Value) -> FieldSet {
    let mut set = FieldSet { member: true, ..FieldSet::default() };
    match shape(schema, value) {
        Shape::Leaf => {}
        Shape::Map(map) => {
            for (name, value) in map {
                set.children
                    .insert(PathElement::Field(name.as_str().into()), everything(field(schema, name), value));
            }
        }
        Shape::List(list) => {
            for (index, item) in list.iter().enumerate() {
                let element = element_or_index(schema, item, index);
                set.children.entry(element).or_default().add(&everything(items(schema), item));
            }
        }
    }
    set
}
