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
mod endpoints;
mod index;
mod names;
mod node;
mod options;
mod placement;
mod projection;
mod resources;
mod routing;
mod service;
mod slice;
mod unit;

pub use annotations::{
    AddressRequest, AffinityChoice, Annotations, PREFIX, Problem, Weights, parse as parse_annotations,
};
pub use change::{Change, Watched};
pub use config::{DEFAULT_CLASS, Defaults, FINALIZER, IndexConfig};
pub use index::{Contact, Index, Work};
pub use names::{BadClusterName, ClusterName, MAX_CLUSTER_NAME, ObjectName};
pub use projection::{
    Condition, ConditionKind, FinalizerChange, Ingress, IpMode, Projection, ServiceEvent, ServiceStatus,
    ServiceView, Severity,
};
pub use resources::ResourceProblem;
