//! ROUTE-REFRESH (RFC 2918, RFC 7313).

use crate::error::DecodeError;
use crate::family::Family;
use crate::reader::Reader;

/// Asks for the routes of one family again, or frames the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteRefresh {
    /// Address family identifier.
    pub afi: u16,
    /// Subsequent address family identifier.
    pub safi: u8,
    /// What is said about the family.
    pub kind: RefreshKind,
}

/// The message subtype (RFC 7313 section 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshKind {
    /// 0: the routes are wanted again.
    Request,
    /// 1: from here on everything is advertised once more.
    BeginOfRefresh,
    /// 2: what was not advertised since the beginning is gone.
    EndOfRefresh,
    /// Not defined; the message MUST be ignored (RFC 7313 section 5).
    Other(u8),
}

impl RouteRefresh {
    /// A message of `kind` for `family`.
    #[must_use]
    pub fn new(family: Family, kind: RefreshKind) -> Self {
        Self { afi: family.afi(), safi: family.safi(), kind }
    }

    /// A request for `family`.
    #[must_use]
    pub fn request(family: Family) -> Self {
        Self::new(family, RefreshKind::Request)
    }

    /// The family, when it is known here.
    #[must_use]
    pub fn family(&self) -> Option<Family> {
        Family::from_afi_safi(self.afi, self.safi)
    }

    /// `message` is the whole one, its header included.
    pub(crate) fn decode(message: &[u8], body: &[u8]) -> Result<Self, DecodeError> {
        let bad_length = || DecodeError::RefreshLength(message.to_vec());
        let mut reader = Reader::new(body);
        let afi = reader.u16().ok_or_else(bad_length)?;
        let kind = match reader.u8().ok_or_else(bad_length)? {
            0 => RefreshKind::Request,
            1 => RefreshKind::BeginOfRefresh,
            2 => RefreshKind::EndOfRefresh,
            other => RefreshKind::Other(other),
        };
        let safi = reader.u8().ok_or_else(bad_length)?;
        // RFC 7313 section 5: the markers have exactly four octets. Behind a request there can be the filters of RFC
        // 5291, which mean nothing here: that capability is never sent.
        if matches!(kind, RefreshKind::BeginOfRefresh | RefreshKind::EndOfRefresh) && !reader.is_empty() {
            return Err(bad_length());
        }
        Ok(Self { afi, safi, kind })
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let subtype = match self.kind {
            RefreshKind::Request => 0,
            RefreshKind::BeginOfRefresh => 1,
            RefreshKind::EndOfRefresh => 2,
            RefreshKind::Other(other) => other,
        };
        out.extend_from_slice(&self.afi.to_be_bytes());
        out.extend_from_slice(&[subtype, self.safi]);
    }
}
