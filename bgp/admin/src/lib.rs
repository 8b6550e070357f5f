//! The admin API of bgp-speaker: the generated gRPC types. `guideway_dataplane_admin::connect` dials its socket too.
#![forbid(unsafe_code)]

/// Version 1 of the API.
#[allow(
    missing_docs,
    unused_qualifications,
    clippy::all,
    clippy::cast_possible_truncation,
    clippy::wildcard_imports
)]
pub mod v1 {
    tonic::include_proto!("guideway.bgp.v1");
}

/// Where the speaker listens unless it is told otherwise.
pub const DEFAULT_SOCKET: &str = "/run/guideway/bgp.sock";
