//! A forwarder, as the leader knows it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use guideway_controller_core::message::{
    Cost, FromForwarder, Hello, MAX_PAST_SETS, Report, ReportScope, Standing,
};
use guideway_controller_core::{Content, Digest, Generation, SetName};

use super::past::ToldPast;
use crate::connection::ConnectionId;
use crate::record::Stamp;

/// Addresses of one forwarder that others are told as relays.
const RELAYS_OF_ONE: usize = 4;

#[derive(Debug)]
pub(super) struct Peer {
    pub(super) connection: Option<ConnectionId>,
    pub(super) heard: Instant,
    /// Since when it has no connection.
    pub(super) gone: Option<Instant>,
    /// It is gone, and others are to have what it owned on a link.
    pub(super) is_replaced: bool,
    pub(super) standing: Standing,
    /// Where others reach controllers through it.
    pub(super) relays: BTreeSet<SocketAddr>,
    /// After how much silence it takes the connection for cut, and the relays of others that it knows: as it was told.
    pub(super) told: Option<(Duration, BTreeSet<SocketAddr>)>,
    /// What it was told on this connection of what sets were before.
    pub(super) past: Option<ToldPast>,
    /// Backends that it takes for dead, by name; of sets that have any. What it said last, also on another connection.
    pub(super) unhealthy: BTreeMap<SetName, BTreeSet<String>>,
    /// What it can send.
    pub(super) kept: Vec<Stamp>,
    /// Since when it had what it kept when it connected.
    pub(super) since: BTreeMap<Stamp, Instant>,
    /// What it prepares now, as far as is known.
    pub(super) asked: Option<Asked>,
    /// What it was sent last, and has if it has its digest.
    pub(super) sent: Option<Content>,
    /// It lacked the base of a delta.
    pub(super) needs_whole: bool,
    pub(super) committing: Option<Committing>,
    /// When it was told to withdraw for want of what.
    pub(super) fenced: Option<(Generation, Instant)>,
    /// Since when it serves something older than others do.
    pub(super) behind: Option<Instant>,
    pub(super) refused: Option<Refusal>,
    /// What it was told to forget. Whatever it still says of that may have been said before it did.
    pub(super) forgot: Option<Stamp>,
    /// What the prepared generation would cost it.
    pub(super) cost: Cost,
    /// The highest generation that it knows to be committed, when it says so.
    pub(super) known: Generation,
}

/// A Prepare on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) stamp: Stamp,
    pub(super) at: Instant,
}

/// It was told to commit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Committing {
    pub(super) stamp: Stamp,
    pub(super) first: Instant,
    pub(super) last: Instant,
}

/// What it cannot do, and why.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) digest: Digest,
    pub(super) errors: Vec<String>,
    pub(super) at: Instant,
    /// Whether people know.
    pub(super) is_told: bool,
}

impl Peer {
    pub(super) fn new(connection: ConnectionId, hello: Hello, now: Instant, time_of_day: SystemTime) -> Self {
        let kept = || hello.kept.iter().map(|(generation, digest, at)| ((*generation, *digest).into(), *at));
        let since = kept().filter_map(|(stamp, at)| {
            Some((stamp, now.checked_sub(time_of_day.duration_since(at).unwrap_or_default())?))
        });
        Self {
            connection: Some(connection),
            heard: now,
            gone: None,
            is_replaced: false,
            standing: hello.standing,
            relays: hello.relays.into_iter().take(RELAYS_OF_ONE).collect(),
            told: None,
            past: None,
            unhealthy: BTreeMap::new(),
            kept: kept().map(|(stamp, _)| stamp).collect(),
            since: since.collect(),
            asked: None,
            sent: None,
            needs_whole: false,
            committing: None,
            fenced: None,
            behind: None,
            refused: None,
            forgot: None,
            cost: Cost::default(),
            known: Generation::NONE,
        }
    }

    /// Takes in what it says of backends, and gives the sets of which it said something else before.
    pub(super) fn hear_health(&mut self, report: &Report) -> BTreeSet<SetName> {
        let mut changed = BTreeSet::new();
        if report.scope == ReportScope::Whole {
            let named: BTreeSet<&SetName> = report.sets.iter().map(|set| &set.name).collect();
            let healthy = self.unhealthy.extract_if(.., |name, _| !named.contains(name));
            changed.extend(healthy.map(|(name, _)| name));
        }
        for set in &report.sets {
            // Nobody has so many.
            if self.unhealthy.len() >= MAX_PAST_SETS && !self.unhealthy.contains_key(&set.name) {
                continue;
            }
            let before = match set.unhealthy.is_empty() {
                true => self.unhealthy.remove(&set.name),
                false => self.unhealthy.insert(set.name.clone(), set.unhealthy.clone()),
            };
            if before.unwrap_or_default() != set.unhealthy {
                changed.insert(set.name.clone());
            }
        }
        changed
    }

