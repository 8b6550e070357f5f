//! The task against a peer that is played by hand.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use guideway_bgp_fsm::{Config, HoldTime, NextHop};
use guideway_bgp_wire::{Capability, Context, Family, Frame, Message, Open, Update, frame};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use super::*;

const PATIENCE: Duration = Duration::from_secs(15);
/// A loopback address is no next hop.
const NEXT_HOP: Ipv4Addr = Ipv4Addr::new(10, 1, 1, 2);

fn prefixes(count: u32) -> Prefixes {
    let prefix = |n: u32| ipnet::IpNet::from(IpAddr::from(Ipv4Addr::from(0xcb00_0000 + n)));
    Prefixes::new((0..count).map(prefix).collect::<BTreeSet<_>>())
}

fn config(port: u16) -> PeerConfig {
    PeerConfig {
        address: Ipv4Addr::LOCALHOST.into(),
        port,
        local_address: None,
        password: None,
        session: Config {
            local_as: 65001,
            router_id: Ipv4Addr::new(10, 255, 1, 1),
            remote_as: 65000,
            hold_time: HoldTime::from_secs(3).unwrap(),
            connect_timeout: Duration::from_secs(5),
            connect_retry: Duration::from_secs(1),
            ipv4: Some(NextHop::Fixed(NEXT_HOP)),
            ipv6: None,
        },
    }
}

/// The other end.
struct Router {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Router {
    async fn accept(listener: &TcpListener) -> Self {
        let (stream, _) = timeout(PATIENCE, listener.accept()).await.expect("a connection in time").unwrap();
        Self { stream, received: Vec::new() }
    }

    /// The next message; `None` at the end of the stream.
    async fn read(&mut self) -> Option<Message> {
        loop {
            if let Frame::Complete { length } = frame(&self.received).unwrap() {
                let bytes: Vec<u8> = self.received.drain(..length).collect();
                return Some(Message::decode(&bytes, &Context::default()).unwrap());
            }
            let count =
                timeout(PATIENCE, self.stream.read_buf(&mut self.received)).await.expect("data in time");
            if count.unwrap() == 0 {
                return None;
            }
        }
    }

    async fn read_update(&mut self) -> Update {
        loop {
            match self.read().await {
                Some(Message::Update(update)) => return update,
                Some(Message::Keepalive) => {}
                other => panic!("{other:?} instead of an UPDATE"),
            }
        }
    }

    async fn write(&mut self, message: Message) {
        self.write_bytes(&message.encode(&Context::default()).unwrap()).await;
    }

    async fn write_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    async fn establish(&mut self) {
        assert!(matches!(self.read().await, Some(Message::Open(_))));
        let capabilities = vec![Capability::family(Family::Ipv4)];
        self.write(Message::Open(Open::new(65000, 90, Ipv4Addr::new(10, 255, 0, 1), capabilities))).await;
        assert_eq!(self.read().await, Some(Message::Keepalive));
        self.write(Message::Keepalive).await;
    }
}

async fn bench(count: u32) -> (TcpListener, watch::Sender<Prefixes>, Peer) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let (sender, receiver) = watch::channel(prefixes(count));
    let peer = Peer::spawn(config(listener.local_addr().unwrap().port()), receiver);
    (listener, sender, peer)
}

