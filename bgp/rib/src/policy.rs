//! What is announced to whom, and how.
//!
//! [`Announcements`] makes prefixes of the VIPs: the VIPs themselves and the aggregates of their pools. An [`Export`] makes
//! a [`crate::Route`] of each for one kind of peer, from what is set for the node, the pool, the VIP and the peer.

mod announcements;
mod explain;
mod export;
mod longest;
mod node;
mod settings;
#[cfg(test)]
mod tests;

pub use announcements::{Announcements, Candidate, CandidateKind, Vip, VipStatus};
pub use explain::{Explanation, Outcome, Refusal, Rule, explain};
pub use export::{Export, ExportSession, NodeState};
pub use node::{Node, Source};
pub use settings::{
    Aggregation, Drain, LinkBandwidth, NodeExport, PeerExport, Pool, RouteSettings, Specifics,
};
