//! Desired and installed state of the dataplane, and the plan between them.
//!
//! Everything here is pure. [`Desired`] is what configuration and health checks ask for, [`Installed`] is what the
//! kernel's maps hold (read back from them, there is no state file), and [`plan`] gives the [`Op`]s that lead from one to
//! the other, in the terms of [`guideway_abi`]. Whoever applies them needs no judgement: write in order, and wait for
//! a grace period after the last one before planning again.
//!
//! # What holds for every plan
//!
//! - Nothing that the installed generation refers to is written before [`Op::Activate`], and that is the last one. So
//!   a crash after any of them leaves the old generation or the new one, and planning again from what the maps hold
//!   then completes the work. The only exceptions are statistics, see [`Op::ZeroVipStats`], and the times for which
//!   earlier tables count, which may be longer than they were.
//! - A VIP or backend keeps its index, and with it its counters, as long as it is configured. A VIP keeps its part of the
//!   flow table as long as its size stays.
//! - A backend that may have flows of a slot stays a candidate of the slot: [`layers`].
//! - Equal [`Desired`] give equal [digests](Layout::digest) on every forwarder, whatever the order of their VIPs, sets
//!   and members and whatever was installed before.
//! - A change of health is never refused for want of room; only a new configuration can be.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod cache;
mod desired;
mod digest;
mod explain;
mod index;
mod installed;
mod key;
pub mod layers;
mod lookup;
mod memory;
#[cfg(test)]
mod model;
mod moved;
mod op;
mod plan;
mod resolved;
mod shared;
mod sources;

pub use cache::TableCache;
pub use desired::{
    BackendSet, BootTime, Desired, Earlier, Member, OuterSources, Ports, Protocol, Session, SetEncapsulation,
    Upcoming, Vip, VipKey,
};
pub use explain::{
    Candidate, Encapsulation, EntryPlace, ExplainError, Explanation, FiveTuple, Reason, Steering, explain,
};
pub use guideway_maglev::{Seed, TableError, TableSize, Weight};
pub use index::{BackendIndex, SetIndex, TableElement, VipIndex};
pub use installed::{Installed, InstalledError, MapContents, MapParts};
pub use moved::Moved;
pub use op::Op;
pub use plan::{Changes, Layout, Leaving, Limit, Outcome, Plan, PlanError, SetLayout, Usage, plan, validate};
pub use shared::Shared;
