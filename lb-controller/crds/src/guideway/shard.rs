use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU16;

use crate::definition::{Column, Definition, Spec, Version};
use crate::fields::{Field, Fields, Rule, Shape, set};
use crate::findings::Findings;
use crate::formats::Format;
use crate::view::View;
use crate::{Kind, Selector};

/// Forwarders that announce the VIPs of some Services and of no others, so that a flood on one tenant leaves the rest
/// alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Which forwarders.
    pub members: Members,
    /// Whether Services that no annotation and no shard's `services` claims belong here; of several such shards the one
    /// whose name comes first counts.
    pub default: bool,
    /// Services that belong here without an annotation.
    pub services: Option<ServiceMatch>,
}

/// The forwarders of a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Members {
    /// Exactly these, by name.
    Pinned(BTreeSet<String>),
    /// Those that are selected.
    Selected {
        /// By the labels of Forwarder resources; `None`: all.
        selector: Option<Selector>,
        /// Only those of this zone.
        zone: Option<String>,
        /// How many of them each tenant gets, by shuffle sharding; `None`: all.
        size: Option<NonZeroU16>,
        /// Who counts as one tenant.
        tenant: Tenant,
    },
}

/// Who gets the same forwarders in shuffle sharding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tenant {
    /// The Services of one namespace of one cluster.
    #[default]
    Namespace,
    /// Each Service for itself.
    Service,
    /// The Services of one cluster.
    Cluster,
}

/// Which Services are meant; all that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceMatch {
    /// Names of Cluster resources; empty: all.
    pub clusters: BTreeSet<String>,
    /// Names of namespaces; empty: all.
    pub namespaces: BTreeSet<String>,
    /// Labels of the Services.
    pub selector: Selector,
}

impl ServiceMatch {
    /// Whether a Service of this cluster and namespace and with these labels is meant.
    #[must_use]
    pub fn matches(&self, cluster: &str, namespace: &str, labels: &BTreeMap<String, String>) -> bool {
        (self.clusters.is_empty() || self.clusters.contains(cluster))
            && (self.namespaces.is_empty() || self.namespaces.contains(namespace))
            && self.selector.matches(labels)
    }
}

const NAMES: Shape = set(&Shape::Text(Format::Name), 0, 1000);

/// Which Services something is for.
pub(crate) const SERVICES: Fields = Fields {
    fields: &[
        Field::optional("clusters", NAMES, "Names of Clusters; with none all."),
        Field::optional(
            "namespaces",
            set(&Shape::Text(Format::Namespace), 0, 1000),
            "Namespaces of the Services; with none all.",
        ),
        Field::optional("selector", Shape::Selector, "Labels of the Services; without it all."),
    ],
    rules: &[],
};

const SPEC: Fields = Fields {
    fields: &[
        Field::optional(
            "members",
            set(&Shape::Text(Format::Name), 1, 1000),
            "Exactly these forwarders, by name. In place of selector, zone, size and tenant.",
        ),
        Field::optional(
            "selector",
            Shape::Selector,
            "Forwarders by the labels of their Forwarder; without it all.",
        ),
        Field::optional("zone", Shape::Text(Format::LabelValue), "Only forwarders of this zone."),
        Field::optional(
            "size",
            Shape::Number(1, 1000),
            "How many of these forwarders each tenant gets, by shuffle sharding; without it all.",
        ),
        Field::optional(
            "tenant",
            Shape::Word(&["Namespace", "Service", "Cluster"]),
            "Which Services have the same forwarders, with a size: those of a namespace of a cluster (unless set), each \
             for itself, or those of a cluster.",
        ),
        Field::optional(
            "default",
            Shape::Switch,
            "Whether Services belong here that nothing puts elsewhere; of several such shards the first by name counts.",
        ),
        Field::optional(
            "services",
            Shape::Object(&SERVICES),
            "Services that belong here without an annotation; of several shards the first by name counts.",
        ),
    ],
    rules: &[
        Rule {
            cel: "!has(self.members) || !(has(self.selector) || has(self.zone) || has(self.size) || has(self.tenant))",
            message: "members stands alone, without selector, zone, size and tenant",
        },
        Rule { cel: "!has(self.tenant) || has(self.size)", message: "tenant goes with size" },
    ],
};

pub(crate) const DEFINITION: Definition = Definition {
    kind: Kind::Shard,
    about: "Forwarders that announce the VIPs of some Services, so that a flood on one tenant leaves the others alone.",
    short_names: &[],
    columns: &[
        Column::new("Size", "integer", ".spec.size"),
        Column::new("Zone", "string", ".spec.zone"),
        Column::new("VIPs", "integer", ".status.vips"),
        Column::new("Available", "string", ".status.conditions[?(@.type=='Available')].status"),
        Column::new("Valid", "string", ".status.conditions[?(@.type=='Valid')].status").wide(),
    ],
    versions: &[Version { name: "v1alpha1", deprecated: None, fields: &SPEC }],
    spec: Spec::Optional,
    status: &Fields {
        fields: &[
            super::status::CONDITIONS,
            Field::optional(
                "forwarders",
                set(&Shape::Text(Format::Name), 0, 1000),
                "Forwarders that announce VIPs of it, of any tenant.",
            ),
            Field::optional("vips", super::status::COUNT, "VIPs in it."),
            Field::optional("tenants", super::status::COUNT, "Tenants that forwarders were chosen for."),
        ],
        rules: &[],
    },
};

pub(crate) fn services(view: &View<'_>) -> ServiceMatch {
    ServiceMatch {
        clusters: view.names("clusters"),
        namespaces: view.names("namespaces"),
        selector: view.selector("selector").unwrap_or_default(),
    }
}

pub(crate) fn read(spec: &View<'_>, findings: &mut Findings) -> Option<Shard> {
    if spec.has("members") {
        for name in ["selector", "zone", "size", "tenant"].into_iter().filter(|name| spec.has(name)) {
            findings.error(spec.place(name), "stands beside members", "leave one of them out");
        }
    } else if spec.has("tenant") && !spec.has("size") {
        findings.error(
            spec.place("tenant"),
            "stands without size",
            "write how many forwarders a tenant gets, or leave it out",
        );
    }
    let members = if spec.has("members") {
        Members::Pinned(spec.names("members"))
    } else {
        Members::Selected {
            selector: spec.selector("selector"),
            zone: spec.owned("zone"),
            size: spec.number("size").and_then(NonZeroU16::new),
            tenant: match spec.text("tenant") {
                Some("Service") => Tenant::Service,
                Some("Cluster") => Tenant::Cluster,
                _ => Tenant::Namespace,
            },
        }
    };
    Some(Shard {
        members,
        default: spec.switch("default").unwrap_or(false),
        services: spec.object("services").map(|view| services(&view)),
    })
}
