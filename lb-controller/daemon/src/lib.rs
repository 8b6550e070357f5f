//! lb-controller: Services of many clusters become one configuration of all forwarders.
//!
//! The cores are crates without IO; this one moves what they say.
//!
//! | task | how many | does |
//! |---|---|---|
//! | source | 1 for each kind of each cluster, 1 for the static file | lists and watches, gives changes to the projector |
//! | clusters | 1 | starts and stops the sources of workload clusters |
//! | projector | 1 | feeds the index, projects, gives the content to the driver and statuses to the writer |
//! | election | 1, with Kubernetes | holds the Lease; tells driver and projector who leads |
//! | driver | 1 | owns the coordinator of the rollout; reads and writes the record |
//! | forwarder | 1 for each connection | carries messages between a forwarder and the driver |
//! | status writer | 1 for each cluster | writes statuses, finalizers and Events back |
//! | admin, metrics | 1 each | answer lbctl, Prometheus and probes |
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod admin;
mod ca;
pub mod cli;
pub mod config;
mod election;
mod files;
mod forwarders;
mod metrics;
mod project;
mod record;
mod rollout;
pub mod run;
mod sources;
mod state;
mod status;
