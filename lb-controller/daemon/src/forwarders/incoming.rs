//! Connections, with TLS.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::Connected;
use tracing::{debug, warn};

use super::Peer;
use super::admission::{Admission, Why};
use crate::ca::{Identity, IdentityError, Tls};

/// Handshakes of a listener at the same time. Further connections wait in the kernel.
const HANDSHAKES: usize = 256;
/// Connections of a listener with certificates: more than there may be forwarders, because some come again.
const CONNECTIONS: usize = 4096;
/// Of one that is for everybody: whoever takes them all keeps nobody but those who join.
const STRANGERS: usize = 64;
const HANDSHAKE: Duration = Duration::from_secs(5);
/// After an error of the listener, as when there are no more descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// Whom a listener is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clients {
    /// Who shows a certificate of an authority.
    WithCertificates,
    /// Everybody.
    Anybody,
}

/// The connections of a listener that have come through their handshakes.
pub(super) fn accept(
    listener: TcpListener,
    tls: Arc<Tls>,
    clients: Clients,
    admission: Admission,
    stop: CancellationToken,
) -> impl Stream<Item = Result<Connection, io::Error>> {
    let (ready, connections) = mpsc::channel(HANDSHAKES);
    tokio::spawn(async move {
        let handshakes = Arc::new(Semaphore::new(HANDSHAKES));
        let places = Arc::new(Semaphore::new(match clients {
            Clients::WithCertificates => CONNECTIONS,
            Clients::Anybody => STRANGERS,
        }));
        let permits = || {
            let (handshakes, places) = (Arc::clone(&handshakes), Arc::clone(&places));
            async move { Some((handshakes.acquire_owned().await.ok()?, places.acquire_owned().await.ok()?)) }
        };
        while let Some(Some((permit, place))) = stop.run_until_cancelled(permits()).await {
            let Some(accepted) = stop.run_until_cancelled(listener.accept()).await else { return };
            let (stream, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    warn!(%error, "a connection cannot be taken");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            let current = tls.current();
            let config = match clients {
                Clients::WithCertificates => Arc::clone(&current.mutual),
                Clients::Anybody => Arc::clone(&current.enrolment),
            };
            let (ready, admission) = (ready.clone(), admission.clone());
            tokio::spawn(async move {
                match tokio::time::timeout(HANDSHAKE, shake_hands(stream, address, config, place)).await {
                    Ok(Ok(connection)) => _ = ready.send(Ok(connection)).await,
                    Ok(Err(error)) => {
                        warn!(%address, %error, "a client is refused");
                        let reason = error.to_string();
                        admission.refused(Why::Certificate, "", address.ip(), &reason, SystemTime::now());
                    }
                    Err(_) => debug!(%address, "a client did not finish the handshake in time"),
                }
                drop(permit);
            });
        }
    });
    ReceiverStream::new(connections)
}

async fn shake_hands(
    stream: TcpStream,
    address: SocketAddr,
    config: Arc<ServerConfig>,
    place: OwnedSemaphorePermit,
) -> io::Result<Connection> {
    stream.set_nodelay(true)?;
    let stream = TlsAcceptor::from(config).accept(stream).await?;
    let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let identity = certificate.map_or(Err(IdentityError::None), |der| Identity::of(der));
    let peer = Peer { address, identity: identity.map_err(|error| error.to_string()) };
    Ok(Connection { stream, peer, _place: place })
}

/// A connection that knows whose it is.
pub(super) struct Connection {
    stream: TlsStream<TcpStream>,
    peer: Peer,
    _place: OwnedSemaphorePermit,
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
