//! What goes into a coordinator and what comes out.

use std::time::SystemTime;

use guideway_controller_core::message::{FromForwarder, Hello, ToForwarder};
use guideway_controller_core::{Content, ForwarderName, Generation};

use super::notice::Notice;
use crate::connection::ConnectionId;
use crate::record::{Record, RequestId, Stored, Version, WriteFault};

/// Something that happened.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "an event lives for one call")]
pub enum Event {
    /// The election was won. It may be wrong: two may believe it at once.
    BecameLeader,
    /// The election was lost, or nobody knows.
    LostLeadership,
    /// The answer to [`Action::ReadRecord`]; an error: it could not be read, for this reason.
    RecordRead {
        /// Whose answer.
        request: RequestId,
        /// What there is.
        result: Result<Stored, String>,
    },
    /// The answer to [`Action::WriteRecord`].
    RecordWritten {
        /// Whose answer.
        request: RequestId,
        /// The new version.
        result: Result<Version, WriteFault>,
    },
    /// What is to be served, whole. Not before all sources were read once.
    Desired(Content),
    /// A forwarder has connected and introduced itself.
    Connected {
        /// Who, as its certificate says.
        forwarder: ForwarderName,
        /// The connection's name from now on.
        connection: ConnectionId,
        /// Its first message.
        hello: Hello,
        /// When it came: what the forwarder keeps is as old as its clock says against this one.
        time_of_day: SystemTime,
    },
    /// A connection is gone.
    Disconnected {
        /// Whose.
        forwarder: ForwarderName,
        /// Which one.
        connection: ConnectionId,
    },
    /// A message came.
    Received {
        /// From whom.
        forwarder: ForwarderName,
        /// On which connection.
        connection: ConnectionId,
        /// What.
        message: FromForwarder,
    },
    /// An operator takes the disruption of a generation that waits.
    Approve {
        /// Which one.
        generation: Generation,
    },
    /// An operator wants an earlier generation's content again. Projections wait afterwards.
    Rollback {
        /// Which one.
        generation: Generation,
    },
    /// An operator lets projections go on.
    Resume,
    /// Somebody would like to see a generation's content: [`Action::Found`] comes back, at once or when a forwarder has sent it.
    Look {
        /// Which one.
        generation: Generation,
    },
    /// The time that [`Coordinator::poll_timeout`](crate::Coordinator::poll_timeout) told has come.
    Timeout,
}

/// Something to do. The owner does them in order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "an action lives until it is done")]
pub enum Action {
    /// Read the record, from where the last write is seen.
    ReadRecord {
        /// To be said in the answer.
        request: RequestId,
    },
    /// Write the record if its version is the one named. There is one request at a time; it needs an end of its own, after
    /// which it is [`WriteFault::Unknown`].
    WriteRecord {
        /// To be said in the answer.
        request: RequestId,
        /// What to write.
        record: Record,
        /// What must be there; `None`: nothing.
        expected: Option<Version>,
    },
    /// Send a message. What cannot be sent is [`Event::Disconnected`].
    Send {
        /// To whom.
        forwarder: ForwarderName,
        /// On which connection.
        connection: ConnectionId,
        /// What.
        message: ToForwarder,
    },
    /// Close a connection. Nothing needs to be reported about it any more; it does no harm.
    Disconnect {
        /// Whose.
        forwarder: ForwarderName,
        /// Which one.
        connection: ConnectionId,
        /// Why, for people.
        reason: String,
    },
    /// Another one leads: stand back from the election for a while. Comes after every connection was closed.
    Resign,
    /// What [`Event::Look`] was about.
    Found {
        /// Which one.
        generation: Generation,
        /// `None`: it is not at hand, and no forwarder sent it in time.
        content: Option<Content>,
    },
    /// For logs, events and metrics.
    Notice(Notice),
}
