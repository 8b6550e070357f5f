//! Names of connections.

/// Names one connection between a controller and a forwarder. Its owner never gives the same one twice to one machine, so
/// that whatever still comes from a connection that is gone cannot be taken for another one's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);
