//! Histories of clients, compared with what they saw, while servers and their stores fail.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

mod clients;
mod crashes;
mod ha;
