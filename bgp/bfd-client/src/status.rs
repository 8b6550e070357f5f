//! What a client is told of a session.

use std::sync::Arc;

use guideway_bfd::Diagnostic;
use guideway_bgp_admin::bfd::v1;

/// The state of a session as far as the client needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum BfdState {
    /// Nothing is known: lb-bfd does not answer, or has refused the session. Says nothing of the path.
    #[default]
    Unknown,
    /// One of the two sides has taken the session down on purpose. Says nothing of the path (RFC 5882 section 3.2).
    AdminDown,
    /// The path does not work, or never did.
    Down,
    /// The peer is heard, but may not hear us.
    Init,
    /// The path works both ways.
    Up,
}

impl BfdState {
    pub(crate) fn from_proto(state: v1::State) -> Self {
        match state {
            v1::State::AdminDown => Self::AdminDown,
            v1::State::Down => Self::Down,
            v1::State::Init => Self::Init,
            v1::State::Up => Self::Up,
        }
    }
}

impl std::fmt::Display for BfdState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self, f)
    }
}

/// How a session is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// The state.
    pub state: BfdState,
    /// Why the session left its last state.
    pub diagnostic: Diagnostic,
    /// How often the session went from Up to Down since [`crate::Client::session`]. It grows even when the session was
    /// Up again before anybody looked.
    pub downs: u64,
    /// Why the state is Unknown.
    pub problem: Option<Problem>,
}

/// Why nothing is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// lb-bfd does not answer; the client goes on trying.
    Unreachable(Arc<str>),
    /// lb-bfd does not take the session; [`crate::Session::change`] may help.
    Refused(Arc<str>),
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unreachable(why) => write!(f, "lb-bfd cannot be reached: {why}"),
            Self::Refused(why) => write!(f, "lb-bfd refuses the session: {why}"),
        }
    }
}
