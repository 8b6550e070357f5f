//! Through which part of a resource an object is written, and what that part may change.

use guideway_api::{Cause, Kind};
use guideway_patch::fields::FieldSet;
use serde_json::Value;

/// A part of a resource that is written to.
#[derive(Clone, Copy)]
pub(crate) enum Door {
    /// The object itself.
    Object,
    /// Its status.
    Status,
    /// Another part: the function makes the next state from what the client sent and the state before.
    Part(fn(&Value, &Value) -> Value),
}

impl Door {
    /// Puts back what may not be written here.
    pub(crate) fn prepare(self, kind: &Kind, new: &mut Value, old: &Value) {
        match self {
            Self::Object => kind.rules.prepare_update(new, old),
            Self::Status => kind.rules.prepare_status(new, old),
            Self::Part(part) => *new = part(new, old),
        }
    }

    /// What is wrong with the next state.
    pub(crate) fn validate(self, kind: &Kind, new: &Value, old: &Value) -> Vec<Cause> {
        match self {
            Self::Object => kind.rules.validate_update(new, old),
            Self::Status => kind.rules.validate_status(new, old),
            Self::Part(_) => kind.rules.validate_part(new, old),
        }
    }

    /// Fields that nobody owns by a write here.
    pub(crate) fn reset(self, kind: &Kind, object: &Value) -> FieldSet {
        match self {
            Self::Object if kind.rules.has_status() => FieldSet::of(&[&["status"]]),
            Self::Object | Self::Part(_) => FieldSet::default(),
            Self::Status => {
                let fields = object.as_object().into_iter().flatten().map(|(name, _)| name.as_str());
                let mut reset = FieldSet::default();
                for name in
                    fields.filter(|name| !matches!(*name, "apiVersion" | "kind" | "metadata" | "status"))
                {
                    reset.add(&FieldSet::of(&[&[name]]));
                }
                for field in kind.rules.status_keeps() {
                    reset.add(&FieldSet::of(&[&["metadata", field]]));
                }
                reset
            }
        }
    }
}
