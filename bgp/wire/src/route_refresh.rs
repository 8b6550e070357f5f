//! ROUTE-REFRESH (RFC 2918).

use crate::family::Family;
use crate::reader::Reader;

/// Asks for the routes of one family again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteRefresh {
    /// Address family identifier.
    pub afi: u16,
    /// Reserved by RFC 2918; 1 and 2 delimit a refresh in RFC 7313.
    pub subtype: u8,
    /// Subsequent address family identifier.
    pub safi: u8,
}

impl RouteRefresh {
    /// A request for `family`.
    #[must_use]
    pub fn request(family: Family) -> Self {
        Self { afi: family.afi(), subtype: 0, safi: family.safi() }
    }

    /// The family, when it is known here.
    #[must_use]
    pub fn family(&self) -> Option<Family> {
        Family::from_afi_safi(self.afi, self.safi)
    }

    pub(crate) fn decode(body: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        Some(Self { afi: reader.u16()?, subtype: reader.u8()?, safi: reader.u8()? })
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.afi.to_be_bytes());
        out.extend_from_slice(&[self.subtype, self.safi]);
    }
}
