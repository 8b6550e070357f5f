//! The APIs of the BGP daemons and of lb-bfd: the generated gRPC types. `guideway_dataplane_admin::connect` dials their
//! sockets too.
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

/// The API of lb-bfd.
pub mod bfd {
    /// Version 1.
    #[allow(
        missing_docs,
        unused_qualifications,
        clippy::all,
        clippy::cast_possible_truncation,
        clippy::wildcard_imports
    )]
    pub mod v1 {
        tonic::include_proto!("guideway.bfd.v1");
    }

    /// Where lb-bfd listens unless it is told otherwise.
    pub const DEFAULT_SOCKET: &str = "/run/guideway/bfd.sock";
}
