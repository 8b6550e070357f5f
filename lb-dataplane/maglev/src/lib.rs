//! Maglev lookup tables: pure, weighted, deterministic.
//!
//! The table of Eisenbud et al., *Maglev: A Fast and Reliable Software Network Load Balancer* (NSDI '16), section 3.4:
//! each backend has a permutation of the slots, given by an offset and a skip, and the backends take turns in claiming
//! the next free slot of their permutation. What the paper leaves open is fixed here, because every forwarder must come
//! to the same table, bit for bit:
//!
//! - **Permutation.** SipHash-2-4 with 128 bits of output, keyed with the cluster's [`Seed`], over the bytes of the
//!   backend's name. The low 64 bits modulo M are the offset, the high 64 bits modulo M - 1, plus one, the skip.
//! - **Order.** Members are sorted by name (bytes); the order in which they are given is irrelevant.
//! - **Weights.** A member's quota is its weight's part of M, rounded by largest remainder (ties go to the name that
//!   sorts first), so that no share is a whole slot off. The turns are by credit: in each turn a member gains its weight
//!   and takes a slot for a full unit of the largest weight, starting with its first slot in the first turn. A member
//!   with a weight gets at least one slot, one without gets none.
//! - **Health.** [`Table::with_health`] refills the slots of members that cannot serve and leaves all others alone.
//!
//! A table says where new flows go. Where flows may still be that began under an earlier one is not its business: that is
//! kept beside it, in layers of whole tables, by `guideway-dataplane-plan`. When nothing is in doubt, the forwarder has the
//! table of this crate, slot by slot, whatever came before.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod fill;
mod hash;
mod member;
mod quota;
mod refill;
mod table;

pub use member::{Member, Seed, TableSize, Weight};
pub use table::{MEMBERS_MAX, Table, TableError, slot_counts};
