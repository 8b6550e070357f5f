//! Why a prefix is or is not announced to a peer.

use std::fmt;

use guideway_bgp_wire::Family;
use ipnet::IpNet;

use super::announcements::{Announcements, CandidateKind, VipStatus};
use super::export::Export;
use super::node::Source;
use super::settings::Drain;
use crate::route::Route;

/// What the policy makes of a prefix for a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The prefix.
    pub prefix: IpNet,
    /// Announced how, or why not.
    pub outcome: Outcome,
    /// What gave the route its attributes, in the order in which it was done. Of several rules for one value the last counts.
    pub rules: Vec<Rule>,
}

/// Announced or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// This is announced.
    Announced {
        /// The route.
        route: Box<Route>,
        /// What the prefix stands for.
        kind: CandidateKind,
        /// Whether traffic is being moved away from this prefix. That of the whole node is not told here.
        drain: Drain,
    },
    /// Nothing is.
    Refused(Refusal),
}

/// Why nothing is announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No such prefix is to be announced.
    Unknown,
    /// Only an aggregate is.
    Covered(IpNet),
    /// It was drained.
    Drained,
    /// It came and went too often.
    Damped,
    /// The session has not agreed on the family.
    Family(Family),
    /// The peer's settings name the prefixes that it may have.
    Only,
    /// There is no address that the peer could send packets to.
    NextHop(Family),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("the agent does not list it"),
            Self::Covered(aggregate) => write!(f, "only the aggregate {aggregate} is announced"),
            Self::Drained => f.write_str("it was drained"),
            Self::Damped => f.write_str("it came and went too often and is held back"),
            Self::Family(family) => write!(f, "the session has not agreed on {family}"),
            Self::Only => f.write_str("it is outside of the prefixes that this peer may have"),
            Self::NextHop(family) => write!(f, "there is no next hop for {family}"),
        }
    }
}

/// One thing that was said of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// What it sets, such as `med`.
    pub attribute: &'static str,
    /// To what.
    pub value: String,
    /// Who says so.
    pub source: Source,
}

/// What the policy makes of `prefix`, and why.
#[must_use]
pub fn explain(prefix: &IpNet, announcements: &Announcements, export: &Export) -> Explanation {
    let refused = |refusal| (Outcome::Refused(refusal), Vec::new());
    let (outcome, rules) = match announcements.status(prefix) {
        VipStatus::Unknown => refused(Refusal::Unknown),
        VipStatus::Covered(aggregate) => refused(Refusal::Covered(aggregate)),
        VipStatus::Drained => refused(Refusal::Drained),
        VipStatus::Damped => refused(Refusal::Damped),
        VipStatus::Candidate(candidate) => match export.explained(&candidate) {
            Ok((route, rules)) => (
                Outcome::Announced { route: Box::new(route), kind: candidate.kind, drain: candidate.drain },
                rules,
            ),
            Err(refusal) => refused(refusal),
        },
    };
    Explanation { prefix: *prefix, outcome, rules }
}
