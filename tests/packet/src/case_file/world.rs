//! What is installed, in words of a case file.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use guideway_dataplane_plan::{
    BackendSet, Desired, Member, OuterSources, Ports, Protocol, Seed, Session, SetEncapsulation, Shared,
    TableSize, Upcoming, Vip, VipKey, Weight,
};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// Prefix of the outer IPv4 sources.
const OUTER_V4: &str = "172.16.0.0/16";
/// Prefix of the outer IPv6 sources.
const OUTER_V6: &str = "100::/64";

/// The world that `world.yaml` describes.
///
/// # Errors
///
/// When that file is not of the form of a [`Change`].
pub fn standard_world() -> Result<WorldSpec> {
    let change: Change =
        serde_saphyr::from_str(include_str!("../../world.yaml")).context("parse world.yaml")?;
    let mut world = WorldSpec::default();
    world.change(&change)?;
    Ok(world)
}

/// What is added to a world, replaced and (with a `null` in its place) taken away.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct Change {
    /// Seed of tables and hashes, at most 16 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<String>,
    /// Addresses of backends, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub backends: BTreeMap<String, IpAddr>,
    /// Backend sets by name. Fields that are not given stay as they are.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sets: BTreeMap<String, Option<SetSpec>>,
    /// VIPs, as `address:ports/protocol`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub vips: BTreeMap<String, Option<VipSpec>>,
    /// Pools, all of them, when they are given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pools: Option<Vec<IpNet>>,
    /// What is known of backends that left a set, all of it, when it is given: as a set's members.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaving: Option<Vec<String>>,
    /// The ways to backends by name: `up0`, `other0` or `unknown`, in turns on the eight legs.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub routes: BTreeMap<String, Vec<String>>,
}

/// A backend set.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct SetSpec {
    /// Names of backends, each perhaps with `weight N` or `down` behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members: Option<Vec<String>>,
    /// What it will be in the next generation, when that is announced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upcoming: Option<UpcomingSpec>,
    /// How packets travel; IPIP unless it is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encapsulation: Option<EncapsulationSpec>,
    /// Whether the backends run the decap agent; no unless it is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub second_hop: Option<bool>,
    /// Ten minutes unless it is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drain_window: Option<String>,
    /// Large unless it is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<TableSpec>,
}

/// A set of the next generation: its members, or more about it.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(untagged)]
pub enum UpcomingSpec {
    /// As [`SetSpec::members`].
    Members(Vec<String>),
    /// By another seed, or of another size.
    Full(FullUpcoming),
}

/// A set of the next generation. What is not given is as it is now.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct FullUpcoming {
    /// As [`SetSpec::members`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members: Option<Vec<String>>,
    /// As [`Change::seed`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<String>,
    /// As [`SetSpec::table`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<TableSpec>,
}

/// How packets travel.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)] // as in the configuration
pub enum EncapsulationSpec {
    #[default]
    Ipip,
    Gue,
    Gre,
    L2,
}

/// Size of a lookup table.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum TableSpec {
    /// 65,537 slots.
    #[default]
    Large,
    /// 16,381 slots.
    Small,
}

/// A VIP's backend set, and how its flows are kept.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(untagged)]
pub enum VipSpec {
    /// The name of its set.
    Set(String),
    /// With more.
    Full(FullVip),
}

/// A VIP with all its fields.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct FullVip {
    /// The name of its set.
    pub set: String,
    /// UDP flows stay where they began until they were silent for so long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sticky: Option<String>,
    /// Clients stay where they began until they were silent for so long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_ip: Option<String>,
    /// Entries of the flow table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow_entries: Option<u32>,
    /// Who may dial it; everybody unless it is given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<IpNet>,
}

/// What is installed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorldSpec {
    /// See [`Change::seed`].
    pub seed: String,
    /// See [`Change::backends`].
    pub backends: BTreeMap<String, IpAddr>,
    /// See [`Change::sets`].
    pub sets: BTreeMap<String, SetSpec>,
    /// See [`Change::vips`].
    pub vips: BTreeMap<String, VipSpec>,
    /// See [`Change::pools`].
    pub pools: Vec<IpNet>,
    /// See [`Change::leaving`].
    pub leaving: Vec<String>,
    /// See [`Change::routes`].
    pub routes: BTreeMap<String, Vec<String>>,
}

