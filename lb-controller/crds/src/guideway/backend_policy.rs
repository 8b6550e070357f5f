use std::num::{NonZeroU8, NonZeroU16};
use std::time::Duration;

use guideway_dataplane_config::{EncapsulationKind, HealthCheck, Probe, TableSize};

use super::{EndpointMode, ServiceMatch};
use crate::definition::{Column, Definition, Spec, Version};
use crate::fields::{Field, Fields, Rule, Shape, list};
use crate::findings::Findings;
use crate::formats::{Format, duration};
use crate::view::View;
use crate::{Kind, Selector};

/// How packets of some Services reach their backends. What is `None` is left to the next policy, and at last to the
/// defaults of the forwarders.
///
/// A Service's own annotations come first, then the policy that its annotation names, then that of its Cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BackendPolicy {
    /// Services that it is for without being named.
    pub services: Option<ServiceMatch>,
    /// Of several policies for one Service the lowest counts, and of equal ones the first by name.
    pub priority: u32,
    /// Where endpoints are.
    pub endpoints: Option<EndpointMode>,
    /// The outer header.
    pub encapsulation: Option<EncapsulationKind>,
    /// Whether backends run the decap agent.
    pub second_hop: Option<bool>,
    /// 1 s to 24 h.
    pub drain_window: Option<Duration>,
    /// Slots of the lookup table.
    pub table_size: Option<TableSize>,
    /// Whether and how backends are asked.
    pub health_check: Option<HealthCheckPolicy>,
    /// The first rule that matches a backend's node gives its weight.
    pub weights: Vec<WeightRule>,
    /// UDP: how long a flow that sends nothing is remembered, 1 s to 24 h; `None`: each packet follows the table.
    pub udp_flow_timeout: Option<Duration>,
    /// Entries of the flow table for each VIP, a power of two from 4 to 2^26.
    pub flow_entries: Option<u32>,
}

/// Weight of the backends on some nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightRule {
    /// By the labels of the Node.
    pub nodes: Selector,
    /// Share of the slots; 0 takes none.
    pub weight: u16,
}

/// A health check of the backends of a Service's port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HealthCheckPolicy {
    /// Every backend that Kubernetes calls ready is healthy.
    Off,
    /// As [`HealthCheck`].
    On {
        /// What is asked.
        probe: Probe,
        /// `None`: the port to which packets go.
        port: Option<NonZeroU16>,
        /// 10 ms to 1 h.
        interval: Duration,
        /// 1 ms to `interval`.
        timeout: Duration,
        /// Successes in a row.
        rise: NonZeroU8,
        /// Failures in a row.
        fall: NonZeroU8,
    },
}

impl HealthCheckPolicy {
    /// The check of backends whose packets go to `target`.
    #[must_use]
    pub fn for_port(&self, target: NonZeroU16) -> Option<HealthCheck> {
        match self {
            Self::Off => None,
            Self::On { probe, port, interval, timeout, rise, fall } => Some(HealthCheck {
                probe: probe.clone(),
                port: port.unwrap_or(target),
                interval: *interval,
                timeout: *timeout,
                rise: *rise,
                fall: *fall,
            }),
        }
    }
}

const HOUR: u64 = 3600;
const DAY: Duration = Duration::from_secs(24 * HOUR);
const SECOND: Duration = Duration::from_secs(1);

const STATUS_CODES: Shape = Shape::Number(100, 599);
const CODES: Fields = Fields {
    fields: &[
        Field::required("from", STATUS_CODES, "The lowest."),
        Field::required("to", STATUS_CODES, "The highest."),
    ],
    rules: &[Rule { cel: "self.from <= self.to", message: "from must not be above to" }],
};

