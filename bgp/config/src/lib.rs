//! Configuration files of the BGP daemons: YAML in, values that can only be right out, or every problem of the file with its
//! line. No IO: the text of the file, and a way to read the password files that it names, are arguments.
//!
//! [`yaml`] is a document as a tree whose nodes know their lines, [`fields`] takes typed values out of it, and [`PeerConfig`]
//! is what is set for one peer.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod addresses;
pub mod daemon;
pub mod export;
pub mod fields;
mod layers;
mod peer;
mod peers;
mod secret;
pub mod yaml;

pub use fields::Problem;
pub use layers::Layers;
pub use peer::{
    AoAlgorithm, AoKey, Authentication, BGP_PORT, BfdAuthentication, BfdAuthenticationKind, BfdSettings,
    Direction, Import, LimitAction, MaxPrefixes, PeerConfig, Remote, Ttl,
};
pub use peers::{Local, ReadFile, peers, peers_with};
pub use secret::Password;
