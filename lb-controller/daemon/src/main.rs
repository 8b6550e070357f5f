//! The controller.
#![forbid(unsafe_code)]

fn main() {}
