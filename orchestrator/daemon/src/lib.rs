//! `orchestrator`: a Kubernetes control plane in one process.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod cli;
pub mod commands;
pub mod control;
mod descriptors;
pub mod error;
pub mod files;
pub mod kubeconfig;
pub mod log;
pub mod pki;
pub mod run;
pub mod stores;
pub mod systemd;
pub mod tls;
