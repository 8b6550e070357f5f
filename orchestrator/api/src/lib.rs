//! What the API server knows about kinds, as data, and the words in which it answers.
//!
//! One generic pipeline serves every kind. What differs between kinds is here: the [`Registry`] with one [`Kind`] for
//! each (names, verbs, subresources, columns, selectable fields), and the [`Rules`] of those that need more than the
//! ordinary defaulting and validation. A custom resource is one more [`Kind`], made by [`Kind::from_crd`].
//!
//! The rest is what requests and answers are made of: [`path`], [`options`], [`selector`], [`continue_token`],
//! [`Status`], [`table`], [`discovery`].
//!
//! Objects are JSON values throughout. Everything here is pure: the time, random names and what else is outside are
//! arguments. Nothing panics, whatever JSON or text it is given.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod age;
pub mod continue_token;
pub mod convert;
pub mod discovery;
mod json;
mod jsonpath;
pub mod kind;
pub mod meta;
pub mod options;
pub mod path;
pub mod registry;
pub mod rules;
pub mod selector;
pub mod status;
pub mod table;

pub use guideway_schema::{Cause, CauseReason};
pub use kind::{Column, GroupVersionKind, Kind, Scope, SelectableField, Subresource, Verb, Version};
pub use registry::{Registry, Resource};
pub use rules::extension::CLEANUP_FINALIZER;
pub use rules::{Allocation, Claim, Rules};
pub use status::{Qualified, Status};
