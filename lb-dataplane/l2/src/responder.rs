//! Which addresses are answered for, and what is sent when. No input, output or clock.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use pnet::util::MacAddr;

use crate::wire::{Claim, announcements, answer, parse, solicited_node};

/// Index of an interface.
pub type LinkIndex = u32;

/// The addresses that this forwarder owns, each with the names of the links on which it answers for it; none named means
/// all.
pub type Owned = BTreeMap<IpAddr, BTreeSet<String>>;

/// A link that is up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Name of the interface.
    pub name: String,
    /// MAC address of the interface, which is answered with.
    pub mac: MacAddr,
}

/// A frame to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// By this interface.
    pub link: LinkIndex,
    /// The whole frame.
    pub frame: Vec<u8>,
    /// The address that it is about.
    pub address: IpAddr,
}

/// Somebody else claims an address that this forwarder owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// On this link.
    pub link: LinkIndex,
    /// The claim.
    pub claim: Claim,
}

/// What was done since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Questions answered.
    pub answers: u64,
    /// Announcements of an address on a link, each of one frame or two.
    pub announcements: u64,
    /// Frames in which somebody else claimed an address of ours.
    pub claims: u64,
    /// Answers that were not sent, since too many waited already.
    pub dropped: u64,
}

/// When an address is announced after it came to be owned. Neighbours that miss the first one hear a later one.
const ROUNDS: [Duration; 5] = [
    Duration::ZERO,
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(3),
];

/// After somebody else's claim an address is announced again, at most once in this time (RFC 5227, 2.4b).
const DEFEND_INTERVAL: Duration = Duration::from_secs(10);

/// Frames that may wait to be sent.
const QUEUE: usize = 1024;

/// Announcements that are made in one go, and the pause to the next: a node that takes over many addresses does not
/// flood its links.
const BATCH: usize = 128;
const PAUSE: Duration = Duration::from_millis(5);

/// Announcements of an address on a link that are still to come.
#[derive(Clone, Copy, Debug)]
struct Round {
    /// Place in [`ROUNDS`].
    number: usize,
    /// When the first one was due.
    begin: Instant,
    /// When this one is.
    due: Instant,
}

/// Answers and announces. See the [crate](crate).
///
/// After each call, [`poll_transmit`](Self::poll_transmit) gives what is to be sent, and [`timeout`](Self::timeout) when
/// [`handle_timeout`](Self::handle_timeout) is to be called.
#[derive(Debug, Default)]
pub struct Responder {
    owned: Owned,
    links: BTreeMap<LinkIndex, Link>,
    rounds: BTreeMap<(LinkIndex, IpAddr), Round>,
    /// The same by time.
    due: BTreeSet<(Instant, LinkIndex, IpAddr)>,
    /// No batch before this.
    pause: Option<Instant>,
    /// When addresses were last defended.
    defended: BTreeMap<(LinkIndex, IpAddr), Instant>,
    claimed: VecDeque<Claimed>,
    queue: VecDeque<Transmit>,
    counts: Counts,
}

impl Responder {
    /// Owns nothing and knows no links.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What this forwarder owns from now on. What is new is announced; what is not there any more is neither answered for
    /// nor announced from now on, not even by frames that waited to be sent.
    pub fn set(&mut self, owned: Owned, now: Instant) {
        let before = self.pairs();
        self.owned = owned;
        self.changed(&before, now);
    }

    /// The links that are up from now on. On one that is new, or has another MAC address, all is announced.
    pub fn set_links(&mut self, links: BTreeMap<LinkIndex, Link>, now: Instant) {
        let mut before = self.pairs();
        before.retain(|(link, _)| self.links.get(link) == links.get(link));
        self.links = links;
        self.changed(&before, now);
    }

    /// A frame came in by a link.
    pub fn receive(&mut self, link: LinkIndex, frame: &[u8], now: Instant) {
        let Some(heard) = parse(frame) else { return };
        let Some(mac) = self.links.get(&link).map(|link| link.mac) else { return };
        // Two of our links may lie on one network.
        let is_ours = |claim: &Claim| self.links.values().any(|link| link.mac == claim.mac);
        if let Some(claim) = heard.claim.filter(|claim| !is_ours(claim) && self.is_owned(link, claim.address))
        {
            self.defend(Claimed { link, claim }, now);
        }
        let Some(question) = heard.question else { return };
        let address = question.target();
        if !self.is_owned(link, address) {
            return;
        }
        if self.queue.len() >= QUEUE {
            self.counts.dropped += 1;
            return;
        }
        self.counts.answers += 1;
        self.queue.push_back(Transmit { link, frame: answer(&question, mac), address });
    }

