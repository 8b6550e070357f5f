//! Services that do not come from the file: the same checks, on values in place of text.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use crate::config::Config;
use crate::parse::backend_sets::{self, DRAIN_WINDOWS};
use crate::parse::overlap::{Crossing, Range, Ranges};
use crate::parse::{affinity, capacity, health_check, node, sources, vips};
use crate::sink::Position;
use crate::types::{
    Affinity, Backend, BackendSet, EncapsulationKind, HealthCheck, NextHop, Ports, Probe, Protocol, Seed, Vip,
};
use crate::units::{self, show_duration};

/// More errors than this are counted, not listed.
const MAX_LISTED: usize = 1000;

/// What a controller gives in place of the file's own services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Services {
    /// The key of all hashes.
    pub seed: Seed,
    /// The sets. Unlike those of a file they may be without backends, or without one that has a weight.
    pub backend_sets: Vec<Arc<BackendSet>>,
    /// The VIPs; each has one of the sets.
    pub vips: Vec<Vip>,
    /// As `pools` of a file.
    pub pools: Vec<IpNet>,
}

impl Services {
    /// Takes entries of the flow table from the VIPs that ask for the most until there are enough for all, and says from which.
    /// How many flows a VIP would like to have remembered is no reason to do without a change of others.
    pub fn fit_flows(&mut self, limit: u32) -> BTreeSet<String> {
        let mut short = BTreeSet::new();
        let asked = |vips: &[Vip]| vips.iter().filter_map(|vip| vip.flow_entries).map(u64::from).sum::<u64>();
        while asked(&self.vips) > limit.into() {
            let most = self.vips.iter().filter_map(|vip| vip.flow_entries).max();
            let less = most.map(|most| most / 2).filter(|less| *less >= vips::FEWEST_FLOWS);
            for vip in self.vips.iter_mut().filter(|vip| vip.flow_entries == most) {
                // Or its share of what is there.
                vip.flow_entries = less;
                short.insert(vip.name.clone());
            }
        }
        short
    }
}

/// What an error is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// The VIP of this name.
    Vip(String),
    /// The set of this name.
    Set(String),
    /// A backend.
    Backend {
        /// Name of its set.
        set: String,
        /// Its name.
        backend: String,
    },
    /// A pool.
    Pool(IpNet),
    /// All of them together.
    All,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vip(name) => write!(f, "VIP {name:?}"),
            Self::Set(name) => write!(f, "set {name:?}"),
            Self::Backend { set, backend } => write!(f, "set {set:?}, backend {backend:?}"),
            Self::Pool(pool) => write!(f, "pool {pool}"),
            Self::All => f.write_str("services"),
        }
    }
}

/// Why services are refused. Displays as `VIP "NAME": FIELD: reason`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{subject}: {field}: {reason}")]
pub struct ServiceError {
    /// What it is about.
    pub subject: Subject,
    /// The field, as in the file.
    pub field: &'static str,
    /// What is wrong and what is allowed.
    pub reason: String,
}

/// See [`Config::with_services`].
pub(crate) fn join(config: &Config, services: Services) -> Result<Config, Vec<ServiceError>> {
    let mut errors = Errors::default();
    let known: HashSet<*const BackendSet> = config.backend_sets.iter().map(Arc::as_ptr).collect();
    let names = sets(config, &services.backend_sets, &known, &mut errors);
    let backends: HashSet<IpAddr> =
        services.backend_sets.iter().flat_map(|set| set.backends.iter().map(|one| one.address)).collect();
    all_vips(&services.vips, &names, &backends, &mut errors);
    pools(&services.pools, &mut errors);
    capacity::exceeded(&config.limits, backends.len(), &services.vips, |field, reason| {
        errors.add(Subject::All, field, reason);
    });
    errors.finish()?;
    let Services { seed, backend_sets, vips, pools } = services;
    Ok(Config { seed, backend_sets, vips, pools, ..config.node() })
}

#[derive(Default)]
struct Errors {
    listed: Vec<ServiceError>,
    unlisted: usize,
}

impl Errors {
    fn add(&mut self, subject: Subject, field: &'static str, reason: String) {
        if self.listed.len() < MAX_LISTED {
            self.listed.push(ServiceError { subject, field, reason });
        } else {
            self.unlisted += 1;
        }
    }

    fn finish(mut self) -> Result<(), Vec<ServiceError>> {
        if self.unlisted > 0 {
            let reason = format!("{} more errors are not listed", self.unlisted);
            self.listed.push(ServiceError { subject: Subject::All, field: "vips", reason });
        }
        if self.listed.is_empty() { Ok(()) } else { Err(self.listed) }
    }
}

