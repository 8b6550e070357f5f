//! Passes connections of other forwarders on to the controllers: a forwarder that has no way of its own to them goes through
//! one that has.
//!
//! Asked is with HTTP CONNECT (RFC 9110, 9.3.6), and led is to the addresses of the own configuration and nowhere else. What
//! is carried is the TLS connection of the one to the other: this forwarder reads nothing of it and vouches for nobody.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, Response, StatusCode};
use guideway_dataplane_config::ControllerAddress;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::http::bounded::Bounded;

/// Connections at a time.
const CONNECTIONS_MAX: usize = 64;
/// A connection without a byte in either direction for this long is closed. Forwarders and controllers say something every
/// few seconds.
const IDLE_MAX: Duration = Duration::from_secs(60);
/// For a connection to a controller: shorter than the other forwarder waits.
const DIAL: Duration = Duration::from_millis(1500);
/// Between two attempts to listen.
const AGAIN: Duration = Duration::from_secs(5);

/// Takes connections at `listen` until `stop`.
pub async fn serve(listen: SocketAddr, controllers: Vec<ControllerAddress>, stop: CancellationToken) {
    let controllers: Arc<[ControllerAddress]> = controllers.into();
    let work = async {
        let mut is_told = false;
        loop {
            match bind(listen).await {
                Ok(listener) => return serve_at(listener, controllers.clone()).await,
                Err(error) if !is_told => {
                    tracing::warn!(
                        %listen, %error,
                        "other forwarders cannot reach controllers through this one (controller.relay); trying on"
                    );
                    is_told = true;
                }
                Err(_) => {}
            }
            tokio::time::sleep(AGAIN).await;
        }
    };
    stop.run_until_cancelled(work).await;
}

/// Where others reach what listens at `listen`, on a host with these addresses.
pub(super) fn seen_from_outside(listen: SocketAddr, addresses: &[IpAddr]) -> BTreeSet<SocketAddr> {
    if !listen.ip().is_unspecified() {
        return BTreeSet::from([listen]);
    }
    // An address of a link is one only together with the link.
    let is_of_link = |address: &IpAddr| match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    let addresses = addresses.iter().filter(|address| !address.is_loopback() && !is_of_link(address));
    let reached = addresses.filter(|address| listen.is_ipv6() || address.is_ipv4());
    reached.map(|address| SocketAddr::new(*address, listen.port())).collect()
}

/// Every address is also every IPv4 address of a host without IPv6.
async fn bind(listen: SocketAddr) -> io::Result<TcpListener> {
    let bound = TcpListener::bind(listen).await;
    match &bound {
        Err(error) if listen.ip().is_unspecified() && error.kind() != io::ErrorKind::AddrInUse => {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, listen.port())).await
        }
        _ => bound,
    }
}

async fn serve_at(listener: TcpListener, controllers: Arc<[ControllerAddress]>) {
    let service = tower::service_fn(move |request: Request<_>| {
        let controllers = controllers.clone();
        async move { Ok::<_, Infallible>(answer(request.map(Body::new), &controllers).await) }
    });
    let listener = Bounded::new(listener, CONNECTIONS_MAX, IDLE_MAX);
    // It has no end.
    let _endless = axum::serve(listener, tower::make::Shared::new(service)).await;
}

async fn answer(request: Request<Body>, controllers: &[ControllerAddress]) -> Response<Body> {
    if request.method() != Method::CONNECT {
        let reason = "this passes connections of forwarders on to controllers: CONNECT HOST:PORT\n";
        return refuse(StatusCode::METHOD_NOT_ALLOWED, reason.to_owned());
    }
    let wanted = request.uri().authority().map(ToString::to_string).unwrap_or_default();
    let Some(controller) = controllers.iter().find(|one| one.to_string() == wanted) else {
        let reason = format!("{wanted:?} is none of controller.addresses of this forwarder\n");
        return refuse(StatusCode::FORBIDDEN, reason);
    };
    let mut onward = match reach(controller).await {
        Ok(stream) => stream,
        Err(error) => return refuse(StatusCode::BAD_GATEWAY, format!("{controller}: {error}\n")),
    };
    tracing::info!(%controller, "another forwarder reaches a controller through this one");
    tokio::spawn(async move {
        if let Ok(upgraded) = hyper::upgrade::on(request).await {
            // However it ends, both sides see the end.
            let _ended = tokio::io::copy_bidirectional(&mut TokioIo::new(upgraded), &mut onward).await;
        }
    });
    Response::new(Body::empty())
}