const HEALTH_CHECK: Fields = Fields {
    fields: &[
        Field::required(
            "type",
            Shape::Word(&["None", "Tcp", "Http"]),
            "What is asked: nothing, a connection, or an answer to GET over HTTP/1.1.",
        ),
        Field::optional(
            "port",
            Shape::Number(1, 65_535),
            "The backend's port; the one that packets go to unless set.",
        ),
        Field::optional(
            "path",
            Shape::Text(Format::HttpPath),
            "Of Http: the request target; `/` unless set.",
        ),
        Field::optional(
            "host",
            Shape::Text(Format::HttpHost),
            "Of Http: the Host; the backend's address unless set.",
        ),
        Field::optional(
            "expect",
            Shape::Object(&CODES),
            "Of Http: status codes of a healthy backend; 200 to 399 unless set.",
        ),
        Field::optional(
            "interval",
            Shape::Text(Format::Time(Duration::from_millis(10), Duration::from_secs(HOUR))),
            "From the start of a probe to that of the next; 1s unless set.",
        ),
        Field::optional(
            "timeout",
            Shape::Text(Format::Time(Duration::from_millis(1), Duration::from_secs(HOUR))),
            "A probe that takes longer has failed; 500ms unless set, and never more than the interval.",
        ),
        Field::optional(
            "rise",
            Shape::Number(1, 255),
            "Successes in a row that make a backend healthy; 2 unless set.",
        ),
        Field::optional(
            "fall",
            Shape::Number(1, 255),
            "Failures in a row that make a backend unhealthy; 3 unless set.",
        ),
    ],
    rules: &[
        Rule {
            cel: "self.type == 'Http' || !(has(self.path) || has(self.host) || has(self.expect))",
            message: "path, host and expect go with type Http",
        },
        Rule {
            cel: "self.type != 'None' || !(has(self.port) || has(self.interval) || has(self.timeout) || has(self.rise) || \
                  has(self.fall))",
            message: "type None goes without other fields",
        },
        Rule {
            cel: "!has(self.timeout) || duration(self.timeout) <= (has(self.interval) ? duration(self.interval) : \
                  duration('1s'))",
            message: "timeout must not be longer than interval",
        },
    ],
};

const WEIGHT: Fields = Fields {
    fields: &[
        Field::required("nodes", Shape::Selector, "Labels of the Nodes that the backends are on."),
        Field::required("weight", Shape::Number(0, 65_535), "Share of the slots; 0 takes none."),
    ],
    rules: &[],
};

const SPEC: Fields = Fields {
    fields: &[
        Field::optional(
            "services",
            Shape::Object(&super::shard::SERVICES),
            "Services that it is for without being named in their annotation.",
        ),
        Field::optional(
            "priority",
            Shape::Number(0, i32::MAX as i64),
            "Of several policies that select a Service the lowest counts, and of equal ones the first by name.",
        ),
        Field::optional(
            "endpoints",
            Shape::Word(EndpointMode::WORDS),
            "Where packets go: to Pods, or to nodes.",
        ),
        Field::optional(
            "encapsulation",
            Shape::Word(&["ipip", "gue", "gre", "l2"]),
            "How packets travel to backends.",
        ),
        Field::optional(
            "secondHop",
            Shape::Switch,
            "Whether backends run the decap agent, so that a flow in doubt can be passed on to its earlier backend.",
        ),
        Field::optional(
            "drainWindow",
            Shape::Text(Format::Time(SECOND, DAY)),
            "How long flows on backends of earlier tables are looked after.",
        ),
        Field::optional("tableSize", Shape::OneOf(&[16_381, 65_537]), "Slots of the lookup table."),
        Field::optional("healthCheck", Shape::Object(&HEALTH_CHECK), "How forwarders ask the backends."),
        Field::optional(
            "weights",
            list(&Shape::Object(&WEIGHT), 0, 64),
            "Weights of backends by their node: the first entry that matches counts. Without one it is 1.",
        ),
        Field::optional(
            "udpFlowTimeout",
            Shape::Text(Format::Time(SECOND, DAY)),
            "UDP flows stay with their backend, and are forgotten after this time without a packet. Without it each packet \
             follows the table.",
        ),
        Field::optional(
            "flowEntries",
            Shape::Number(4, 67_108_864),
            "Entries of the flow table for each VIP, rounded up to a power of two.",
        ),
    ],
    rules: &[Rule {
        cel: "!(has(self.secondHop) && self.secondHop && has(self.endpoints) && self.endpoints == 'Node')",
        message: "secondHop needs Pods as endpoints",
    }],
};

pub(crate) const DEFINITION: Definition = Definition {
    kind: Kind::BackendPolicy,
    about: "How packets of some Services reach their backends.",
    short_names: &[],
    columns: &[
        Column::new("Priority", "integer", ".spec.priority"),
        Column::new("Endpoints", "string", ".spec.endpoints"),
        Column::new("Encapsulation", "string", ".spec.encapsulation"),
        Column::new("Health Check", "string", ".spec.healthCheck.type"),
        Column::new("Valid", "string", ".status.conditions[?(@.type=='Valid')].status"),
    ],
    versions: &[Version { name: "v1alpha1", deprecated: None, fields: &SPEC }],
    spec: Spec::Optional,
    status: &Fields { fields: &[super::status::CONDITIONS], rules: &[] },
};

