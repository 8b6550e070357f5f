//! The forwarder's side.

mod event;
mod receive;
mod settle;

use std::time::Instant;

use guideway_controller_core::message::{Cost, FromForwarder, Standing};
use guideway_controller_core::{Content, Generation, Term};

pub use event::{Action, Event, Found, Kept};

use crate::connection::ConnectionId;
use crate::record::Stamp;
use crate::settings::FollowerSettings;

/// A forwarder, as a state machine: it obeys the leader with the highest term, and serves on without one.
#[derive(Debug)]
pub struct Follower {
    settings: FollowerSettings,
    link: Option<Link>,
    /// What is to be remembered.
    kept: Kept,
    /// What is remembered for sure.
    durable: Kept,
    /// What is being written; one at a time.
    keeping: Option<Kept>,
    keep_again: Option<Instant>,
    /// The content of [`Kept::committed`].
    content: Option<Content>,
    /// What packets meet, and the dataplane's number of it.
    installed: Option<(Stamp, u64)>,
    installing: Option<Stamp>,
    install_again: Option<Instant>,
    /// Since when what is installed is older than what is committed.
    behind_since: Option<Instant>,
    preparing: Option<Ahead>,
    prepared: Option<(Ahead, Cost)>,
    /// Its commit came while it was being prepared.
    awaited: Option<Stamp>,
    announcing: Announcing,
    /// Why no controller takes it, until one says what is committed.
    revoked: Option<String>,
    actions: Vec<Action>,
}

/// A connection to the leader.
#[derive(Clone, Copy, Debug)]
struct Link {
    id: ConnectionId,
    heard: Instant,
    said: Instant,
}

/// What may be committed next.
#[derive(Clone, Debug)]
struct Ahead {
    /// Of the leader who asked for it.
    term: Term,
    stamp: Stamp,
    content: Content,
}

/// What the owner was told last.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Announcing {
    /// Nothing yet: what was announced before a restart is announced still.
    AsBefore,
    /// The VIPs of this.
    Announced(Stamp),
    /// Nothing, for this reason.
    Withdrawn(String),
}

impl Follower {
    /// A forwarder that waits for [`Event::Start`].
    #[must_use]
    pub fn new(settings: FollowerSettings, found: Found) -> Self {
        let Found { kept, committed, prepared } = found;
        let durable = kept;
        // What cannot be read cannot be served, nor be the base of anything.
        let content =
            committed.filter(|content| kept.committed.is_some_and(|stamp| stamp.digest == content.digest()));
        let kept = Kept { committed: kept.committed.filter(|_| content.is_some()), ..kept };
        let preparing = prepared.map(|(generation, content)| Ahead {
            term: Term::default(),
            stamp: Stamp { generation, digest: content.digest() },
            content,
        });
        Self {
            settings,
            link: None,
            kept,
            durable,
            keeping: None,
            keep_again: None,
            content,
            installed: None,
            installing: None,
            install_again: None,
            behind_since: None,
            preparing: preparing.filter(|ahead| kept.is_before(ahead.stamp.generation)),
            prepared: None,
            awaited: None,
            announcing: Announcing::AsBefore,
            revoked: None,
            actions: Vec::new(),
        }
    }

    /// Takes an event in and says what is to be done, in order. Any event is valid at any time.
    pub fn handle(&mut self, event: Event, now: Instant) -> Vec<Action> {
        match event {
            Event::Start => self.start(now),
            Event::Connected { connection, mut hello } => {
                if self.connection() != Some(connection) {
                    self.disconnect("another connection took its place".to_owned());
                }
                self.link = Some(Link { id: connection, heard: now, said: now });
                hello.standing = self.standing();
                self.say(FromForwarder::Hello(hello));
            }
            Event::Disconnected { connection } => {
                self.link = self.link.filter(|link| link.id != connection);
            }
            Event::Received { connection, message } => {
                if let Some(link) = self.link.as_mut().filter(|link| link.id == connection) {
                    link.heard = now;
                    self.receive(message);
                }
            }
            Event::Prepared { stamp, result } => self.has_prepared(stamp, result),
            Event::Kept { result } => self.has_kept(result, now),
            Event::Installed { stamp, result } => self.has_installed(stamp, result, now),
            Event::Fetched { generation, content } => self.say_content(generation, content.as_ref()),
            Event::Revoked { reason } => self.revoked = Some(reason),
            Event::Timeout => {}
        }
        self.settle(now);
        std::mem::take(&mut self.actions)
    }

    /// When [`Event::Timeout`] is due; `None` when no timer runs. May change with each call that changes the follower.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let link = self.link.as_ref();
        let silence = link.and_then(|link| link.heard.checked_add(self.settings.silence));
        let keepalive = link.and_then(|link| link.said.checked_add(self.settings.keepalive));
        let withdrawn = self.withdraw_at();
        [silence, keepalive, withdrawn, self.keep_again, self.install_again].into_iter().flatten().min()
    }

    /// What it has.
    #[must_use]
    pub fn standing(&self) -> Standing {
        Standing {
            committed: self.installed.map(|(stamp, _)| stamp.into()),
            prepared: self.prepared.as_ref().map(|(ahead, _)| ahead.stamp.into()),
            highest_term: self.kept.highest_term,
            fenced: matches!(self.announcing, Announcing::Withdrawn(_)),
        }
    }

    /// What it remembers, or is about to.
    #[must_use]
    pub fn kept(&self) -> Kept {
        self.kept
    }

    /// The connection to the leader.
    #[must_use]
    pub fn connection(&self) -> Option<ConnectionId> {
        self.link.map(|link| link.id)
    }

    fn act(&mut self, action: Action) {
        self.actions.push(action);
    }

    /// Without a leader nobody needs to know.
    fn say(&mut self, message: FromForwarder) {
        if let Some(link) = self.link {
            self.act(Action::Send { connection: link.id, message });
        }
    }

    fn installed_generation(&self) -> Generation {
        self.installed.map_or(Generation::NONE, |(stamp, _)| stamp.generation)
    }
}

impl Kept {
    /// Whether a generation is newer than what is served.
    fn is_before(&self, generation: Generation) -> bool {
        self.committed.is_none_or(|stamp| stamp.generation < generation)
    }
}
