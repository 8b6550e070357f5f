//! A lab of network namespaces: a client, a ToR router (real BIRD or FRR), forwarders, backends with real nginx.
//!
//! ```text
//! client ── ToR ──┬── fw1, fw2      forwarders: lb-dataplane (XDP) and bgp-speaker
//!                 └── be1, be2, be3 backends: lb-decap (XDP) and nginx
//! ```
//!
//! Every leg is one veth pair. Namespaces are called `gw-<id>-<node>`; the id holds the process that built the lab, so
//! that what a dead run left behind can be told from a lab that is in use ([`sweep`]). A [`Lab`] removes itself when it
//! is dropped. Everything here needs root.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod addresses;
pub mod backend;
pub mod binaries;
pub mod capture;
pub mod client;
pub mod command;
pub mod forwarder;
pub mod id;
pub mod interrupt;
pub mod lab;
pub mod load;
pub mod netns;
pub mod port;
pub mod process;
pub mod router;
pub mod run_folder;
pub mod scenario;
pub mod sweep;
pub mod tor;
pub mod wait;

pub use id::LabId;
pub use lab::{Lab, LabSpec};
pub use port::free_port;
pub use scenario::in_lab;
pub use tor::TorKind;
