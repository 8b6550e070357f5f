//! A connection to a controller: TCP, mutual TLS, one stream of messages each way.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use guideway_controller_core::message::{FromForwarder, ToForwarder};
use guideway_controller_proto::v1::controller_client::ControllerClient;
use guideway_controller_proto::{Decoder, MAX_MESSAGE_BYTES, from_forwarder, v1};
use guideway_dataplane_config::ControllerAddress;
use http_body_util::Empty;
use hyper::upgrade::Upgraded;
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::either::Either;
use tonic::transport::{Channel, Endpoint, Uri};

use super::relay;
use crate::error::chain;

/// A controller that does not answer within this time is given up.
const DIAL: Duration = Duration::from_secs(2);
/// How long it is waited for a way of one's own before others are asked for theirs.
const HEAD_START: Duration = Duration::from_millis(300);
/// How long a link stays after this forwarder has said all that it will.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// Messages of this forwarder that wait for the wire.
const QUEUE: usize = 4;

/// What a link tells of itself.
#[derive(Debug)]
pub enum Told {
    /// The controller has said something: it leads.
    Accepted(ControllerClient<Channel>),
    /// A message.
    Message(ToForwarder),
}

/// Why a link is over.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The host cannot be a name in a certificate.
    #[error("{0:?} cannot stand in a certificate")]
    Name(String),
    /// There is no connection.
    #[error("no connection: {0}")]
    Connect(String),
    /// It takes too long.
    #[error("no answer in {DIAL:?}")]
    Silent,
    /// The controller does not want it, or is not the leader.
    #[error("{}{}", .0.message(), if .0.message().is_empty() { .0.code().description() } else { "" })]
    Refused(tonic::Status),
    /// A message that means nothing.
    #[error("a message of it means nothing: {0}")]
    Message(guideway_controller_proto::WireError),
    /// The controller has ended it.
    #[error("the controller has ended the connection")]
    Ended,
}

impl LinkError {
    /// Whether the controller knows no forwarder of this name any more, which is more than not to be reached.
    #[must_use]
    pub fn is_revoked(&self) -> bool {
        matches!(self, Self::Refused(status) if status.code() == tonic::Code::PermissionDenied)
    }
}

/// Connects, by the way of one's own or else through one of `relays`; gives that one, too.
///
/// # Errors
///
/// See [`LinkError`].
pub async fn dial(
    address: &ControllerAddress,
    relays: &[SocketAddr],
    tls: Arc<ClientConfig>,
) -> Result<(Channel, Option<SocketAddr>), LinkError> {
    let name =
        ServerName::try_from(address.host.clone()).map_err(|_| LinkError::Name(address.host.clone()))?;
    let connecting = async {
        let (stream, relay) = reach(address, relays).await.map_err(LinkError::Connect)?;
        let stream = TlsConnector::from(tls).connect(name, stream).await;
        let mut stream = Some(TokioIo::new(stream.map_err(|error| LinkError::Connect(innermost(&error)))?));
        // The URI is required by the transport and never dialled. What is connected is used once: a link that ends is over.
        let endpoint = Endpoint::from_static("http://controller.invalid");
        let connected = endpoint.connect_with_connector(tower::service_fn(move |_: Uri| {
            let stream = stream.take().ok_or(io::ErrorKind::NotConnected);
            async move { stream.map_err(io::Error::from) }
        }));
        Ok((connected.await.map_err(|error| LinkError::Connect(innermost(&error)))?, relay))
    };
    tokio::time::timeout(DIAL, connecting).await.unwrap_or(Err(LinkError::Silent))
}

type Stream = Either<TcpStream, TokioIo<Upgraded>>;

