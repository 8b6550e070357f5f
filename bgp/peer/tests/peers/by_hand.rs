//! A peer whose every octet the test says.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use guideway_bgp_wire::{Capability, Context, Frame, Message, Open, frame};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::lab::PATIENCE;

pub(crate) struct ByHand {
    pub(crate) stream: TcpStream,
    received: Vec<u8>,
    asn: u32,
}

impl ByHand {
    /// Waits for a connection.
    pub(crate) async fn accept(listener: &TcpListener, asn: u32) -> Self {
        let (stream, _) = timeout(PATIENCE, listener.accept()).await.expect("a connection in time").unwrap();
        Self { stream, received: Vec::new(), asn }
    }

    /// Connects from `from`.
    pub(crate) async fn dial(from: IpAddr, to: SocketAddr, asn: u32) -> std::io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(from, 0))?;
        let stream = socket.connect(to).await?;
        Ok(Self { stream, received: Vec::new(), asn })
    }

    /// The next message; `None` at the end of the stream.
    pub(crate) async fn read(&mut self) -> Option<Message> {
        loop {
            if let Frame::Complete { length } = frame(&self.received).unwrap() {
                let octets: Vec<u8> = self.received.drain(..length).collect();
                return Some(Message::decode(&octets, &Context::default()).unwrap());
            }
            let read = timeout(PATIENCE, self.stream.read_buf(&mut self.received)).await;
            if read.expect("data in time").unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    /// The next NOTIFICATION.
    pub(crate) async fn notification(&mut self) -> (u8, u8) {
        loop {
            match self.read().await {
                Some(Message::Notification(notification)) => {
                    return (notification.code, notification.subcode);
                }
                Some(_) => {}
                None => panic!("the end instead of a NOTIFICATION"),
            }
        }
    }

    pub(crate) async fn write(&mut self, message: &Message) {
        self.octets(&message.encode(&Context::default()).unwrap()).await;
    }

    pub(crate) async fn octets(&mut self, octets: &[u8]) {
        self.stream.write_all(octets).await.unwrap();
    }

    pub(crate) async fn establish(&mut self) {
        self.establish_with(Vec::new()).await;
    }

    pub(crate) async fn establish_with(&mut self, more: Vec<Capability>) {
        assert!(matches!(self.read().await, Some(Message::Open(_))));
        self.open(more).await;
        assert_eq!(self.read().await, Some(Message::Keepalive));
        self.write(&Message::Keepalive).await;
    }

    /// Only the own OPEN.
    pub(crate) async fn open(&mut self, more: Vec<Capability>) {
        let mut capabilities = vec![Capability::MultiProtocol { afi: 1, safi: 1 }, Capability::RouteRefresh];
        capabilities.extend(more);
        let open = Open::new(self.asn, 90, Ipv4Addr::new(10, 255, 77, 1), capabilities);
        self.write(&Message::Open(open)).await;
    }
}
