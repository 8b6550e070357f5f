//! The fields that a configuration sets.

use guideway_schema::Schema;
use serde_json::Value;

use super::{Shape, element, element_or_index, field, is_empty, items, shape};
use crate::fields::{FieldSet, PathElement};

/// The fields that an applied configuration sets.
///
/// # Errors
/// Says which element of a list lacks a key or is there twice.
pub(crate) fn collect(schema: Option<&Schema>, config: &Value) -> Result<FieldSet, String> {
    let mut walk = Walk { strict: true, problem: None };
    let set = walk.below(schema, config, "");
    walk.problem.map_or(Ok(set), Err)
}

/// The same for an object that may be stored already: nothing is refused.
pub(crate) fn collect_leniently(schema: Option<&Schema>, object: &Value) -> FieldSet {
    Walk { strict: false, problem: None }.below(schema, object, "")
}

/// Adds the fields that have members below them, where the schema names them. A whole struct can so be taken away.
pub(crate) fn with_parents(schema: Option<&Schema>, set: &FieldSet) -> FieldSet {
    let children = set.children.iter().map(|(element, child)| {
        let (below, named) = match element {
            PathElement::Field(name) => {
                (field(schema, name), schema.is_some_and(|schema| schema.property(name).is_some()))
            }
            _ => (items(schema), false),
        };
        let mut child = with_parents(below, child);
        child.member |= named;
        (element.clone(), child)
    });
    FieldSet { member: set.member, children: children.collect() }
}

struct Walk {
    strict: bool,
    problem: Option<String>,
}

impl Walk {
    fn below(&mut self, schema: Option<&Schema>, value: &Value, path: &str) -> FieldSet {
        let mut set = FieldSet::default();
        match shape(schema, value) {
            Shape::Leaf => set.member = true,
            Shape::Map(map) => {
                for (name, value) in map {
                    let path = if self.strict { format!("{path}.{name}") } else { String::new() };
                    let mut child = self.below(field(schema, name), value, &path);
                    // An entry of a map is there without anything below it; a struct's field is not.
                    let named = schema.is_some_and(|schema| schema.property(name).is_some());
                    child.member |= !named || value.is_null() || value.is_object() && is_empty(value);
                    if !child.is_empty() {
                        set.children.insert(PathElement::Field(name.as_str().into()), child);
                    }
                }
            }
            Shape::List(list) => {
                for (index, item) in list.iter().enumerate() {
                    let element = match element(schema, item) {
                        Ok(element) => element,
                        Err(key) => {
                            self.refuse(|| {
                                format!("{path}: element {index}: associative list with keys has an element that omits key field {key:?} (and doesn't have default value)")
                            });
                            element_or_index(schema, item, index)
                        }
                    };
                    let mut child = self.below(items(schema), item, &format!("{path}{element}"));
                    child.member = true;
                    if set.children.contains_key(&element) {
                        self.refuse(|| format!("{path}: duplicate entries for key {element}"));
                    }
                    set.children.entry(element).or_default().add(&child);
                }
            }
        }
        set
    }

    fn refuse(&mut self, say: impl FnOnce() -> String) {
        if self.strict && self.problem.is_none() {
            self.problem = Some(say());
        }
    }
}
