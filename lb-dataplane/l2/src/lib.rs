//! L2 mode: this forwarder answers on its links for the addresses of VIPs that it owns.
//!
//! For sites without BGP: of the forwarders on a link one owns an address, and its neighbours send packets for the
//! address to its MAC address, since it answers their ARP requests and neighbour solicitations. No interface has the
//! address, so that the kernel says nothing about it. Who owns what is decided elsewhere.
//!
//! [`Responder`] is the whole of it without input and output: owned addresses, links and frames go in, frames come out,
//! and the time is an argument. [`serve`] puts it on the links of this node: an `AF_PACKET` socket each, of which
//! a filter of the kernel lets through nothing but ARP and neighbour discovery, and the multicast groups in which
//! solicitations are sent. XDP programs see the frames before, and have to pass them.
//!
//! - What this forwarder does not own is never answered for, from the moment on in which it is told so.
//! - What it comes to own is announced at once and several times more, with pauses.
//! - When somebody else claims an address that it owns, it is announced again, at most once in ten seconds.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod edge;
mod responder;
mod wire;

pub use edge::{LinkProblem, Status, Wanted, serve};
pub use pnet::util::MacAddr;
pub use responder::{Claimed, Counts, Link, LinkIndex, Owned, Responder, Transmit};
pub use wire::{Claim, Heard, Question, parse};
