//! One configuration for all forwarders: pure.
//!
//! A [`Content`] is everything that forwarders are to do, the same for each of them: backend sets, VIPs, pools, shards and
//! routing. What differs between forwarders follows from a forwarder's own name ([`Content::announcement`]). A [`Snapshot`]
//! is a content with its generation. Contents are persistent: a clone costs nothing, a change costs what it changes, and
//! [`diff`] walks only what two of them do not share.
//!
//! ```
//! use guideway_controller_core::{Content, Delta, Pool, Routing, diff};
//! use guideway_dataplane_config::Seed;
//!
//! let before = Content::new(Seed::new([7; 16]), Routing::default());
//! let mut after = before.clone();
//! after.put_pool(Pool { name: "web".parse()?, prefixes: vec!["203.0.113.0/24".parse()?] });
//! let delta: Delta = diff(&before, &after);
//! assert_eq!(delta.len(), 1);
//! assert_eq!(delta.apply(&before)?.digest(), after.digest());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

#[cfg(any(test, feature = "arbitrary"))]
pub mod arbitrary;
pub mod budget;
mod canonical;
mod content;
mod delta;
mod digest;
mod disruption;
pub mod l2;
pub mod limits;
pub mod message;
mod name;
mod number;
mod pool;
mod rendezvous;
mod routing;
mod shard;
pub mod shards;
mod vip;

pub use budget::{Budget, Step, harmless, split};
pub use content::{Announcement, Content, ContentError, Item, Snapshot};
pub use delta::{Changes, Delta, DeltaError, diff};
pub use digest::{Digest, ParseDigestError};
pub use disruption::{Disruption, Moved, SetDisruption, VipDisruption, predict};
pub use name::{ForwarderName, NameError, PoolName, SetName, ShardName, VipName, check as check_name};
pub use number::{Generation, Term};
pub use pool::Pool;
pub use routing::{
    Advertisement, BfdProfile, Community, ExtendedCommunity, LargeCommunity, Peer, RemoteAs, Routing, Scope,
};
pub use shard::Shard;
pub use vip::{Advertise, L2, Vip};
