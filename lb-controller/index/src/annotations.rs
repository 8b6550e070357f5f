//! What people write into the annotations of a Service.
//!
//! Each annotation stands for itself: one that is wrong is reported and counts as absent, the others hold.

mod health;
#[cfg(test)]
mod tests;
mod value;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use guideway_controller_crds::FieldError;
use guideway_controller_crds::guideway::{EndpointMode, HealthCheckPolicy};
use guideway_controller_crds::metallb::requested_addresses;
use guideway_dataplane_config::{EncapsulationKind, TableSize};

use crate::projection::IpMode;

pub(crate) use health::check as health_check;

/// What Guideway's own annotations start with.
pub const PREFIX: &str = "guideway.dev/";
/// What MetalLB's start with, the one that counts first.
const METALLB: [&str; 2] = ["metallb.io/", "metallb.universe.tf/"];

/// A clients' range, for Services that have none in their specification; kube-proxy reads it too.
const SOURCE_RANGES: &str = "service.beta.kubernetes.io/load-balancer-source-ranges";

/// All of ours, for suggestions.
const NAMES: [&str; 21] = [
    "affinity",
    "affinity-timeout",
    "backend-policy",
    "drain-window",
    "encapsulation",
    "endpoint-mode",
    "flow-entries",
    "health-check",
    "health-check-expect",
    "health-check-fall",
    "health-check-host",
    "health-check-interval",
    "health-check-path",
    "health-check-port",
    "health-check-rise",
    "health-check-timeout",
    "ip-mode",
    "second-hop",
    "shard",
    "table-size",
    "weights",
];

/// What a Service says about itself. `None`: nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Annotations {
    /// `endpoint-mode`
    pub endpoint_mode: Option<EndpointMode>,
    /// `backend-policy`
    pub backend_policy: Option<String>,
    /// `encapsulation`
    pub encapsulation: Option<EncapsulationKind>,
    /// `second-hop`
    pub second_hop: Option<bool>,
    /// `health-check` and what belongs to it
    pub health_check: Option<HealthCheckPolicy>,
    /// `affinity` and `affinity-timeout`
    pub affinity: Option<AffinityChoice>,
    /// `table-size`
    pub table_size: Option<TableSize>,
    /// `drain-window`
    pub drain_window: Option<Duration>,
    /// `flow-entries`, rounded up to a power of two
    pub flow_entries: Option<u32>,
    /// `weights`
    pub weights: Weights,
    /// `shard`
    pub shard: Option<String>,
    /// `ip-mode`
    pub ip_mode: Option<IpMode>,
    /// `service.beta.kubernetes.io/load-balancer-source-ranges`, as it stands there
    pub source_ranges: Option<Vec<String>>,
    /// What MetalLB's annotations ask for.
    pub addresses: AddressRequest,
}

/// Who keeps a backend, as far as a Service can choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AffinityChoice {
    /// The lookup table alone.
    None,
    /// Each flow of UDP.
    Flow(Duration),
    /// Each address of clients.
    ClientIp(Duration),
}

/// Weights by the name of a Pod or node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Weights {
    /// By name.
    pub named: BTreeMap<String, u16>,
    /// That of all others (`*`).
    pub rest: Option<u16>,
}

impl Weights {
    /// What is said about a backend.
    #[must_use]
    pub fn of(&self, name: &str) -> Option<u16> {
        self.named.get(name).copied().or(self.rest)
    }
}

/// Which addresses a Service wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressRequest {
    /// `loadBalancerIPs`: at most one of each family.
    pub addresses: Vec<IpAddr>,
    /// `address-pool`
    pub pool: Option<String>,
    /// `allow-shared-ip`
    pub sharing_key: Option<String>,
    /// Something about it cannot be read, so that nothing may be concluded from what is missing.
    pub broken: bool,
}

/// What is wrong with an annotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Its whole name.
    pub annotation: String,
    /// What is wrong and what to write.
    pub reason: String,
}

/// The annotations that are looked at, each as long as nothing is wrong with it, and what is wrong with the others.
#[must_use]
pub fn parse(all: &BTreeMap<String, String>) -> (Annotations, Vec<Problem>) {
    let mut reader = Reader { all, problems: Vec::new() };
    let annotations = Annotations {
        endpoint_mode: reader.read("endpoint-mode", value::one_of(&MODES)),
        backend_policy: reader.read("backend-policy", value::name),
        encapsulation: reader.read("encapsulation", value::one_of(&ENCAPSULATIONS)),
        second_hop: reader.read("second-hop", value::one_of(&[("true", true), ("false", false)])),
        health_check: health::read(&mut reader),
        affinity: affinity(&mut reader),
        table_size: reader.read("table-size", value::one_of(&SIZES)),
        drain_window: reader.read("drain-window", value::duration(value::DAY)),
        flow_entries: reader.read("flow-entries", value::number(4..=1 << 26)).map(u32::next_power_of_two),
        weights: reader.read("weights", value::weights).unwrap_or_default(),
        shard: reader.read("shard", value::name),
        ip_mode: reader.read("ip-mode", value::one_of(&[("VIP", IpMode::Vip), ("Proxy", IpMode::Proxy)])),
        source_ranges: all.get(SOURCE_RANGES).map(|text| value::list(text)),
        addresses: addresses(&mut reader),
    };
    reader.unknown();
    (annotations, reader.problems)
}

