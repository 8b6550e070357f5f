//! What the controller writes back: the `status` of the resources, as JSON with Kubernetes' way of naming.
//!
//! Moments are RFC 3339 texts: who has a clock makes them.

use serde::{Deserialize, Serialize};

use crate::fields::{Field, Fields, ListKind, Shape};
use crate::formats::Format;

/// A condition in Kubernetes' form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What is said, as in `Reachable`.
    pub r#type: String,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// One word in camel case.
    pub reason: String,
    /// For people; at most 32768 characters.
    pub message: String,
    /// The generation of the specification that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// When `status` changed last.
    pub last_transition_time: String,
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConditionStatus {
    /// It does.
    True,
    /// It does not.
    False,
    /// Nobody can tell.
    Unknown,
}

/// Of every kind: the specification was read and is in force; when `False`, the message has every field error.
pub const VALID: &str = "Valid";
/// Of a Cluster: its API answers. While it is `False`, what was known last is served.
pub const REACHABLE: &str = "Reachable";
/// Of a Cluster: everything has been listed once since the controller started.
pub const SYNCED: &str = "Synced";
/// Of a Forwarder: it has a connection to the controller.
pub const CONNECTED: &str = "Connected";
/// Of a Forwarder: it serves the committed generation. While it is `False`, it announces nothing, unless no controller
/// has told it so.
pub const CURRENT: &str = "Current";
/// Of a Shard: it has a connected forwarder that serves the committed generation.
pub const AVAILABLE: &str = "Available";

/// Most ranges of addresses that the status of a Cluster has.
pub const MOST_RANGES: usize = 1000;

/// The status of a Cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterStatus {
    /// [`VALID`], [`REACHABLE`], [`SYNCED`].
    pub conditions: Vec<Condition>,
    /// Services that are served.
    pub services: u32,
    /// When its API answered last, while it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_contact: Option<String>,
    /// Of its API server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Addresses that its Services hold, `first-last`; `None`: nobody knows them, or they are more than [`MOST_RANGES`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub addresses: Option<Vec<String>>,
}

/// The status of a Forwarder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ForwarderStatus {
    /// [`VALID`], [`CONNECTED`], [`CURRENT`].
    pub conditions: Vec<Condition>,
    /// Of lb-dataplane.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The generation that it serves; 0: none.
    pub generation: u64,
    /// Over what it serves, 64 hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// VIPs that it announces.
    pub vips: u32,
    /// When it said something last, while it is away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_contact: Option<String>,
}

/// The status of a Shard.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ShardStatus {
    /// [`VALID`], [`AVAILABLE`].
    pub conditions: Vec<Condition>,
    /// Forwarders that announce its VIPs; with shuffle sharding, of any tenant.
    pub forwarders: Vec<String>,
    /// VIPs in it.
    pub vips: u32,
    /// Tenants that it has forwarders chosen for.
    pub tenants: u32,
}

/// The status of every other kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PlainStatus {
    /// [`VALID`].
    pub conditions: Vec<Condition>,
}

/// The status of a Rollout: the record of generations. A leader writes it by compare-and-swap only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RolloutStatus {
    /// Of others: `lbctl generations` tells how a Rollout is. Every write of the record would meet those of a second writer.
    pub conditions: Vec<Condition>,
    /// What has been decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<RolloutRecord>,
    /// The last committed generations, latest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<CommittedGeneration>,
}

/// What has been decided.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RolloutRecord {
    /// Of the leader that wrote it; only grows.
    pub term: u64,
    /// Who that was.
    pub leader: String,
    /// The highest generation that may have been proposed; none is used twice.
    pub proposed: u64,
    /// What forwarders are to serve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub committed: Option<GenerationStamp>,
    /// Nothing further is committed, because an operator went back to this generation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rolled_back_to: Option<u64>,
}

/// A generation and what it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GenerationStamp {
    /// Its number.
    pub generation: u64,
    /// Over its content, 64 hexadecimal digits.
    pub digest: String,
}

/// A generation that was committed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommittedGeneration {
    /// Its number.
    pub generation: u64,
    /// Over its content, 64 hexadecimal digits.
    pub digest: String,
    /// When.
    pub committed_at: String,
}

pub(crate) const COUNT: Shape = Shape::Number(0, i64::MAX);

const CONDITION: Fields = Fields {
    fields: &[
        Field::required("type", Shape::Text(Format::Plain(316)), "What is said."),
        Field::required("status", Shape::Word(&["True", "False", "Unknown"]), "Whether it holds."),
        Field::required("reason", Shape::Text(Format::Plain(1024)), "One word."),
        Field::required("message", Shape::MaybeText(Format::Plain(32_768)), "For people."),
        Field::optional("observedGeneration", COUNT, "The generation of the specification that it is about."),
        Field::required("lastTransitionTime", Shape::Text(Format::Moment), "When the status changed last."),
    ],
    rules: &[],
};

pub(crate) const CONDITIONS: Field = Field::optional(
    "conditions",
    Shape::List { of: &Shape::Object(&CONDITION), min: 0, max: 32, kind: ListKind::Map("type") },
    "How it is.",
);

const STAMP: Fields = Fields {
    fields: &[
        Field::required("generation", COUNT, "Its number."),
        Field::required("digest", Shape::Text(Format::Digest), "Over its content."),
    ],
    rules: &[],
};

/// The fields of [`RolloutRecord`].
const RECORD: Fields = Fields {
    fields: &[
        Field::required("term", COUNT, "Of the leader that wrote it; only grows."),
        Field::required("leader", Shape::MaybeText(Format::Plain(253)), "Who that was."),
        Field::required("proposed", COUNT, "The highest generation that may have been proposed."),
        Field::optional("committed", Shape::Object(&STAMP), "What forwarders are to serve."),
        Field::optional(
            "rolledBackTo",
            COUNT,
            "Nothing further is committed, because an operator went back to this generation: `lbctl resume` ends it.",
        ),
    ],
    rules: &[],
};

const COMMITTED_GENERATION: Fields = Fields {
    fields: &[
        Field::required("generation", COUNT, "Its number."),
        Field::required("digest", Shape::Text(Format::Digest), "Over its content."),
        Field::required("committedAt", Shape::Text(Format::Moment), "When."),
    ],
    rules: &[],
};

pub(crate) const ROLLOUT: Fields = Fields {
    fields: &[
        CONDITIONS,
        Field::optional("record", Shape::Object(&RECORD), "What has been decided."),
        Field::optional(
            "history",
            Shape::List {
                of: &Shape::Object(&COMMITTED_GENERATION),
                min: 0,
                max: 100,
                kind: ListKind::Atomic,
            },
            "The last committed generations, latest first.",
        ),
    ],
    rules: &[],
};
