//! Custom resources, MetalLB's and Guideway's own.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]
