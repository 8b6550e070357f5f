//! Who may do what with the cluster's objects: who a client is ([`certificate`], [`token`]), what it may do ([`rbac`],
//! [`authorize`], [`review`]), and what happens to its objects before they are stored ([`admission`], [`quota`]).
//!
//! Everything here is pure: time, random text and the other objects of the cluster ([`Objects`]) are arguments.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod admission;
mod authorize;
pub mod certificate;
mod identity;
mod json;
mod node;
mod objects;
pub mod quota;
pub mod rbac;
mod refusal;
mod resources;
pub mod review;
pub mod token;

use guideway_api::Status;

pub use authorize::{authorize, require};
pub use identity::{ANONYMOUS, AUTHENTICATED, Identity, MASTERS, NODES, UNAUTHENTICATED, service_account_of};
pub use objects::Objects;
