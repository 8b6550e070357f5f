//! What the end-to-end tests share: loads, expectations and waits in terms of the lab.
//!
//! The tests need root. Each builds a lab of its own in network namespaces and removes it. They measure time and loss,
//! so they run one after the other.
#![forbid(unsafe_code)]
