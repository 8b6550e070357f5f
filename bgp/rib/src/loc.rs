//! The Loc-RIB of an aggregator: paths of many speakers, and what routers are told of them.
//!
//! ```text
//!   UPDATE, End-of-RIB, session up and down, time
//!        │
//!   LocRib ── for each prefix the paths of all speakers, with stale marks (RFC 4724, 9494, 7313)
//!        │     Aggregates: covering prefixes of the pools, and which specifics they speak for
//!        │ settle(): the prefixes that changed
//!   View ──── one for each kind of router: what it is told (RFC 4456, 7947, 7911), as changes for an update group
//!
//!   Deferral  after a start: until which moment nothing is sent (RFC 4724 section 4.1)
//! ```
//!
//! Everything here is a function of the events and their times. Two aggregators that heard the same say the same, whatever
//! the order in which they heard it: nothing is decided by what came first.

mod aggregate;
mod attributes;
mod decision;
mod deferral;
mod intern;
mod source;
mod table;
mod view;

#[cfg(test)]
mod tests;

pub use aggregate::{AggregateConfig, AggregateState};
pub use attributes::{Local, NotSent, Target, TargetKind};
pub use decision::{Candidate, Decision, decide};
pub use deferral::{Deferral, Known};
pub use source::{
    Freshness, GracefulSession, Limit, LimitAction, LongLivedFamily, Refusal, RefusedSession, Session,
    SourceKind, SpeakerId,
};
pub use table::{LimitReached, LocRib, Path, SessionEnd, Settings, SourceView};
pub use view::{Change, Paths, Specifics, Told, View, ViewTarget};
