//! The connections of forwarders: mutual TLS, gRPC, messages to and from the driver.
//!
//! | task | how many | does |
//! |---|---|---|
//! | acceptor | 1 for each listener | takes connections, a task for each handshake |
//! | reader | 1 for each forwarder | reads messages, gives them to the driver; waits while the driver has enough of its |
//! | writer | 1 for each forwarder | takes messages from a bounded queue and writes them |
//!
//! A forwarder's name is what its certificate says, and it may connect while there is a Forwarder object of that name. A forwarder that does not read, or sends more than the driver takes,
//! waits for itself: no queue is shared without a part for each.

mod admission;
mod enrolment;
mod incoming;
mod link;
mod service;
#[cfg(test)]
pub(crate) mod tests;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use guideway_controller_proto::MAX_MESSAGE_BYTES;
use guideway_controller_proto::v1::controller_server::ControllerServer;
use guideway_controller_proto::v1::enrolment_server::EnrolmentServer;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tracing::warn;

use crate::ca::{Tls, Tokens};
use crate::config::Liveness;

pub(crate) use admission::{Admission, Refused};
pub(crate) use link::{Link, LinkEvent, Links, Outgoing};

/// Of those who have no certificate yet.
const STRANGERS: Liveness = Liveness { keepalive: Duration::from_secs(5), silence: Duration::from_secs(10) };
/// How long somebody without a certificate may stay.
const ENROLMENT: Duration = Duration::from_secs(30);
/// How often certificates are read again, and made anew where the controller makes them.
const REFRESH: Duration = Duration::from_secs(24 * 3600);

/// Serves forwarders at a listener until `stop`.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Arc<Tls>,
    links: Links,
    liveness: Liveness,
    stop: CancellationToken,
) -> Result<(), tonic::transport::Error> {
    let admission = links.admission().clone();
    let service = ControllerServer::new(service::Service::new(Arc::clone(&tls), links))
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES);
    let connections =
        incoming::accept(listener, tls, incoming::Clients::WithCertificates, admission, stop.clone());
    server(liveness)
        .add_service(service)
        .serve_with_incoming_shutdown(connections, stop.cancelled_owned())
        .await
}

/// Gives first certificates for tokens until `stop`.
pub(crate) async fn serve_enrolment(
    listener: TcpListener,
    tls: Arc<Tls>,
    tokens: Tokens,
    admission: Admission,
    stop: CancellationToken,
) -> Result<(), tonic::transport::Error> {
    let service = EnrolmentServer::new(enrolment::Service::new(Arc::clone(&tls), tokens, admission.clone()))
        .max_decoding_message_size(enrolment::MAX_JOIN_BYTES);
    let connections = incoming::accept(listener, tls, incoming::Clients::Anybody, admission, stop.clone());
    server(STRANGERS)
        .max_connection_age(ENROLMENT)
        .add_service(service)
        .serve_with_incoming_shutdown(connections, stop.cancelled_owned())
        .await
}

/// The transport asks, because it answers for itself: a forwarder that is busy with a large change lives.
fn server(liveness: Liveness) -> Server {
    let Liveness { keepalive, silence } = liveness;
    Server::builder()
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(2 << 20)
        .max_concurrent_streams(8)
        .http2_keepalive_interval(Some(keepalive))
        .http2_keepalive_timeout(Some(silence.saturating_sub(keepalive)))
}

/// Reads certificates again once a day until `stop`.
pub(crate) async fn refresh(tls: Arc<Tls>, stop: CancellationToken) {
    while stop.run_until_cancelled(tokio::time::sleep(REFRESH)).await.is_some() {
        if let Err(error) = tls.refresh(SystemTime::now()) {
            warn!(%error, "certificates cannot be read again: those that were read before count");
        }
    }
}

/// What carries the events of connections to the driver.
pub(crate) fn links(admission: Admission) -> (Links, mpsc::Receiver<LinkEvent>) {
    Links::new(admission)
}

/// Who is at the other end of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    address: SocketAddr,
    /// Whose certificate; an error says why it is nobody's.
    identity: Result<crate::ca::Identity, String>,
}
