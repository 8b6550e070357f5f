//! Controllers, the record and forwarders, simulated in virtual time with everything that can go wrong between them.
//!
//! One to three controllers run the real [`Coordinator`](guideway_controller_rollout::Coordinator), up to fifty forwarders
//! the real [`Follower`](guideway_controller_rollout::Follower); what they ask for is done by a simulated store, network,
//! disk and dataplane. While there is trouble, messages are lost, late, repeated and reordered, processes die before any of
//! their actions and come back, forwarders and controllers cannot reach each other or the store, answers of the store are
//! lost while the write is done or comes later, several controllers believe that they were elected, clocks jump, disks and
//! dataplanes fail, operators go back and resume. After each step the [`Checker`](check::Checker) looks whether all that
//! must hold does; after the trouble everything has to come to what is wanted.
//!
//! [`Defect`] breaks one thing on purpose, to show that the checks see it.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod check;
mod defect;
pub mod scenario;
mod world;

use std::time::Instant;

pub use check::Violation;
pub use defect::Defect;
pub use scenario::Scenario;
pub use world::{Score, Trace};

/// Plays one scenario; `start` is any moment.
///
/// # Errors
///
/// What does not hold.
pub fn play(scenario: &Scenario, start: Instant, trace: Trace) -> Result<Score, Violation> {
    world::World::new(scenario.clone(), start, trace).run()
}
