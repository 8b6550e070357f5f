//! What should happen to a packet: `docs/forwarding.md` once more, as plain and slow code.
//!
//! It shares nothing with the programs nor with the planner but the names of the counters. A [`World`] holds what an
//! operator configured and what the planner chose (which backend a slot has, where a VIP's flow entries lie); the VIPs are
//! searched one by one, tables are plain lists. [`forward`] gives verdict, frame, counters and the flow table's change.
//!
//! No clock is read here and nothing is random: the time is an argument.
#![forbid(unsafe_code)]

mod choice;
mod encapsulation;
mod fib;
mod flow_table;
mod forward;
mod hash;
mod lookup;
mod parse;
mod world;

pub use choice::candidates;
pub use fib::{Fib, Interface, Route};
pub use flow_table::{FlowTable, Place, WAYS};
pub use forward::{Outcome, Verdict, forward};
pub use hash::{Flow, FlowKey, flow_hash, tag};
pub use lookup::{Found, find, is_for};
pub use parse::{Broken, Packet, Parsed, parse};
pub use world::{
    Backend, Encapsulation, LEGS, Leg, PreviousTable, Region, SecondHop, Session, Set, State, UNSETTLED, Vip,
    World,
};
