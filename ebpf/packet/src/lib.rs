//! Packet parsing, header building, checksums and hashes: one code for the XDP programs, for userspace and for fuzzers.
//!
//! The code sees a packet through [`Frame`], never through a slice of unknown length, because the kernel's verifier
//! wants every access checked against the end of the packet right before it is made.
#![no_std]
#![forbid(unsafe_code)]

mod address;
mod checksum;
pub mod decide;
mod echo;
mod encap;
pub mod flows;
mod frame;
mod hash;
mod parse;
mod plain;
mod tunnel;

pub use address::Address;
pub use checksum::{Checksum, lowered_ttl_v4};
pub use encap::{
    GRE_HEADER_LEN, GUE_HEADER_LEN, GUE_PORT, IPV4_HEADER_LEN, IPV6_HEADER_LEN, OUTER_TTL, OuterV4, OuterV6,
    PROTOCOL_GRE, PROTOCOL_IPIP, PROTOCOL_IPV6, PROTOCOL_UDP, UDP_HEADER_LEN, gue_source_port, inner_sum_v4,
    inner_sum_v6, outer_source_v4, outer_source_v6,
};
pub use frame::Frame;
pub use hash::{
    flow_hash, flow_tag, lookup_hash_v4, lookup_hash_v6, port_and_protocol, second_bucket, siphash13, slot,
    words_v6,
};
pub use parse::{
    Addresses, Datagram, ETHERTYPE_IPV4, ETHERTYPE_IPV6, EXTENSION_HEADERS_MAX, Family, L2, PROTOCOL_TCP,
    Parsed, Problem, TCP_HEADER_LEN, VLAN_TAGS_MAX, parse, parse_ipv4, parse_ipv6, parse_l2, ports,
};
pub use plain::{Plain, PlainV4, PlainV6};
pub use tunnel::{HOPS_HEADER_LEN, HOPS_MAX, Hops, Tunnel, TunnelKind, decapsulated_ecn, parse_tunnel};
