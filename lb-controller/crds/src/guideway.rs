//! The resources of the group `guideway.dev`, version `v1alpha1`. All lie in the namespace of the controller.

mod backend_policy;
mod cluster;
mod forwarder;
mod rollout;
mod shard;
pub mod status;

pub use backend_policy::{BackendPolicy, HealthCheckPolicy, WeightRule};
pub use cluster::{Cluster, ClusterAccess, EndpointMode};
pub use forwarder::Forwarder;
pub use rollout::{OverBudget, Rollout};
pub use shard::{Members, ServiceMatch, Shard, Tenant};
