//! What the leader and a forwarder tell each other, whatever carries it.
//!
//! A forwarder's name is what its certificate says, so that no message has one.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use guideway_dataplane_config::{BackendSet, Seed};

use crate::{Delta, Digest, Generation, SetName, Term, VipName};

/// Sets of one [`ToForwarder::Past`].
pub const MAX_PAST_SETS: usize = 1 << 16;
/// How long ago a [`PastSet`] was replaced, at most: more than any drain window.
pub const MAX_PAST_AGO: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// From the leader to a forwarder. A forwarder answers [`FromForwarder::Stale`] to a lower term than the highest that it has
/// seen, and does nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToForwarder {
    /// Build this generation beside the installed one. A delta without a base is a whole content.
    Prepare {
        /// The leader's.
        term: Term,
        /// To be prepared.
        generation: Generation,
        /// What it is.
        delta: Arc<Delta>,
    },
    /// Install what was prepared.
    Commit {
        /// The leader's.
        term: Term,
        /// To be installed.
        generation: Generation,
        /// Its digest.
        digest: Digest,
    },
    /// Forget what was prepared.
    Abort {
        /// The leader's.
        term: Term,
        /// To be forgotten.
        generation: Generation,
    },
    /// A generation is committed that you do not have: withdraw all VIPs until it is installed. The commit of the installed
    /// generation ends it, when that one is not older.
    Fence {
        /// The leader's.
        term: Term,
        /// What is committed.
        generation: Generation,
        /// For people.
        reason: String,
    },
    /// The leader lives.
    Keepalive {
        /// The leader's.
        term: Term,
    },
    /// Send the content of a generation that you keep.
    SendContent {
        /// The leader's.
        term: Term,
        /// Which one.
        generation: Generation,
    },
    /// How to stay in touch.
    Touch {
        /// The leader's.
        term: Term,
        /// After how much silence the connection is to be taken for cut.
        silence: Duration,
        /// Other forwarders through which controllers are reached when there is no way of one's own.
        relays: BTreeSet<SocketAddr>,
    },
    /// What sets were before, as far as drain windows reach; for a forwarder that does not know. It takes the place of what
    /// was said of that before.
    Past {
        /// The leader's.
        term: Term,
        /// In the order in which they were replaced, oldest first.
        sets: Arc<Vec<PastSet>>,
    },
}

/// A set as it was. What decides about its tables was replaced since then: flows that are looked after may be on backends
/// that only these tables have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastSet {
    /// What it was.
    pub set: Arc<BackendSet>,
    /// Places of backends in it that at least one forwarder took for dead, ascending.
    pub unhealthy: Vec<u32>,
    /// By which its table was made and flows found their slots.
    pub seed: Seed,
    /// Since the next one took its place.
    pub ago: Duration,
}

impl ToForwarder {
    /// The leader's term.
    #[must_use]
    pub const fn term(&self) -> Term {
        match self {
            Self::Prepare { term, .. }
            | Self::Commit { term, .. }
            | Self::Abort { term, .. }
            | Self::Fence { term, .. }
            | Self::Keepalive { term }
            | Self::SendContent { term, .. }
            | Self::Touch { term, .. }
            | Self::Past { term, .. } => *term,
        }
    }
}

/// From a forwarder to the leader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromForwarder {
    /// The first message of a connection, and only that.
    Hello(Hello),
    /// It can be installed.
    Prepared {
        /// Which one.
        generation: Generation,
        /// Its digest.
        digest: Digest,
        /// What it would cost here.
        cost: Cost,
    },
    /// It cannot be installed here.
    Refused {
        /// Which one.
        generation: Generation,
        /// Why, for people.
        errors: Vec<String>,
    },
    /// It is installed.
    Committed {
        /// Which one.
        generation: Generation,
        /// Its digest.
        digest: Digest,
        /// The dataplane's own number of what it installed.
        installed: u64,
    },
    /// The base of the delta is not here: send the whole.
    Missing {
        /// Which one cannot be prepared.
        generation: Generation,
    },
    /// All VIPs are withdrawn, until a [`Self::Committed`].
    Fenced {
        /// The generation without which they stay so.
        generation: Generation,
        /// For people.
        reason: String,
    },
    /// A message had a lower term than one before.
    Stale {
        /// The highest term seen.
        highest: Term,
    },
    /// The answer to [`ToForwarder::SendContent`].
    Content {
        /// Which one.
        generation: Generation,
        /// The whole of it; `None`: it is not kept here.
        content: Option<Arc<Delta>>,
    },
    /// What it sees.
    Report(Report),
    /// The forwarder lives, and what it has now: whatever was lost before, this says it.
    Keepalive(Standing),
}

/// What a forwarder has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// What it serves.
    pub committed: Option<(Generation, Digest)>,
    /// What it could install.
    pub prepared: Option<(Generation, Digest)>,
    /// Of the messages that it has obeyed.
    pub highest_term: Term,
    /// Whether it has withdrawn its VIPs.
    pub fenced: bool,
}

/// Who a forwarder is and what it has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hello {
    /// Of its program.
    pub version: String,
    /// What it has.
    pub standing: Standing,
    /// Earlier generations that it can send, oldest first, and when they were installed.
    pub kept: Vec<(Generation, Digest, SystemTime)>,
    /// For selectors.
    pub labels: BTreeMap<String, String>,
    /// Its failure domain.
    pub zone: Option<String>,
    /// By which others reach it.
    pub addresses: BTreeSet<IpAddr>,
    /// Where it passes connections of other forwarders on to controllers.
    pub relays: BTreeSet<SocketAddr>,
    /// What it has room for.
    pub room: Room,
}

/// What a forwarder has room for; zero: it does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// VIPs.
    pub vips: u32,
    /// Backends.
    pub backends: u32,
    /// Entries of the flow table.
    pub flows: u32,
}

/// What a generation would cost a forwarder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Slots of lookup tables that change their owner.
    pub moved: u64,
    /// Of those, from a backend that lives.
    pub at_risk: u64,
    /// Flows that are in such slots, as far as the forwarder knows.
    pub flows_at_risk: u64,
}

/// What a forwarder sees.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Whether VIPs that are not named are as they were reported before, or gone.
    pub scope: ReportScope,
    /// The dataplane's own number of what it has installed.
    pub installed: u64,
    /// Its VIPs.
    pub vips: Vec<VipReport>,
    /// Backend sets, as far as there is something to say: whoever is not named is as before, or in a report of
    /// [everything](ReportScope::Whole) has no dead backends.
    pub sets: Vec<SetReport>,
    /// Since the program was loaded.
    pub counters: Counters,
}

/// How much a report says about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReportScope {
    /// All VIPs.
    #[default]
    Whole,
    /// Those that changed since the last report.
    Changes,
}

/// A VIP of a forwarder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VipReport {
    /// Which one.
    pub name: VipName,
    /// Whether the forwarder announces it.
    pub announced: bool,
    /// Backends that are healthy.
    pub healthy: u32,
    /// Backends of its set.
    pub backends: u32,
}

/// A backend set of a forwarder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetReport {
    /// Which one.
    pub name: SetName,
    /// Names of the backends that its checks have found dead; those that are still being checked for the first time are not
    /// among them.
    pub unhealthy: BTreeSet<String>,
}

/// Of all VIPs of a forwarder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Packets forwarded.
    pub packets: u64,
    /// Octets forwarded.
    pub octets: u64,
    /// Packets dropped.
    pub dropped: u64,
    /// Entries of the flow table in use.
    pub flows: u64,
}