/// The sets by name. Those that were checked before, as they are the same in memory, are not checked again.
fn sets<'s>(
    config: &Config,
    sets: &'s [Arc<BackendSet>],
    known: &HashSet<*const BackendSet>,
    errors: &mut Errors,
) -> HashMap<&'s str, &'s Arc<BackendSet>> {
    let mut names = HashMap::with_capacity(sets.len());
    let is_fixed = matches!(config.next_hop, NextHop::Fixed { .. });
    for set in sets {
        if names.insert(set.name.as_str(), set).is_some() {
            errors.add(Subject::Set(set.name.clone()), "name", "is that of another set already".to_owned());
        }
        if known.contains(&Arc::as_ptr(set)) {
            continue;
        }
        let mut add = |field, reason| errors.add(Subject::Set(set.name.clone()), field, reason);
        if is_fixed && set.encapsulation == EncapsulationKind::L2 {
            add("encapsulation", backend_sets::L2_NEEDS_FIB.to_owned());
        }
        set_values(set, errors);
    }
    names
}

/// What is wrong with a set by itself, wherever it is used.
#[must_use]
pub fn check_set(set: &BackendSet) -> Vec<ServiceError> {
    let mut errors = Errors::default();
    set_values(set, &mut errors);
    errors.listed
}

/// What is wrong with a VIP by itself or with its set. Its ports are not compared with those of others, nor its address
/// with those of backends.
#[must_use]
pub fn check_vip(vip: &Vip) -> Vec<ServiceError> {
    let mut errors = Errors::default();
    vip_values(vip, &mut |field, reason| errors.add(Subject::Vip(vip.name.clone()), field, reason));
    errors.listed
}

/// What is wrong with a pool.
#[must_use]
pub fn check_pool(pool: IpNet) -> Option<ServiceError> {
    let reason = units::check_vip_address(pool).err()?;
    Some(ServiceError { subject: Subject::Pool(pool), field: "pools", reason })
}

fn set_values(set: &BackendSet, errors: &mut Errors) {
    let mut add = |field, reason| errors.add(Subject::Set(set.name.clone()), field, reason);
    if let Err(reason) = units::check_name(&set.name) {
        add("name", reason);
    }
    within("drain_window", set.drain_window, &DRAIN_WINDOWS, &mut add);
    if let Some(check) = &set.health_check {
        checks(check, &mut add);
    }
    let (slots, weighted) = (set.table_size.slots() as usize, weighted(&set.backends));
    if weighted > slots {
        let reason = format!("{weighted} have a weight and the table has {slots} slots: split the set");
        add("backends", reason);
    }
    backends(set, errors);
}

fn weighted(backends: &[Backend]) -> usize {
    backends.iter().filter(|backend| backend.weight > 0).count()
}

fn backends(set: &BackendSet, errors: &mut Errors) {
    let (mut names, mut addresses) = (HashSet::new(), HashSet::new());
    for backend in &*set.backends {
        let mut add = |field, reason| {
            let subject = Subject::Backend { set: set.name.clone(), backend: backend.name.clone() };
            errors.add(subject, field, reason);
        };
        if let Err(reason) = units::check_name(&backend.name) {
            add("name", reason);
        }
        if !names.insert(backend.name.as_str()) {
            add("name", "is that of another backend of the set already".to_owned());
        }
        if let Err(reason) = units::check_unicast(backend.address) {
            add("address", reason);
        }
        if !addresses.insert(backend.address) {
            add("address", format!("{} is that of another backend of the set already", backend.address));
        }
    }
}