/// A connection to a controller.
pub(super) async fn reach(controller: &ControllerAddress) -> io::Result<TcpStream> {
    let dial = TcpStream::connect((controller.host.as_str(), controller.port));
    let stream = tokio::time::timeout(DIAL, dial).await.map_err(|_| io::ErrorKind::TimedOut)??;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn refuse(status: StatusCode, reason: String) -> Response<Body> {
    let mut response = Response::new(Body::from(reason));
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    async fn relay(controllers: Vec<ControllerAddress>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve_at(listener, controllers.into()));
        address
    }

    async fn ask(relay: SocketAddr, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(relay).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        // One that is cut off in the midst of its question may be reset.
        let _reset = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    #[tokio::test]
    async fn it_leads_to_controllers_and_nowhere_else() {
        let controller = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = controller.local_addr().unwrap();
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let relay =
            relay(vec![address.to_string().parse().unwrap(), gone.to_string().parse().unwrap()]).await;

        let mut stream = TcpStream::connect(relay).await.unwrap();
        let request = format!("CONNECT {address} HTTP/1.1\r\nHost: {address}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let (mut taken, _) = controller.accept().await.unwrap();
        taken.write_all(b"hello").await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\nhello") {
            answer.push(stream.read_u8().await.unwrap());
        }
        assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"), "{}", String::from_utf8_lossy(&answer));
        stream.write_all(b"to you").await.unwrap();
        let mut heard = [0; 6];
        taken.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"to you");
        // The end of one side is the end of the other.
        drop(stream);
        assert_eq!(taken.read(&mut heard).await.unwrap(), 0);

        for (request, expected) in [
            (format!("CONNECT {gone} HTTP/1.1\r\nHost: {gone}\r\n\r\n"), "502 Bad Gateway"),
            ("CONNECT 192.0.2.1:22 HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), "403 Forbidden"),
            (format!("GET http://{address}/ HTTP/1.1\r\nHost: x\r\n\r\n"), "405 Method Not Allowed"),
            ("GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), "405 Method Not Allowed"),
        ] {
            let answer = ask(relay, request.as_bytes()).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {expected}\r\n")), "{request}: {answer}");
        }
    }

    #[test]
    fn others_are_told_addresses_that_lead_here() {
        let own = ["192.0.2.1", "169.254.0.1", "127.0.0.1", "fe80::1", "2001:db8::1"];
        let own = own.map(|text| text.parse().unwrap());
        let told = |listen: &str| {
            let told = seen_from_outside(listen.parse().unwrap(), &own);
            told.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(told("[::]:9490"), "192.0.2.1:9490 [2001:db8::1]:9490");
        assert_eq!(told("0.0.0.0:9490"), "192.0.2.1:9490");
        assert_eq!(told("198.51.100.7:1"), "198.51.100.7:1");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// It goes on, whatever was asked before.
        #[test]
        fn nothing_that_is_asked_ends_it(question in prop::collection::vec(any::<u8>(), 0..300), connect in any::<bool>()) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let relay = relay(Vec::new()).await;
                let mut bytes = if connect { b"CONNECT ".to_vec() } else { Vec::new() };
                bytes.extend(question);
                ask(relay, &bytes).await;
                let answer = ask(relay, b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n").await;
                assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
            });
        }
    }
}
