//! Prepare on all forwarders, then commit: both sides of the protocol, without IO.
//!
//! A [`Coordinator`] runs in each controller and leads when it is elected; a [`Follower`] runs in each forwarder. Their
//! owners feed them events with the time at which they happened and do what the returned actions say, in order;
//! `poll_timeout` tells when a `Timeout` is due. Any event is valid in any state, and neither ever fails.
//!
//! # One change
//!
//! ```text
//!  record (compare-and-swap)        leader                              forwarders
//!                                     │ what is wanted differs
//!                                     │  from what is committed
//!                                     │──── Prepare(term, G, delta) ────────► checked, built beside what is installed,
//!                                     │◄─── Prepared(G, digest, cost) ─────── written
//!                                     │ all have it; within the budget
//!   committed = G, digest  ◄──────────│      or an operator consents
//!   ═══ here it is committed ═══ ────►│
//!                                     │──── Commit(term, G, digest) ────────► "G" kept on disk, then one atomic
//!                                     │◄─── Committed(G, digest) ──────────── store: packets meet G
//!                                     │ next change
//! ```
//!
//! Everything else is the same few messages: the leader compares, after each event, what each forwarder should have with
//! what it said that it has, and tells it the difference.
//!
//! # What always holds
//!
//! 1. A forwarder installs only what the record had as committed.
//! 2. A generation is one content, for ever: a number is proposed once, and [`Record::proposed`] is written before the
//!    number is used.
//! 3. What a forwarder installs has ever higher generations; the terms that it obeys, and those of the record, only grow.
//! 4. A forwarder announces only when what it installed is the last that it knows to be committed. For the moment of an
//!    installation, [`FollowerSettings::install_timeout`] at most, it announces still.
//! 5. A forwarder without a leader goes on as it is, for ever.
//!
//! When faults end, all forwarders that live come to what is wanted. `tests/sim-controller` plays both sides with
//! everything that can go wrong between them and checks all six.
//!
//! # Leaders
//!
//! The election only says who should try. A controller that is elected reads the record and writes it with a higher term
//! and its own name; from then on no write of an earlier leader succeeds, whatever that one believes. Two leaders at once
//! can both send messages, and only one of them can commit: what the other one says that is true (a commit) was committed,
//! and what is not (prepare, abort) is refused by forwarders that have seen the higher term, and changes nothing that
//! packets meet on others. A forwarder that hears an old term says
//! [`Stale`](guideway_controller_core::message::FromForwarder::Stale) and looks for the other leader; the old one reads the
//! record and resigns.
//!
//! An answer of the store may be lost. The outcome is not guessed: the record is read, and unless it is what was to be
//! written the same write is repeated with the version that is there. Nothing else is decided until it is known; so a write
//! that comes late is never a surprise.
//!
//! # What a crash leaves behind
//!
//! | the leader dies | the record | forwarders | the next leader |
//! |---|---|---|---|
//! | elected, before its term is written | as before | serve | is elected |
//! | after its term is written | term T | serve | writes term T + 1 |
//! | before, or while it sends Prepare | proposed = G | some have G prepared | says Abort(G), proposes what is wanted as G + 1 |
//! | when all have prepared | the same | all have G prepared | the same |
//! | while it writes the commit | one or the other | all have G prepared | reads which: this row's neighbours |
//! | when the commit is written, before Commit is sent | committed = G | have G prepared, serve G - 1 | says Commit(G) |
//! | while it sends Commit | the same | some serve G | says Commit(G) to the others |
//! | when an operator went back to an earlier generation | that, and what it waits for | serve it | waits for Resume as well |
//!
//! | a forwarder dies | and finds when it starts | then |
//! |---|---|---|
//! | while it prepares | what it serves | it is asked again |
//! | between Prepared and Commit | what it serves, and what it had prepared (unless the machine went down), which it prepares again | Commit follows when it has; if it took too long it was left behind |
//! | after "G" was kept, before it is installed | G as what it serves | installs G and says Committed |
//! | after it was installed | the same | installs G again: nothing changes |
//! | while it is fenced | the generation that it knows of | stays withdrawn until it has that |
//!
//! # Who is waited for
//!
//! A generation needs all forwarders that serve what is committed and have a connection, or had one less than
//! [`Settings::absence`] ago, because it may only restart; but not one that is gone and whose addresses on a link others are
//! to have, who are to answer within a second. One that refuses it ends it: nothing is committed that not all can serve, and
//! the reasons are shown. One that says nothing for [`Settings::prepare_timeout`] is left behind, unless that were more than half of them:
//! then nothing is committed. Without any forwarder nothing is committed either.
//!
//! Who is behind (it was away, or silent, or is new) prepares what is committed by itself, from the nearest content that
//! both sides have, and is told Commit. If it has not come to it after [`Settings::fence_after`] although others serve the
//! committed generation, it is told Fence and withdraws; the last one that serves is never fenced. When nobody serves what
//! is committed (all were away), they come to it, or to what is wanted now, together. One that cannot hold what is
//! committed stays withdrawn and has no say.
//!
//! A forwarder whose connection to the leader is cut looks for another way, through other forwarders if need be: the leader
//! told it which these are, and after how much silence ([`Settings::own_silence`]) the connection is cut
//! ([`Touch`](guideway_controller_core::message::ToForwarder::Touch)). Without any way it cannot be told anything: it serves what
//! it has, and is told when it comes back.
//!
//! A forwarder that is new, or was rebooted, has never had the tables that others had within the last drain windows, and flows
//! are found by them still. It is told from which sets they were made
//! ([`Past`](guideway_controller_core::message::ToForwarder::Past)) before it prepares anything. A leader knows of the changes
//! that it has committed itself: what changed before it took office, and less than a drain window ago, is not told to those that
//! join after that.
//!
//! # Messages
//!
//! | a message | is lost | comes twice | comes late |
//! |---|---|---|---|
//! | Prepare | the forwarder is left behind, and asked again | it is prepared already: Prepared again | older than what is served: its Keepalive says so |
//! | Commit | repeated after [`Settings::retry`] | it is installed already: its Keepalive says so | the same |
//! | Abort | what was prepared stays, until it is replaced | nothing to forget | the same; what is known as committed is never forgotten |
//! | Fence | repeated | Fenced again | it names the generation: who has that ignores it |
//! | Touch | its way out is missing until the next connection of anybody | the same again | forwarders that are gone are asked in vain |
//! | Past | as after a change of leader | the same again | it is as old as it says, and a little more |
//! | Prepared, Committed, Fenced | the next Keepalive says what the forwarder has | nothing new | a Keepalive corrects it |
//!
//! # Budget, spreading, going back
//!
//! What a change moves is predicted when it is proposed. Above the budget, as much of it as disturbs nobody
//! ([`harmless`](guideway_controller_core::harmless)) goes ahead; the rest is prepared everywhere, so that its cost is
//! known, and waits for [`Approve`](coordinator::Event::Approve); or it comes in parts with a pause between them
//! ([`split`](guideway_controller_core::split)). Consent is to what is disturbed: it holds when something else changes
//! before the answer.
//!
//! [`Rollback`](coordinator::Event::Rollback) makes a new generation of an earlier content, which is at hand or comes from
//! a forwarder that keeps it. The record then says that projections wait, for every leader, until
//! [`Resume`](coordinator::Event::Resume). Above the budget it waits for consent as well, and it never comes in parts.
//!
//! # When the record is lost
//!
//! A record that is gone, or put back from a backup, has lower numbers than forwarders have seen. The leader goes on above
//! all terms and generations that forwarders report, and forwarders serve on meanwhile.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod connection;
pub mod coordinator;
pub mod follower;
mod record;
mod settings;
#[cfg(test)]
mod tests;

pub use connection::ConnectionId;
pub use coordinator::Coordinator;
pub use follower::Follower;
pub use record::{Record, RequestId, Stamp, Stored, Version, WriteFault};
pub use settings::{FollowerSettings, OverBudget, Settings};
