use crate::Kind;
use crate::definition::{Column, Definition, Spec, Version};
use crate::fields::{Field, Fields, Shape};
use crate::formats::Format;
use crate::view::View;

/// The label that [`parse`](crate::parse) gives every Forwarder, with its name: selectors for nodes often ask for it.
pub const HOSTNAME_LABEL: &str = "kubernetes.io/hostname";

/// What operators say about a forwarder. Its name is that of its certificate; its labels are those that selectors look
/// at. A forwarder without such a resource is refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forwarder {
    /// Where it stands.
    pub zone: Option<String>,
    /// Whether it leaves all shards, each VIP when another forwarder announces it.
    pub drain: bool,
}

const SPEC: Fields = Fields {
    fields: &[
        Field::optional("zone", Shape::Text(Format::LabelValue), "Where it stands."),
        Field::optional(
            "drain",
            Shape::Switch,
            "Whether it leaves all shards; each VIP is announced elsewhere before it goes.",
        ),
    ],
    rules: &[],
};

pub(crate) const DEFINITION: Definition = Definition {
    kind: Kind::Forwarder,
    about: "A forwarder that the controller serves; its name is that of its certificate.",
    short_names: &[],
    columns: &[
        Column::new("Zone", "string", ".spec.zone"),
        Column::new("Drain", "boolean", ".spec.drain"),
        Column::new("Connected", "string", ".status.conditions[?(@.type=='Connected')].status"),
        Column::new("Current", "string", ".status.conditions[?(@.type=='Current')].status"),
        Column::new("Generation", "integer", ".status.generation"),
        Column::new("VIPs", "integer", ".status.vips"),
        Column::new("Version", "string", ".status.version").wide(),
    ],
    versions: &[Version { name: "v1alpha1", deprecated: None, fields: &SPEC }],
    spec: Spec::Optional,
    status: &Fields {
        fields: &[
            super::status::CONDITIONS,
            Field::optional("version", Shape::Text(Format::Plain(128)), "Of lb-dataplane."),
            Field::optional("generation", super::status::COUNT, "The generation that it serves; 0: none."),
            Field::optional("digest", Shape::Text(Format::Digest), "Over what it serves."),
            Field::optional("vips", super::status::COUNT, "VIPs that it announces."),
            Field::optional(
                "lastContact",
                Shape::Text(Format::Moment),
                "When it said something last, while it is away.",
            ),
        ],
        rules: &[],
    },
};

pub(crate) fn read(spec: &View<'_>) -> Forwarder {
    Forwarder { zone: spec.owned("zone"), drain: spec.switch("drain").unwrap_or(false) }
}
