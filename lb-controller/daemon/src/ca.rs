//! Certificates of forwarders.
