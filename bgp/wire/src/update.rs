//! UPDATE (RFC 4271 section 4.3, RFC 4760).

mod decode;
mod encode;

use crate::attribute::Attributes;
use crate::error::Fault;
use crate::family::Family;
use crate::next_hop::NextHop;
use crate::nlri::Nlri;

pub(crate) use encode::{Place, place, put_reach, put_unreach, with_length};

/// What an UPDATE means. Whether prefixes stand in the fields of RFC 4271 or in the attributes of RFC 4760 is the
/// codec's business.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Update {
    /// Prefixes that are advertised with `attributes`. A decoded message has at most two sets: from the NLRI field and
    /// from MP_REACH_NLRI.
    pub reach: Vec<Reach>,
    /// Prefixes that are withdrawn; to be looked at before `reach`, because a prefix that is in both is advertised (RFC
    /// 4271 section 4.3). A decoded message has at most one set per family.
    pub unreach: Vec<Unreach>,
    /// Path attributes without next hops and prefixes. Those of a message that is treated as a withdrawal are left out.
    pub attributes: Attributes,
    /// RFC 7606 findings that the session survives; when one of them is treat-as-withdraw, every reach has been turned
    /// into an unreach. Not written.
    pub faults: Vec<Fault>,
    /// The message is the End-of-RIB marker of this family (RFC 4724 section 2).
    pub end_of_rib: Option<Family>,
    /// Families (AFI, SAFI) that the message has prefixes of although nobody agreed on them. Not written.
    pub ignored: Vec<(u16, u8)>,
}

/// Advertised prefixes of one family with their next hop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// The family of the prefixes.
    pub family: Family,
    /// Where packets to the prefixes go.
    pub next_hop: NextHop,
    /// The prefixes.
    pub nlri: Vec<Nlri>,
}

/// Withdrawn prefixes of one family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreach {
    /// The family of the prefixes.
    pub family: Family,
    /// The prefixes.
    pub nlri: Vec<Nlri>,
}

impl Update {
    /// The End-of-RIB marker of `family` (RFC 4724 section 2).
    #[must_use]
    pub fn end_of_rib(family: Family) -> Self {
        Self { end_of_rib: Some(family), ..Self::default() }
    }

    /// Advertises prefixes.
    #[must_use]
    pub fn reach(family: Family, next_hop: NextHop, attributes: Attributes, nlri: Vec<Nlri>) -> Self {
        Self { reach: vec![Reach { family, next_hop, nlri }], attributes, ..Self::default() }
    }

    /// Withdraws prefixes.
    #[must_use]
    pub fn unreach(family: Family, nlri: Vec<Nlri>) -> Self {
        Self { unreach: vec![Unreach { family, nlri }], ..Self::default() }
    }
}
