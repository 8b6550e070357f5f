//! Two sessions, a link between them that delays and loses, and a clock that jumps.
#![allow(clippy::cast_possible_truncation)]

use std::collections::BTreeMap;

use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};

use super::*;

/// One end.
pub(super) struct End {
    pub(super) session: Session,
    /// State changes with their moments.
    pub(super) history: Vec<(Duration, Transition)>,
    pub(super) sent: usize,
    pub(super) discarded: usize,
}

/// The link, in each direction.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quality {
    pub(super) least_delay: Duration,
    pub(super) most_delay: Duration,
    /// Of 1000 packets; more than `most_in_a_row` in succession are never lost.
    pub(super) lost: u32,
    pub(super) most_in_a_row: u32,
}

pub(super) const GOOD: Quality =
    Quality { least_delay: Duration::ZERO, most_delay: Duration::from_millis(1), lost: 0, most_in_a_row: 0 };

pub(super) struct Pair {
    pub(super) ends: [End; 2],
    start: Instant,
    pub(super) now: Instant,
    /// Packets under way by arrival: receiver and bytes.
    flying: BTreeMap<(Instant, usize), (usize, Vec<u8>)>,
    count: usize,
    pub(super) quality: Quality,
    /// Which directions are cut, by receiver.
    pub(super) cut: [bool; 2],
    in_a_row: [u32; 2],
    /// A link keeps the order of packets.
    last_arrival: [Instant; 2],
    random: TestRng,
}

impl Pair {
    pub(super) fn new(configs: [Config; 2], quality: Quality, seed: [u8; 32]) -> Self {
        let start = Instant::now();
        let mut discriminator = 0;
        let ends = configs.map(|config| {
            discriminator += 7;
            let session = Session::new(config, discriminator, SEED, start);
            End { session, history: Vec::new(), sent: 0, discarded: 0 }
        });
        let random = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
        let (cut, in_a_row, last_arrival) = ([false; 2], [0; 2], [start; 2]);
        Self {
            ends,
            start,
            now: start,
            flying: BTreeMap::new(),
            count: 0,
            quality,
            cut,
            in_a_row,
            last_arrival,
            random,
        }
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    pub(super) fn both_up(&self) -> bool {
        self.ends.iter().all(|end| end.session.state() == State::Up)
    }

    /// Plays `time`.
    pub(super) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        self.until(end, |_| false);
        self.now = end;
    }

    /// Plays until `done`, at most `time`; says whether it came.
    pub(super) fn run_until(&mut self, time: Duration, done: impl Fn(&Self) -> bool) -> bool {
        self.until(self.now + time, done)
    }

    fn until(&mut self, end: Instant, done: impl Fn(&Self) -> bool) -> bool {
        let mut steps = 0;
        while !done(self) {
            self.send_what_is_due();
            let timers = self.ends.iter().filter_map(|end| end.session.poll_timeout());
            let arrival = self.flying.keys().next().map(|(at, _)| *at);
            let Some(next) = timers.chain(arrival).min().filter(|next| *next <= end) else { return false };
            self.now = self.now.max(next);
            steps += 1;
            assert!(steps < 2_000_000, "the clock stands still");
            self.deliver();
            for index in 0..2 {
                let transition = self.ends[index].session.timeout(self.now);
                self.note(index, transition);
            }
        }
        true
    }

    fn deliver(&mut self) {
        while let Some(entry) = self.flying.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let (to, bytes) = entry.remove();
            let decoded = Packet::decode(&bytes).unwrap();
            match self.ends[to].session.receive(&decoded, self.now) {
                Ok(transition) => self.note(to, transition),
                Err(_) => self.ends[to].discarded += 1,
            }
        }
    }

    fn note(&mut self, index: usize, transition: Option<Transition>) {
        let at = self.elapsed();
        self.ends[index].history.extend(transition.map(|transition| (at, transition)));
    }

    fn send_what_is_due(&mut self) {
        for from in 0..2 {
            let mut buffer = [0; MAX_LEN];
            loop {
                let jitter = Jitter::new(self.random.next_u32() as u16);
                let Some(length) = self.ends[from].session.transmit(self.now, jitter, &mut buffer) else {
                    break;
                };
                self.ends[from].sent += 1;
                self.fly(1 - from, buffer[..length].to_vec());
            }
        }
    }

    fn fly(&mut self, to: usize, bytes: Vec<u8>) {
        let Quality { least_delay, most_delay, lost, most_in_a_row } = self.quality;
        let lose = self.random.next_u32() % 1000 < lost && self.in_a_row[to] < most_in_a_row;
        if lose || self.cut[to] {
            self.in_a_row[to] += 1;
            return;
        }
        self.in_a_row[to] = 0;
        let range = (most_delay - least_delay).as_nanos() as u64;
        let delay = least_delay + Duration::from_nanos(self.random.next_u64() % (range + 1));
        self.count += 1;
        self.last_arrival[to] = self.last_arrival[to].max(self.now + delay);
        self.flying.insert((self.last_arrival[to], self.count), (to, bytes));
    }
}
