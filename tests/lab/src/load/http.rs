//! Just enough of an HTTP/1.1 client: one GET at a time on a connection whose source port we choose.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::backend::HEADER;

/// The longest head of an answer that is read, in bytes.
const HEAD: usize = 8192;

/// Opens a connection; from `port` when one is given. It is closed by a reset, so that the port is free at once.
pub(super) async fn connect(target: SocketAddr, port: Option<u16>) -> Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(target), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.set_linger(Some(Duration::ZERO))?;
    socket.set_tcp_nodelay(true)?;
    if let Some(port) = port {
        socket.set_reuse_address(true)?;
        let any: SocketAddr = match target {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, port).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, port).into(),
        };
        socket.bind(&any.into()).with_context(|| format!("cannot bind source port {port}"))?;
    }
    TcpSocket::from_std_stream(socket.into()).connect(target).await.context("connect")
}

/// An answer.
pub(super) struct Answer {
    /// The name of the backend that gave it.
    pub(super) backend: String,
    /// Bytes of head and body.
    pub(super) bytes: u64,
}

/// Sends a GET and reads the whole answer.
pub(super) async fn get(stream: &mut TcpStream, target: SocketAddr, path: &str) -> Result<Answer> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {target}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.context("send")?;
    let mut buffer = Vec::with_capacity(1024);
    let end = loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if buffer.len() > HEAD {
            bail!("the head of the answer is longer than {HEAD} bytes");
        }
        if stream.read_buf(&mut buffer).await.context("receive")? == 0 {
            bail!("closed before the answer");
        }
    };
    let head = Head::parse(&String::from_utf8_lossy(&buffer[..end]))?;
    let mut left = head.length.saturating_sub(buffer.len() - end);
    let mut sink = [0_u8; 16384];
    while left > 0 {
        let want = left.min(sink.len());
        let got = stream.read(&mut sink[..want]).await.context("receive")?;
        if got == 0 {
            bail!("closed {left} bytes before the end of the answer");
        }
        left -= got;
    }
    Ok(Answer { backend: head.backend, bytes: (end + head.length) as u64 })
}

#[derive(Debug, PartialEq, Eq)]
struct Head {
    backend: String,
    length: usize,
}

impl Head {
    fn parse(text: &str) -> Result<Self> {
        let mut lines = text.split("\r\n");
        let status = lines.next().unwrap_or_default();
        if !status.starts_with("HTTP/1.1 200") {
            bail!("answer `{status}`");
        }
        let mut backend = None;
        let mut length = None;
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            if name.eq_ignore_ascii_case(HEADER) {
                backend = Some(value.trim().to_owned());
            } else if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().ok();
            }
        }
        Ok(Self {
            backend: backend.with_context(|| format!("the answer has no {HEADER}"))?,
            length: length.context("the answer has no Content-Length")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Head;

    #[test]
    fn heads() {
        let good = "HTTP/1.1 200 OK\r\nserver: nginx\r\ncontent-length: 4\r\nx-backend: be2\r\n\r\n";
        assert_eq!(Head::parse(good).unwrap(), Head { backend: "be2".into(), length: 4 });
        for bad in ["HTTP/1.1 502 Bad Gateway\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", ""] {
            assert!(Head::parse(bad).is_err(), "{bad}");
        }
    }
}
