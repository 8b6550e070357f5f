//! Schemas of custom resources.

use serde_json::Value;

use crate::{Cause, Schema};

impl Schema {
    /// The schema that a custom resource definition gives for a version (`spec.versions[].schema.openAPIV3Schema`).
    /// `field` is its path in the definition, with which the causes begin.
    ///
    /// # Errors
    /// Each rule of structural schemas that it breaks.
    pub fn from_crd(_schema: &Value, _field: &str) -> Result<Self, Vec<Cause>> {
        Ok(Self(std::sync::Arc::default()))
    }
}
