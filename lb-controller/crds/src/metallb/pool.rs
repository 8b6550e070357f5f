use serde::{Deserialize, Serialize};

use crate::definition::{Column, Definition, Spec, Version};
use crate::fields::{Field, Fields, Shape, list};
use crate::findings::Findings;
use crate::formats::{Format, address_range};
use crate::view::View;
use crate::{AddressRange, Kind, Selector};

/// Addresses that Services may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IpAddressPool {
    /// At least one; no two have an address in common.
    pub addresses: Vec<AddressRange>,
    /// Whether a Service that asks for no pool and no address may get one of these.
    pub auto_assign: bool,
    /// Whether IPv4 addresses that end with .0 or .255 are left out.
    pub avoid_buggy: bool,
    /// Who may have them; `None`: everybody.
    pub service_allocation: Option<ServiceAllocation>,
}

/// Which Services may have addresses of a pool, and how much the pool is preferred.
///
/// A Service is allowed when its namespace is named or selected (or neither is asked for), and a service selector
/// matches it (or there is none).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceAllocation {
    /// The lowest comes first; 0 comes last.
    pub priority: u32,
    /// Names of namespaces.
    pub namespaces: Vec<String>,
    /// Labels of namespaces, any of them.
    pub namespace_selectors: Vec<Selector>,
    /// Labels of Services, any of them.
    pub service_selectors: Vec<Selector>,
}

/// The status of an IPAddressPool, as MetalLB 0.15 writes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PoolStatus {
    /// IPv4 addresses that Services have.
    #[serde(rename = "assignedIPv4")]
    pub assigned_v4: i64,
    /// IPv6 addresses that Services have.
    #[serde(rename = "assignedIPv6")]
    pub assigned_v6: i64,
    /// IPv4 addresses that are free.
    #[serde(rename = "availableIPv4")]
    pub available_v4: i64,
    /// IPv6 addresses that are free, at most `i64::MAX`.
    #[serde(rename = "availableIPv6")]
    pub available_v6: i64,
}

const SELECTORS: Shape = list(&Shape::Selector, 0, 100);

const ALLOCATION: Fields = Fields {
    fields: &[
        Field::optional(
            "priority",
            Shape::Number(0, i32::MAX as i64),
            "Pools with a lower one are tried first; 0 comes last.",
        ),
        Field::optional(
            "namespaces",
            list(&Shape::Text(Format::Namespace), 0, 1000),
            "Namespaces whose Services may have the addresses.",
        ),
        Field::optional(
            "namespaceSelectors",
            SELECTORS,
            "The same by labels of the namespaces; one must match.",
        ),
        Field::optional(
            "serviceSelectors",
            SELECTORS,
            "Services that may have the addresses, by their labels; one must match.",
        ),
    ],
    rules: &[],
};

const SPEC: Fields = Fields {
    fields: &[
        Field::required(
            "addresses",
            list(&Shape::Text(Format::AddressRange), 1, 1000),
            "Prefixes, and ranges from a first to a last address.",
        ),
        Field::optional(
            "autoAssign",
            Shape::Switch,
            "Whether Services get these addresses without asking for the pool or for an address.",
        )
        .default("true"),
        Field::optional(
            "avoidBuggyIPs",
            Shape::Switch,
            "Whether addresses are left out that end with .0 or .255.",
        )
        .default("false"),
        Field::optional("serviceAllocation", Shape::Object(&ALLOCATION), "Who may have the addresses."),
    ],
    rules: &[],
};

const COUNT: Shape = Shape::Number(0, i64::MAX);

pub(crate) const DEFINITION: Definition = Definition {
    kind: Kind::IpAddressPool,
    about: "Addresses that Services of type LoadBalancer may have.",
    short_names: &[],
    columns: &[
        Column::new("Auto Assign", "boolean", ".spec.autoAssign"),
        Column::new("Avoid Buggy IPs", "boolean", ".spec.avoidBuggyIPs"),
        Column::new("Addresses", "string", ".spec.addresses"),
    ],
    versions: &[Version { name: "v1beta1", deprecated: None, fields: &SPEC }],
    spec: Spec::Required,
    status: &Fields {
        fields: &[
            Field::optional("assignedIPv4", COUNT, "IPv4 addresses that Services have."),
            Field::optional("assignedIPv6", COUNT, "IPv6 addresses that Services have."),
            Field::optional("availableIPv4", COUNT, "IPv4 addresses that are free."),
            Field::optional("availableIPv6", COUNT, "IPv6 addresses that are free."),
        ],
        rules: &[],
    },
};

pub(crate) fn read(spec: &View<'_>, findings: &mut Findings) -> Option<IpAddressPool> {
    let texts = spec.list("addresses").iter().enumerate();
    let ranges: Vec<(usize, AddressRange)> =
        texts.filter_map(|(index, value)| Some((index, address_range(value.as_str()?).ok()?))).collect();
    disjoint(&ranges, spec, findings);
    let allocation = spec.object("serviceAllocation").map(|allocation| ServiceAllocation {
        priority: allocation.number("priority").unwrap_or_default(),
        namespaces: allocation.texts("namespaces"),
        namespace_selectors: allocation.selectors("namespaceSelectors"),
        service_selectors: allocation.selectors("serviceSelectors"),
    });
    (!ranges.is_empty()).then(|| IpAddressPool {
        addresses: ranges.into_iter().map(|(_, range)| range).collect(),
        auto_assign: spec.switch("autoAssign").unwrap_or(true),
        avoid_buggy: spec.switch("avoidBuggyIPs").unwrap_or(false),
        service_allocation: allocation,
    })
}

fn disjoint(ranges: &[(usize, AddressRange)], spec: &View<'_>, findings: &mut Findings) {
    let mut sorted = ranges.to_vec();
    sorted.sort_by_key(|(_, range)| *range);
    let mut reach: Option<(usize, AddressRange)> = None;
    for (index, range) in sorted {
        match reach {
            Some((before, earlier)) if earlier.meets(&range) => {
                let (low, high) = (before.min(index), before.max(index));
                findings.error(
                    format!("{}[{high}]", spec.place("addresses")),
                    format!("has addresses in common with element {low}"),
                    "leave each address in one range only",
                );
                if range.last() > earlier.last() {
                    reach = Some((index, range));
                }
            }
            _ => reach = Some((index, range)),
        }
    }
}