impl WorldSpec {
    /// The same backends with nothing else.
    #[must_use]
    pub fn without_services(&self) -> Self {
        Self { seed: self.seed.clone(), backends: self.backends.clone(), ..Self::default() }
    }

    /// Makes a change.
    ///
    /// # Errors
    ///
    /// When it takes away what is not there.
    pub fn change(&mut self, change: &Change) -> Result<()> {
        if let Some(seed) = &change.seed {
            self.seed.clone_from(seed);
        }
        self.backends.extend(change.backends.iter().map(|(name, address)| (name.clone(), *address)));
        for (name, set) in &change.sets {
            match set {
                Some(set) => self.sets.entry(name.clone()).or_default().merge(set),
                None => ensure!(self.sets.remove(name).is_some(), "no set {name} to take away"),
            }
        }
        for (key, vip) in &change.vips {
            match vip {
                Some(vip) => drop(self.vips.insert(key.clone(), vip.clone())),
                None => ensure!(self.vips.remove(key).is_some(), "no VIP {key} to take away"),
            }
        }
        if let Some(pools) = &change.pools {
            self.pools.clone_from(pools);
        }
        if let Some(leaving) = &change.leaving {
            self.leaving.clone_from(leaving);
        }
        self.routes.extend(change.routes.iter().map(|(name, legs)| (name.clone(), legs.clone())));
        Ok(())
    }

    /// What the planner is asked for.
    ///
    /// # Errors
    ///
    /// When a text does not mean anything.
    pub fn desired(&self, tick_shift: u32) -> Result<Desired> {
        Ok(Desired {
            seed: seed(&self.seed)?,
            outer_sources: OuterSources { v4: OUTER_V4.parse()?, v6: OUTER_V6.parse()? },
            tick_shift,
            sets: self.sets.iter().map(|(name, set)| self.set(name, set)).collect::<Result<_>>()?,
            vips: self.vips.iter().map(|(key, vip)| to_vip(key, vip)).collect::<Result<_>>()?,
            pools: self.pools.clone(),
            leaving: self.members(Some(&self.leaving))?.to_vec(),
        })
    }

    fn set(&self, name: &str, spec: &SetSpec) -> Result<BackendSet> {
        Ok(BackendSet {
            name: name.to_owned(),
            table_size: spec.table.unwrap_or_default().into(),
            members: self.members(spec.members.as_ref())?,
            encapsulation: match spec.encapsulation.unwrap_or_default() {
                EncapsulationSpec::Ipip => SetEncapsulation::IpIp,
                EncapsulationSpec::Gue => SetEncapsulation::Gue,
                EncapsulationSpec::Gre => SetEncapsulation::Gre,
                EncapsulationSpec::L2 => SetEncapsulation::L2,
            },
            second_hop: spec.second_hop.unwrap_or_default(),
            drain_window: duration(spec.drain_window.as_deref().unwrap_or("10m"))?,
            upcoming: spec.upcoming.as_ref().map(|upcoming| self.upcoming(spec, upcoming)).transpose()?,
            earlier: Shared::default(),
        })
    }

    fn members(&self, texts: Option<&Vec<String>>) -> Result<Shared<Member>> {
        texts.into_iter().flatten().map(|text| member(&self.backends, text)).collect()
    }

    fn upcoming(&self, now: &SetSpec, spec: &UpcomingSpec) -> Result<Upcoming> {
        let spec = match spec {
            UpcomingSpec::Members(members) => {
                FullUpcoming { members: Some(members.clone()), ..FullUpcoming::default() }
            }
            UpcomingSpec::Full(full) => full.clone(),
        };
        Ok(Upcoming {
            members: self.members(spec.members.as_ref().or(now.members.as_ref()))?,
            seed: seed(spec.seed.as_ref().unwrap_or(&self.seed))?,
            table_size: spec.table.or(now.table).unwrap_or_default().into(),
        })
    }
}

impl From<TableSpec> for TableSize {
    fn from(spec: TableSpec) -> Self {
        match spec {
            TableSpec::Large => Self::Large,
            TableSpec::Small => Self::Small,
        }
    }
}

