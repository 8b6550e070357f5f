//! Clients that want connections more than answers.

use std::net::SocketAddr;
use std::time::Instant;

use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::streams::tls;
use super::*;
use crate::serve::ConnectionLimits;

/// A server that listens.
struct Listening {
    lab: Lab,
    address: SocketAddr,
    tls: Arc<rustls::ClientConfig>,
    _stop: DropGuard,
}

const SOON: Duration = Duration::from_millis(200);
/// Long enough to never come in a test.
const NEVER: Duration = Duration::from_secs(3600);
/// What a client of HTTP/2 says first: the preface and empty settings (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

async fn listen(connections: ConnectionLimits) -> Listening {
    let mut config = config();
    config.limits.connections = connections;
    let lab = Lab::with(config).await;
    // Everybody may do everything.
    let anybody = json!({
        "metadata": {"name": "anybody"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "system:anonymous"}],
    });
    lab.made("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", &anybody).await;
    let deadline = Instant::now() + PATIENCE;
    while lab.ask_as(Identity::anonymous(), "GET", MAPS, &[], "").await.code != 200 {
        assert!(Instant::now() < deadline, "the binding has no effect");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (server, client) = tls();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    tokio::spawn(Arc::clone(&lab.server).serve(listener, server, stop.clone(), Duration::from_secs(1)));
    Listening { lab, address, tls: client, _stop: stop.drop_guard() }
}

impl Listening {
    async fn connect(&self, protocol: &str) -> TlsStream<TcpStream> {
        self.try_connect(protocol).await.unwrap()
    }

    async fn try_connect(&self, protocol: &str) -> std::io::Result<TlsStream<TcpStream>> {
        let mut tls = rustls::ClientConfig::clone(&self.tls);
        tls.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        let stream = TcpStream::connect(self.address).await.unwrap();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        TlsConnector::from(Arc::new(tls)).connect(name, stream).await
    }

    async fn http2(&self) -> (http2::SendRequest<Body>, tokio::task::JoinHandle<()>) {
        let stream = TokioIo::new(self.connect("h2").await);
        let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
        let ended = tokio::spawn(async move { connection.await.unwrap_or_default() });
        (sender, ended)
    }

    /// A client that takes 64 KiB and then waits to be asked for more.
    async fn http2_slow(&self) -> (http2::SendRequest<Body>, tokio::task::JoinHandle<()>) {
        let stream = TokioIo::new(self.connect("h2").await);
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder.initial_stream_window_size(65_535).initial_connection_window_size(65_535);
        let (sender, connection) = builder.handshake(stream).await.unwrap();
        let ended = tokio::spawn(async move { connection.await.unwrap_or_default() });
        (sender, ended)
    }

    /// Whether somebody else is answered, be it at the second try: on a slow machine, the server may find the client slow.
    async fn answers(&self) {
        let deadline = Instant::now() + PATIENCE;
        while !self.try_answer().await.unwrap_or(false) {
            assert!(Instant::now() < deadline, "nobody else is answered");
        }
    }

    async fn try_answer(&self) -> Option<bool> {
        let stream = TokioIo::new(self.try_connect("h2").await.ok()?);
        let (mut sender, connection) =
            http2::handshake::<_, _, Body>(TokioExecutor::new(), stream).await.ok()?;
        tokio::spawn(connection);
        let reply = within(sender.send_request(get("/readyz"))).await.ok()?;
        Some(reply.status() == 200)
    }
}

fn get(path: &str) -> Request<Body> {
    Request::builder().uri(format!("https://127.0.0.1{path}")).body(Body::empty()).unwrap()
}

async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.unwrap()
}

/// Reads until the other side ends the connection.
async fn end(stream: &mut TlsStream<TcpStream>) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A connection that is cut off has ended too.
    within(stream.read_to_end(&mut bytes)).await.unwrap_or_default();
    bytes
}

#[tokio::test]
async fn who_says_nothing_or_half_of_it_is_not_waited_for() {
    let limits = ConnectionLimits { hello: SOON, idle: NEVER, ..ConnectionLimits::default() };
    let listening = listen(limits).await;
    let mut plain = TcpStream::connect(listening.address).await.unwrap();
    assert_eq!(within(plain.read(&mut [0])).await.unwrap_or(0), 0);
    let half: [(&str, &[u8]); 6] = [
        ("http/1.1", b""),
        ("http/1.1", b"GET /readyz HTTP/1.1\r\nHost: a\r\nX-Slow: "),
        ("h2", b""),
        ("h2", b"PRI * HTTP/2"),
        ("h2", PREFACE),
        // The headers of a request go on, and never come (RFC 9113, section 6.2).
        ("h2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x02\x01\x01\0\0\0\x01\x82\x87"),
    ];
    for (protocol, bytes) in half {
        // A server that has given up before all of it was said has not waited either.
        let Ok(mut stream) = listening.try_connect(protocol).await else { continue };
        if stream.write_all(bytes).await.is_ok() {
            end(&mut stream).await;
        }
    }
    listening.answers().await;
}

