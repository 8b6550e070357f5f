//! Paths of fields, as Kubernetes spells them: `spec.ports[0].name`.

use std::fmt::Write as _;

/// A path that grows and shrinks with a walk.
#[derive(Debug, Clone, Default)]
pub(crate) struct FieldPath(String);

/// How long a path was, to go back there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark(usize);

impl FieldPath {
    pub(crate) fn new(path: &str) -> Self {
        Self(path.to_owned())
    }

    pub(crate) fn push_field(&mut self, name: &str) -> Mark {
        let mark = Mark(self.0.len());
        if mark.0 > 0 {
            self.0.push('.');
        }
        self.0.push_str(name);
        mark
    }

    pub(crate) fn push_index(&mut self, index: usize) -> Mark {
        let mark = Mark(self.0.len());
        // Writing to a String cannot fail.
        let _ = write!(self.0, "[{index}]");
        mark
    }

    /// An entry of a map: `properties[spec]`.
    pub(crate) fn push_key(&mut self, key: &str) -> Mark {
        let mark = Mark(self.0.len());
        let _ = write!(self.0, "[{key}]");
        mark
    }

    pub(crate) fn back(&mut self, mark: Mark) {
        self.0.truncate(mark.0);
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The path of a field below.
    pub(crate) fn field(&self, name: &str) -> String {
        if self.0.is_empty() { name.to_owned() } else { format!("{}.{name}", self.0) }
    }
}
