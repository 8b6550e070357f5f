//! The ways in which a client changes a part of an object, and who owns which field of it.
//!
//! Four kinds of patch: [`json_patch()`] (RFC 6902), [`merge_patch`] (RFC 7386), [`strategic_merge`] (Kubernetes' own, by
//! the schema's merge keys) and [`apply`] (server-side apply). Every write passes [`managed`], which keeps
//! `metadata.managedFields`: for each manager the [set of fields](fields::FieldSet) that it set.
//!
//! Everything here is pure: the time is an argument, nothing is read or written.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod apply;
mod error;
pub mod fields;
mod json;
pub mod managed;
mod strategic;
#[cfg(test)]
mod tests;
mod tree;

pub use error::PatchError;
pub use json::{MAX_COPIED_BYTES, MAX_DEPTH, MAX_OPERATIONS, json_patch, merge_patch};
pub use strategic::strategic_merge;
