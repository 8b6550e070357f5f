//! POST, PUT, PATCH and DELETE of objects.
//!
//! All of them make a next state of an object from what the client sent, look at it, and put it into the store on the
//! condition that nothing has changed meanwhile.

mod certificate;
mod change;
mod claims;
mod collection;
mod commit;
mod create;
mod delete;
mod door;
mod incoming;
mod patch;
mod update;

pub(crate) use change::{Change, Made};
pub(crate) use collection::delete_collection;
pub(crate) use create::{create, create_object};
pub(crate) use delete::{delete, delete_object};
pub(crate) use door::Door;
pub(crate) use incoming::{Expected, fields_are_known, incoming};
pub(crate) use patch::{not_applied, patch, patched, refused};
pub(crate) use update::{update, update_through};
