//! `application/vnd.kubernetes.protobuf` bodies to JSON.
//!
//! kubectl sends what it makes itself (`create deployment`, `autoscale`, `auth can-i`, ...) as protobuf. [`decode`] turns
//! such a body into the JSON that the same client would have sent, by a table of all messages that is derived from the
//! `k8s-pb` crate. Nothing is encoded here: every client takes JSON answers.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod envelope;
mod error;
mod message;
mod special;
mod table;
#[cfg(test)]
mod tests;
mod wire;

pub use error::DecodeError;
use serde_json::Value;

/// Content type of the bodies that [`decode`] takes.
pub const CONTENT_TYPE: &str = "application/vnd.kubernetes.protobuf";

/// Decodes a body: `k8s\0`, then a message that says `apiVersion` and `kind` and holds the object.
///
/// The result has `apiVersion` and `kind`.
///
/// # Errors
/// See [`DecodeError`]; a kind that the table does not hold is [`DecodeError::UnknownKind`].
pub fn decode(body: &[u8]) -> Result<Value, DecodeError> {
    envelope::open(body, &mut message::Bounds::new())
}

/// What a client in Go sends for an object of a kind in which nothing is set: parts that are no pointers, zeros and nulls
/// that are never left out (`{"spec": {"containers": null}, "status": {}, ...}`). `None` for kinds that the table does not
/// hold.
#[must_use]
pub fn unset(api_version: &str, kind: &str) -> Option<Value> {
    let mut object = serde_json::Map::new();
    message::fields(table::exact(api_version, kind)?, &[], &mut object, &mut message::Bounds::new()).ok()?;
    Some(Value::Object(object))
}
