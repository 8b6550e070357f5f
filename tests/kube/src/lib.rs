//! The orchestrator's API server against the real clients of Kubernetes.
//!
//! [`Server`] is a running `orchestrator server` with a data folder of its own, [`kubectl`] finds the kubectl binaries of the
//! machine, and [`Script`] is a file of commands with what they must print.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod etcd;
pub mod history;
pub mod kubectl;
mod script;
mod server;

pub use etcd::Etcd;
pub use guideway_lab::free_port;
pub use kubectl::Kubectl;
pub use script::{Difference, Script};
pub use server::Server;
