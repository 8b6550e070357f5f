//! Packet parsing, header building, checksums and hashes: one code for the XDP programs, for userspace and for fuzzers.
//!
//! The code sees a packet through [`Frame`], never through a slice of unknown length, because the kernel's verifier
//! wants every access checked against the end of the packet right before it is made.
#![no_std]
#![forbid(unsafe_code)]

mod address;
mod checksum;
mod encap;
mod frame;
mod hash;
mod parse;

pub use address::Address;
pub use checksum::{Checksum, decrement_ttl_v4};
pub use encap::{
    IPV4_HEADER_LEN, IPV6_HEADER_LEN, OUTER_TTL, OuterV4, OuterV6, PROTOCOL_IPIP, PROTOCOL_IPV6,
    outer_source_v4, outer_source_v6,
};
pub use frame::Frame;
pub use hash::{flow_hash, lookup_hash, siphash13, slot};
pub use parse::{
    Datagram, ETHERTYPE_IPV4, ETHERTYPE_IPV6, EXTENSION_HEADERS_MAX, Family, Flow, L2, Parsed, Problem,
    VLAN_TAGS_MAX, parse, parse_l2,
};
