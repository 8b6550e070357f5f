use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// What the other side does with a connection.
enum Peer {
    /// Reads the request, writes these bytes and closes.
    Says(&'static [u8]),
    /// Reads and never answers.
    Hangs,
    /// Writes a head and then a body without end.
    Endless,
    /// Writes interim responses without end.
    Interim,
    /// Writes a head, and nothing more without closing.
    Stalls,
}

async fn serve(peer: Peer) -> (SocketAddr, tokio::task::JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut chunk = [0; 1024];
            match stream.read(&mut chunk).await {
                Ok(0) | Err(_) => break,
                Ok(length) => request.extend_from_slice(&chunk[..length]),
            }
        }
        match peer {
            Peer::Says(bytes) => stream.write_all(bytes).await.unwrap(),
            Peer::Hangs => {
                let _ = stream.read(&mut [0; 1]).await;
            }
            Peer::Interim => {
                let interim = b"HTTP/1.1 100 Continue\r\n\r\n".repeat(100);
                while stream.write_all(&interim).await.is_ok() {}
            }
            Peer::Stalls => {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n").await;
                let _ = stream.read(&mut [0; 1]).await;
            }
            Peer::Endless => {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
                while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
            }
        }
        request
    });
    (address, task)
}

fn http(host: Option<&str>) -> Probe {
    Probe::Http(HttpProbe { path: "/live?x=1".to_owned(), host: host.map(str::to_owned), expect: 200..=399 })
}

async fn words(probe: &Probe, backend: SocketAddr) -> Result<String, String> {
    let result = run(probe, backend, Duration::from_secs(5)).await;
    // Times differ from run to run.
    result
        .map(|passed| passed.to_string().split(" in ").next().unwrap().to_owned())
        .map_err(|error| error.to_string())
}

#[tokio::test]
async fn responses() {
    let long_head: &'static [u8] = Box::leak(
        format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(40_000)).into_bytes().into_boxed_slice(),
    );
    let cases: &[(&'static [u8], Result<&str, &str>)] = &[
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", Ok("HTTP status 200")),
        (b"HTTP/1.0 204 No Content\r\n\r\n", Ok("HTTP status 204")),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\ncut", Ok("HTTP status 200")),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 301 Moved\r\nlocation: /x\r\n\r\n", Ok("HTTP status 301")),
        (b"HTTP/1.1 503 Busy\r\n\r\n", Err("HTTP status 503 not in 200-399")),
        (b"HTTP/1.1 400 Bad\r\n\r\n", Err("HTTP status 400 not in 200-399")),
        (b"", Err("no HTTP response: connection closed before message completed")),
        (b"HTTP/1.1 2", Err("no HTTP response: connection closed before message completed")),
        (b"SSH-2.0-OpenSSH_9.2\r\n", Err("no HTTP response: invalid HTTP version parsed")),
        (long_head, Err("no HTTP response: message head is too large")),
    ];
    for (bytes, expected) in cases {
        let (backend, _server) = serve(Peer::Says(bytes)).await;
        let got = words(&http(None), backend).await;
        assert_eq!(got.as_deref().map_err(String::as_str), *expected, "{}", String::from_utf8_lossy(bytes));
    }
}

#[tokio::test]
async fn the_request_is_what_was_asked_for() {
    for host in [None, Some("example.org")] {
        let (backend, server) = serve(Peer::Says(b"HTTP/1.1 200 OK\r\n\r\n")).await;
        words(&http(host), backend).await.unwrap();
        let request = String::from_utf8(server.await.unwrap()).unwrap();
        assert!(request.starts_with("GET /live?x=1 HTTP/1.1\r\n"), "{request}");
        let host = host.map_or_else(|| backend.to_string(), str::to_owned);
        assert!(request.contains(&format!("host: {host}\r\n")), "{request}");
        assert!(request.contains("connection: close\r\n"), "{request}");
    }
}

#[tokio::test]
async fn a_silent_server_times_out() {
    let (backend, _server) = serve(Peer::Hangs).await;
    let error = run(&http(None), backend, Duration::from_millis(50)).await.unwrap_err();
    assert_eq!(error.to_string(), "timed out after 50 ms");
}

#[tokio::test]
async fn an_endless_body_is_cut() {
    let (backend, server) = serve(Peer::Endless).await;
    assert_eq!(words(&http(None), backend).await.as_deref(), Ok("HTTP status 200"));
    server.await.unwrap();
}

#[tokio::test]
async fn interim_responses_without_end_are_cut() {
    let (backend, _server) = serve(Peer::Interim).await;
    let start = Instant::now();
    let error = run(&http(None), backend, Duration::from_secs(60)).await.unwrap_err();
    assert!(matches!(error, Failure::Http(_)), "{error}");
    assert!(start.elapsed() < Duration::from_secs(30), "it has waited for the timeout");
}

#[tokio::test]
async fn a_body_that_never_comes_does_not_count() {
    let (backend, _server) = serve(Peer::Stalls).await;
    let passed = run(&http(None), backend, Duration::from_millis(500)).await.unwrap();
    assert!(matches!(passed, Passed::Answered { status: 200, .. }), "{passed}");
}

#[test]
fn what_this_machine_lacks_is_told_from_what_the_backend_does() {
    for (code, local) in
        [(libc::EMFILE, true), (libc::ENFILE, true), (libc::ECONNREFUSED, false), (libc::EHOSTUNREACH, false)]
    {
        assert_eq!(Failure::Connect(io::Error::from_raw_os_error(code)).is_local(), local, "{code}");
    }
    assert!(!Failure::TimedOut(Duration::ZERO).is_local());
}

#[tokio::test]
async fn tcp_passes_on_a_connection_and_fails_without() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let backend = listener.local_addr().unwrap();
    assert_eq!(words(&Probe::Tcp, backend).await.as_deref(), Ok("connected"));
    drop(listener);
    assert_eq!(words(&Probe::Tcp, backend).await, Err("connection refused".to_owned()));
}
