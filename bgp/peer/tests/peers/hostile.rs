//! Peers that mean harm, or are broken.

use std::net::SocketAddr;
use std::time::Duration;

use guideway_bgp_config::PeerConfig;
use guideway_bgp_fsm::{HoldTime, Loss, State};
use guideway_bgp_wire::{Capability, Context, GracefulRestart, Message};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

use crate::by_hand::ByHand;
use crate::lab::{Node, PATIENCE, config, prefixes, until, v4};

const ASN: u32 = 64999;

/// A node that dials a peer which is played by hand.
async fn dialling(last: u8, announced: u32, change: impl FnOnce(&mut PeerConfig)) -> (Node, TcpListener) {
    let node = Node::start(last, announced).await;
    let listener = TcpListener::bind((v4(last + 1), 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut config = config(node.address, node.asn, v4(last + 1), ASN, port);
    change(&mut config);
    node.apply(&config);
    (node, listener)
}

#[tokio::test]
async fn rubbish_is_answered_and_the_peer_is_tried_again() {
    let (node, listener) = dialling(40, 1, |_| ()).await;
    let mut peer = ByHand::accept(&listener, ASN).await;
    assert!(matches!(peer.read().await, Some(Message::Open(_))));
    peer.octets(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    assert_eq!(peer.notification().await, (1, 1));
    drop(peer);
    node.error(v4(41), "marker").await;
    let mut peer = ByHand::accept(&listener, ASN).await;
    peer.establish().await;
    node.established(v4(41)).await;
}

#[tokio::test]
async fn random_octets_from_everywhere() {
    let (node, listener) = dialling(42, 100, |config| config.session.passive = true).await;
    drop(listener);
    let to = SocketAddr::new(node.address, node.port);
    for round in 0..40u32 {
        let mut peer = ByHand::dial(v4(43), to, ASN).await.unwrap();
        let mut noise = vec![0; 8192];
        noise.iter_mut().for_each(|octet| *octet = rand::random());
        match round % 4 {
            // Pure noise; then behind a good marker, a good header, a good session.
            0 => {}
            1 => noise[..16].fill(0xff),
            2 => {
                noise[..16].fill(0xff);
                noise[16..19].copy_from_slice(&[16, 0, 2]);
            }
            _ => {
                if timeout(Duration::from_secs(2), peer.establish()).await.is_err() {
                    continue;
                }
                noise[..16].fill(0xff);
                noise[16..19].copy_from_slice(&[16, 0, 2]);
            }
        }
        let _ = peer.stream.write_all(&noise).await;
        // Whatever comes back ends.
        let mut rest = Vec::new();
        let _ = timeout(PATIENCE, peer.stream.read_to_end(&mut rest)).await.expect("an end");
    }
    assert_eq!(node.peers.dead(), None);
    let mut peer = ByHand::dial(v4(43), to, ASN).await.unwrap();
    peer.establish().await;
    node.established(v4(43)).await;
}

#[tokio::test]
async fn an_open_that_comes_drop_by_drop_is_not_waited_for() {
    let (node, listener) = dialling(44, 0, |config| config.session.open_time = Duration::from_secs(1)).await;
    let mut peer = ByHand::accept(&listener, ASN).await;
    let dribble = async {
        loop {
            if peer.stream.write_all(&[0xff]).await.is_err() {
                return;
            }
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(PATIENCE, async {
        tokio::select! {
            () = dribble => {}
            _ = node.error(v4(45), "(4/0)") => {}
        }
    })
    .await
    .expect("given up in time");
}

/// A second connection while the session stands: refused, unless the peer may have restarted (RFC 4724 section 4.2).
#[tokio::test]
async fn a_second_connection_of_an_established_peer() {
    let (node, listener) = dialling(64, 1, |config| config.session.passive = true).await;
    drop(listener);
    let to = SocketAddr::new(node.address, node.port);
    let mut first = ByHand::dial(v4(65), to, ASN).await.unwrap();
    first.establish().await;
    node.established(v4(65)).await;
    let mut second = ByHand::dial(v4(65), to, ASN).await.unwrap();
    second.open(Vec::new()).await;
    assert_eq!(second.notification().await, (6, 7));
    assert_eq!((node.status(v4(65)).state, node.status(v4(65)).flaps), (State::Established, 0));
    drop(first);
    until("the end", || (node.status(v4(65)).flaps == 1).then_some(())).await;

    let restart = || {
        vec![Capability::GracefulRestart(GracefulRestart {
            restart_time: 60,
            families: vec![(1, 1, true)],
            ..GracefulRestart::default()
        })]
    };
    let mut third = ByHand::dial(v4(65), to, ASN).await.unwrap();
    third.establish_with(restart()).await;
    node.established(v4(65)).await;
    // What comes in the first second may be from before.
    let restarted = async {
        loop {
            let mut fourth = ByHand::dial(v4(65), to, ASN).await.unwrap();
            fourth.open(restart()).await;
            match fourth.read().await {
                Some(Message::Open(_)) => return fourth,
                Some(Message::Notification(_)) => sleep(Duration::from_millis(50)).await,
                other => panic!("{other:?} instead of an OPEN"),
            }
        }
    };
    let mut fourth = timeout(PATIENCE, restarted).await.expect("taken for a restart in time");
    assert_eq!(fourth.read().await, Some(Message::Keepalive));
    fourth.write(&Message::Keepalive).await;
    until("the new session", || (node.status(v4(65)).sessions == 3).then_some(())).await;
    node.error(v4(65), "the peer restarted").await;
    assert_eq!(node.router.state.lock().unwrap().downs.last(), Some(&Loss::Graceful));
}

/// Connections that say nothing: as many as may be are held for a short time, and a good one gets through.
#[tokio::test]
async fn silent_connections_do_not_keep_the_peer_out() {
    let (node, listener) = dialling(46, 1, |config| {
        config.session.open_time = Duration::from_secs(1);
        config.session.passive = true;
    })
    .await;
    drop(listener);
    let to = SocketAddr::new(node.address, node.port);
    let mut silent = Vec::new();
    for _ in 0..50 {
        silent.push(ByHand::dial(v4(47), to, ASN).await.unwrap());
    }
    // Nobody's at all.
    for _ in 0..50 {
        let mut stranger = ByHand::dial(v4(48), to, ASN).await.unwrap();
        assert_eq!(stranger.read().await, None, "closed at once");
    }
    until("the count", || (node.peers.refused() >= 50).then_some(())).await;
    let established = async {
        loop {
            let mut peer = ByHand::dial(v4(47), to, ASN).await.unwrap();
            if timeout(Duration::from_secs(2), peer.stream.readable()).await.is_ok()
                && matches!(peer.read().await, Some(Message::Open(_)))
            {
                return;
            }
        }
    };
    timeout(PATIENCE, established).await.expect("an OPEN in time");
}

#[tokio::test]
async fn malformed_updates_are_counted_and_survived() {
    let (node, listener) = dialling(50, 1, |_| ()).await;
    let mut peer = ByHand::accept(&listener, ASN).await;
    peer.establish().await;
    // An UPDATE with NLRI and without any attribute.
    let mut octets = vec![0xff; 16];
    octets.extend_from_slice(&[0, 25, 2, 0, 0, 0, 0, 8, 10]);
    for _ in 0..3 {
        peer.octets(&octets).await;
    }
    until("the count", || (node.status(v4(51)).malformed_updates == 3).then_some(())).await;
    assert_eq!(node.status(v4(51)).state, State::Established);
}

/// UPDATEs as long as they may be, full of attributes that nobody knows: nothing is kept of them.
#[tokio::test]
async fn a_flood_of_attributes() {
    let (node, listener) = dialling(52, 1, |_| ()).await;
    let mut peer = ByHand::accept(&listener, ASN).await;
    peer.establish().await;
    // Unknown, optional, transitive, extended length.
    let value = 4096 - 23 - 4 - 5 - 20;
    let mut attributes = vec![0x40, 1, 1, 0, 0x40, 2, 6, 2, 1];
    attributes.extend_from_slice(&ASN.to_be_bytes());
    attributes.extend_from_slice(&[0x40, 3, 4, 10, 1, 1, 1]);
    attributes.extend_from_slice(&[0xd0, 99]);
    attributes.extend_from_slice(&u16::try_from(value).unwrap().to_be_bytes());
    attributes.extend(std::iter::repeat_n(7, value));
    let mut update = vec![0xff; 16];
    let length = 19 + 2 + 2 + attributes.len() + 5;
    update.extend_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
    update.extend_from_slice(&[2, 0, 0]);
    update.extend_from_slice(&u16::try_from(attributes.len()).unwrap().to_be_bytes());
    update.extend_from_slice(&attributes);
    update.extend_from_slice(&[32, 198, 51, 100, 0]);
    let before = resident();
    for number in 0..2000u32 {
        let end = update.len() - 2;
        let [.., high, low] = number.to_be_bytes();
        update[end..].copy_from_slice(&[high, low]);
        peer.octets(&update).await;
    }
    let received = until("all of them", || {
        let status = node.status(v4(53));
        (status.received.updates >= 2000 || status.state != State::Established).then_some(status)
    })
    .await;
    assert_eq!((received.state, received.malformed_updates), (State::Established, 0));
    // 8 MB came; other tests run in the same process.
    assert!(resident() < before + (200 << 20), "{} MB before, {} MB after", before >> 20, resident() >> 20);
}

fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

/// A peer that goes on sending and takes nothing: it does not pile up memory and does not live for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_takes_no_data_is_given_up() {
    let change = |config: &mut PeerConfig| config.session.hold_time = HoldTime::from_secs(3).unwrap();
    let (node, listener) = dialling(54, 0, change).await;
    let mut peer = ByHand::accept(&listener, ASN).await;
    peer.establish().await;
    node.established(v4(55)).await;
    let (mut read, mut write) = peer.stream.into_split();
    let keepalive = Message::Keepalive.encode(&Context::default()).unwrap();
    let alive = tokio::spawn(async move {
        while write.write_all(&keepalive).await.is_ok() {
            sleep(Duration::from_millis(200)).await;
        }
    });
    let (none, many) = (prefixes(0), prefixes(15_000));
    let mut all = false;
    let given_up = async {
        loop {
            let status = node.status(v4(55));
            if status.last_error.is_some() {
                let history = node.history(v4(55));
                assert!(history.contains("send hold"), "{history}");
                return;
            }
            // Every change is some 70 KB to send until the buffers of both kernels are full.
            all = !all;
            node.router.announce(if all { many.clone() } else { none.clone() });
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(60), given_up).await.expect("given up in time");
    alive.abort();
    let mut rest = Vec::new();
    let _ = timeout(PATIENCE, read.read_to_end(&mut rest)).await;
}

/// While one peer is stuck another one gets its routes.
#[tokio::test]
async fn a_stuck_peer_delays_nobody() {
    let node = Node::start(56, 0).await;
    let other = Node::start(57, 0).await;
    let listener = TcpListener::bind((v4(58), 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut stuck = config(node.address, node.asn, v4(58), ASN, port);
    // It says nothing any more either.
    stuck.session.hold_time = HoldTime::from_secs(0).unwrap();
    node.peers.apply(vec![node.config_of(&other), stuck]);
    other.apply(&other.config_of(&node));
    node.established(other.address).await;
    let mut peer = ByHand::accept(&listener, ASN).await;
    peer.establish().await;
    node.established(v4(58)).await;
    let (none, many) = (prefixes(0), prefixes(15_000));
    for round in 0..21 {
        let wanted = if round % 2 == 0 { &many } else { &none };
        node.router.announce(wanted.clone());
        if round % 4 == 0 {
            until("the other peer's routes", || (other.router.learnt().len() == 15_000).then_some(())).await;
        }
    }
    node.router.announce(none);
    until("the last of it", || other.router.learnt().is_empty().then_some(())).await;
    assert_eq!(node.status(v4(58)).state, State::Established);
}

/// The machine stood still for longer than the hold time, and the peer's KEEPALIVE waits in the socket.
#[tokio::test]
async fn a_speaker_that_was_held_up_does_not_blame_the_peer() {
    let change = |config: &mut PeerConfig| config.session.hold_time = HoldTime::from_secs(3).unwrap();
    let (node, listener) = dialling(60, 1, change).await;
    let mut peer = ByHand::accept(&listener, ASN).await;
    peer.establish().await;
    node.established(v4(61)).await;
    for _ in 0..2 {
        let before = node.status(v4(61)).received.keepalives;
        peer.write(&Message::Keepalive).await;
        // The test has one thread: nothing of the speaker runs meanwhile. This is the event that is tested, not a wait.
        std::thread::sleep(Duration::from_millis(3200));
        let status = until("the KEEPALIVE to be read, or the session to end", || {
            let status = node.status(v4(61));
            (status.received.keepalives > before || status.state != State::Established).then_some(status)
        })
        .await;
        assert_eq!((status.state, status.last_error), (State::Established, None));
    }
}

#[tokio::test]
async fn a_refused_connection_is_told() {
    let (node, listener) = dialling(62, 1, |_| ()).await;
    drop(listener);
    node.error(v4(63), "cannot connect: Connection refused").await;
    assert_eq!(node.peers.history(&v4(63).to_string()).unwrap().last().unwrap().state, State::Active);
}