pub(crate) fn read(spec: &View<'_>, findings: &mut Findings) -> BackendPolicy {
    let endpoints = spec.text("endpoints").and_then(EndpointMode::from_word);
    let second_hop = spec.switch("secondHop");
    if endpoints == Some(EndpointMode::Node) && second_hop == Some(true) {
        let remedy = "write `endpoints: Pod`, or leave secondHop out";
        findings.error(spec.place("secondHop"), "needs Pods as endpoints", remedy);
    }
    let weight =
        |rule: View<'_>| Some(WeightRule { nodes: rule.selector("nodes")?, weight: rule.number("weight")? });
    BackendPolicy {
        services: spec.object("services").map(|view| super::shard::services(&view)),
        priority: spec.number("priority").unwrap_or_default(),
        endpoints,
        encapsulation: spec.text("encapsulation").and_then(|word| match word {
            "ipip" => Some(EncapsulationKind::IpIp),
            "gue" => Some(EncapsulationKind::Gue),
            "gre" => Some(EncapsulationKind::Gre),
            "l2" => Some(EncapsulationKind::L2),
            _ => None,
        }),
        second_hop,
        drain_window: spec.parse("drainWindow", duration),
        table_size: spec.number("tableSize").and_then(|slots: u32| {
            [TableSize::Large, TableSize::Small].into_iter().find(|size| size.slots() == slots)
        }),
        health_check: spec.object("healthCheck").and_then(|check| health_check(&check, findings)),
        weights: spec.objects("weights").filter_map(weight).collect(),
        udp_flow_timeout: spec.parse("udpFlowTimeout", duration),
        flow_entries: spec.number("flowEntries").map(|entries: u32| entries.next_power_of_two()),
    }
}

const DEFAULT_INTERVAL: Duration = Duration::from_secs(1);
const DEFAULT_TIMEOUT: Duration = Duration::from_millis(500);
const DEFAULT_RISE: NonZeroU8 = NonZeroU8::new(2).expect("2 is not zero");
const DEFAULT_FALL: NonZeroU8 = NonZeroU8::new(3).expect("3 is not zero");

fn health_check(check: &View<'_>, findings: &mut Findings) -> Option<HealthCheckPolicy> {
    let kind = check.text("type")?;
    let foreign: &[&str] = match kind {
        "None" => &["port", "path", "host", "expect", "interval", "timeout", "rise", "fall"],
        "Tcp" => &["path", "host", "expect"],
        _ => &[],
    };
    for name in foreign.iter().filter(|name| check.has(name)) {
        let remedy = "leave it out, or write another type";
        findings.error(check.place(name), format!("goes with another type than {kind}"), remedy);
    }
    let probe = match kind {
        "None" => return Some(HealthCheckPolicy::Off),
        "Tcp" => Probe::Tcp,
        "Http" => Probe::Http {
            path: check.owned("path").unwrap_or_else(|| "/".to_owned()),
            host: check.owned("host"),
            expect: expect(check, findings),
        },
        _ => return None,
    };
    let interval = check.parse("interval", duration).unwrap_or(DEFAULT_INTERVAL);
    let timeout = check.parse("timeout", duration);
    if timeout.is_some_and(|timeout| timeout > interval) {
        findings.error(check.place("timeout"), "is longer than the interval", "write at most the interval");
    }
    let threshold = |name| check.number::<u8>(name).and_then(NonZeroU8::new);
    Some(HealthCheckPolicy::On {
        probe,
        port: check.number("port").and_then(NonZeroU16::new),
        interval,
        timeout: timeout.unwrap_or(DEFAULT_TIMEOUT.min(interval)),
        rise: threshold("rise").unwrap_or(DEFAULT_RISE),
        fall: threshold("fall").unwrap_or(DEFAULT_FALL),
    })
}

fn expect(check: &View<'_>, findings: &mut Findings) -> std::ops::RangeInclusive<u16> {
    let bounds = check.object("expect").and_then(|codes| Some((codes.number("from")?, codes.number("to")?)));
    let (from, to) = bounds.unwrap_or((200, 399));
    if from > to {
        findings.error(
            check.place("expect"),
            format!("{from} is above {to}"),
            "write the lowest code as `from`",
        );
    }
    from..=to
}
