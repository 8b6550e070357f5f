//! Connections: TLS, HTTP/2 or 1.1 by ALPN, and the end of all that.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::extract::Request;
use axum::http::Version;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use rustls::pki_types::CertificateDer;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::leftover;
use crate::peer::Peer;
use crate::server::ApiServer;

mod activity;
mod door;

use activity::{Activity, attend};
use door::Door;

pub use door::ConnectionLimits;

/// After a failed accept: there is no file descriptor left, most often.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Requests at the same time on one HTTP/2 connection. Watches count.
const STREAMS: u32 = 1000;
/// Bytes of a reply that HTTP/2 holds for one slow client.
const SEND_BUFFER: usize = 64 * 1024;

impl ApiServer {
    /// Answers clients on `listener` until `stop`, and then for at most `drain` what has been asked before. Watches end
    /// at once.
    pub async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        tls: Arc<rustls::ServerConfig>,
        stop: CancellationToken,
        drain: Duration,
    ) {
        let connections = TaskTracker::new();
        let limits = self.config.limits.connections;
        let door = Door::new(limits);
        let acceptor = TlsAcceptor::from(tls);
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            let (stream, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection cannot be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let Some(pass) = door.enter(address.ip()) else {
                self.metrics.refused_connections.inc();
                tracing::debug!(%address, "too many connections");
                continue;
            };
            let stop = stop.clone();
            let server = Arc::clone(&self);
            let acceptor = acceptor.clone();
            connections.spawn(async move {
                let _pass = pass;
                let greeted = greet(stream, address, &acceptor, limits.hello).await;
                let Some((stream, certificate)) = greeted else { return };
                let peer = server.peer(address, certificate.as_ref());
                let activity = Activity::new();
                let asked = Arc::clone(&activity);
                let service = service_fn(move |mut request: Request<Incoming>| {
                    let server = Arc::clone(&server);
                    let asked = asked.begin();
                    request.extensions_mut().insert(peer.clone());
                    async move { Ok::<_, Infallible>(asked.until_sent(server.answer_whole(request).await)) }
                });
                let builder = builder(limits.hello);
                let connection =
                    builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
                if let Err(error) = attend(connection, &activity, &limits, &stop).await {
                    tracing::debug!(%address, %error, "a connection ended");
                }
            });
        }
        drop(listener);
        self.stop();
        connections.close();
        if tokio::time::timeout(drain, connections.wait()).await.is_err() {
            tracing::warn!(connections = connections.len(), "clients are cut off: they did not end in time");
        }
    }
}

impl ApiServer {
    /// The answer to a request, whose body is read to its end even if the answer needs none of it.
    async fn answer_whole(self: Arc<Self>, request: Request<Incoming>) -> Response {
        // Over HTTP/1.1 hyper does it, and connections may become streams of another protocol.
        if request.version() != Version::HTTP_2 || request.body().is_end_stream() {
            return self.respond(request.map(Body::new)).await;
        }
        let (parts, body) = request.into_parts();
        let (lent, leftover) = leftover::lend(body);
        let response = self.respond(Request::from_parts(parts, Body::new(lent))).await;
        if let Some(unread) = leftover.unread() {
            tokio::spawn(leftover::discard(unread));
        }
        response
    }
}

fn builder(hello: Duration) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(hello).max_buf_size(64 * 1024);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_send_buf_size(SEND_BUFFER)
        // A peer that is gone without a word does not keep its watches.
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(15));
    builder
}

type TlsStream = tokio_rustls::server::TlsStream<TcpStream>;

async fn greet(
    stream: TcpStream,
    address: SocketAddr,
    acceptor: &TlsAcceptor,
    hello: Duration,
) -> Option<(TlsStream, Option<CertificateDer<'static>>)> {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%address, %error, "a connection keeps Nagle's algorithm");
    }
    match tokio::time::timeout(hello, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => {
            let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
            let certificate = certificate.map(|certificate| certificate.clone().into_owned());
            Some((stream, certificate))
        }
        Ok(Err(error)) => {
            tracing::debug!(%address, %error, "no TLS with a client");
            None
        }
        Err(_elapsed) => {
            tracing::debug!(%address, "a client does not say hello");
            None
        }
    }
}

/// Where the request comes from.
pub(crate) fn peer_of<B>(request: &Request<B>) -> Peer {
    request.extensions().get::<Peer>().cloned().unwrap_or_default()
}
