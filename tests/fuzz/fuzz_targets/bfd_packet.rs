//! A BFD packet that can be read means the same when it is written, and whatever arrives, a session goes on.
#![no_main]

use std::time::{Duration, Instant};

use guideway_bfd::auth::Kind;
use guideway_bfd::packet::MAX_LEN;
use guideway_bfd::{Authentication, Config, EchoPayload, Jitter, Packet, Seed, Session};
use libfuzzer_sys::fuzz_target;

fn session(kind: Option<Kind>) -> Session {
    let interval = Duration::from_millis(50);
    let mut config = Config::new(interval, interval, 3).expect("the values are right");
    config.authentication =
        kind.map(|kind| Authentication::new(kind, [(1, "secret")]).expect("the key is right"));
    Session::new(config, 7, Seed { sequence: 1, nonce: 2 }, Instant::now())
}

// The first octet says how the session authenticates and how long the datagrams are.
fuzz_target!(|bytes: &[u8]| {
    let Some((choice, datagrams)) = bytes.split_first() else { return };
    let kinds = [None, Some(Kind::Simple), Some(Kind::KeyedMd5), Some(Kind::MeticulousSha1)];
    let mut session = session(kinds[usize::from(choice & 3)]);
    let mut now = Instant::now();
    for datagram in datagrams.chunks(24 + usize::from(choice >> 2)) {
        if let Ok(decoded) = Packet::decode(datagram) {
            let mut buffer = [0; MAX_LEN];
            let length = decoded.packet.encode(&mut buffer);
            let again = Packet::decode(&buffer[..length]).expect("what we write can be read");
            assert_eq!(again.packet, decoded.packet);
            let _ = session.receive(&decoded, now);
        }
        if let Some(payload) = EchoPayload::decode(datagram) {
            session.receive_echo(&payload, now);
        }
        now += Duration::from_millis(u64::from(datagram[0]));
        session.timeout(now);
        let mut buffer = [0; MAX_LEN];
        let mut sent = 0;
        while let Some(length) = session.transmit(now, Jitter::MOST, &mut buffer) {
            let written = Packet::decode(&buffer[..length]).expect("what we send can be read").packet;
            assert!(!(written.poll && written.final_));
            sent += 1;
            assert!(sent <= 2, "one answer and one packet at most");
        }
    }
});