/// The first way on which there is a connection. The own one has a head start, and the relays are asked when it does not
/// lead anywhere.
async fn reach(
    address: &ControllerAddress,
    relays: &[SocketAddr],
) -> Result<(Stream, Option<SocketAddr>), String> {
    let own = relay::reach(address);
    tokio::pin!(own);
    let mut reason = match tokio::time::timeout(HEAD_START, &mut own).await {
        Ok(Ok(stream)) => return Ok((Either::Left(stream), None)),
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => None,
    };
    let mut through: FuturesUnordered<_> =
        relays.iter().map(|relay| async move { (*relay, through(*relay, address).await) }).collect();
    loop {
        tokio::select! {
            result = &mut own, if reason.is_none() => match result {
                Ok(stream) => return Ok((Either::Left(stream), None)),
                Err(error) => reason = Some(error.to_string()),
            },
            Some((relay, result)) = through.next() => match result {
                Ok(stream) => return Ok((Either::Right(stream), Some(relay))),
                Err(error) => tracing::debug!(%relay, controller = %address, error, "no way through this forwarder"),
            },
            else => break,
        }
    }
    // What the relays say is about the same controller, mostly the same, and in the log.
    Err(reason.unwrap_or_default())
}

/// A connection through another forwarder (HTTP CONNECT).
async fn through(relay: SocketAddr, address: &ControllerAddress) -> Result<TokioIo<Upgraded>, String> {
    let said = |error: &dyn std::error::Error| innermost(error);
    let stream = TcpStream::connect(relay).await.map_err(|error| said(&error))?;
    stream.set_nodelay(true).map_err(|error| said(&error))?;
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|error| said(&error))?;
    tokio::spawn(connection.with_upgrades());
    let request = Request::connect(address.to_string()).header(header::HOST, address.to_string());
    let request = request.body(Empty::<Bytes>::new()).map_err(|error| said(&error))?;
    let response = sender.send_request(request).await.map_err(|error| said(&error))?;
    if response.status() != StatusCode::OK {
        return Err(format!("it answers {}", response.status()));
    }
    let upgraded = hyper::upgrade::on(response).await.map_err(|error| said(&error))?;
    Ok(TokioIo::new(upgraded))
}

/// Carries messages both ways until the link is over; gives why.
pub async fn carry<F: Future<Output = bool>>(
    channel: Channel,
    outgoing: mpsc::Receiver<FromForwarder>,
    mut tell: impl FnMut(Told) -> F,
) -> LinkError {
    let mut client = ControllerClient::new(channel)
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES);
    let (parts, stream) = mpsc::channel(QUEUE);
    // A task of its own: whoever is slow to take what is said is no reason not to hear.
    let pump = tokio::spawn(pump(outgoing, parts));
    let pumping = pump.abort_handle();
    let carrying = async {
        let stream = match client.follow(ReceiverStream::new(stream)).await {
            Ok(stream) => stream,
            Err(status) => return LinkError::Refused(status),
        };
        let mut stream = stream.into_inner();
        let mut unsure = Some(client);
        let mut decoder = Decoder::<ToForwarder>::new();
        loop {
            let message = match stream.message().await {
                Ok(Some(message)) => message,
                Ok(None) => return LinkError::Ended,
                Err(status) => return LinkError::Refused(status),
            };
            // One that does not lead takes the stream, and ends it without a message.
            if let Some(client) = unsure.take()
                && !tell(Told::Accepted(client)).await
            {
                return LinkError::Ended;
            }
            match decoder.push(message) {
                Ok(None) => {}
                Ok(Some(message)) => {
                    if !tell(Told::Message(message)).await {
                        return LinkError::Ended;
                    }
                }
                Err(error) => return LinkError::Message(error),
            }
        }
    };
    let said_all = async {
        let _ended = pump.await;
        // What was said last is on its way.
        tokio::time::sleep(LAST_WORDS).await;
    };
    let end = tokio::select! {
        end = carrying => end,
        () = said_all => LinkError::Ended,
    };
    pumping.abort();
    end
}

async fn pump(mut outgoing: mpsc::Receiver<FromForwarder>, parts: mpsc::Sender<v1::FromForwarder>) {
    while let Some(message) = outgoing.recv().await {
        for part in from_forwarder(&message) {
            if parts.send(part).await.is_err() {
                return;
            }
        }
    }
}

/// The layers of the transport say nothing of their own.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    chain(cause)
}