async fn wait_status(peer: &Peer, what: &str, wanted: impl Fn(&PeerStatus) -> bool) -> PeerStatus {
    let waiting = async {
        loop {
            let status = peer.status.lock().clone();
            if wanted(&status) {
                return status;
            }
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{what}: {:?}", peer.status.lock()))
}

#[tokio::test]
async fn a_session_from_open_to_cease() {
    let (listener, sender, peer) = bench(2).await;
    let mut router = Router::accept(&listener).await;
    router.establish().await;
    let first = router.read_update().await;
    assert_eq!(first.nlri.len(), 2);
    assert_eq!(first.attributes.next_hop, Some(NEXT_HOP));
    assert_eq!(router.read_update().await.ends_rib_of(), Some(Family::Ipv4));
    sender.send(prefixes(1)).unwrap();
    assert_eq!(router.read_update().await.withdrawn.len(), 1);
    let status = wait_status(&peer, "one prefix", |status| status.advertised.len() == 1).await;
    assert_eq!((status.state, status.sessions), (State::Established, 1));

    let stopping = tokio::spawn(peer.stop(Stop::Shutdown("maintenance".to_owned())));
    let last = loop {
        match router.read().await {
            Some(Message::Keepalive) => {}
            other => break other,
        }
    };
    let Some(Message::Notification(notification)) = last else {
        panic!("{last:?} instead of a NOTIFICATION")
    };
    assert_eq!(notification.communication().as_deref(), Some("maintenance"));
    assert_eq!(router.read().await, None);
    drop(router);
    stopping.await.unwrap();
}

#[tokio::test]
async fn rubbish_is_answered_and_the_peer_is_tried_again() {
    let (listener, _sender, peer) = bench(1).await;
    let mut router = Router::accept(&listener).await;
    assert!(matches!(router.read().await, Some(Message::Open(_))));
    router.write_bytes(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let Some(Message::Notification(notification)) = router.read().await else { panic!("no NOTIFICATION") };
    assert_eq!((notification.code, notification.subcode), (1, 1));
    drop(router);
    let status = wait_status(&peer, "the reason", |status| !status.last_error.is_empty()).await;
    assert!(status.last_error.contains("marker"), "{}", status.last_error);
    let mut router = Router::accept(&listener).await;
    router.establish().await;
    assert_eq!(router.read_update().await.nlri.len(), 1);
}

#[tokio::test]
async fn a_malformed_update_is_counted_and_survived() {
    let (listener, _sender, peer) = bench(1).await;
    let mut router = Router::accept(&listener).await;
    router.establish().await;
    // An UPDATE with NLRI and without any attribute.
    let mut bytes = vec![0xff; 16];
    bytes.extend_from_slice(&[0, 25, 2, 0, 0, 0, 0, 8, 10]);
    router.write_bytes(&bytes).await;
    let status = wait_status(&peer, "the count", |status| status.malformed_updates == 1).await;
    assert_eq!(status.state, State::Established);
}

/// The machine stood still for longer than the hold time, and the peer's KEEPALIVE waits in the socket.
#[tokio::test]
async fn a_speaker_that_was_held_up_does_not_blame_the_peer() {
    let (listener, _sender, peer) = bench(1).await;
    let mut router = Router::accept(&listener).await;
    router.establish().await;
    wait_status(&peer, "a session", |status| status.state == State::Established).await;
    for _ in 0..2 {
        let before = peer.status.lock().messages_received;
        router.write(Message::Keepalive).await;
        // The test has one thread: nothing of the speaker runs meanwhile. This is the event that is tested, not a wait.
        std::thread::sleep(Duration::from_millis(3200));
        let status = wait_status(&peer, "the KEEPALIVE to be read, or the session to end", |status| {
            status.messages_received > before || status.state != State::Established
        });
        let status = status.await;
        assert_eq!((status.state, status.last_error.as_str()), (State::Established, ""));
    }
}

/// A peer that goes on sending and takes nothing: it does not pile up memory and does not live for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_takes_no_data_is_given_up() {
    let (listener, sender, peer) = bench(0).await;
    let mut router = Router::accept(&listener).await;
    router.establish().await;
    let mut all = false;
    let (mut read, mut write) = router.stream.into_split();
    let keepalive = Message::Keepalive.encode(&Context::default()).unwrap();
    let alive = tokio::spawn(async move {
        while write.write_all(&keepalive).await.is_ok() {
            sleep(Duration::from_millis(200)).await;
        }
    });
    let given_up = async {
        loop {
            let status = peer.status.lock().clone();
            if status.last_error.contains("took no data") {
                return;
            }
            assert!(status.last_error.is_empty(), "{}", status.last_error);
            // Every change is some 70 KB to send until the buffers of both kernels are full.
            all = !all;
            sender.send_replace(prefixes(if all { 15_000 } else { 0 }));
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(Duration::from_secs(60), given_up).await.expect("given up in time");
    alive.abort();
    let mut rest = Vec::new();
    let _ = timeout(PATIENCE, read.read_to_end(&mut rest)).await;
}

#[tokio::test]
async fn a_refused_connection_is_told() {
    let (listener, _sender, peer) = bench(1).await;
    drop(listener);
    let status = wait_status(&peer, "a refused connection", |status| status.state == State::Active).await;
    assert!(status.last_error.starts_with("cannot connect: Connection refused"), "{}", status.last_error);
}
