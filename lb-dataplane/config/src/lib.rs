//! The configuration file of lb-dataplane: YAML (or JSON, which is YAML) parsed once into typed units.
//!
//! [`Config::parse`] is the way to a [`Config`], so a `Config` holds valid values only and nothing that uses one
//! checks again. What a controller gives in place of the file's services comes in by [`Config::with_services`], which
//! checks it likewise. A refused file is answered with *every* error that it has, each with file, line, column, field and
//! reason. The crate does no IO and reads no clock.
//!
//! How it works: the YAML events become a tree of nodes that keep their position and their raw text
//! (`tree`), the sections walk the tree and collect what is wrong (`read`, `parse`), and what single fields
//! accept is in `units`.
//!
//! ```
//! use guideway_dataplane_config::Config;
//!
//! let errors = Config::parse("lb.yaml", "seed: 42\ninterfaces: [{name: up0}]\nvip: []\n").unwrap_err();
//! let lines: Vec<String> = errors.problems().iter().map(ToString::to_string).collect();
//! assert_eq!(lines[0], "lb.yaml:1:7: seed: \"42\" has 2 characters: write 32 hexadecimal digits (128 bits)");
//! assert_eq!(lines[1], "lb.yaml:3:1: vip: unknown field, did you mean `vips`?");
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod config;
mod error;
mod parse;
mod read;
mod services;
mod sink;
mod suggest;
#[cfg(test)]
mod tests;
mod tree;
mod types;
mod units;

pub use config::{Config, MAX_FILE_BYTES};
pub use error::{ConfigErrors, Problem};
pub use services::{ServiceError, Services, Subject, check_pool, check_set, check_vip};
pub use types::{
    Admin, Affinity, Backend, BackendSet, BitRate, Controller, ControllerAddress, Encapsulation,
    EncapsulationKind, HealthCheck, Interface, InterfaceName, Limits, MacAddress, Metrics, NextHop, Ports,
    Probe, Protocol, Seed, TableSize, Vip, XdpMode,
};
