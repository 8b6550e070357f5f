//! What the meaning of bytes depends on.

use crate::family::{Families, Family};

/// What the two speakers agreed on, as far as it changes the meaning of bytes.
///
/// The default is a session with an internal peer that has sent no more than the 4-octet AS capability, seen by a
/// reader who wants every family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Context {
    /// Width of the AS numbers in AS_PATH and AGGREGATOR.
    pub as_width: AsWidth,
    /// Families whose prefixes are sent with path identifiers (RFC 7911).
    pub add_path_send: Families,
    /// Families whose prefixes are received with path identifiers.
    pub add_path_receive: Families,
    /// IPv4 prefixes may have an IPv6 next hop (RFC 8950).
    pub extended_next_hop: bool,
    /// Families that were agreed on; what comes of others is ignored (RFC 7606 section 2). Empty means all that are
    /// known.
    pub families: Families,
    /// The peer is in another AS: attributes that only mean something inside an AS are discarded (RFC 7606 section 7).
    pub external: bool,
}

impl Context {
    /// The same session as the peer sees it: what it sends with path identifiers we receive so.
    #[must_use]
    pub fn mirrored(self) -> Self {
        Self { add_path_send: self.add_path_receive, add_path_receive: self.add_path_send, ..self }
    }

    pub(crate) fn accepts(&self, family: Family) -> bool {
        self.families.is_empty() || self.families.contains(family)
    }
}

/// Width of an AS number in path attributes: four octets once both speakers have sent the capability of RFC 6793.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum AsWidth {
    /// The peer is an old speaker.
    Two,
    /// Both sides know 4-octet AS numbers.
    #[default]
    Four,
}

impl AsWidth {
    pub(crate) fn octets(self) -> usize {
        match self {
            Self::Two => 2,
            Self::Four => 4,
        }
    }
}
