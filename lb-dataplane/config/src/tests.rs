//! Whole files: good ones, bad ones, random ones, and the reference that documents them.

mod bad;
mod good;
mod random;
mod reference;
mod services;

use crate::Config;

/// The smallest file that serves something.
const SMALL: &str = "\
seed: 000102030405060708090a0b0c0d0e0f
interfaces: [{name: up0}]
backend_sets:
  - {name: web, backends: [{name: be1, address: 10.1.11.2}]}
vips:
  - {name: web-v4, address: 203.0.113.10, port: 80, protocol: tcp, backend_set: web}
";

const EXAMPLE: &str = include_str!("../../../deploy/examples/lb-dataplane.yaml");
const CONTROLLER_EXAMPLE: &str = include_str!("../../../deploy/examples/lb-dataplane-controller.yaml");

/// The error lines of a file; none when it is accepted.
fn errors(text: &str) -> Vec<String> {
    match Config::parse("f.yaml", text) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.problems().iter().map(ToString::to_string).collect(),
    }
}
