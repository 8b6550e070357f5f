//! What goes into a follower and what comes out.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use guideway_controller_core::message::{Cost, FromForwarder, Hello, PastSet, ToForwarder};
use guideway_controller_core::{Content, Generation, Term};

use crate::connection::ConnectionId;
use crate::record::Stamp;

/// What a forwarder must remember over a restart. It is small: contents are kept beside it by [`Action::Prepare`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// The highest term seen.
    pub highest_term: Term,
    /// The highest generation that it knows to be committed.
    pub known: Generation,
    /// What it serves, or is about to.
    pub committed: Option<Stamp>,
}

/// What a forwarder finds when it starts.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// What was kept last; the default when nothing was.
    pub kept: Kept,
    /// The content of [`Kept::committed`], when it can be read.
    pub committed: Option<Content>,
    /// What was prepared last, when it can be read: it is prepared again.
    pub prepared: Option<(Generation, Content)>,
}

/// Something that happened.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "an event lives for one call")]
pub enum Event {
    /// The forwarder starts: once, before everything else.
    Start,
    /// A connection to the leader stands.
    Connected {
        /// Its name from now on.
        connection: ConnectionId,
        /// What to introduce itself with; its [`Hello::standing`] is filled in.
        hello: Hello,
    },
    /// It is gone.
    Disconnected {
        /// Which one.
        connection: ConnectionId,
    },
    /// A controller says that this forwarder is none of the cluster's any more. What others do without it is unknown to it, so
    /// that it withdraws until a leader tells it what is committed. It forgets that when it restarts, and is told again.
    Revoked {
        /// Why, for people.
        reason: String,
    },
    /// A message came.
    Received {
        /// On which connection.
        connection: ConnectionId,
        /// What.
        message: ToForwarder,
    },
    /// The answer to [`Action::Prepare`]. One that was replaced by another needs none; it does no harm.
    Prepared {
        /// Which one.
        stamp: Stamp,
        /// What it would cost, or why it cannot be installed here.
        result: Result<Cost, Vec<String>>,
    },
    /// The answer to [`Action::Keep`].
    Kept {
        /// What is kept now, or why it is not.
        result: Result<Kept, String>,
    },
    /// The answer to [`Action::Install`].
    Installed {
        /// Which one.
        stamp: Stamp,
        /// The dataplane's own number of it, or why it is not installed.
        result: Result<u64, String>,
    },
    /// The answer to [`Action::Fetch`].
    Fetched {
        /// Which one.
        generation: Generation,
        /// `None`: it is not kept any more.
        content: Option<Content>,
    },
    /// The time that [`Follower::poll_timeout`](crate::Follower::poll_timeout) told has come.
    Timeout,
}

/// Something to do. The owner does them in order, and reports those that have an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "an action lives until it is done")]
pub enum Action {
    /// Send a message.
    Send {
        /// On which connection.
        connection: ConnectionId,
        /// What.
        message: FromForwarder,
    },
    /// Close the connection, and look for the leader again. Nothing needs to be reported about it any more.
    Disconnect {
        /// Which one.
        connection: ConnectionId,
        /// Why, for people.
        reason: String,
    },
    /// Find out whether it can be installed, build it beside what is installed, and keep it, so that it can be installed
    /// after a restart. It takes the place of what was prepared before and is not installed.
    Prepare {
        /// Which one.
        stamp: Stamp,
        /// What it is.
        content: Content,
    },
    /// Forget what was prepared.
    Discard {
        /// Which one.
        stamp: Stamp,
    },
    /// Write this so that it survives a crash.
    Keep(Kept),
    /// Make it what packets meet, at once and as a whole. It may be what is installed already. There is one at a time, and
    /// none after it before its answer.
    Install {
        /// Which one.
        stamp: Stamp,
        /// What it is.
        content: Content,
    },
    /// Read the content of an earlier generation.
    Fetch {
        /// Which one.
        generation: Generation,
    },
    /// Announce the VIPs of what is installed.
    Announce(Stamp),
    /// Announce nothing, for this reason.
    Withdraw(String),
    /// Reach controllers through these other forwarders when there is no other way. They take the place of those before.
    Relays(BTreeSet<SocketAddr>),
    /// Know what sets were before those that are committed, in the order in which they were replaced, oldest first: by their
    /// tables flows are found that were there before this forwarder. They take the place of those before. It may come at any
    /// time; while nothing is installed here it comes before the [`Self::Prepare`] that it matters to.
    Past(Arc<Vec<PastSet>>),
}