    pub(super) fn is_on(&self, connection: ConnectionId) -> bool {
        self.connection == Some(connection)
    }

    pub(super) fn leave(&mut self, now: Instant) {
        self.connection = None;
        self.gone.get_or_insert(now);
        self.asked = None;
    }

    pub(super) fn installed(&self) -> Option<Stamp> {
        self.standing.committed.map(Stamp::from)
    }

    pub(super) fn prepared(&self) -> Option<Stamp> {
        self.standing.prepared.map(Stamp::from)
    }

    /// Whether it has not installed what is committed yet and serves on.
    pub(super) fn serves_older_than(&self, committed: Option<Stamp>) -> bool {
        let is_older = |(installed, committed): (Stamp, Stamp)| installed.generation < committed.generation;
        !self.standing.fenced && self.installed().zip(committed).is_some_and(is_older)
    }

    /// Whether it serves what is committed, or something newer: a record that was put back knows less than forwarders do.
    pub(super) fn is_current(&self, committed: Option<Stamp>) -> bool {
        match (self.installed(), committed) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(installed), Some(committed)) => {
                installed == committed || installed.generation > committed.generation
            }
        }
    }

    pub(super) fn has_refused(&self, digest: Digest) -> Option<&Refusal> {
        self.refused.as_ref().filter(|refusal| refusal.digest == digest)
    }

    /// Takes a message in, and gives what the forwarder has now.
    pub(super) fn take(&mut self, message: FromForwarder, now: Instant) -> Standing {
        match message {
            FromForwarder::Hello(hello) => self.stand(hello.standing),
            FromForwarder::Keepalive(standing) => self.stand(standing),
            FromForwarder::Prepared { generation, digest, cost } => {
                self.standing.prepared = Some((generation, digest));
                self.cost = cost;
                self.answered(generation);
            }
            FromForwarder::Refused { generation, errors } => {
                let asked = self.asked.map(|asked| asked.stamp);
                let told = self.committing.map(|committing| committing.stamp);
                if let Some(stamp) =
                    [asked, told].into_iter().flatten().find(|stamp| stamp.generation == generation)
                {
                    self.refused = Some(Refusal { digest: stamp.digest, errors, at: now, is_told: false });
                }
                self.answered(generation);
            }
            FromForwarder::Missing { generation } => {
                self.needs_whole = true;
                // It lacks what it was to commit, too.
                self.standing.prepared =
                    self.standing.prepared.filter(|(prepared, _)| *prepared != generation);
                self.answered(generation);
            }
            FromForwarder::Committed { generation, digest, .. } => {
                if self.installed().is_none_or(|installed| installed.generation <= generation) {
                    self.standing.committed = Some((generation, digest));
                    self.standing.fenced = self.known > generation;
                    self.standing.prepared =
                        self.standing.prepared.filter(|(prepared, _)| *prepared > generation);
                    self.keep((generation, digest).into());
                    self.got_past(generation);
                }
            }
            FromForwarder::Fenced { generation, .. } => {
                self.known = self.known.max(generation);
                self.standing.fenced =
                    self.installed().is_none_or(|installed| installed.generation < generation);
            }
            FromForwarder::Report(_) | FromForwarder::Stale { .. } | FromForwarder::Content { .. } => {}
        }
        self.standing
    }

    fn stand(&mut self, standing: Standing) {
        self.standing = standing;
        if let Some(prepared) = self.prepared() {
            self.answered(prepared.generation);
        }
        if let Some(installed) = self.installed() {
            self.got_past(installed.generation);
        }
    }

    /// What it has installed it need not prepare. It was asked to if it said how it stands while it installed that, when it
    /// has nothing prepared any more and nothing newer installed yet.
    fn got_past(&mut self, installed: Generation) {
        self.asked.take_if(|asked| asked.stamp.generation <= installed);
    }

    fn answered(&mut self, generation: Generation) {
        self.asked.take_if(|asked| asked.stamp.generation == generation);
    }

    fn keep(&mut self, stamp: Stamp) {
        if !self.kept.contains(&stamp) {
            self.kept.push(stamp);
        }
        // More than any forwarder keeps.
        let excess = self.kept.len().saturating_sub(256);
        self.kept.drain(..excess);
    }
}
