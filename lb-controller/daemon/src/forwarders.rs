//! Connections of forwarders.
