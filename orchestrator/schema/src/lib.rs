//! Structural schemas: what an object of a kind may hold.
//!
//! A [`Schema`] is a tree that says for each place of an object which JSON type it has and how lists and maps of it are
//! merged. Built-in kinds have theirs from [`Schema::builtin`] (committed tables, derived from the `k8s-openapi` crate),
//! custom ones from [`Schema::from_crd`], which refuses what is not structural. Both serve the same walks:
//! [`unknown_fields`](Schema::unknown_fields), [`prune`](Schema::prune), [`default`](Schema::default),
//! [`type_error`](Schema::type_error), [`normalize`](Schema::normalize), [`validate`](Schema::validate) and the merges of
//! `guideway-patch`. [`decode`] finds fields that are there twice, and [`openapi`] makes the documents for clients.
//!
//! A request's object goes through them in this order: `decode`, `type_error`, `unknown_fields`, `prune`, `normalize`,
//! `default`, and before it is stored `validate` or `validate_update`. Each is right for built-in and custom kinds.
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

pub use cause::{Cause, CauseReason, quote};
pub use decode::{DecodeError, Decoded, decode, decode_from};
pub use quantity::{Quantity, QuantityError};
pub use schema::{ListType, MapType, PatchStrategy, Schema, Type};
pub use typed::go_kind;
