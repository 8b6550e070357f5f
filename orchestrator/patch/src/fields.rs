//! Sets of fields (`FieldsV1`).
//!
//! A set is a tree of [path elements](PathElement). JSON text of it: an object whose keys are `f:name` for a field,
//! `k:{...}` for an element of a list by its keys, `v:...` by its value, `i:3` by its place, and `.` for the place itself.

mod element;
mod set;

pub use element::PathElement;
pub use set::{FieldSet, FieldsError};
