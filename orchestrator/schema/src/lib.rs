//! Structural schemas: what an object of a kind may hold.
//!
//! A [`Schema`] is a tree that says for each place of an object which JSON type it has and how lists and maps of it are
//! merged. Built-in kinds have theirs from [`Schema::builtin`] (committed tables, derived from the `k8s-openapi` crate),
//! custom ones from [`Schema::from_crd`], which refuses what is not structural. Both serve the same walks:
//! [`unknown_fields`](Schema::unknown_fields), [`prune`](Schema::prune), [`default`](Schema::default),
//! [`type_errors`](Schema::type_errors), [`validate`](Schema::validate) and the merges of `guideway-patch`.
//!
//! Everything here is pure: no clock, no files, no randomness.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod builtin;
mod cause;
mod cel;
mod checks;
mod correlate;
mod crd;
mod decode;
mod formats;
pub mod openapi;
mod path;
mod pattern;
mod quantity;
mod schema;
mod typed;
mod validate;
mod walk;

pub use cause::{Cause, CauseReason};
pub use decode::{DecodeError, Decoded, decode, decode_from};
pub use quantity::{Quantity, QuantityError};
pub use schema::{ListType, MapType, PatchStrategy, Schema, Type};
