//! The definitions of the kinds.

use crate::fields::Fields;
use crate::{Kind, guideway, metallb};

/// What the definition of a custom resource says.
#[derive(Debug)]
pub struct Definition {
    /// The kind.
    pub kind: Kind,
    /// What it is for.
    pub about: &'static str,
    /// Other names for kubectl.
    pub short_names: &'static [&'static str],
    /// What `kubectl get` shows besides name and age.
    pub columns: &'static [Column],
    /// The first one is stored.
    pub versions: &'static [Version],
    /// Whether an object without a specification is one.
    pub spec: Spec,
    /// Fields of `status`.
    pub status: &'static Fields,
}

/// A version of a kind.
#[derive(Debug)]
pub struct Version {
    /// As in `apiVersion`.
    pub name: &'static str,
    /// What kubectl warns of.
    pub deprecated: Option<&'static str>,
    /// Fields of `spec`.
    pub fields: &'static Fields,
}

/// Whether an object without a specification is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spec {
    /// It is not.
    Required,
    /// It is: all is as the defaults say.
    Optional,
}

/// A column of `kubectl get`.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its heading.
    pub name: &'static str,
    /// OpenAPI's type: `string`, `integer`, `boolean`.
    pub r#type: &'static str,
    /// Where it is.
    pub path: &'static str,
    /// Above 0 it is shown by `-o wide` only.
    pub priority: u8,
}

impl Column {
    pub(crate) const fn new(name: &'static str, r#type: &'static str, path: &'static str) -> Self {
        Self { name, r#type, path, priority: 0 }
    }

    pub(crate) const fn wide(self) -> Self {
        Self { priority: 1, ..self }
    }
}

/// What the definition of a kind says.
#[must_use]
pub const fn definition(kind: Kind) -> &'static Definition {
    match kind {
        Kind::IpAddressPool => &metallb::pool::DEFINITION,
        Kind::BgpPeer => &metallb::peer::DEFINITION,
        Kind::BgpAdvertisement => &metallb::advertisement::BGP,
        Kind::L2Advertisement => &metallb::advertisement::L2,
        Kind::BfdProfile => &metallb::bfd::DEFINITION,
        Kind::Community => &metallb::community::DEFINITION,
        Kind::Shard => &guideway::shard::DEFINITION,
        Kind::BackendPolicy => &guideway::backend_policy::DEFINITION,
        Kind::Forwarder => &guideway::forwarder::DEFINITION,
        Kind::Cluster => &guideway::cluster::DEFINITION,
        Kind::Rollout => &guideway::rollout::DEFINITION,
    }
}
