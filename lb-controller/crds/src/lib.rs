//! Custom resources as values: MetalLB's (group `metallb.io`), which are taken as they are, and Guideway's own (group
//! `guideway.dev`).
//!
//! [`parse`] is the only way from JSON to a [`Resource`]. It answers with a value that can only be right, or with every
//! [`FieldError`] of the object: place, what is wrong, what to do. Fields that nobody knows, and fields of MetalLB that
//! mean nothing here, are no errors; they are [notes](FieldNote).
//!
//! What a resource may hold is written once, as data. The parser, the manifests of the definitions, `lbctl import metallb`
//! and the documentation follow from it.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod address_range;
mod check;
mod definition;
mod field_error;
pub mod fields;
mod findings;
mod formats;
pub mod guideway;
mod kind;
mod manifest;
pub mod metallb;
mod object;
mod parse;
mod selector;
mod table;
#[cfg(test)]
mod tests;
mod view;

pub use address_range::AddressRange;
pub use definition::{Column, Definition, Spec, Version, definition};
pub use field_error::{FieldError, FieldNote};
pub use formats::Format;
pub use kind::Kind;
pub use manifest::manifest;
pub use metallb::other::{ANNOTATION_PREFIXES, ANNOTATIONS, FOREIGN_KINDS, Foreign};
pub use object::Object;
pub use parse::{Parsed, parse};
pub use selector::{Requirement, Selector};
pub use table::{Row, rows};

use guideway::{BackendPolicy, Cluster, Forwarder, Rollout, Shard};
use metallb::{BfdProfile, BgpAdvertisement, BgpPeer, Community, IpAddressPool, L2Advertisement};

/// The specification of a custom resource; only valid values exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resource {
    /// `metallb.io` IPAddressPool.
    IpAddressPool(IpAddressPool),
    /// `metallb.io` BGPPeer, of either version.
    BgpPeer(Box<BgpPeer>),
    /// `metallb.io` BGPAdvertisement.
    BgpAdvertisement(BgpAdvertisement),
    /// `metallb.io` L2Advertisement.
    L2Advertisement(L2Advertisement),
    /// `metallb.io` BFDProfile.
    BfdProfile(BfdProfile),
    /// `metallb.io` Community.
    Community(Community),
    /// `guideway.dev` Shard.
    Shard(Shard),
    /// `guideway.dev` BackendPolicy.
    BackendPolicy(Box<BackendPolicy>),
    /// `guideway.dev` Forwarder.
    Forwarder(Forwarder),
    /// `guideway.dev` Cluster.
    Cluster(Cluster),
    /// `guideway.dev` Rollout.
    Rollout(Box<Rollout>),
}
