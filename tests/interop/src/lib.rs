//! bgp-speaker against real BGP daemons.
//!
//! ```text
//! speaker 1 (and 2) ── one leg each ── router: BIRD, FRR, GoBGP, OpenBGPD or ExaBGP
//! ```
//!
//! [`matrix`] says which feature works with which daemon, and why one does not. [`Site`] are the namespaces, [`Agent`]
//! stands in for lb-dataplane, [`Speaker`] is the daemon under test. Everything needs root.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod agent;
pub mod bfd;
pub mod matrix;
pub mod pair;
pub mod prove;
pub mod site;
pub mod speaker;

pub use agent::Agent;
pub use matrix::Feature;
pub use pair::{Pair, Plan};
pub use site::Site;
pub use speaker::{Speaker, SpeakerConfig};

use std::collections::BTreeSet;
use std::time::Duration;

/// How long anything may take that needs a connection first: attempts are a second apart, daemons wait after errors.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The prefixes of these addresses, as daemons show them; what is a prefix stays one.
#[must_use]
pub fn prefixes<S: AsRef<str>>(addresses: &[S]) -> BTreeSet<String> {
    let prefix = |address: &str| match (address.contains('/'), address.contains(':')) {
        (true, _) => address.to_owned(),
        (false, true) => format!("{address}/128"),
        (false, false) => format!("{address}/32"),
    };
    addresses.iter().map(|address| prefix(address.as_ref())).collect()
}