    /// Announces what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.pause.is_some_and(|pause| now < pause) {
            return;
        }
        self.pause = None;
        for _ in 0..BATCH {
            // An announcement is two frames at most.
            if self.queue.len() + 2 > QUEUE {
                break;
            }
            let Some(&(at, link, address)) = self.due.first().filter(|(at, ..)| *at <= now) else { return };
            self.due.remove(&(at, link, address));
            self.announce(link, address, now);
        }
        self.pause = Some(now + PAUSE);
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do.
    #[must_use]
    pub fn timeout(&self) -> Option<Instant> {
        let (due, ..) = self.due.first()?;
        Some(self.pause.map_or(*due, |pause| pause.max(*due)))
    }

    /// The next frame to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.queue.pop_front()
    }

    /// The next claim that somebody should hear of; of an address on a link one in ten seconds at most.
    pub fn poll_claimed(&mut self) -> Option<Claimed> {
        self.claimed.pop_front()
    }

    /// The multicast groups to be a member of, on their links.
    #[must_use]
    pub fn groups(&self) -> BTreeSet<(LinkIndex, Ipv6Addr)> {
        let of = |(link, address)| match address {
            IpAddr::V4(_) => None,
            IpAddr::V6(v6) => Some((link, solicited_node(v6))),
        };
        self.pairs().into_iter().filter_map(of).collect()
    }

    /// What was done.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// Whether this forwarder answers for an address on a link.
    fn is_owned(&self, link: LinkIndex, address: IpAddr) -> bool {
        let (Some(link), Some(names)) = (self.links.get(&link), self.owned.get(&address)) else {
            return false;
        };
        names.is_empty() || names.contains(&link.name)
    }

    /// The links on which it answers, and for which addresses.
    fn pairs(&self) -> BTreeSet<(LinkIndex, IpAddr)> {
        let of = |(index, link): (&LinkIndex, &Link)| {
            let (index, name) = (*index, link.name.clone());
            let here = self.owned.iter().filter(move |(_, names)| names.is_empty() || names.contains(&name));
            here.map(move |(address, _)| (index, *address))
        };
        self.links.iter().flat_map(of).collect()
    }

    fn changed(&mut self, before: &BTreeSet<(LinkIndex, IpAddr)>, now: Instant) {
        let after = self.pairs();
        for gone in self.rounds.keys().filter(|pair| !after.contains(pair)).copied().collect::<Vec<_>>() {
            self.cancel(gone);
        }
        self.defended.retain(|pair, _| after.contains(pair));
        self.claimed.retain(|claimed| after.contains(&(claimed.link, claimed.claim.address)));
        // Of a link with another MAC address, what waits is wrong too.
        let is_same = |pair: &(LinkIndex, IpAddr)| before.contains(pair) && after.contains(pair);
        self.queue.retain(|transmit| is_same(&(transmit.link, transmit.address)));
        for &pair in after.difference(before) {
            self.begin(pair, now);
        }
    }

    /// Announces from now on, in all rounds.
    fn begin(&mut self, pair: (LinkIndex, IpAddr), now: Instant) {
        self.cancel(pair);
        self.schedule(pair, Round { number: 0, begin: now, due: now + ROUNDS[0] });
    }

    fn schedule(&mut self, pair: (LinkIndex, IpAddr), round: Round) {
        self.rounds.insert(pair, round);
        self.due.insert((round.due, pair.0, pair.1));
    }

    fn cancel(&mut self, pair: (LinkIndex, IpAddr)) {
        if let Some(round) = self.rounds.remove(&pair) {
            self.due.remove(&(round.due, pair.0, pair.1));
        }
    }

    fn announce(&mut self, link: LinkIndex, address: IpAddr, now: Instant) {
        let (Some(round), Some(mac)) =
            (self.rounds.remove(&(link, address)), self.links.get(&link).map(|link| link.mac))
        else {
            return;
        };
        let frames = announcements(address, mac);
        self.queue.extend(frames.into_iter().map(|frame| Transmit { link, frame, address }));
        self.counts.announcements += 1;
        let number = round.number + 1;
        if let Some(after) = ROUNDS.get(number) {
            // A round that comes late leaves a pause before the next one all the same.
            let due = (round.begin + *after).max(now + ROUNDS[1]);
            self.schedule((link, address), Round { number, due, ..round });
        }
    }

    fn defend(&mut self, claimed: Claimed, now: Instant) {
        self.counts.claims += 1;
        let pair = (claimed.link, claimed.claim.address);
        let is_recent = self.defended.get(&pair).is_some_and(|last| now < *last + DEFEND_INTERVAL);
        if is_recent {
            return;
        }
        self.defended.insert(pair, now);
        self.claimed.push_back(claimed);
        // What is being announced anyway goes on.
        if !self.rounds.contains_key(&pair) {
            let last = ROUNDS.len() - 1;
            self.schedule(pair, Round { number: last, begin: now, due: now });
        }
    }
}

#[cfg(test)]
mod tests;
