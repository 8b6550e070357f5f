//! Real BGP daemons, each with the sessions that a test asks for: one description, five programs.

mod bird;
mod exabgp;
mod frr;
mod gobgp;
mod openbgpd;
mod spec;

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::signal::Signal;

use crate::netns::Netns;
use crate::process::Process;
use crate::wait;

pub use spec::{Family, Liveness, Neighbour, Remote, Spec, Table};

/// How long a daemon may take to come up on a busy machine.
const START: Duration = Duration::from_secs(20);

/// The router software, with the version of Debian 12.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// BIRD 2.0.12.
    Bird,
    /// FRR 8.4.4: zebra, bgpd and, when a neighbour wants BFD, bfdd.
    Frr,
    /// GoBGP 3.10.0.
    GoBgp,
    /// OpenBGPD 7.7.
    OpenBgpd,
    /// ExaBGP 4.2.21, which hands on what it hears and keeps no table.
    ExaBgp,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Bird, Self::Frr, Self::GoBgp, Self::OpenBgpd, Self::ExaBgp];

    /// Name and version.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Bird => "BIRD 2.0.12",
            Self::Frr => "FRR 8.4.4",
            Self::GoBgp => "GoBGP 3.10.0",
            Self::OpenBgpd => "OpenBGPD 7.7",
            Self::ExaBgp => "ExaBGP 4.2.21",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title())
    }
}

/// A session as the daemon sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The neighbour's address, where the daemon shows it; else what it calls the neighbour.
    pub neighbour: String,
    /// Whether it is established.
    pub established: bool,
    /// The daemon's own word for the state.
    pub state: String,
}

/// One path that a daemon has learnt.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Learnt {
    /// The global next hop, and the link-local one beside it.
    pub next_hops: Vec<IpAddr>,
    /// The AS path.
    pub as_path: Vec<u32>,
    /// MULTI_EXIT_DISC. Some daemons show 0 where there is none.
    pub med: Option<u32>,
    /// LOCAL_PREF, also the one that the daemon gave itself.
    pub local_pref: Option<u32>,
    /// Communities as `65001:100`.
    pub communities: BTreeSet<String>,
    /// Large communities as `65001:1:2`.
    pub large_communities: BTreeSet<String>,
    /// Octets per second of a link bandwidth community.
    pub link_bandwidth: Option<u64>,
}

/// What a daemon has to be able to do.
trait Daemon: fmt::Debug {
    /// The first one is stopped last.
    fn processes(&mut self) -> &mut Vec<Process>;
    fn sessions(&self) -> Result<Vec<Session>>;
    fn prefixes(&self) -> Result<BTreeSet<String>>;
    fn learnt(&self, prefix: &str) -> Result<Vec<Learnt>>;
    /// Asks every neighbour for all routes again.
    fn refresh(&self) -> Result<()>;
    /// Ends every session with a NOTIFICATION and begins again.
    fn reset(&self) -> Result<()>;
    /// Everything that is known about sessions and routes, for people.
    fn describe(&self) -> Result<String>;
    /// A command in the daemon's own words.
    fn command(&self, words: &str) -> Result<String>;
}

/// A running daemon; ended when it is dropped.
#[derive(Debug)]
pub struct Router {
    kind: Kind,
    netns: Netns,
    daemon: Box<dyn Daemon>,
}

impl Router {
    /// Starts the daemon in this namespace with configuration, sockets and logs in this folder, and waits until it
    /// answers.
    ///
    /// # Errors
    /// When it does not come up, or cannot do what `spec` asks for.
    pub fn start(kind: Kind, netns: &Netns, folder: &Path, spec: &Spec) -> Result<Self> {
        let daemon: Box<dyn Daemon> = match kind {
            Kind::Bird => Box::new(bird::Bird::start(netns, folder, spec)?),
            Kind::Frr => Box::new(frr::Frr::start(netns, folder, spec)?),
            Kind::GoBgp => Box::new(gobgp::GoBgp::start(netns, folder, spec)?),
            Kind::OpenBgpd => Box::new(openbgpd::OpenBgpd::start(netns, folder, spec)?),
            Kind::ExaBgp => Box::new(exabgp::ExaBgp::start(netns, folder, spec)?),
        };
        Ok(Self { kind, netns: netns.clone(), daemon })
    }

    /// Which daemon it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The namespace that it runs in.
    #[must_use]
    pub fn netns(&self) -> &Netns {
        &self.netns
    }

