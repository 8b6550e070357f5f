//! JSON patch (RFC 6902) and JSON merge patch (RFC 7386).

use serde_json::Value;

use crate::PatchError;

/// Most operations in a JSON patch.
pub const MAX_OPERATIONS: usize = 10_000;
/// Most bytes (as JSON text) that the `copy` operations of one patch may add.
pub const MAX_COPIED_BYTES: usize = 3 << 20;
/// Deepest nesting of a patched object, which is what the JSON parser takes too.
pub const MAX_DEPTH: usize = 128;

/// Applies a JSON patch.
///
/// # Errors
/// See [`PatchError`].
pub fn json_patch(_object: &Value, _patch: &[u8]) -> Result<Value, PatchError> {
    Err(PatchError::Malformed(String::new()))
}

/// Applies a JSON merge patch.
///
/// # Errors
/// If `patch` is no JSON object.
pub fn merge_patch(_object: &Value, _patch: &[u8]) -> Result<Value, PatchError> {
    Err(PatchError::Malformed(String::new()))
}
