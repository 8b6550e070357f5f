//! Rules of custom resources in CEL (`x-kubernetes-validations`).

use serde_json::Value;

use crate::{Cause, Schema, path::FieldPath};

/// A compiled rule.
pub(crate) struct Rule {}

pub(crate) fn compile(_: &Value, _: &Schema, _: &FieldPath, _: &mut Vec<Cause>) -> Vec<Rule> {
    Vec::new()
}
