//! One probe of one backend: a TCP connection, or an HTTP/1.1 GET over one.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Body, Bytes};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST, USER_AGENT};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::Instant;

/// The head of a response may have this many bytes.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// This much of a body is read, so that the server can end its answer in order; the rest is thrown away unread.
const BODY_BYTES_MAX: u64 = 64 * 1024;

/// What a probe does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Probe {
    /// Opens a connection and closes it.
    Tcp,
    /// Sends a GET and looks at the status. Redirects are not followed: a status of 302 is just a status.
    Http(HttpProbe),
}

/// The request and the answers that are as they should be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HttpProbe {
    /// Path and query.
    pub path: String,
    /// The `Host` field; the backend's address and port when there is none.
    pub host: Option<String>,
    /// Status codes that pass.
    pub expect: RangeInclusive<u16>,
}

/// A probe that passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Passed {
    /// Connected after this long.
    Connected(Duration),
    /// Answered with this status after this long.
    Answered {
        /// HTTP status code.
        status: u16,
        /// From the start of the probe to the whole head of the response.
        after: Duration,
    },
}

impl fmt::Display for Passed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected(after) => write!(f, "connected in {}", Millis(*after)),
            Self::Answered { status, after } => write!(f, "HTTP status {status} in {}", Millis(*after)),
        }
    }
}

/// Why a probe failed, in words for the operator.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The whole probe took longer than it may.
    #[error("timed out after {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// No connection.
    #[error("{}", connect_words(.0))]
    Connect(#[source] io::Error),
    /// A status outside of the range.
    #[error("HTTP status {status} not in {}-{}", .expect.start(), .expect.end())]
    Status {
        /// What came.
        status: u16,
        /// What would have passed.
        expect: RangeInclusive<u16>,
    },
    /// The configured path or host cannot stand in a request.
    #[error("the request cannot be sent: {0}")]
    Request(#[source] hyper::http::Error),
    /// No answer that can be understood.
    #[error("no HTTP response: {}", http_words(.0))]
    Http(#[source] hyper::Error),
}

impl Failure {
    /// This machine could not make the probe at all, which says nothing about the backend.
    #[must_use]
    pub fn is_local(&self) -> bool {
        // Out of descriptors (the process's, the system's), of buffers, of memory.
        const LOCAL: [i32; 4] = [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM];
        matches!(self, Self::Connect(error) if error.raw_os_error().is_some_and(|code| LOCAL.contains(&code)))
    }
}

/// Probes `backend`; connection, request and response together may take `timeout`.
///
/// # Errors
///
/// When the backend did not answer as it should; see [`Failure`].
pub async fn run(probe: &Probe, backend: SocketAddr, timeout: Duration) -> Result<Passed, Failure> {
    let start = Instant::now();
    let deadline = start + timeout;
    let attempt = async {
        let stream = TcpStream::connect(backend).await.map_err(Failure::Connect)?;
        match probe {
            Probe::Tcp => Ok(Passed::Connected(start.elapsed())),
            Probe::Http(http) => get(http, stream, backend, start, deadline).await,
        }
    };
    tokio::time::timeout_at(deadline, attempt).await.unwrap_or(Err(Failure::TimedOut(timeout)))
}

async fn get(
    probe: &HttpProbe,
    stream: TcpStream,
    backend: SocketAddr,
    start: Instant,
    deadline: Instant,
) -> Result<Passed, Failure> {
    let host = probe.host.clone().unwrap_or_else(|| backend.to_string());
    let request = hyper::Request::get(&probe.path)
        .header(HOST, host)
        .header(USER_AGENT, concat!("guideway/", env!("CARGO_PKG_VERSION"), " (health check)"))
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(Failure::Request)?;
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(HEAD_BYTES_MAX)
        .handshake(TokioIo::new(limited(stream)))
        .await
        .map_err(Failure::Http)?;
    let exchange = async {
        let response = sender.send_request(request).await.map_err(Failure::Http)?;
        let (status, after) = (response.status().as_u16(), start.elapsed());
        if !probe.expect.contains(&status) {
            return Err(Failure::Status { status, expect: probe.expect.clone() });
        }
        // Half of the time that is left: a body that is slow or never ends does not make the probe fail.
        let patience = deadline.saturating_duration_since(Instant::now()) / 2;
        let _slow = tokio::time::timeout(patience, drain(response.into_body())).await;
        Ok(Passed::Answered { status, after })
    };
    // The connection has to be driven; how it ends is told by the exchange.
    let drive = async {
        let _ended = connection.await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        result = exchange => result,
        () = drive => unreachable!("the driver never ends"),
    }
}

/// Ends after as many bytes as a probe may read in all. A backend that never stops sending, interim responses for example,
/// which hyper passes over one by one, must not keep this machine busy until the timeout.
fn limited(stream: TcpStream) -> impl AsyncRead + AsyncWrite + Unpin {
    let (reader, writer) = stream.into_split();
    tokio::io::join(reader.take(HEAD_BYTES_MAX as u64 + BODY_BYTES_MAX), writer)
}

/// Reads a body as far as it is read at all. The status has decided already, so an error does not count.
async fn drain(mut body: impl Body<Data = Bytes> + Unpin) {
    let mut left = BODY_BYTES_MAX;
    while let Some(Ok(frame)) = body.frame().await {
        let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
        left = left.saturating_sub(bytes);
        if left == 0 {
            return;
        }
    }
}

struct Millis(Duration);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} ms", self.0.as_secs_f64() * 1000.0)
    }
}

fn connect_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::ConnectionReset => "connection reset".to_owned(),
        io::ErrorKind::HostUnreachable => "host unreachable".to_owned(),
        io::ErrorKind::NetworkUnreachable => "network unreachable".to_owned(),
        _ => format!("no connection: {error}"),
    }
}

/// hyper's own Display leaves out the cause, which is the part that helps.
fn http_words(error: &hyper::Error) -> String {
    use std::error::Error;
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
