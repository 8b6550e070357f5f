//! Loading, pinning and attaching the eBPF programs, and reading and writing their maps.
//!
//! [`Dataplane`] is the forwarder, [`Decap`] the program of the backends. Both outlive the process: programs, maps and
//! links are pinned in a directory of a BPF file system, and a later process comes back to them.
//!
//! ```text
//! PIN_ROOT/forwarder       the program; its pin is made last, so that without it the directory counts as unfinished
//! PIN_ROOT/maps/NAME       the maps of guideway-abi
//! PIN_ROOT/links/IFNAME    one XDP link for each interface (a dot in its name becomes a colon)
//! ```
//!
//! This is the one userspace crate with `unsafe`: in `sys` (bpf(2)), `plain` (structures as bytes), `shared` and `words` (maps
//! in shared memory).
#![allow(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod clock;
mod dataplane;
mod decap;
#[cfg(feature = "fault-points")]
pub mod fault;
mod grace;
mod install;
mod load;
mod map;
mod object;
mod pins;
mod plain;
mod shared;
mod sys;
mod test_run;
mod words;
mod xdp;

pub use dataplane::{Dataplane, TableKind};
pub use decap::{
    Decap, DecapStatus, FlowCounts, Global, HeldDecap, Service, ServiceKey, ServicePort, Services,
    StatusError, Transport, VipAddress,
};
pub use install::{Difference, Differences, OpenError, Origin};
pub use load::LoadError;
pub use map::MapError;
pub use object::ObjectError;
pub use test_run::{TestProgram, TestRun, TestRunOptions, xdp_action};
pub use xdp::{AttachError, Attachment, XdpMode, mtu};
