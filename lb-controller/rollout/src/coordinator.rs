//! The leader's side.

mod event;
mod notice;
mod state;

use std::time::Instant;

use guideway_controller_core::{Content, Generation};

pub use event::{Action, Event};
pub use notice::{Aborted, Notice};
pub use state::{ForwarderState, Phase, Role, RolloutState, State};

use crate::settings::Settings;

/// A controller, as a state machine: it leads when it is elected, and rolls out what is wanted.
#[derive(Debug)]
pub struct Coordinator {
    settings: Settings,
}

impl Coordinator {
    /// A controller that is not elected yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }

    /// Takes an event in and says what is to be done, in order. Any event is valid at any time.
    pub fn handle(&mut self, event: Event, now: Instant) -> Vec<Action> {
        let _ = (event, now);
        Vec::new()
    }

    /// When [`Event::Timeout`] is due; `None` when no timer runs. May change with each call that changes the coordinator.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Takes new settings. They hold from the next event on.
    pub fn set_settings(&mut self, settings: Settings) {
        self.settings = settings;
    }

    /// What there is to see.
    #[must_use]
    pub fn state(&self) -> State {
        State::default()
    }

    /// The content of what is committed, or of an earlier generation or of what is under way, when it is at hand.
    #[must_use]
    pub fn content(&self, generation: Generation) -> Option<&Content> {
        let _ = generation;
        None
    }
}
