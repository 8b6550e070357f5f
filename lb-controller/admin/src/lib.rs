//! The admin API of lb-controller: the generated gRPC types. A client dials its Unix socket.
#![forbid(unsafe_code)]

/// Version 1.
#[allow(
    missing_docs,
    unused_qualifications,
    clippy::all,
    clippy::cast_possible_truncation,
    clippy::wildcard_imports
)]
pub mod v1 {
    tonic::include_proto!("guideway.controller.admin.v1");
}

/// Where lb-controller listens unless it is told otherwise.
pub const DEFAULT_SOCKET: &str = "/run/guideway/controller.sock";
