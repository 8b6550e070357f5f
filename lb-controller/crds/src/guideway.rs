//! The resources of the group `guideway.dev`, version `v1alpha1`. All lie in the namespace of the controller.

pub(crate) mod backend_policy;
pub(crate) mod cluster;
pub(crate) mod forwarder;
pub(crate) mod rollout;
pub(crate) mod shard;
pub mod status;

pub use backend_policy::{BackendPolicy, HealthCheckPolicy, WeightRule};
pub use cluster::{Cluster, ClusterAccess, EndpointMode};
pub use forwarder::{Forwarder, HOSTNAME_LABEL};
pub use rollout::{OverBudget, Rollout};
pub use shard::{Members, ServiceMatch, Shard, Tenant};
