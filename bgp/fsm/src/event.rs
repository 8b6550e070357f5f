//! What goes into a session and what comes out.

use std::time::Duration;

use guideway_bgp_wire::iana::cease;
use guideway_bgp_wire::{DecodeError, Family, Message, Notification};
use thiserror::Error;

use crate::negotiate::Negotiated;

/// Names one TCP connection of a session. The owner chooses it and never gives the same one twice to one session, so that
/// whatever is still reported about a connection that is gone cannot be taken for another one's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// Who opened a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// This speaker dialled.
    Outgoing,
    /// The peer dialled.
    Incoming,
}

impl Side {
    /// Both sides.
    pub const ALL: [Self; 2] = [Self::Outgoing, Self::Incoming];
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "an event lives for one call")]
pub enum Event {
    /// The operator wants the session.
    Start,
    /// The operator ends the session; whether it comes back by itself depends on the reason.
    Stop(Stop),
    /// A connection stands: the one that [`Action::Connect`] asked for, or one that the peer opened.
    Connected {
        /// Its name from now on.
        connection: ConnectionId,
        /// Who opened it.
        side: Side,
    },
    /// The attempt that [`Action::Connect`] asked for failed, for this reason.
    ConnectFailed(String),
    /// A connection is gone, for this reason. Not to be reported after [`Action::Disconnect`]; it does no harm.
    Closed {
        /// Which one.
        connection: ConnectionId,
        /// Why.
        why: String,
    },
    /// A message came.
    Received {
        /// On which connection.
        connection: ConnectionId,
        /// The message, read with [`crate::Session::context`].
        message: Message,
    },
    /// Bytes came that are not a message, or an UPDATE that the session cannot survive.
    Malformed {
        /// On which connection.
        connection: ConnectionId,
        /// What is wrong with them.
        error: DecodeError,
    },
    /// Nothing could be written for [`Negotiated::send_hold_time`] although there was something to write (RFC 9687). Only
    /// the owner sees the socket, so the timer is the owner's.
    SendStuck {
        /// On which connection.
        connection: ConnectionId,
    },
    /// The peer is reachable again, as BFD says, or an operator does not want to wait: dial at once.
    ConnectNow,
    /// The BFD session with the peer went from Up to Down (RFC 5882 section 4.2).
    BfdDown,
    /// The time that [`crate::Session::poll_timeout`] told has come.
    Timeout,
}

/// Why the operator ends a session: the subcode of the Cease (RFC 4486), and what comes after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// The speaker shuts down; the text is for the operator of the peer (RFC 9003). The session stays down.
    Shutdown(String),
    /// An operator resets the session; the text is for the operator of the peer (RFC 9003). It comes back.
    Reset(String),
    /// The peer is not configured any more. The session stays down.
    Deconfigured,
    /// The settings of the OPEN changed. The session comes back with the new ones.
    ConfigurationChange,
    /// The peer sent more prefixes than are allowed.
    MaxPrefixes {
        /// The family.
        family: Family,
        /// How many are allowed.
        limit: u32,
        /// The session comes back after this time; `None`: it stays down.
        restart: Option<Duration>,
    },
    /// The speaker cannot carry the session (RFC 4486 section 4). It comes back after ten seconds.
    OutOfResources,
    /// Connections are closed without a NOTIFICATION, so that a peer with graceful restart (RFC 4724) keeps the routes:
    /// the speaker restarts, the forwarder goes on. The session stays down.
    Silent,
}

impl Stop {
    /// The NOTIFICATION; `None` for a silent stop.
    #[must_use]
    pub fn notification(&self) -> Option<Notification> {
        Some(match self {
            Self::Shutdown(text) => Notification::admin_shutdown(text),
            Self::Reset(text) => Notification::admin_reset(text),
            Self::Deconfigured => Notification::cease(cease::PEER_DECONFIGURED),
            Self::ConfigurationChange => Notification::cease(cease::CONFIGURATION_CHANGE),
            Self::MaxPrefixes { family, limit, .. } => Notification::max_prefixes(*family, *limit),
            Self::OutOfResources => Notification::cease(cease::OUT_OF_RESOURCES),
            Self::Silent => return None,
        })
    }

    /// Whether the peer shall forget the routes even though it could keep them (RFC 8538 section 3).
    pub(crate) fn loss(&self) -> Loss {
        match self {
            Self::Shutdown(_) | Self::Deconfigured | Self::MaxPrefixes { .. } => Loss::Hard,
            Self::Reset(_) | Self::ConfigurationChange | Self::OutOfResources | Self::Silent => {
                Loss::Graceful
            }
        }
    }
}

impl std::fmt::Display for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Shutdown(text) | Self::Reset(text) => {
                let name = if matches!(self, Self::Reset(_)) { "reset" } else { "shutdown" };
                if text.is_empty() { f.write_str(name) } else { write!(f, "{name}: {text}") }
            }
            Self::Deconfigured => f.write_str("the peer is not configured any more"),
            Self::ConfigurationChange => f.write_str("the configuration of the session changed"),
            Self::MaxPrefixes { family, limit, restart } => {
                write!(f, "the peer sent more than {limit} {family} prefixes; ")?;
                match restart {
                    Some(time) => write!(f, "next attempt in {} s", time.as_secs()),
                    None => f.write_str(
                        "the session stays down until `lbctl bgp reset` or other settings start it again",
                    ),
                }
            }
            Self::OutOfResources => f.write_str("out of resources"),
            Self::Silent => f.write_str("closed without a notification"),
        }
    }
}

/// What becomes of the routes of a session that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Loss {
    /// The routes of the families in [`crate::PeerRestart::families`] may be kept as stale (RFC 4724 section 4.2).
    Graceful,
    /// All routes of the peer are to be forgotten.
    Hard,
}

/// Something that the owner of the session has to do, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Start to connect to the peer, and report [`Event::Connected`] or [`Event::ConnectFailed`].
    Connect,
    /// Give up the attempt and report nothing about it any more.
    CancelConnect,
    /// Close the connection after what was to be sent is sent (within reason), and report nothing about it any more.
    Disconnect {
        /// Which one.
        connection: ConnectionId,
    },
    /// Send a message.
    Send {
        /// On which connection.
        connection: ConnectionId,
        /// The message, to be written with [`crate::Session::context`] as it is after [`crate::Session::handle`]; the ones
        /// that are sent here look the same in any context.
        message: Message,
    },
    /// The session is established.
    Up {
        /// The connection that carries it.
        connection: ConnectionId,
        /// What was agreed on.
        negotiated: Box<Negotiated>,
    },
    /// The session that was established is not any more. Comes once after each `Up`.
    Down {
        /// Why.
        cause: Cause,
        /// What becomes of the peer's routes.
        loss: Loss,
    },
    /// An attempt or a connection ended before it was established.
    Failed(Cause),
    /// An UPDATE of an agreed session, or a ROUTE-REFRESH that may be acted upon, came while Established.
    Deliver(Message),
}

/// Why an attempt, a connection or a session ended.
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
    /// BFD found the path to the peer dead (RFC 9384).
    #[error("BFD is down")]
    BfdDown,
    /// The peer opened a new connection with graceful restart agreed on: the former one is dead (RFC 4724 section 4.2).
    #[error("the peer restarted: it opened a new connection")]
    Replaced,
    /// The operator stopped the session.
    #[error("stopped: {0}")]
    Stopped(Stop),
}