#[tokio::test]
async fn a_connection_without_requests_ends_and_one_with_a_watch_does_not() {
    let listening = listen(ConnectionLimits { idle: SOON, ..ConnectionLimits::default() }).await;
    let (mut watching, watching_ended) = listening.http2().await;
    let watch =
        within(watching.send_request(get(&format!("{MAPS}?watch=1&resourceVersion=0")))).await.unwrap();
    let mut watch = watch.into_body();
    for _ in 0..3 {
        let (mut idle, ended) = listening.http2().await;
        let reply = within(idle.send_request(get("/readyz"))).await.unwrap();
        assert_eq!(within(reply.into_body().collect()).await.unwrap().to_bytes(), "ok");
        within(ended).await.unwrap();
    }
    listening.lab.made(MAPS, &config_map("a", json!({}))).await;
    let event = within(watch.frame()).await.unwrap().unwrap().into_data().unwrap();
    assert!(event.starts_with(br#"{"type":"ADDED""#));
    assert!(!watching_ended.is_finished());
}

#[tokio::test]
async fn who_does_not_take_a_reply_is_cut_off() {
    let listening = listen(ConnectionLimits { stall: SOON, ..ConnectionLimits::default() }).await;
    for index in 0..3 {
        let data = json!({"x": "x".repeat(100_000)});
        listening.lab.made(MAPS, &config_map(&format!("m{index}"), data)).await;
    }
    let (mut sender, ended) = listening.http2_slow().await;
    // The end may come before the client has seen the beginning.
    let unread = within(sender.send_request(get(MAPS))).await;
    assert!(unread.as_ref().is_ok_and(|reply| reply.status() == 200) || unread.is_err());
    within(ended).await.unwrap();
    listening.answers().await;
}

#[tokio::test]
async fn too_many_connections_are_closed_and_others_go_on() {
    let limits = ConnectionLimits { total: 3, per_address: 3, hello: NEVER, idle: NEVER, stall: NEVER };
    let listening = listen(limits).await;
    let (mut sender, _ended) = listening.http2().await;
    assert_eq!(within(sender.send_request(get("/readyz"))).await.unwrap().status(), 200);
    let idle = [
        TcpStream::connect(listening.address).await.unwrap(),
        TcpStream::connect(listening.address).await.unwrap(),
    ];
    let mut refused = TcpStream::connect(listening.address).await.unwrap();
    assert_eq!(within(refused.read(&mut [0])).await.unwrap_or(0), 0);
    assert_eq!(within(sender.send_request(get("/readyz"))).await.unwrap().status(), 200);
    let metrics = listening.lab.server.metrics.text(&listening.lab.server);
    assert!(metrics.contains("connections_refused_total 1"), "{metrics}");
    // Those that end make room.
    drop(idle);
    listening.answers().await;
}

#[tokio::test]
async fn heads_that_are_too_long_are_refused() {
    let listening = listen(ConnectionLimits::default()).await;
    let mut stream = listening.connect("http/1.1").await;
    let head = format!("GET /readyz HTTP/1.1\r\nHost: a\r\nX-Long: {}\r\n\r\n", "x".repeat(200_000));
    // The server ends the connection in the middle of it.
    let _ = stream.write_all(head.as_bytes()).await;
    let reply = end(&mut stream).await;
    assert!(reply.is_empty() || reply.starts_with(b"HTTP/1.1 431 "), "{}", String::from_utf8_lossy(&reply));
    let (mut sender, _ended) = listening.http2().await;
    let mut request = get("/readyz");
    request.headers_mut().insert("x-long", "x".repeat(40_000).parse().unwrap());
    match within(sender.send_request(request)).await {
        Ok(reply) => assert_eq!(reply.status(), 431),
        Err(error) => assert!(!error.is_timeout(), "{error}"),
    }
    listening.answers().await;
}

#[tokio::test]
async fn requests_that_are_taken_back_at_once_hold_nothing() {
    let listening = listen(ConnectionLimits { idle: SOON, ..ConnectionLimits::default() }).await;
    let mut stream = listening.connect("h2").await;
    stream.write_all(PREFACE).await.unwrap();
    // GET, https, and a path that is written out (RFC 7541, appendix A and section 6.2.2).
    let mut head = vec![0x82, 0x87, 0x04, u8::try_from(MAPS.len()).unwrap()];
    head.extend_from_slice(MAPS.as_bytes());
    let mut flood = Vec::new();
    for stream_id in (1_u32..20_001).step_by(2) {
        let length = u32::try_from(head.len()).unwrap().to_be_bytes();
        flood.extend_from_slice(&length[1..]);
        // HEADERS with END_HEADERS and END_STREAM, then RST_STREAM with CANCEL.
        flood.extend_from_slice(&[1, 5]);
        flood.extend_from_slice(&stream_id.to_be_bytes());
        flood.extend_from_slice(&head);
        flood.extend_from_slice(&[0, 0, 4, 3, 0]);
        flood.extend_from_slice(&stream_id.to_be_bytes());
        flood.extend_from_slice(&8_u32.to_be_bytes());
    }
    let (mut reads, mut writes) = tokio::io::split(stream);
    let reading = tokio::spawn(async move {
        let mut bytes = Vec::new();
        reads.read_to_end(&mut bytes).await.unwrap_or_default();
    });
    // The server ends the connection in the middle of it.
    let _ = writes.write_all(&flood).await;
    within(reading).await.unwrap();
    listening.answers().await;
    let deadline = Instant::now() + PATIENCE;
    while listening.lab.server.flow.counts().in_flight > 0 {
        assert!(Instant::now() < deadline, "requests that nobody waits for go on");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
