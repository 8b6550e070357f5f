//! What a content holds at most. Reaching one is an error of [`Content::check`](crate::Content::check).

/// Bytes of a name.
pub const MAX_NAME_BYTES: usize = 253;
/// Backend sets; `limits.tables_*` of lb-dataplane has room for half of them at the same time.
pub const MAX_SETS: usize = 1 << 17;
/// VIPs, as `limits.vips` of lb-dataplane.
pub const MAX_VIPS: usize = 1 << 20;
/// Pools, as `pools` of bgp-speaker.
pub const MAX_POOLS: usize = 1000;
/// Prefixes of a pool.
pub const MAX_PREFIXES: usize = 1000;
/// Shards.
pub const MAX_SHARDS: usize = 1 << 17;
/// Forwarders of a shard.
pub const MAX_FORWARDERS: usize = 1024;
/// Backends of a set, as elements for backends of lb-dataplane.
pub const MAX_BACKENDS: usize = 32_767;
/// Prefixes of clients of a VIP.
pub const MAX_SOURCES: usize = 1024;
/// Interfaces that a VIP's L2 mode is restricted to.
pub const MAX_INTERFACES: usize = 64;
/// BGP peers.
pub const MAX_PEERS: usize = 1024;
/// Advertisements, and BFD profiles.
pub const MAX_ADVERTISEMENTS: usize = 1024;
/// Communities of each kind of an advertisement, as bgp-speaker.
pub const MAX_COMMUNITIES: usize = 64;
/// Bytes of a text for people.
pub const MAX_TEXT_BYTES: usize = 1024;
/// Different changes of tables that a prediction compares slot by slot.
pub const EXACT_SETS: usize = 256;
