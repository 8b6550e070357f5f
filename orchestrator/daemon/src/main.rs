//! `orchestrator`: a Kubernetes control plane in one process.
#![forbid(unsafe_code)]

fn main() {}
