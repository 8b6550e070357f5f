//! What outlives the process: when it was alive last, and the drains. The file tells the next process whether its peers
//! keep routes for it, and whether the dataplane forwarded all the time.

mod keeper;

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::drain::{Drain, UnixMs};

pub(crate) use keeper::{Keeper, Wait};

const FILE: &str = "state.json";
/// The largest file in octets: some thousand drains.
const MAX_FILE: u64 = 1 << 20;
/// The kernel makes a new one at each boot.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
/// Time for the sessions themselves before peers give up.
const SPARE: Duration = Duration::from_secs(15);
const LEAST_PATIENCE: Duration = Duration::from_secs(1);
const MOST_PATIENCE: Duration = Duration::from_secs(60);

/// The content of the file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct State {
    /// Of the boot in which it was written.
    pub(crate) boot_id: String,
    /// The last sign of life; 0 after an end that withdrew everything.
    pub(crate) alive: UnixMs,
    /// The earliest moment from which on a peer may hold routes of ours without a session: that of the last sign of life, or
    /// earlier when a session was down then.
    pub(crate) kept_since: UnixMs,
    /// A peer may hold routes of ours.
    pub(crate) established: bool,
    #[serde(default)]
    pub(crate) drains: Vec<Drain>,
}

/// Why the file cannot be read or written.
#[derive(Debug, Error)]
pub(crate) enum StateError {
    #[error("{}: cannot be read", .0.display())]
    Unreadable(PathBuf, #[source] io::Error),
    #[error("{}: no state of a bgp-speaker; it is not used", .0.display())]
    Strange(PathBuf, #[source] serde_json::Error),
    #[error("{}: cannot be written", .0.display())]
    Unwritable(PathBuf, #[source] io::Error),
}

impl State {
    /// The state that the last process left in `directory`; `None` when there was none.
    pub(crate) fn load(directory: &Path) -> Result<Option<Self>, StateError> {
        let path = directory.join(FILE);
        let unreadable = |error| StateError::Unreadable(path.clone(), error);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(error)),
        };
        let mut text = String::new();
        file.take(MAX_FILE).read_to_string(&mut text).map_err(unreadable)?;
        serde_json::from_str(&text).map(Some).map_err(|error| StateError::Strange(path.clone(), error))
    }

    /// Replaces the file; a process that dies meanwhile leaves the old one or the new one. What a crash of the machine
    /// leaves is of no use: nothing forwards in the next boot before this process does.
    pub(crate) fn save(&self, directory: &Path) -> Result<(), StateError> {
        let path = directory.join(FILE);
        let write = || {
            fs::create_dir_all(directory)?;
            let new = directory.join(format!("{FILE}.new"));
            let text = serde_json::to_string(self).map_err(io::Error::other)?;
            File::create(&new)?.write_all(text.as_bytes())?;
            fs::rename(&new, &path)
        };
        write().map_err(|error| StateError::Unwritable(path.clone(), error))
    }
}

/// The boot id of the running kernel; empty when there is none, which equals no other.
pub(crate) fn boot_id() -> String {
    fs::read_to_string(BOOT_ID).map(|id| id.trim().to_owned()).unwrap_or_default()
}

/// What the last process left for this one (RFC 4724 section 4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// Peers keep nothing for us.
    Fresh,
    /// Peers may keep routes until `until`.
    Restart {
        /// The earliest moment from which on they may do so without a session.
        kept_since: UnixMs,
        /// When they give up.
        until: UnixMs,
    },
}

impl Start {
    /// `restart_time` is what the last process told its peers, as far as it is known: the longest of the configuration.
    pub(crate) fn new(left: Option<&State>, boot_id: &str, now: UnixMs, restart_time: Duration) -> Self {
        let Some(left) = left else { return Self::Fresh };
        let until = left.alive.saturating_add(u64::try_from(restart_time.as_millis()).unwrap_or(u64::MAX));
        let same_boot = !boot_id.is_empty() && left.boot_id == boot_id;
        if same_boot && left.established && left.alive != 0 && left.alive <= now && now < until {
            Self::Restart { kept_since: left.kept_since, until }
        } else {
            Self::Fresh
        }
    }
}

/// What the OPENs say of a restart (RFC 4724 section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flags {
    /// R: this process began anew, and peers may hold routes of the one before.
    pub(crate) restarting: bool,
    /// F: packets were forwarded since before any peer lost its session.
    pub(crate) forwarding: bool,
}