fn seed(text: &str) -> Result<Seed> {
    let mut seed = [0; 16];
    ensure!(text.len() <= seed.len(), "seed `{text}` has more than 16 bytes");
    seed[..text.len()].copy_from_slice(text.as_bytes());
    Ok(Seed(seed))
}

impl SetSpec {
    fn merge(&mut self, change: &Self) {
        let Self { members, upcoming, encapsulation, second_hop, drain_window, table } = change.clone();
        self.upcoming = upcoming;
        self.members = members.or(self.members.take());
        self.encapsulation = encapsulation.or(self.encapsulation);
        self.second_hop = second_hop.or(self.second_hop);
        self.drain_window = drain_window.or(self.drain_window.take());
        self.table = table.or(self.table);
    }
}

/// A member from its text: `NAME`, `NAME weight N`, `NAME down` or `NAME weight N down`.
///
/// # Errors
///
/// When it is another text or there is no such backend.
pub fn member(backends: &BTreeMap<String, IpAddr>, text: &str) -> Result<Member> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (name, weight, healthy) = match words[..] {
        [name] => (name, 1, true),
        [name, "down"] => (name, 1, false),
        [name, "weight", weight] => (name, weight.parse()?, true),
        [name, "weight", weight, "down"] => (name, weight.parse()?, false),
        _ => bail!("member `{text}` is not `NAME [weight N] [down]`"),
    };
    let address = *backends.get(name).with_context(|| format!("no backend `{name}`"))?;
    Ok(Member { name: name.to_owned(), address, weight: Weight(weight), healthy })
}

fn to_vip(key: &str, spec: &VipSpec) -> Result<Vip> {
    let full = match spec {
        VipSpec::Set(set) => FullVip {
            set: set.clone(),
            sticky: None,
            client_ip: None,
            flow_entries: None,
            sources: Vec::new(),
        },
        VipSpec::Full(full) => full.clone(),
    };
    let session = match (&full.sticky, &full.client_ip) {
        (None, None) => Session::Stateless,
        (Some(timeout), None) => Session::Flow { timeout: duration(timeout)? },
        (None, Some(timeout)) => Session::ClientIp { timeout: duration(timeout)? },
        (Some(_), Some(_)) => bail!("VIP {key} is either sticky or has client_ip"),
    };
    Ok(Vip {
        name: key.to_owned(),
        key: parse_key(key)?,
        set: full.set,
        session,
        flow_entries: full.flow_entries,
        sources: full.sources,
    })
}

/// A VIP's key from its text: `203.0.113.10:80/tcp`, `203.0.113.0/24:8000-8999/udp`, `[2001:db8::10]:any/tcp`.
///
/// # Errors
///
/// When it is another text.
pub fn parse_key(text: &str) -> Result<VipKey> {
    let parts = || {
        let (rest, protocol) = text.rsplit_once('/')?;
        let (address, ports) = rest.rsplit_once(':')?;
        Some((address.trim_start_matches('[').trim_end_matches(']'), ports, protocol))
    };
    let (address, ports, protocol) =
        parts().with_context(|| format!("`{text}` is not ADDRESS:PORTS/PROTOCOL"))?;
    let address = match address.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address),
        Err(_) => address.parse().with_context(|| format!("address `{address}` of VIP {text}"))?,
    };
    let protocol = match protocol {
        "tcp" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        _ => bail!("protocol `{protocol}` of VIP {text}"),
    };
    let ports = match ports.split_once('-') {
        _ if ports == "any" => Ports::Any,
        Some((first, last)) => Ports::Range(first.parse()?, last.parse()?),
        None => Ports::One(ports.parse().with_context(|| format!("port `{ports}` of VIP {text}"))?),
    };
    Ok(VipKey { address, protocol, ports })
}

/// A time from its text: `30s`, `10m`, `3h`, `2d`.
///
/// # Errors
///
/// When it is another text.
pub fn duration(text: &str) -> Result<Duration> {
    let number = |suffix, seconds: u64| {
        text.strip_suffix(suffix)
            .and_then(|n: &str| n.parse::<u64>().ok())
            .map(|n| Duration::from_secs(n * seconds))
    };
    let seconds = [number('s', 1), number('m', 60), number('h', 3600), number('d', 86_400)];
    seconds
        .into_iter()
        .flatten()
        .next()
        .with_context(|| format!("`{text}` is not a time such as 30s, 10m, 3h or 2d"))
}
