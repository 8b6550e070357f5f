//! Metrics of peers.