impl Start {
    /// `forwarding_since` is the agent's word, 0 for "does not forward" (and from an agent that does not say); `oldest_loss`
    /// is when the first of the sessions ended that have not come back. A peer keeps routes at most from then on, so packets
    /// must have been forwarded from then on. Where that is true for one peer and not for another the answer is no.
    pub(crate) fn flags(self, forwarding_since: UnixMs, oldest_loss: Option<UnixMs>, now: UnixMs) -> Flags {
        let inherited = self.inherited(now);
        let first = inherited.into_iter().chain(oldest_loss).min();
        let forwarding = forwarding_since != 0 && first.is_none_or(|first| forwarding_since <= first);
        Flags { restarting: inherited.is_some(), forwarding }
    }

    /// From when on peers may hold routes of the process before; `None` when none does.
    pub(crate) fn inherited(self, now: UnixMs) -> Option<UnixMs> {
        match self {
            Self::Restart { kept_since, until } if now < until => Some(kept_since),
            Self::Restart { .. } | Self::Fresh => None,
        }
    }

    /// Until when the agent's first word is waited for before anybody is dialled; `None` when it is not.
    pub(crate) fn patience(self, now: UnixMs) -> Option<Duration> {
        let Self::Restart { until, .. } = self else { return None };
        // A session that comes too late is worse than one that forgets.
        let left = Duration::from_millis(until.saturating_sub(now)).saturating_sub(SPARE);
        Some(left.clamp(LEAST_PATIENCE, MOST_PATIENCE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_read() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("new");
        assert_eq!(State::load(&directory).unwrap(), None);
        let mut state =
            State { boot_id: "a".to_owned(), alive: 7, kept_since: 7, established: true, drains: vec![] };
        state.save(&directory).unwrap();
        state.alive = 8;
        state.save(&directory).unwrap();
        assert_eq!(State::load(&directory).unwrap(), Some(state));
        fs::write(directory.join(FILE), "{").unwrap();
        let error = State::load(&directory).unwrap_err().to_string();
        assert!(error.ends_with("state.json: no state of a bgp-speaker; it is not used"), "{error}");
    }

    #[test]
    fn who_restarts() {
        let time = Duration::from_secs(120);
        let left = State {
            boot_id: "a".to_owned(),
            alive: 1_000,
            kept_since: 900,
            established: true,
            drains: vec![],
        };
        let restart = Start::Restart { kept_since: 900, until: 121_000 };
        assert_eq!(Start::new(Some(&left), "a", 5_000, time), restart);
        let fresh = [
            (None, "a", 5_000),
            (Some(left.clone()), "b", 5_000),
            (Some(State { boot_id: String::new(), ..left.clone() }), "", 5_000),
            (Some(left.clone()), "a", 121_000),
            // The clock was set back.
            (Some(left.clone()), "a", 500),
            (Some(State { alive: 0, ..left.clone() }), "a", 5_000),
            (Some(State { established: false, ..left }), "a", 5_000),
        ];
        for (left, boot, now) in fresh {
            assert_eq!(Start::new(left.as_ref(), boot, now, time), Start::Fresh, "{left:?} {boot} {now}");
        }
    }

    #[test]
    fn flags() {
        let restart = Start::Restart { kept_since: 1_000, until: 121_000 };
        let rows = [
            (Start::Fresh, 0, None, 5_000, (false, false)),
            (Start::Fresh, 4_000, None, 5_000, (false, true)),
            // A session ended, and the dataplane had a break since.
            (Start::Fresh, 4_000, Some(3_999), 5_000, (false, false)),
            (Start::Fresh, 4_000, Some(4_000), 5_000, (false, true)),
            (restart, 1_000, None, 5_000, (true, true)),
            (restart, 1_001, None, 5_000, (true, false)),
            (restart, 0, None, 5_000, (true, false)),
            (restart, 900, Some(4_000), 5_000, (true, true)),
            // Nobody keeps anything of the process before any more.
            (restart, 1_001, None, 121_000, (false, true)),
        ];
        for (start, since, loss, now, (restarting, forwarding)) in rows {
            let flags = start.flags(since, loss, now);
            assert_eq!(flags, Flags { restarting, forwarding }, "{start:?} {since} {loss:?} {now}");
        }
    }

    #[test]
    fn how_long_the_agent_is_waited_for() {
        let patience = |until| Start::Restart { kept_since: 1, until }.patience(1_000);
        assert_eq!(Start::Fresh.patience(1_000), None);
        assert_eq!(patience(31_000), Some(Duration::from_secs(15)));
        assert_eq!(patience(2_000), Some(Duration::from_secs(1)));
        assert_eq!(patience(4_000_000), Some(Duration::from_secs(60)));
    }
}
