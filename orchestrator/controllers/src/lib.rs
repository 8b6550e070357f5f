//! The controllers that belong to the API server, without IO: what informers have seen goes in, actions come out.
//!
//! A [`World`] holds what informers have told of a cluster. A [`Controller`] says which kinds it looks at
//! ([`Controller::interests`]), which keys a change concerns ([`Controller::concerns`]), and what is to be done about
//! one key ([`Controller::reconcile`]). It is level-triggered: nothing but the present state counts, so events may come
//! twice, late, or not at all as long as the last state comes; and a crash between any two actions is like no crash.
//! What must not be decided from a cache is asked as a [`Question`], answered from the API, and the same key is looked
//! at again with the [`Answers`].
//!
//! Time is an argument. Names are derived, not drawn, so that what is created twice is refused the second time.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod accounts;
pub mod action;
pub mod api_service;
pub mod claims;
pub mod cluster_role;
mod conditions;
pub mod controller;
pub mod definition;
pub mod disruption;
pub mod endpoints;
pub mod expiry;
pub mod gc;
mod keep;
pub mod kinds;
pub mod namespace;
pub mod object;
pub mod quota;
pub mod resource;
#[cfg(test)]
mod sim;
pub mod token;
pub mod world;

pub use action::{Action, Event, EventType, Outcome, Propagation};
pub use controller::{Answer, Answers, Controller, Failure, Interest, Observed, Question};
pub use object::{Object, ObjectError, ObjectRef, OwnerReference};
pub use resource::{GroupResource, Resource, Scope, Verbs};
pub use world::{Change, Detail, Discovery, Seen, World};