    /// Its sessions.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn sessions(&self) -> Result<Vec<Session>> {
        self.daemon.sessions()
    }

    /// Whether there is a session and every one is established.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn is_established(&self) -> Result<bool> {
        let sessions = self.sessions()?;
        Ok(!sessions.is_empty() && sessions.iter().all(|session| session.established))
    }

    /// The prefixes that it has learnt, both families.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn prefixes(&self) -> Result<BTreeSet<String>> {
        self.daemon.prefixes()
    }

    /// The paths to exactly this prefix.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn learnt(&self, prefix: &str) -> Result<Vec<Learnt>> {
        self.daemon.learnt(prefix)
    }

    /// Asks every neighbour for all routes again.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn refresh(&self) -> Result<()> {
        self.daemon.refresh()
    }

    /// Ends every session with a NOTIFICATION and begins again.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn reset(&self) -> Result<()> {
        self.daemon.reset()
    }

    /// Everything that it says about sessions and routes, for people.
    #[must_use]
    pub fn describe(&self) -> String {
        self.daemon.describe().unwrap_or_else(|error| format!("{} does not answer: {error:#}", self.kind))
    }

    /// Runs a command in the daemon's own words, for what is special to it.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn command(&self, words: &str) -> Result<String> {
        self.daemon.command(words)
    }

    /// Waits until it has learnt exactly these prefixes; returns how long that took.
    ///
    /// # Errors
    /// When it has not by the deadline; the text says what it has and how its sessions are.
    pub fn wait_prefixes(&self, wanted: &BTreeSet<String>, deadline: Duration) -> Result<Duration> {
        let what = format!("{} prefixes in {}", wanted.len(), self.kind);
        wait::until_true(&what, deadline, || Ok(self.prefixes()? == *wanted)).with_context(|| {
            let now = self.prefixes().map(|prefixes| prefixes.len());
            format!("it has {now:?}; it says:\n{}", self.describe())
        })
    }

    /// Sends a signal to every process of the daemon.
    ///
    /// # Errors
    /// When one is gone.
    pub fn signal(&mut self, signal: Signal) -> Result<()> {
        self.daemon.processes().iter().try_for_each(|process| process.signal(signal))
    }

    /// Ends the daemon as an operator would, and waits until it is gone.
    ///
    /// # Errors
    /// When it does not end.
    pub fn stop(mut self) -> Result<()> {
        for process in self.daemon.processes().drain(..).rev() {
            process.stop()?;
        }
        Ok(())
    }

    /// SIGKILL to every process: no NOTIFICATION is sent.
    ///
    /// # Errors
    /// When one cannot be waited for.
    pub fn kill(mut self) -> Result<()> {
        self.daemon.processes().drain(..).rev().try_for_each(Process::kill_hard)
    }
}

/// Waits until `answers` says so, or the process ends.
fn wait_until_up(what: &str, process: &mut Process, mut answers: impl FnMut() -> bool) -> Result<()> {
    wait::until_true(&format!("{what} to answer"), START, || {
        process.check_running()?;
        Ok(answers())
    })
    .map(drop)
}

/// The numbers in a text such as `65001 65001`; anything else is left out.
fn numbers(text: &str) -> Vec<u32> {
    text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

/// The link bandwidth in octets per second of the eight octets of a community (draft-ietf-idr-link-bandwidth), whether
/// transitive or not.
fn link_bandwidth(community: u64) -> Option<u64> {
    let octets = community.to_be_bytes();
    let is_it = octets[0] & 0xbf == 0 && octets[1] == 4;
    let bandwidth = f32::from_bits(u32::from_be_bytes([octets[4], octets[5], octets[6], octets[7]]));
    // At most 2^64 octets per second; a test looks at rounded values.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    is_it.then_some(bandwidth as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_bandwidth_is_told_from_other_communities() {
        assert_eq!(link_bandwidth(0x0004_fde9_4cee_6b28), Some(125_000_000));
        assert_eq!(link_bandwidth(0x4004_fde9_4cee_6b28), Some(125_000_000));
        assert_eq!(link_bandwidth(0x0002_fde9_4cee_6b28), None);
    }

    #[test]
    fn numbers_of_a_path() {
        assert_eq!(numbers("65001 4200000000 {7}"), [65001, 4_200_000_000]);
    }
}
