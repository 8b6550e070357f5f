//! Codec of BGP-4 messages.
//!
//! The crate is pure: bytes in, values out and back. A stream is cut with [`frame`], a message is read with
//! [`Message::decode`] and written with [`Message::encode`]; many prefixes of equal attributes are written with
//! [`pack_reach`] and [`pack_unreach`]. What the two speakers agreed on is the [`Context`].
//!
//! What cannot be read is a [`DecodeError`] that knows its NOTIFICATION; what RFC 7606 lets a session survive is a
//! [`Fault`] of the [`Update`].
//!
//! # What is read and written
//!
//! | RFC | here |
//! |---|---|
//! | 4271 | all five attributes of the decision, AGGREGATOR, ATOMIC_AGGREGATE; header, OPEN, UPDATE, NOTIFICATION |
//! | 4760, 2545, 8950 | IPv4 and IPv6 unicast; global and link-local next hops, IPv6 ones for IPv4 where agreed on |
//! | 6793, 7607 | 4-octet AS numbers, AS4_PATH and AS4_AGGREGATOR merged; AS 0 refused |
//! | 5492, 9072 | capabilities; optional parameters of more than 255 octets |
//! | 2918, 7313 | ROUTE-REFRESH and its markers |
//! | 4724, 8538, 9494 | graceful restart with the N bit, Hard Reset, long-lived graceful restart, End-of-RIB |
//! | 7911 | path identifiers, per family and direction |
//! | 1997, 4360, 8092 | communities of three kinds; link bandwidth; the well-known ones of 7611, 7999, 8326, 9494 |
//! | 4456, 5065 | ORIGINATOR_ID, CLUSTER_LIST; confederation segments, from internal peers only |
//! | 4486, 9003, 9384, 9234 | Cease subcodes, shutdown communication, BFD Down; roles and Only to Customer |
//! | 6286 | any BGP identifier but 0.0.0.0 |
//! | 7606 | every attribute above, by attribute discard, treat-as-withdraw or session reset |
//!
//! # What is not
//!
//! - Extended messages (RFC 8654): the capability is read; a message of more than 4096 octets is an error.
//! - Families besides unicast. Their prefixes are named in [`Update::ignored`] and skipped.
//! - Outbound route filters (RFC 5291): entries behind a ROUTE-REFRESH are skipped, the capability is `Other`.
//! - AS_SET is read although RFC 9774 wants it refused. Nothing here makes one.
//! - Semantics of what is well-formed: loops, the leftmost AS, roles against Only to Customer, prefixes that should not
//!   be routed, LOCAL_PREF missing from an internal peer. That is for the owner of the routes.
//! - AIGP (RFC 7311), tunnels, segment routing and other attributes: non-transitive ones are dropped, transitive ones
//!   are kept as they came in [`Attributes::other`], those of RFC 8093 included.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod attribute;
mod capability;
mod community;
mod context;
mod error;
mod family;
mod frame;
pub mod iana;
mod message;
mod next_hop;
mod nlri;
mod notification;
mod open;
mod pack;
mod reader;
mod route_refresh;
mod update;

pub use attribute::{Aggregator, AsPath, AsSegment, Attributes, Origin, RawAttribute, SegmentKind};
pub use capability::{AddPathMode, Capability, GracefulRestart, LlgrFamily, Role};
pub use community::{Community, CommunityError, ExtendedCommunity, LargeCommunity, Transitivity};
pub use context::{AsWidth, Context};
pub use error::{Approach, DecodeError, EncodeError, Fault};
pub use family::{Families, Family};
pub use frame::{Frame, frame};
pub use message::Message;
pub use next_hop::NextHop;
pub use nlri::Nlri;
pub use notification::Notification;
pub use open::{AmbiguousRole, Open};
pub use pack::{pack_reach, pack_unreach};
pub use route_refresh::{RefreshKind, RouteRefresh};
pub use update::{Reach, Unreach, Update};

/// Octets of the header: marker, length, type (RFC 4271 section 4.1).
pub const HEADER_LEN: usize = 19;
/// The longest message (RFC 4271 section 4.1). Extended messages (RFC 8654) are never offered.
pub const MAX_MESSAGE_LEN: usize = 4096;
/// The only version of BGP that is spoken here.
pub const VERSION: u8 = 4;

#[cfg(test)]
mod tests;
