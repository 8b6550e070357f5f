//! What goes into a session and what comes out.

use guideway_bgp_wire::{DecodeError, Message, Notification, iana::cease, iana::error_code};
use thiserror::Error;

use crate::negotiate::Negotiated;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The operator wants the session.
    Start,
    /// The operator does not want the session any more.
    Stop(Stop),
    /// The connection stands.
    Connected {
        /// Own address of the connection.
        local: std::net::IpAddr,
    },
    /// No connection came about, for this reason.
    ConnectFailed(String),
    /// The connection is gone, for this reason.
    Closed(String),
    /// A message came.
    Received(Message),
    /// Bytes came that are not a message.
    Malformed(DecodeError),
    /// The time that [`crate::Session::poll_timeout`] told has come.
    Timeout,
}

/// Why the operator ends a session: the subcode of the Cease (RFC 4486).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// The speaker shuts down; the text is for the operator of the peer (RFC 9003).
    Shutdown(String),
    /// The peer is not configured any more.
    Deconfigured,
    /// The peer's configuration changed; a new session follows.
    ConfigurationChange,
}

impl Stop {
    pub(crate) fn notification(&self) -> Notification {
        match self {
            Self::Shutdown(text) => Notification::admin_shutdown(text),
            Self::Deconfigured => Notification::new(error_code::CEASE, cease::PEER_DECONFIGURED),
            Self::ConfigurationChange => Notification::new(error_code::CEASE, cease::CONFIGURATION_CHANGE),
        }
    }
}

/// Something that the owner of the session has to do, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Start to connect to the peer.
    Connect,
    /// Give up the attempt or close the connection, after what was to be sent is sent (within reason).
    Disconnect,
    /// Send a message.
    Send(Message),
    /// The session is established.
    Up(Negotiated),
    /// The attempt or the session ended.
    Down(Cause),
}

/// Why an attempt or a session ended.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Cause {
    /// The connection did not come about.
    #[error("cannot connect: {0}")]
    ConnectFailed(String),
    /// Nobody answered.
    #[error(
        "cannot connect: no answer in time (the peer is unreachable, or one side has another TCP-MD5 password)"
    )]
    ConnectTimedOut,
    /// The connection broke.
    #[error("connection closed: {0}")]
    Closed(String),
    /// The connection broke before the peer said anything, which is what routers do to speakers that they do not want.
    #[error(
        "connection closed before the peer's OPEN: {0} (the peer may not be configured for this address, or has the \
         session shut down)"
    )]
    ClosedBeforeOpen(String),
    /// The peer ended the session.
    #[error("the peer sent a notification: {0}")]
    Received(Notification),
    /// This side ended the session because of an error.
    #[error("{why}; sent a notification: {notification}")]
    Sent {
        /// What was wrong.
        why: String,
        /// What the peer was told.
        notification: Notification,
    },
    /// An event that cannot be in this state.
    #[error("unexpected input before the connection stood")]
    Unexpected,
    /// The operator stopped the session.
    #[error("stopped: {}", .0.notification())]
    Stopped(Stop),
}
