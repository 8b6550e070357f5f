//! The core of a BGP-4 session (RFC 4271 section 8) without IO: no socket, no clock, no randomness, no routes.
//!
//! The owner of a [`Session`] feeds it [`Event`]s with the time at which they happened and does what the returned
//! [`Action`]s say; [`Session::poll_timeout`] tells when [`Event::Timeout`] is due. Any event is valid in any state.
//!
//! # States
//!
//! A session has two sides: the connection that it dials and the one that the peer dials. Each is in one of RFC 4271's
//! states ([`Session::side_state`]); the session is as far as the side that is furthest ([`Session::state`]).
//!
//! ```text
//!  outgoing          Start                     connected: OPEN           OPEN: KEEPALIVE             KEEPALIVE
//!            Idle ─────────► Connect ─────────────────────► OpenSent ─────────────────► OpenConfirm ───────────► Established
//!                             │   ▲                            │                             │                       │
//!                      failed ▼   │ ConnectRetry               │ closed, NOTIFICATION, error, no OPEN, hold timer    │
//!                            Active ◄──────────────────────────┴─────────────────────────────┴───────────────────────┘
//!
//!  incoming          Start           accepted: OPEN            OPEN: KEEPALIVE             KEEPALIVE
//!            Idle ─────────► Active ─────────────────► OpenSent ─────────────────► OpenConfirm ───────────► Established
//!                              ▲                          │ as above                    │                       │
//!                              └──────────────────────────┴─────────────────────────────┴───────────────────────┘
//!
//!  from everywhere: Stop ─► Idle. A stop that comes back goes on to Active, at once or after its time.
//! ```
//!
//! # Timers
//!
//! | timer | runs | default |
//! |---|---|---|
//! | attempt | in Connect: when the attempt is given up and the next one begins | 1 s, jittered |
//! | ConnectRetry | in Active: until the next attempt | 1 s, jittered; doubles up to 10 s for a peer that answers and refuses |
//! | open | in OpenSent and OpenConfirm: until the peer's OPEN and its KEEPALIVE | 30 s, or the hold time when that is shorter in OpenConfirm |
//! | hold | in Established: until the peer has been silent for too long | agreed, 90 s |
//! | keepalive | in OpenConfirm and Established | a third of the hold time, jittered each time |
//! | collision | beside a connection that may still win: until that one is given up | 1 s for its OPEN, 0.25 s for its KEEPALIVE |
//! | confirm | in OpenConfirm, on a dialled connection that would win a collision: until our KEEPALIVE | 10 ms after the peer's, 1 s without it |
//! | held down | in Idle, after a prefix limit with a restart time, or out of resources | as told, 10 s |
//! | send hold | at the owner, who sees the socket: [`Event::SendStuck`] | [`Negotiated::send_hold_time`] |
//!
//! A peer that nobody answers for is dialled about once a second, so that a session stands again within a second of a
//! heal; [`Event::ConnectNow`] dials at once. What was established for ten seconds starts the back-off anew.
//!
//! # Collisions
//!
//! RFC 4271 section 6.8 with RFC 6286: of two connections, the one that was dialled by the side with the higher identifier
//! is kept, then by that with the higher AS number; the other one gets Cease/Connection Collision Resolution. An
//! established connection always wins, except that with graceful restart agreed on, an acceptable OPEN on a connection
//! which came at least a second after the session was established means that the peer has restarted: the former
//! connection is closed without a NOTIFICATION (RFC 4724 section 4.2). Of two connections that the peer dialled, the newer
//! one is kept. So that both speakers always agree, the KEEPALIVE of a connection that would lose waits for the OPEN
//! of the other one, and a connection that comes beside one with our KEEPALIVE does not get our OPEN while that one lives.
//! The KEEPALIVE of a dialled connection that would win waits too, for that of the peer: FRR 8.4 would close the session.
//!
//! # What becomes of the routes
//!
//! [`Action::Down`] says it. Without graceful restart (RFC 4724), or when the peer lists no agreed family, each loss is
//! [`Loss::Hard`]. With it:
//!
//! | the session ended by | without the N bit (RFC 8538) of both | with it |
//! |---|---|---|
//! | a connection that broke, or was replaced | graceful | graceful |
//! | a NOTIFICATION of either side: an error, the hold timer, the send hold timer | hard | graceful |
//! | a Hard Reset of either side | hard | hard |
//! | [`Stop::Reset`], [`Stop::ConfigurationChange`], [`Stop::OutOfResources`] | hard | graceful |
//! | [`Stop::Shutdown`], [`Stop::Deconfigured`], [`Stop::MaxPrefixes`] | hard | hard, sent as Hard Reset |
//! | [`Stop::Silent`] | graceful | graceful |
//! | BFD down | hard | hard, sent as Hard Reset |
//!
//! # Differences from RFC 4271
//!
//! * There is no DelayOpen, and no Idle with a timer after an error: a session that failed waits in Active and takes the
//!   peer's connections while it waits, so that it stands again as soon as one of both sides dials. Only a session that is
//!   stopped or held down refuses them: with Cease/Connection Rejected, or without a word when it was not started yet or
//!   stopped silently, because a NOTIFICATION could make the peer forget the routes that it keeps over a restart.
//! * OPEN is waited for 30 s and not four minutes, and the KEEPALIVE after it not longer than that.
//! * The side that waits for a collision to be resolved sends its OPEN or KEEPALIVE later, and so does the one whose own
//!   connection would win, see above.
//! * OPEN always has capabilities: a speaker that knows none (RFC 5492 section 3) gets no second OPEN without them.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod backoff;
mod config;
mod event;
mod negotiate;
mod offer;
mod refusal;
mod session;

#[cfg(test)]
mod tests;

pub use backoff::Jitter;
pub use config::{Change, Config, GracefulRestart, HoldTime, RemoteAs, RestartFlags};
pub use event::{Action, Cause, ConnectionId, Event, Loss, Side, Stop};
pub use negotiate::{LongLived, Negotiated, PeerRestart, Refresh};
pub use session::{Session, State};
