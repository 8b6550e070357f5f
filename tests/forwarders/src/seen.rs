//! What is noted.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Instant;

use guideway_controller_core::message::ToForwarder;
use guideway_controller_core::{Content, Digest, Generation};
use guideway_controller_rollout::Stamp;

/// Contents of which it is remembered that nothing is wrong in them: more than are on their way at a time.
const RIGHT: usize = 64;

/// Something that a forwarder was told or did.
#[derive(Clone, Copy, Debug)]
pub struct Happened {
    /// Which forwarder.
    pub forwarder: usize,
    /// What.
    pub step: Step,
    /// When.
    pub at: Instant,
}

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A controller has taken its stream.
    Connected,
    /// The stream is gone.
    Disconnected,
    /// It was asked to prepare this.
    ToldPrepare(Stamp),
    /// It has prepared this, and says so now.
    Prepared(Stamp),
    /// It was told to commit this.
    ToldCommit(Stamp),
    /// Packets meet this from now on.
    Installed(Stamp),
    /// It announces the VIPs of this.
    Announced(Stamp),
    /// It announces nothing.
    Withdrawn,
    /// It was told to withdraw for want of this.
    ToldFence(Generation),
}

impl Step {
    /// What a message of the leader is, of those that are noted.
    pub(crate) fn of(message: &ToForwarder) -> Option<Self> {
        match message {
            ToForwarder::Prepare { generation, delta, .. } => {
                Some(Self::ToldPrepare((*generation, delta.result).into()))
            }
            ToForwarder::Commit { generation, digest, .. } => {
                Some(Self::ToldCommit((*generation, *digest).into()))
            }
            ToForwarder::Fence { generation, .. } => Some(Self::ToldFence(*generation)),
            _ => None,
        }
    }
}

/// What all forwarders have now, and what was wrong. Clones share it.
#[derive(Clone)]
pub struct Seen {
    notes: Arc<Mutex<Notes>>,
    tell: mpsc::Sender<Happened>,
}

#[derive(Default)]
struct Notes {
    installed: Vec<Option<(Stamp, Content)>>,
    announced: Vec<Option<Stamp>>,
    connected: BTreeSet<usize>,
    digests: BTreeMap<Generation, Digest>,
    /// The last contents in which nothing was wrong. What they have needs no second look, by whichever forwarder.
    right: VecDeque<Digest>,
    wrongs: Vec<String>,
}

impl Seen {
    pub(crate) fn new(count: usize, tell: mpsc::Sender<Happened>) -> Self {
        let notes = Notes { installed: vec![None; count], announced: vec![None; count], ..Notes::default() };
        Self { notes: Arc::new(Mutex::new(notes)), tell }
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn note(&self, forwarder: usize, step: Step) {
        self.notes().take(forwarder, step);
        // Whoever asks may be gone.
        let _ = self.tell.send(Happened { forwarder, step, at: Instant::now() });
    }

    pub(crate) fn installs(&self, forwarder: usize, stamp: Stamp, content: Content) {
        let mut notes = self.notes();
        let before = notes.installed[forwarder].replace((stamp, content)).map(|(before, _)| before);
        if let Some(before) = before.filter(|before| before.generation > stamp.generation) {
            notes.wrongs.push(format!("forwarder {forwarder} goes back from {before} to {stamp}"));
        }
        drop(notes);
        self.note(forwarder, Step::Installed(stamp));
    }

    /// What each of them has installed.
    #[must_use]
    pub fn installed(&self) -> Vec<Option<Stamp>> {
        self.notes().installed.iter().map(|installed| installed.as_ref().map(|(stamp, _)| *stamp)).collect()
    }

    /// What each of them announces.
    #[must_use]
    pub fn announced(&self) -> Vec<Option<Stamp>> {
        self.notes().announced.clone()
    }

    /// The content that a forwarder has installed.
    #[must_use]
    pub fn content(&self, forwarder: usize) -> Option<Content> {
        self.notes().installed[forwarder].as_ref().map(|(_, content)| content.clone())
    }

    /// The names of the VIPs that a forwarder announces, those of other shards among them.
    #[must_use]
    pub fn vips(&self, forwarder: usize) -> BTreeSet<String> {
        let notes = self.notes();
        let installed = notes.installed[forwarder].as_ref().filter(|_| notes.announced[forwarder].is_some());
        installed.iter().flat_map(|(_, content)| content.vips().keys().map(ToString::to_string)).collect()
    }

    /// How many of them have a stream.
    #[must_use]
    pub fn connected(&self) -> usize {
        self.notes().connected.len()
    }

    /// The one generation that all of them have installed and announce, when it is so.
    #[must_use]
    pub fn common(&self) -> Option<Stamp> {
        let notes = self.notes();
        let first = notes.announced.first().copied().flatten()?;
        let is_same = |announced: &Option<Stamp>| *announced == Some(first);
        let is_installed = |installed: &Option<(Stamp, Content)>| {
            installed.as_ref().is_some_and(|(stamp, _)| *stamp == first)
        };
        (notes.announced.iter().all(is_same) && notes.installed.iter().all(is_installed)).then_some(first)
    }

    /// Looks whether a content is one that forwarders can serve. What the forwarder has installed shares with it what is the
    /// same, so that the look costs what differs; contents of two forwarders share nothing.
    pub(crate) fn check(&self, forwarder: usize, stamp: Stamp, content: &Content) {
        let mut notes = self.notes();
        if notes.right.contains(&content.digest()) {
            return;
        }
        let base = notes.installed[forwarder].as_ref().map(|(_, base)| base);
        let base = base.filter(|base| base.seed() == content.seed() && notes.right.contains(&base.digest()));
        match base.map_or_else(|| content.check(), |base| content.check_since(base)) {
            Ok(()) => {
                notes.right.push_back(content.digest());
                let excess = notes.right.len().saturating_sub(RIGHT);
                notes.right.drain(..excess);
            }
            Err(errors) => {
                let generation = stamp.generation;
                notes.wrongs.push(format!("no forwarder can serve generation {generation}: {errors:?}"));
            }
        }
    }

    /// What must not have been.
    #[must_use]
    pub fn wrongs(&self) -> Vec<String> {
        self.notes().wrongs.clone()
    }
}

impl Notes {
    fn take(&mut self, forwarder: usize, step: Step) {
        match step {
            Step::Connected => _ = self.connected.insert(forwarder),
            Step::Disconnected => _ = self.connected.remove(&forwarder),
            Step::Announced(stamp) => self.announced[forwarder] = Some(stamp),
            Step::Withdrawn => self.announced[forwarder] = None,
            Step::ToldPrepare(stamp) | Step::ToldCommit(stamp) | Step::Installed(stamp) => {
                let Stamp { generation, digest } = stamp;
                let first = *self.digests.entry(generation).or_insert(digest);
                if first != digest {
                    self.wrongs.push(format!("generation {generation} is {first:?} and {digest:?}"));
                }
            }
            Step::Prepared(_) | Step::ToldFence(_) => {}
        }
    }
}
