//! The set and its algebra.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::PathElement;

/// A set of paths.
///
/// A path is a member on its own: `spec` and `spec.replicas` do not imply each other.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldSet {
    /// The place itself is a member.
    pub(crate) member: bool,
    /// What is below. No child is empty.
    pub(crate) children: BTreeMap<PathElement, FieldSet>,
}

/// Why a FieldsV1 object is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldsError {
    /// Neither `.` nor something that begins with `f:`, `k:`, `v:` or `i:` and is well formed.
    #[error("{key:?} is no path element: expected \".\" or f:name, k:{{...}}, v:value or i:index")]
    Element {
        /// The key.
        key: String,
    },
    /// What is below a key is no object, or what is below `.` is not `{}`.
    #[error("what is below {key:?} must be an object")]
    NotAnObject {
        /// The key.
        key: String,
    },
    /// Nested deeper than [`MAX_DEPTH`](crate::MAX_DEPTH).
    #[error("more than {} levels", crate::MAX_DEPTH)]
    TooDeep,
}

impl FieldSet {
    /// No path at all.
    pub fn is_empty(&self) -> bool {
        !self.member && self.children.is_empty()
    }

    /// Adds a path.
    pub fn insert(&mut self, path: impl IntoIterator<Item = PathElement>) {
        let mut set = self;
        for element in path {
            set = set.children.entry(element).or_default();
        }
        set.member = true;
    }

    /// The path is a member.
    pub fn contains<'a>(&self, path: impl IntoIterator<Item = &'a PathElement>) -> bool {
        let mut set = self;
        for element in path {
            match set.children.get(element) {
                Some(child) => set = child,
                None => return false,
            }
        }
        set.member
    }

    /// A set of fields: `FieldSet::of(&[&["status"], &["metadata", "labels"]])`.
    pub fn of(paths: &[&[&str]]) -> Self {
        let mut set = Self::default();
        for path in paths {
            set.insert(path.iter().map(|name| PathElement::Field((*name).into())));
        }
        set
    }

    /// What is in either.
    pub fn union(mut self, other: &Self) -> Self {
        self.add(other);
        self
    }

    /// Adds what is in `other`.
    pub fn add(&mut self, other: &Self) {
        self.member |= other.member;
        for (element, theirs) in &other.children {
            match self.children.get_mut(element) {
                Some(ours) => ours.add(theirs),
                None => {
                    self.children.insert(element.clone(), theirs.clone());
                }
            }
        }
    }

    /// What is in both.
    pub fn intersection(&self, other: &Self) -> Self {
        let children = self.children.iter().filter_map(|(element, ours)| {
            let both = ours.intersection(other.children.get(element)?);
            (!both.is_empty()).then(|| (element.clone(), both))
        });
        Self { member: self.member && other.member, children: children.collect() }
    }

    /// What is not in `other`.
    pub fn difference(&self, other: &Self) -> Self {
        let mut left = self.clone();
        left.subtract(other);
        left
    }

    /// Takes out what is in `other`.
    pub fn subtract(&mut self, other: &Self) {
        self.member &= !other.member;
        for (element, theirs) in &other.children {
            if let Some(ours) = self.children.get_mut(element) {
                ours.subtract(theirs);
                if ours.is_empty() {
                    self.children.remove(element);
                }
            }
        }
    }

    /// What is neither in `other` nor below a member of it.
    pub fn without(&self, other: &Self) -> Self {
        if other.member {
            return Self::default();
        }
        let children = self.children.iter().filter_map(|(element, ours)| {
            let left = match other.children.get(element) {
                Some(theirs) => ours.without(theirs),
                None => ours.clone(),
            };
            (!left.is_empty()).then(|| (element.clone(), left))
        });
        Self { member: self.member, children: children.collect() }
    }

    /// Calls `visit` with each path, in order.
    pub fn for_each(&self, visit: &mut dyn FnMut(&[&PathElement])) {
        self.visit(&mut Vec::new(), visit);
    }

    fn visit<'a>(&'a self, path: &mut Vec<&'a PathElement>, visit: &mut dyn FnMut(&[&PathElement])) {
        if self.member {
            visit(path);
        }
        for (element, child) in &self.children {
            path.push(element);
            child.visit(path, visit);
            path.pop();
        }
    }

    /// Reads a FieldsV1 object.
    ///
    /// # Errors
    /// See [`FieldsError`].
    pub fn from_value(value: &Value) -> Result<Self, FieldsError> {
        let object = value.as_object().ok_or(FieldsError::NotAnObject { key: "fieldsV1".into() })?;
        Self::read(object, crate::MAX_DEPTH)
    }

    fn read(object: &Map<String, Value>, depth: usize) -> Result<Self, FieldsError> {
        let depth = depth.checked_sub(1).ok_or(FieldsError::TooDeep)?;
        let mut set = Self::default();
        for (key, below) in object {
            let below = below.as_object().ok_or_else(|| FieldsError::NotAnObject { key: key.clone() })?;
            if key == "." {
                if !below.is_empty() {
                    return Err(FieldsError::NotAnObject { key: key.clone() });
                }
                set.member = true;
                continue;
            }
            let element = PathElement::parse(key).ok_or_else(|| FieldsError::Element { key: key.clone() })?;
            let mut child = Self::read(below, depth)?;
            // An object without anything is the place itself.
            child.member |= below.is_empty();
            // Two spellings of one element, as `k:{"a":1}` and `k:{"a": 1}`, are one.
            set.children.entry(element).or_default().add(&child);
        }
        Ok(set)
    }

    /// The FieldsV1 object.
    pub fn to_value(&self) -> Value {
        let mut object = Map::new();
        if self.member {
            object.insert(".".into(), Value::Object(Map::new()));
        }
        for (element, child) in &self.children {
            let below = if child.children.is_empty() { Value::Object(Map::new()) } else { child.to_value() };
            object.insert(element.key(), below);
        }
        Value::Object(object)
    }
}
