//! A request over a connection of its own, and what becomes of that connection.

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{CONNECTION, HOST, UPGRADE};
use axum::http::uri::Scheme;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;
use guideway_api::Status;
use http_body_util::BodyExt as _;
use hyper::client::conn::http1;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::target::Target;
use crate::flow::Seat;
use crate::reply::Answer;
use crate::server::ApiServer;

/// Of the client's request.
pub(super) struct Passed {
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    pub(super) body: Body,
    /// Only over HTTP/1.1.
    pub(super) upgrade: Option<OnUpgrade>,
}

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// Sends a request on, and gives the answer. The seat is taken as long as anything is open.
pub(super) async fn pass(server: &Arc<ApiServer>, target: Target, request: Passed, seat: Seat) -> Answer {
    let patience = server.config.limits.node;
    let failed = |why: &dyn std::fmt::Display| {
        Status::failure(
            500,
            "InternalError",
            format!("{} at {}:{} does not answer: {why}", target.what, target.address, target.port),
        )
    };
    let late = "no connection in time";
    let connected = tokio::time::timeout(patience, connect(server, &target));
    let io = connected.await.map_err(|_| failed(&late))?.map_err(|why| failed(&why))?;
    let (mut sender, connection) =
        http1::handshake::<_, Body>(TokioIo::new(io)).await.map_err(|error| failed(&error))?;
    let stopping = server.stop_token();
    let server_end = stopping.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ended = connection.with_upgrades() => {}
            () = stopping.cancelled() => {}
        }
    });
    let wants_upgrade = request.upgrade.is_some() && request.headers.contains_key(UPGRADE);
    let mut outgoing = hyper::Request::new(request.body);
    *outgoing.method_mut() = request.method;
    *outgoing.uri_mut() = target.path.parse().map_err(|error| failed(&error))?;
    *outgoing.headers_mut() = request.headers;
    let headers = outgoing.headers_mut();
    if !wants_upgrade {
        headers.remove(UPGRADE);
        headers.remove(CONNECTION);
    }
    let host = format!("{}:{}", target.address, target.port);
    headers.insert(HOST, HeaderValue::from_str(&host).map_err(|error| failed(&error))?);
    let mut incoming = sender.send_request(outgoing).await.map_err(|error| failed(&error))?;
    if incoming.status() == StatusCode::SWITCHING_PROTOCOLS {
        let Some(client) = request.upgrade else {
            return Err(failed(&"it upgrades a connection that nobody wants upgraded"));
        };
        let agent = hyper::upgrade::on(&mut incoming);
        tokio::spawn(async move {
            let _seat = seat;
            tokio::select! {
                () = copy(client, agent) => {}
                () = server_end.cancelled() => {}
            }
        });
        let (parts, _empty) = incoming.into_parts();
        return Ok(Response::from_parts(parts, Body::empty()));
    }
    let (mut parts, body) = incoming.into_parts();
    parts.headers.remove(CONNECTION);
    parts.headers.remove("keep-alive");
    parts.headers.remove("transfer-encoding");
    // The seat goes with the body.
    let body = Body::new(body.map_frame(move |frame| {
        let _held = &seat;
        frame
    }));
    Ok(Response::from_parts(parts, body))
}

/// Bytes to and fro until both ends are done.
async fn copy(client: OnUpgrade, agent: OnUpgrade) {
    let (client, agent) = match tokio::try_join!(client, agent) {
        Ok(both) => both,
        Err(error) => {
            tracing::debug!(%error, "a stream was not upgraded");
            return;
        }
    };
    let (mut client, mut agent) = (TokioIo::new(client), TokioIo::new(agent));
    if let Err(error) = tokio::io::copy_bidirectional(&mut client, &mut agent).await {
        tracing::debug!(%error, "a stream ended");
    }
}

async fn connect(server: &ApiServer, target: &Target) -> Result<Box<dyn Io>, String> {
    let address = target.address.trim_matches(['[', ']']);
    let stream = TcpStream::connect((address, target.port)).await.map_err(|error| error.to_string())?;
    stream.set_nodelay(true).map_err(|error| error.to_string())?;
    if target.scheme != Scheme::HTTPS {
        return Ok(Box::new(stream));
    }
    let config = server.config.node_tls.as_ref().filter(|_| target.is_agent);
    let Some(config) = config else {
        return Err("this server has no TLS towards it".to_owned());
    };
    let name = ServerName::try_from(address.to_owned()).map_err(|error| error.to_string())?;
    let stream = TlsConnector::from(Arc::clone(config))
        .connect(name, stream)
        .await
        .map_err(|error| error.to_string())?;
    Ok(Box::new(stream))
}
