use std::collections::BTreeSet;

use crate::Kind;
use crate::definition::{Column, Definition, Spec, Version};
use crate::fields::{Field, Fields, ListKind, Rule, Shape, set};
use crate::findings::Findings;
use crate::formats::Format;
use crate::view::View;

/// A workload cluster, whose Services are served. The resource's name is the cluster's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// How its API is reached.
    pub access: ClusterAccess,
    /// The `loadBalancerClass` of Services that are served.
    pub load_balancer_class: Option<String>,
    /// Whether Services without a class are served.
    pub default_class: bool,
    /// Only these namespaces; empty: all.
    pub namespaces: BTreeSet<String>,
    /// Where endpoints are.
    pub endpoints: EndpointMode,
    /// The Shard of Services that nothing else puts elsewhere.
    pub shard: Option<String>,
    /// The BackendPolicy of Services that name none and that no policy's `services` claims.
    pub backend_policy: Option<String>,
}

/// How the API of a workload cluster is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClusterAccess {
    /// It is the cluster in which the controller's own objects lie.
    Home,
    /// By the kubeconfig in a Secret of the controller's namespace.
    Secret {
        /// The Secret.
        name: String,
        /// The key in it.
        key: String,
        /// The kubeconfig's context; `None`: its current one.
        context: Option<String>,
    },
}

/// Where packets of a Service go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EndpointMode {
    /// To the Pods, in one hop.
    #[default]
    Pod,
    /// To nodes, through kube-proxy or what replaces it.
    Node,
}

impl EndpointMode {
    pub(crate) const WORDS: &[&str] = &["Pod", "Node"];

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        match word {
            "Pod" => Some(Self::Pod),
            "Node" => Some(Self::Node),
            _ => None,
        }
    }

    /// The word in resources and annotations.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pod => "Pod",
            Self::Node => "Node",
        }
    }
}

const SECRET: Fields = Fields {
    fields: &[
        Field::required("name", Shape::Text(Format::Name), "The Secret, in the namespace of the controller."),
        Field::optional("key", Shape::Text(Format::SecretKey), "The key in it that holds a kubeconfig.")
            .default("\"kubeconfig\""),
        Field::optional(
            "context",
            Shape::Text(Format::Plain(253)),
            "The kubeconfig's context; its current one unless set.",
        ),
    ],
    rules: &[],
};

const SPEC: Fields = Fields {
    fields: &[
        Field::optional(
            "home",
            Shape::Switch,
            "It is the cluster in which this resource lies. In place of kubeconfigSecret.",
        ),
        Field::optional("kubeconfigSecret", Shape::Object(&SECRET), "How its API is reached."),
        Field::optional(
            "loadBalancerClass",
            Shape::Text(Format::Class),
            "Services of this class are served; guideway.dev/load-balancer unless set.",
        ),
        Field::optional(
            "defaultClass",
            Shape::Switch,
            "Whether Services without a class are served as well.",
        ),
        Field::optional(
            "namespaces",
            set(&Shape::Text(Format::Namespace), 0, 1000),
            "Only Services of these namespaces are served and read; with none those of all.",
        ),
        Field::optional(
            "endpoints",
            Shape::Word(EndpointMode::WORDS),
            "Where packets go: to Pods in one hop, or to nodes, through kube-proxy or what replaces it.",
        )
        .default("\"Pod\""),
        Field::optional(
            "shard",
            Shape::Text(Format::Name),
            "The Shard of Services that nothing else puts elsewhere.",
        ),
        Field::optional(
            "backendPolicy",
            Shape::Text(Format::Name),
            "The BackendPolicy of Services that name none and that no policy selects.",
        ),
    ],
    rules: &[Rule {
        cel: "(has(self.home) && self.home) != has(self.kubeconfigSecret)",
        message: "one of home and kubeconfigSecret must be there, and not both",
    }],
};

pub(crate) const DEFINITION: Definition = Definition {
    kind: Kind::Cluster,
    about: "A workload cluster, whose Services of type LoadBalancer are served.",
    short_names: &[],
    columns: &[
        Column::new("Endpoints", "string", ".spec.endpoints"),
        Column::new("Reachable", "string", ".status.conditions[?(@.type=='Reachable')].status"),
        Column::new("Synced", "string", ".status.conditions[?(@.type=='Synced')].status"),
        Column::new("Services", "integer", ".status.services"),
        Column::new("Version", "string", ".status.version").wide(),
    ],
    versions: &[Version { name: "v1alpha1", deprecated: None, fields: &SPEC }],
    spec: Spec::Required,
    status: &Fields {
        fields: &[
            super::status::CONDITIONS,
            Field::optional("services", super::status::COUNT, "Services that are served."),
            Field::optional(
                "lastContact",
                Shape::Text(Format::Moment),
                "When its API answered last, while it does not.",
            ),
            Field::optional("version", Shape::Text(Format::Plain(128)), "Of its API server."),
            Field::optional(
                "addresses",
                Shape::List {
                    of: &Shape::Text(Format::AddressRange),
                    min: 0,
                    max: super::status::MOST_RANGES,
                    kind: ListKind::Atomic,
                },
                "Addresses that its Services hold, `first-last`: they are kept for it while it does not answer.",
            ),
        ],
        rules: &[],
    },
};

pub(crate) fn read(spec: &View<'_>, findings: &mut Findings) -> Option<Cluster> {
    let home = spec.switch("home").unwrap_or(false);
    let access = match (home, spec.object("kubeconfigSecret")) {
        (true, None) => Some(ClusterAccess::Home),
        (false, Some(secret)) => secret.owned("name").map(|name| ClusterAccess::Secret {
            name,
            key: secret.owned("key").unwrap_or_else(|| DEFAULT_KEY.to_owned()),
            context: secret.owned("context"),
        }),
        (true, Some(_)) => {
            findings.error(spec.place("kubeconfigSecret"), "stands beside home", "leave one of them out");
            None
        }
        (false, None) => {
            if !spec.has("kubeconfigSecret") {
                let remedy =
                    "write the Secret with its kubeconfig, or `home: true` for the controller's own cluster";
                findings.error(spec.place("kubeconfigSecret"), "is missing", remedy);
            }
            None
        }
    };
    Some(Cluster {
        access: access?,
        load_balancer_class: spec.owned("loadBalancerClass"),
        default_class: spec.switch("defaultClass").unwrap_or(false),
        namespaces: spec.names("namespaces"),
        endpoints: spec.text("endpoints").and_then(EndpointMode::from_word).unwrap_or_default(),
        shard: spec.owned("shard"),
        backend_policy: spec.owned("backendPolicy"),
    })
}

const DEFAULT_KEY: &str = "kubeconfig";
