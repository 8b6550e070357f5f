//! Passes connections of other forwarders on to the controllers: a forwarder that has no way of its own to them goes through
//! one that has.
//!
//! Asked is with HTTP CONNECT (RFC 9110, 9.3.6), and led is to the addresses of the own configuration and nowhere else: to the
//! one that is asked for, or, since another forwarder may know a controller by another address, to the leader that this one
//! follows. What is carried is the TLS connection of the one to the other, who know by it whom they have: this forwarder reads
//! nothing of it and vouches for nobody.

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
use tokio::sync::watch;
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

/// Where it leads to.
#[derive(Debug)]
pub struct Ways {
    /// Of the configuration.
    pub controllers: Vec<ControllerAddress>,
    /// Which of them is followed, without a relay between.
    pub leader: watch::Receiver<Option<ControllerAddress>>,
}

impl Ways {
    fn to(&self, wanted: &str) -> Option<ControllerAddress> {
        let known = self.controllers.iter().find(|one| one.to_string() == wanted);
        known.cloned().or_else(|| self.leader.borrow().clone())
    }
}

/// Takes connections at `listen` until `stop`.
pub async fn serve(listen: SocketAddr, ways: Ways, stop: CancellationToken) {
    let ways = Arc::new(ways);
    let work = async {
        let mut is_told = false;
        loop {
            match bind(listen).await {
                Ok(listener) => return serve_at(listener, ways.clone()).await,
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

async fn serve_at(listener: TcpListener, ways: Arc<Ways>) {
    let service = tower::service_fn(move |request: Request<_>| {
        let ways = ways.clone();
        async move { Ok::<_, Infallible>(answer(request.map(Body::new), &ways).await) }
    });
    let listener = Bounded::new(listener, CONNECTIONS_MAX, IDLE_MAX);
    // It has no end.
    let _endless = axum::serve(listener, tower::make::Shared::new(service)).await;
}

async fn answer(request: Request<Body>, ways: &Ways) -> Response<Body> {
    if request.method() != Method::CONNECT {
        let reason = "this passes connections of forwarders on to controllers: CONNECT HOST:PORT\n";
        return refuse(StatusCode::METHOD_NOT_ALLOWED, reason.to_owned());
    }
    let wanted = request.uri().authority().map(ToString::to_string).unwrap_or_default();
    let Some(controller) = ways.to(&wanted) else {
        let reason = format!(
            "{wanted:?} is none of controller.addresses of this forwarder, which follows no leader\n"
        );
        return refuse(StatusCode::FORBIDDEN, reason);
    };
    let mut onward = match reach(&controller).await {
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

    async fn relay(
        controllers: Vec<ControllerAddress>,
    ) -> (SocketAddr, watch::Sender<Option<ControllerAddress>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (follow, leader) = watch::channel(None);
        tokio::spawn(serve_at(listener, Arc::new(Ways { controllers, leader })));
        (address, follow)
    }

    /// The answer to a request that ends its connection.
    async fn ask(relay: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(relay).await.unwrap();
        let request = format!("{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn it_leads_to_controllers_and_nowhere_else() {
        let controller = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = controller.local_addr().unwrap();
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let (relay, follow) =
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
            (format!("CONNECT {gone}"), "502 Bad Gateway"),
            ("CONNECT 192.0.2.1:22".to_owned(), "403 Forbidden"),
            (format!("GET http://{address}/"), "405 Method Not Allowed"),
            ("GET /".to_owned(), "405 Method Not Allowed"),
        ] {
            let answer = ask(relay, &request).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {expected}\r\n")), "{request}: {answer}");
        }
        // By another address than here, the leader is meant.
        follow.send_replace(Some(gone.to_string().parse().unwrap()));
        let answer = ask(relay, "CONNECT controller.example:9480").await;
        assert!(answer.starts_with("HTTP/1.1 502") && answer.contains(&gone.to_string()), "{answer}");
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
                let (relay, _follow) = relay(Vec::new()).await;
                let mut bytes = if connect { b"CONNECT ".to_vec() } else { Vec::new() };
                bytes.extend(question);
                let mut stream = TcpStream::connect(relay).await.unwrap();
                stream.write_all(&bytes).await.unwrap();
                stream.shutdown().await.unwrap();
                // It answers, or it resets what it does not read to the end.
                let _answer = stream.read_to_end(&mut Vec::new()).await;
                let answer = ask(relay, "CONNECT a:1").await;
                assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
            });
        }
    }
}
