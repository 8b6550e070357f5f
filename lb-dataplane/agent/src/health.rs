//! Health checks: one probe per distinct (backend address, check), however many backend sets share it.
//!
//! [`state`] decides from probe results what a backend's health is; it is pure. [`probe`] does one probe. [`Checker`]
//! runs the probes and shows, at any moment, the health of each; whoever acts on health reads the whole of it when it
//! is woken, so that no change can be missed.

mod checker;
pub mod probe;
mod schedule;
pub mod state;

pub use checker::{Checker, Observer, ProbeKey, ProbeOutcome, ProbeStatus, Prober, Probing, by_socket};
pub use state::{Health, Thresholds};