fn checks(check: &HealthCheck, add: &mut impl FnMut(&'static str, String)) {
    within("health_check.interval", check.interval, &health_check::INTERVALS, add);
    within("health_check.timeout", check.timeout, &health_check::TIMEOUTS, add);
    if check.timeout > check.interval {
        let (timeout, interval) = (show_duration(check.timeout), show_duration(check.interval));
        add("health_check.timeout", format!("{timeout} is longer than the interval of {interval}"));
    }
    if let Probe::Http { path, host, expect } = &check.probe {
        if let Err(reason) = units::check_http_path(path) {
            add("health_check.path", reason);
        }
        if let Some(Err(reason)) = host.as_deref().map(units::check_http_host) {
            add("health_check.host", reason);
        }
        if expect.is_empty() || *expect.start() < 100 || *expect.end() > 599 {
            let (low, high) = (expect.start(), expect.end());
            add("health_check.expect", format!("{low} to {high} is out of range: 100 to 599, lowest first"));
        }
    }
}

fn within(
    field: &'static str,
    value: std::time::Duration,
    allowed: &std::ops::RangeInclusive<std::time::Duration>,
    add: &mut impl FnMut(&'static str, String),
) {
    if !allowed.contains(&value) {
        let [value, low, high] = [value, *allowed.start(), *allowed.end()].map(show_duration);
        add(field, format!("{value} is out of range: {low} to {high}"));
    }
}

fn all_vips(
    vips: &[Vip],
    sets: &HashMap<&str, &Arc<BackendSet>>,
    backends: &HashSet<IpAddr>,
    errors: &mut Errors,
) {
    let sorted: BTreeSet<IpAddr> = match vips.iter().all(|vip| vips::is_host(&vip.address)) {
        true => BTreeSet::new(),
        false => backends.iter().copied().collect(),
    };
    let mut names = HashSet::with_capacity(vips.len());
    let mut dialled: HashMap<(IpNet, Protocol, Ports), &str> = HashMap::with_capacity(vips.len());
    let mut ranges = Ranges::default();
    for (index, vip) in vips.iter().enumerate() {
        let mut add = |field, reason| errors.add(Subject::Vip(vip.name.clone()), field, reason);
        if !names.insert(vip.name.as_str()) {
            add("name", "is that of another VIP already".to_owned());
        }
        let Vip { address, ports, protocol, .. } = vip;
        let backend = match vips::is_host(address) {
            true => backends.get(&address.addr()),
            false => sorted.range(address.network()..=address.broadcast()).next(),
        };
        if let Some(backend) = backend {
            let reason = format!(
                "{} has the address {backend} of a backend: its packets would come back to the forwarder",
                vips::shown_address(address)
            );
            add("address", reason);
        }
        if let Some(other) = dialled.insert((*address, *protocol, *ports), &vip.name) {
            let address = vips::shown_address(address);
            add("port", format!("{address} port {ports} {protocol} is the VIP {other:?} already"));
        }
        if let Ports::Range(first, last) = *ports {
            ranges.insert(*address, *protocol, Range { first, last, at: Position::START, index });
        }
        if !sets.get(vip.backend_set.name.as_str()).is_some_and(|known| Arc::ptr_eq(known, &vip.backend_set))
        {
            add("backend_set", format!("the set {:?} is not among the sets", vip.backend_set.name));
        }
        vip_values(vip, &mut add);
    }
    for Crossing { later, earlier } in ranges.crossings() {
        let Some((vip, other)) = vips.get(later.index).zip(vips.get(earlier.index)) else { continue };
        let reason = format!(
            "{} crosses {} of the VIP {:?}: one must contain the other, or they must have no port in common",
            vip.ports, other.ports, other.name
        );
        errors.add(Subject::Vip(vip.name.clone()), "port", reason);
    }
}

fn check_ports(ports: Ports) -> Result<(), String> {
    match ports {
        Ports::One(0) => Err("0 is no port".to_owned()),
        Ports::Range(first, last) if first == 0 || first >= last => {
            Err(format!("{first}-{last} is no range of ports from 1 to 65535, the lowest first"))
        }
        _ => Ok(()),
    }
}

/// What a VIP says about itself.
fn vip_values(vip: &Vip, add: &mut impl FnMut(&'static str, String)) {
    if let Err(reason) = units::check_name(&vip.name) {
        add("name", reason);
    }
    if let Err(reason) = units::check_vip_address(vip.address) {
        add("address", reason);
    }
    if let Err(reason) = check_ports(vip.ports) {
        add("port", reason);
    }
    service(vip, add);
    check_sources(vip, add);
}

/// What a VIP says about its set and its flows.
fn service(vip: &Vip, add: &mut impl FnMut(&'static str, String)) {
    let set = &vip.backend_set;
    let is_other = |backend: &&Backend| backend.address.is_ipv4() != vip.address.addr().is_ipv4();
    if set.encapsulation == EncapsulationKind::L2
        && let Some(backend) = set.backends.iter().find(is_other)
    {
        let reason = format!(
            "the set {:?} has `encapsulation: l2` and its backend {:?} is of another family than the VIP: use another \
             encapsulation, or a set for each family",
            set.name, backend.name
        );
        add("backend_set", reason);
    }
    match (vip.affinity, vip.protocol) {
        (Affinity::Flow { .. }, Protocol::Tcp) => {
            add(
                "affinity.type",
                "`flow` is for udp only: flows of tcp keep their backend without it".to_owned(),
            );
        }
        (Affinity::None, Protocol::Udp) if vip.flow_entries.is_some() => {
            add("flow_entries", "a VIP of udp without affinity remembers no flows".to_owned());
        }
        _ => {}
    }
    if let Some(timeout) = vip.affinity.timeout() {
        within("affinity.timeout", timeout, &affinity::TIMEOUTS, add);
    }
    if let Some(entries) = vip.flow_entries
        && !(entries.is_power_of_two() && (vips::FEWEST_FLOWS..=node::MAX_FLOWS).contains(&entries))
    {
        let (low, high) = (vips::FEWEST_FLOWS, node::MAX_FLOWS);
        add("flow_entries", format!("{entries} is no power of two from {low} to {high}"));
    }
}

fn check_sources(vip: &Vip, add: &mut impl FnMut(&'static str, String)) {
    let count = vip.sources.len();
    if count > sources::MOST {
        return add("sources", format!("has {count} prefixes, at most {} are allowed", sources::MOST));
    }
    let mut seen = HashSet::new();
    for source in &vip.sources {
        if let Err(reason) = units::check_source(*source) {
            add("sources", reason);
        }
        if source.addr().is_ipv4() != vip.address.addr().is_ipv4() {
            add("sources", format!("{source} is of another family than the VIP"));
        }
        if !seen.insert(*source) {
            add("sources", format!("{source} stands there already"));
        }
    }
}

fn pools(pools: &[IpNet], errors: &mut Errors) {
    let mut seen = HashSet::new();
    for pool in pools {
        if let Some(ServiceError { subject, field, reason }) = check_pool(*pool) {
            errors.add(subject, field, reason);
        }
        if !seen.insert(*pool) {
            errors.add(Subject::Pool(*pool), "pools", "stands there already".to_owned());
        }
    }
}
