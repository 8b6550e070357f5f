//! From Services of many clusters to one content: a projection.
//!
//! The index is told what changes in the clusters and in Guideway's own objects, and answers with the content that
//! all forwarders should have and with what is to be written to the Services. It is pure: the daemon around it watches
//! and writes, the tests here have no API server.
//!
//! The rules that it keeps are in docs/controller-services.md.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod annotations;
mod change;
mod config;
mod names;
mod node;
mod projection;
mod service;
mod slice;

pub use annotations::{
    AddressRequest, AffinityChoice, Annotations, PREFIX, Problem, Weights, parse as parse_annotations,
};
pub use change::{Change, ResourceKind};
pub use config::{DEFAULT_CLASS, Defaults, FINALIZER, IndexConfig};
pub use names::{BadClusterName, ClusterName, MAX_CLUSTER_NAME, ObjectName};
pub use projection::{
    Condition, ConditionKind, FinalizerChange, Ingress, IpMode, Projection, ServiceEvent, ServiceStatus,
    ServiceView, Severity,
};
