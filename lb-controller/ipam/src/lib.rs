//! Addresses of Services from pools, as users of MetalLB know it.
//!
//! An [`Ipam`] knows the [`Pool`]s and who holds what. A [`Claim`] says what one Service wants; it gets an [`Allocation`]
//! or one [`Refusal`] that says why not. The crate does no IO, reads no clock and draws no lots.
//!
//! # Which addresses
//!
//! 1. What the Service **holds** already, in this [`Ipam`] or by its [`Claim::recorded`] addresses (the status of the
//!    Service is the record), as long as nothing that its owner wants contradicts it: a changed pool, namespace or
//!    selector takes no address away from a Service. [`Standing`] tells of an address that no pool would give now.
//! 2. What it **requests** by address, each from a pool that admits the Service; all of them or none.
//! 3. One for each family from the pool that it requests by name, else from the first pool that admits it, assigns by
//!    itself and has one free: pools with an [`Admission`] by priority (0 is the last), then those for everybody;
//!    by name among equals. An address of the same sharing key goes before a free one, the lowest before higher ones.
//!
//! Two Services have one address only with the same sharing key within one cluster, no port of one protocol in common, and
//! either both without `externalTrafficPolicy: Local` or with the same backends.
//!
//! # Order
//!
//! [`Ipam::claim_all`] gives the same whatever the order of its claims: records come first, then requested addresses, then
//! the rest, by [`ServiceKey`]. So a restart that claims everything with its records changes nothing.
//!
//! # Two records of one address
//!
//! The older Service has it ([`Age`]), whichever is seen first and however often this is restarted; the younger one claims
//! another one ([`Ipam::displaced`]).
//!
//! # What is given back
//!
//! An address that was given back leaves: forwarders still serve it. It is free for others when the content without it is
//! committed: [`Ipam::mark`] when a content is made, [`Ipam::withdrawn`] with that mark when it is committed.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod claim;
mod free;
mod held;
mod ipam;
mod pool;
mod ports;
mod refusal;
mod selector;
mod steps;

pub use claim::{
    Age, Allocation, Assigned, Claim, Families, Family, MAX_REQUESTED, RecordedBy, ServiceKey, Standing,
};
pub use ipam::{Ipam, Mark, PoolUse, ReservedBy};
pub use pool::{AddressRange, Admission, AutoAssign, BuggyAddresses, Pool, PoolProblem, RangeError};
pub use refusal::{NoSharing, Refusal};
pub use selector::{Labels, Operator, Requirement, Selector};