/// The weight that an EndpointSlice gives to all of its endpoints (`guideway.dev/weight`).
///
/// # Errors
///
/// The value is no weight.
pub(crate) fn slice_weight(all: &BTreeMap<String, String>) -> Result<Option<u16>, Problem> {
    let mut reader = Reader { all, problems: Vec::new() };
    let weight = reader.read("weight", value::number(0..=u16::MAX));
    reader.problems.pop().map_or(Ok(weight), Err)
}

const MODES: [(&str, EndpointMode); 2] = [("Pod", EndpointMode::Pod), ("Node", EndpointMode::Node)];
const ENCAPSULATIONS: [(&str, EncapsulationKind); 4] = [
    ("ipip", EncapsulationKind::IpIp),
    ("gue", EncapsulationKind::Gue),
    ("gre", EncapsulationKind::Gre),
    ("l2", EncapsulationKind::L2),
];
const SIZES: [(&str, TableSize); 2] = [("65537", TableSize::Large), ("16381", TableSize::Small)];

/// What a NAT must remember a UDP flow for (RFC 4787, REQ-5).
const FLOW_TIMEOUT: Duration = Duration::from_secs(120);
/// As `sessionAffinityConfig.clientIP.timeoutSeconds`.
pub(crate) const CLIENT_TIMEOUT: Duration = Duration::from_secs(10_800);

struct Reader<'a> {
    all: &'a BTreeMap<String, String>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        self.all.get(&format!("{PREFIX}{name}")).map(String::as_str)
    }

    /// One of our own annotations.
    fn read<T>(&mut self, name: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        match parse(self.text(name)?) {
            Ok(value) => Some(value),
            Err(reason) => {
                self.problem(name, reason);
                None
            }
        }
    }

    fn problem(&mut self, name: &str, reason: impl Into<String>) {
        self.problems.push(Problem { annotation: format!("{PREFIX}{name}"), reason: reason.into() });
    }

    /// One of MetalLB's; the newer prefix counts.
    fn metallb(&self, name: &str) -> Option<(String, &str)> {
        METALLB.iter().find_map(|prefix| {
            let whole = format!("{prefix}{name}");
            let text = self.all.get(&whole)?;
            Some((whole, text.as_str()))
        })
    }

    fn unknown(&mut self) {
        for whole in self.all.keys() {
            let Some(name) = whole.strip_prefix(PREFIX) else { continue };
            if NAMES.contains(&name) {
                continue;
            }
            let hint = match name {
                "weight" => "it belongs on an EndpointSlice; write guideway.dev/weights here".to_owned(),
                _ => value::nearest(name, &NAMES).map_or_else(
                    || "remove it".to_owned(),
                    |near| format!("write {PREFIX}{near} or remove it"),
                ),
            };
            let reason = format!("no Service has this annotation: {hint}");
            self.problems.push(Problem { annotation: whole.clone(), reason });
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum AffinityWord {
    None,
    Flow,
    ClientIp,
}

fn affinity(reader: &mut Reader<'_>) -> Option<AffinityChoice> {
    let words =
        [("none", AffinityWord::None), ("flow", AffinityWord::Flow), ("client-ip", AffinityWord::ClientIp)];
    let word = reader.read("affinity", value::one_of(&words));
    let timeout = reader.read("affinity-timeout", value::duration(value::DAY));
    if timeout.is_some() && matches!(word, None | Some(AffinityWord::None)) {
        reader.problem("affinity-timeout", "is for guideway.dev/affinity: flow or client-ip only: remove it");
    }
    Some(match word? {
        AffinityWord::None => AffinityChoice::None,
        AffinityWord::Flow => AffinityChoice::Flow(timeout.unwrap_or(FLOW_TIMEOUT)),
        AffinityWord::ClientIp => AffinityChoice::ClientIp(timeout.unwrap_or(CLIENT_TIMEOUT)),
    })
}

fn addresses(reader: &mut Reader<'_>) -> AddressRequest {
    let mut request = AddressRequest::default();
    if let Some((annotation, text)) = reader.metallb("loadBalancerIPs") {
        match requested_addresses(&annotation, text) {
            Ok(addresses) => request.addresses = addresses,
            Err(FieldError { place: annotation, problem, remedy }) => {
                request.broken = true;
                let reason = format!("{problem}: {remedy}");
                reader.problems.push(Problem { annotation, reason });
            }
        }
    }
    for (name, field) in [("address-pool", &mut request.pool), ("allow-shared-ip", &mut request.sharing_key)]
    {
        if let Some((annotation, text)) = reader.metallb(name) {
            match value::name(text) {
                Ok(text) => *field = Some(text),
                Err(reason) => {
                    request.broken = true;
                    reader.problems.push(Problem { annotation, reason });
                }
            }
        }
    }
    request
}
