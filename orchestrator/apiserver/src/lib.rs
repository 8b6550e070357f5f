//! The Kubernetes API over a store: one pipeline for every kind.
//!
//! A request passes, in this order: who is it (TLS certificate or token), has it a seat ([`flow`]), may it (RBAC), what is
//! it about (path and options), what does it say (body), and then one of the verbs, which are the same for every kind.
//! What differs between kinds is data of `guideway-api`.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod authenticate;
mod body;
mod call;
mod catalogue;
mod compress;
mod config;
pub mod flow;
mod health;
mod impersonate;
mod in_process;
mod leftover;
mod metrics;
mod negotiate;
mod objects;
mod other;
mod peer;
mod random;
mod read;
mod reply;
mod respond;
mod serve;
mod server;
mod show;
mod subresource;
mod until_sent;
mod value;
mod write;

pub use config::{Check, Config, Limits};
pub use in_process::InProcess;
pub use serve::ConnectionLimits;
pub use server::{ApiServer, StartError};

#[cfg(test)]
mod tests;
