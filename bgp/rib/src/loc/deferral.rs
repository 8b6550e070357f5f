//! How long an aggregator that has started keeps silent (RFC 4724 section 4.1).
//!
//! Its routers keep what they were told before. Anything that is said too early, an End-of-RIB above all, takes away what is
//! not said yet.

use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use guideway_bgp_wire::{Families, Family};

use super::source::SpeakerId;

/// A speaker that is to be waited for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Known {
    /// By its BGP identifier: remembered from before.
    Identifier(Ipv4Addr),
    /// By the name of its configuration.
    Name(String),
}

impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identifier(id) => id.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// Waits until every known speaker has told everything, or a time has passed.
#[derive(Debug)]
pub struct Deferral {
    missing: BTreeMap<Known, Missing>,
    deadline: Instant,
    released: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Missing {
    NoSession,
    /// These families have not ended yet.
    EndOfRib(Families),
    /// It sends no End-of-RIB: what it has to say is taken to be said by then.
    Until(Instant),
}

impl Deferral {
    /// How long a speaker without graceful restart, which need not send an End-of-RIB, is listened to.
    pub const WITHOUT_END_OF_RIB: Duration = Duration::from_secs(3);

    /// Waits for `known` until `limit` after `now`. With nobody to wait for it is over at once.
    #[must_use]
    pub fn new(now: Instant, known: impl IntoIterator<Item = Known>, limit: Duration) -> Self {
        let missing: BTreeMap<_, _> = known.into_iter().map(|known| (known, Missing::NoSession)).collect();
        Self { released: missing.is_empty(), missing, deadline: now + limit }
    }

    /// A session with a speaker stands. `end_of_rib` are the families whose End-of-RIB it will send; `None` when it has no
    /// graceful restart.
    pub fn up(&mut self, now: Instant, name: &str, id: SpeakerId, end_of_rib: Option<Families>) {
        let missing = match end_of_rib {
            Some(families) => Missing::EndOfRib(families),
            None => Missing::Until(now + Self::WITHOUT_END_OF_RIB),
        };
        self.each(name, id, |entry| *entry = missing);
        self.handle_timeout(now);
    }

    /// The speaker has told everything of a family.
    pub fn end_of_rib(&mut self, now: Instant, name: &str, id: SpeakerId, family: Family) {
        self.each(name, id, |entry| match entry {
            Missing::EndOfRib(families) => {
                *families = families.iter().filter(|other| *other != family).collect();
            }
            // It does send them.
            Missing::Until(_) => *entry = Missing::EndOfRib(Families::NONE),
            Missing::NoSession => {}
        });
        self.handle_timeout(now);
    }

    /// The session with a speaker ended before that: it is waited for again.
    pub fn down(&mut self, name: &str, id: SpeakerId) {
        self.each(name, id, |entry| *entry = Missing::NoSession);
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.missing.retain(|_, missing| match missing {
            Missing::EndOfRib(families) => !families.is_empty(),
            Missing::Until(at) => *at > now,
            Missing::NoSession => true,
        });
        self.released |= self.missing.is_empty() || now >= self.deadline;
    }

    /// When [`Deferral::handle_timeout`] is to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.released {
            return None;
        }
        let untils = self.missing.values().filter_map(|missing| match missing {
            Missing::Until(at) => Some(*at),
            _ => None,
        });
        untils.chain([self.deadline]).min()
    }

    /// True from the moment on when everything may be sent.
    #[must_use]
    pub fn is_released(&self) -> bool {
        self.released
    }

    /// When the wait ends in any case.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Who is waited for, and what is missing of each, in words.
    pub fn waiting_for(&self) -> impl Iterator<Item = (&Known, &'static str)> {
        self.missing.iter().map(|(known, missing)| {
            let what = match missing {
                Missing::NoSession => "no session",
                Missing::EndOfRib(_) => "no End-of-RIB",
                Missing::Until(_) => "sends no End-of-RIB: listened to for a while",
            };
            (known, what)
        })
    }

    fn each(&mut self, name: &str, id: SpeakerId, mut change: impl FnMut(&mut Missing)) {
        for known in [Known::Identifier(id.0), Known::Name(name.to_owned())] {
            if let Some(entry) = self.missing.get_mut(&known) {
                change(entry);
            }
        }
    }
}
