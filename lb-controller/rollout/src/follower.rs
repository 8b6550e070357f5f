//! The forwarder's side.

mod event;

use std::time::Instant;

use guideway_controller_core::message::Standing;

pub use event::{Action, Event, Found, Kept};

use crate::settings::FollowerSettings;

/// A forwarder, as a state machine: it obeys the leader with the highest term, and serves on without one.
#[derive(Debug)]
pub struct Follower {
    settings: FollowerSettings,
    found: Found,
}

impl Follower {
    /// A forwarder that waits for [`Event::Start`].
    #[must_use]
    pub fn new(settings: FollowerSettings, found: Found) -> Self {
        Self { settings, found }
    }

    /// Takes an event in and says what is to be done, in order. Any event is valid at any time.
    pub fn handle(&mut self, event: Event, now: Instant) -> Vec<Action> {
        let _ = (event, now, &self.found);
        Vec::new()
    }

    /// When [`Event::Timeout`] is due; `None` when no timer runs. May change with each call that changes the follower.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let _ = self.settings;
        None
    }

    /// What it has.
    #[must_use]
    pub fn standing(&self) -> Standing {
        Standing::default()
    }
}
