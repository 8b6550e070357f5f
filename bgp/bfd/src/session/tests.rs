mod link;
mod pair;
mod random;
mod rules;
mod table;

use std::time::{Duration, Instant};

use super::*;
use crate::packet::{MAX_LEN, Packet};

const SEED: Seed = Seed { sequence: 0xffff_fff0, nonce: 42 };

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn config(millis: u64, mult: u8) -> Config {
    Config::new(ms(millis), ms(millis), mult).unwrap()
}

/// A packet of a peer that knows the session.
fn packet(state: State) -> Packet {
    Packet {
        diagnostic: Diagnostic::NONE,
        state,
        poll: false,
        final_: false,
        control_plane_independent: false,
        demand: false,
        detect_mult: 3,
        my_discriminator: 9,
        your_discriminator: 7,
        desired_min_tx: Interval::from_micros(50_000),
        required_min_rx: Interval::from_micros(50_000),
        required_min_echo_rx: Interval::ZERO,
    }
}

/// A session under test with its own clock.
struct Bench {
    session: Session,
    now: Instant,
}

impl Bench {
    fn new(config: Config) -> Self {
        let now = Instant::now();
        Self { session: Session::new(config, 7, SEED, now), now }
    }

    /// A session in `state`, brought there by packets, with nothing left to send.
    fn in_state(state: State) -> Self {
        let mut bench = Self::new(config(50, 3));
        match state {
            State::AdminDown => drop(bench.session.set_admin(Admin::Down)),
            State::Down => {}
            State::Init => drop(bench.receive(packet(State::Down))),
            State::Up => drop(bench.receive(packet(State::Init))),
        }
        assert_eq!(bench.session.state(), state);
        bench.sent();
        bench
    }

    fn receive(&mut self, packet: Packet) -> Result<Option<Transition>, crate::Discard> {
        let mut buffer = [0; MAX_LEN];
        let length = packet.encode(&mut buffer);
        self.session.receive(&Packet::decode(&buffer[..length]).unwrap(), self.now)
    }

    /// What is due now.
    fn sent(&mut self) -> Vec<Packet> {
        let mut packets = Vec::new();
        let mut buffer = [0; MAX_LEN];
        while let Some(length) = self.session.transmit(self.now, Jitter::LEAST, &mut buffer) {
            packets.push(Packet::decode(&buffer[..length]).unwrap().packet);
        }
        packets
    }

    /// What is sent within `time`, with the moments.
    fn run(&mut self, time: Duration) -> Vec<(Duration, Packet)> {
        let start = self.now;
        let mut packets = Vec::new();
        loop {
            packets.extend(self.sent().into_iter().map(|packet| (self.now - start, packet)));
            match self.session.poll_timeout() {
                Some(due) if due <= start + time => self.now = self.now.max(due),
                _ => break,
            }
            self.session.timeout(self.now);
        }
        self.now = start + time;
        packets
    }
}
