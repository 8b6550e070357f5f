//! Every object of a store in memory, encoded once, with the recent events: what GET, LIST and WATCH are served from.
//!
//! One watch of the store feeds one [`Cache`]. A [`Watcher`] has no task and no queue of its own: it reads the cache's
//! log from its position on, and is ended when the log has forgotten what it has not read.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod cache;
mod event;
mod log;
mod object;
mod objects;
mod watcher;

pub use cache::{Cache, Limits, WaitError};
pub use event::{Lagged, TooOld, WatchEvent, WatchKind};
pub use object::{Object, Span};
pub use watcher::Watcher;
