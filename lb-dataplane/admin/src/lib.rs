//! The admin APIs of the two agents of the dataplane, on forwarders and on workload nodes: the generated gRPC types and
//! a client that dials an agent's Unix socket.
#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tonic::transport::{Channel, Endpoint, Error, Uri};

/// Version 1 of the API of lb-dataplane.
#[allow(
    missing_docs,
    unused_qualifications,
    clippy::all,
    clippy::cast_possible_truncation,
    clippy::wildcard_imports
)]
pub mod v1 {
    tonic::include_proto!("guideway.dataplane.v1");
}

/// The API of lb-decap.
pub mod decap {
    /// Version 1.
    #[allow(
        missing_docs,
        unused_qualifications,
        clippy::all,
        clippy::cast_possible_truncation,
        clippy::wildcard_imports
    )]
    pub mod v1 {
        tonic::include_proto!("guideway.decap.v1");
    }

    /// Where lb-decap listens unless it is told otherwise.
    pub const DEFAULT_SOCKET: &str = "/run/guideway/decap.sock";
}

/// Where lb-dataplane listens unless it is told otherwise.
pub const DEFAULT_SOCKET: &str = "/run/guideway/dataplane.sock";

/// How often a connection asks whether the other side still lives, and how long that may take to answer: a daemon that
/// hangs keeps its socket open. (A call that only receives counts as idle, so idle connections ask too.)
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// Opens a gRPC channel to the Unix socket at `path`.
///
/// # Errors
///
/// When nothing listens there or the caller may not open it.
pub async fn connect(path: impl Into<PathBuf>) -> Result<Channel, Error> {
    let path = path.into();
    // The URI is required by the transport and never dialled.
    Endpoint::from_static("http://unix.invalid")
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE)
        .keep_alive_while_idle(true)
        .connect_with_connector(tower::service_fn(move |_: Uri| {
            let path = path.clone();
            async move { UnixStream::connect(path).await.map(TokioIo::new) }
        }))
        .await
}
