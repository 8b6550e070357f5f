use std::fmt;

use crate::Kind;
use crate::definition::{Definition, Spec, Version};
use crate::fields::{Field, Fields, ListKind, Shape};
use crate::formats::{Format, community};
use crate::view::View;

/// Names for communities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Community {
    /// Name and value; each name once.
    pub aliases: Vec<(String, CommunityValue)>,
}

/// A BGP community.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CommunityValue {
    /// RFC 1997.
    Standard(u16, u16),
    /// RFC 8092.
    Large(u32, u32, u32),
}

/// As `bgp-speaker` writes it.
impl fmt::Display for CommunityValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standard(high, low) => write!(f, "{high}:{low}"),
            Self::Large(global, first, second) => write!(f, "{global}:{first}:{second}"),
        }
    }
}

/// A community, or the name of one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CommunityName {
    /// The community itself.
    Value(CommunityValue),
    /// What a Community resource names.
    Alias(String),
}

const ALIAS: Fields = Fields {
    fields: &[
        Field::required("name", Shape::Text(Format::Plain(253)), "What BGPAdvertisements write."),
        Field::required("value", Shape::Text(Format::Community), "The community."),
    ],
    rules: &[],
};

const SPEC: Fields = Fields {
    fields: &[Field::optional(
        "communities",
        Shape::List { of: &Shape::Object(&ALIAS), min: 0, max: 1000, kind: ListKind::Map("name") },
        "Names and what they stand for.",
    )],
    rules: &[],
};

pub(crate) const DEFINITION: Definition = Definition {
    kind: Kind::Community,
    about: "Names for BGP communities.",
    short_names: &[],
    columns: &[],
    versions: &[Version { name: "v1beta1", deprecated: None, fields: &SPEC }],
    spec: Spec::Optional,
    status: &super::NO_STATUS,
};

pub(crate) fn read(spec: &View<'_>) -> Community {
    let alias = |alias: View<'_>| Some((alias.owned("name")?, alias.parse("value", community)?));
    Community { aliases: spec.objects("communities").filter_map(alias).collect() }
}
