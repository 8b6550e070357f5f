use std::num::NonZeroU8;
use std::time::Duration;

use crate::Kind;
use crate::definition::{Column, Definition, Spec, Version};
use crate::fields::{Field, Fields, Shape};
use crate::findings::Findings;
use crate::view::View;

/// How BFD of a session is set. What is `None` is what the speaker has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BfdProfile {
    /// 10 ms to 60 s.
    pub receive_interval: Option<Duration>,
    /// 10 ms to 60 s.
    pub transmit_interval: Option<Duration>,
    /// 2 to 255.
    pub detect_multiplier: Option<NonZeroU8>,
    /// The interval of echo packets, 10 ms to 60 s; `None`: no echo.
    pub echo: Option<Duration>,
    /// Whether the router has to speak first.
    pub passive: bool,
    /// Over several hops: packets with a lower TTL do not count.
    pub minimum_ttl: Option<u8>,
}

const INTERVAL: Shape = Shape::Number(10, 60_000);
/// MetalLB's.
const DEFAULT_ECHO: Duration = Duration::from_millis(50);

const SPEC: Fields = Fields {
    fields: &[
        Field::optional(
            "receiveInterval",
            INTERVAL,
            "Shortest interval between packets from the router, in milliseconds.",
        ),
        Field::optional(
            "transmitInterval",
            INTERVAL,
            "Shortest interval between packets to the router, in milliseconds.",
        ),
        Field::optional(
            "detectMultiplier",
            Shape::Number(2, 255),
            "After how many lost packets the path counts as down.",
        ),
        Field::optional("echoMode", Shape::Switch, "Whether echo packets are sent; not over several hops."),
        Field::optional(
            "echoInterval",
            INTERVAL,
            "Shortest interval between echo packets, in milliseconds; 50 unless set.",
        ),
        Field::optional("passiveMode", Shape::Switch, "Whether the router has to speak first."),
        Field::optional(
            "minimumTtl",
            Shape::Number(1, 254),
            "Over several hops: packets with a lower TTL do not count.",
        ),
    ],
    rules: &[],
};

pub(crate) const DEFINITION: Definition = Definition {
    kind: Kind::BfdProfile,
    about: "How the path to a router is watched by BFD.",
    short_names: &[],
    columns: &[
        Column::new("Passive Mode", "boolean", ".spec.passiveMode"),
        Column::new("Transmit Interval", "integer", ".spec.transmitInterval"),
        Column::new("Receive Interval", "integer", ".spec.receiveInterval"),
        Column::new("Multiplier", "integer", ".spec.detectMultiplier"),
    ],
    versions: &[Version { name: "v1beta1", deprecated: None, fields: &SPEC }],
    spec: Spec::Optional,
    status: &super::NO_STATUS,
};

pub(crate) fn read(spec: &View<'_>, findings: &mut Findings) -> BfdProfile {
    let interval = |name| spec.number(name).map(Duration::from_millis);
    let echo = spec.switch("echoMode").unwrap_or(false);
    if !echo && spec.has("echoInterval") {
        findings.note(spec.place("echoInterval"), "without effect: echoMode is not true");
    }
    BfdProfile {
        receive_interval: interval("receiveInterval"),
        transmit_interval: interval("transmitInterval"),
        detect_multiplier: spec.number::<u8>("detectMultiplier").and_then(NonZeroU8::new),
        echo: echo.then(|| interval("echoInterval").unwrap_or(DEFAULT_ECHO)),
        passive: spec.switch("passiveMode").unwrap_or(false),
        minimum_ttl: spec.number("minimumTtl"),
    }
}
