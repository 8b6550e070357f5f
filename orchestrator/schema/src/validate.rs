//! Whether values are what a schema allows.

use serde_json::Value;

use crate::{Cause, Schema};

impl Schema {
    /// The first value of a built-in kind's object that has the wrong JSON type, in the words of Go's decoder, which is
    /// what Kubernetes answers (400): `json: cannot unmarshal string into Go struct field ...`.
    pub fn type_error(&self, _object: &Value) -> Option<String> {
        None
    }

    /// Gives a built-in kind's object the form in which Kubernetes stores and answers it: no nulls, quantities as text.
    /// Custom resources stay as they are.
    pub fn normalize(&self, _object: &mut Value) {}

    /// Everything in an object that the schema does not allow, rules (CEL) included.
    pub fn validate(&self, _object: &Value) -> Vec<Cause> {
        Vec::new()
    }

    /// The same for an object that takes the place of another one: transition rules compare them.
    pub fn validate_update(&self, _new: &Value, _old: &Value) -> Vec<Cause> {
        Vec::new()
    }
}
