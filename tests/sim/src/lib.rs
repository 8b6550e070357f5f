//! A cluster of forwarders and its flows, simulated on the forwarder's own decision code.
//!
//! A [`History`](history::History) is a list of events: backends that come, go, fail and change their weights, forwarders
//! that come and go, changes of the seed. [`timeline`](timeline::timeline) works out what each forwarder learns of them and when. A
//! [`Scheme`](scheme::Scheme) decides where packets go, and [`play`] lets flows run through it all and counts those that
//! were moved: a packet reached no backend that has the connection, while that backend lives and the flow is looked after.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod ecmp;
pub mod flows;
pub mod history;
pub mod keys;
pub mod random;
pub mod report;
mod run;
pub mod scenario;
pub mod scheme;
mod score;
mod shrink;
pub mod timeline;

pub use run::{Mode, Packets, Paths, play};
pub use score::{Moved, Score};
pub use shrink::shrink;
