//! Values that one object alone may have: addresses and ports of Services.
//!
//! Each is a key of the store, written in the transaction that writes the object and removed in the one that removes it.
//! So there is no moment, and no crash, after which two objects have one value.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

use guideway_api::rules::{Allocation, Claim, Family};
use guideway_api::{Cause, Status};
use guideway_store::{Expect, Key, Txn, Write};
use ipnet::IpNet;
use serde_json::Value;

use super::commit;
use crate::call::Call;
use crate::random;

#[cfg(test)]
mod tests;

/// As many as a transaction of an embedded store has room for; each choice leaves one less to be made.
const MAX_CHOICES: usize = guideway_store::limits::EMBEDDED_TXN_OPS;
const PROTOCOLS: [&str; 3] = ["TCP", "UDP", "SCTP"];

/// What an object takes and gives back.
#[derive(Debug, Default)]
pub(super) struct Claims {
    pub(super) added: Vec<Claim>,
    released: Vec<Claim>,
    /// Claims of values that the server chose.
    chosen: BTreeSet<Claim>,
}

impl Claims {
    /// Chooses what the object needs, except for what is `taken`, and compares with the state before.
    pub(super) fn of(
        call: &Call,
        object: &mut Value,
        old: Option<&Value>,
        taken: &BTreeSet<Key>,
    ) -> Result<Self, Status> {
        let rules = call.kind().rules;
        let before: BTreeSet<Claim> =
            old.map(|old| rules.claims(old)).unwrap_or_default().into_iter().collect();
        let networks = call.server.config.service_networks.iter();
        let served: Vec<Family> =
            networks.map(|one| if one.addr().is_ipv4() { Family::V4 } else { Family::V6 }).collect();
        rules.choose_families(object, &served);
        let explicit: BTreeSet<Claim> = rules.claims(object).into_iter().collect();
        // One choice may serve several: what is needed is asked for anew after each.
        for _ in 0..MAX_CHOICES {
            let Some(allocation) = rules.allocations(object, old).into_iter().next() else { break };
            choose(call, object, &allocation, taken)?;
        }
        let after: BTreeSet<Claim> = rules.claims(object).into_iter().collect();
        let same = |one: &Claim, others: &BTreeSet<Claim>| {
            others.iter().any(|other| other.what == one.what && other.value == one.value)
        };
        let network = &call.server.config;
        for claim in after.iter().filter(|claim| !same(claim, &before)) {
            check(claim, object, &network.service_networks, &network.node_ports)
                .map_err(|cause| Status::invalid(call.kind().qualified(), &name(object), &[cause]))?;
        }
        Ok(Self {
            added: after.iter().filter(|claim| !same(claim, &before)).cloned().collect(),
            released: before.iter().filter(|claim| !same(claim, &after)).cloned().collect(),
            chosen: after.iter().filter(|claim| !same(claim, &explicit)).cloned().collect(),
        })
    }

    /// The part of the transaction.
    pub(super) fn put(&self, owner: &str, txn: &mut Txn) {
        for claim in &self.added {
            let key = Key::from(claim.key());
            txn.expect.push((key.clone(), Expect::Absent));
            txn.writes.push(Write::Put { key, value: commit::claim(owner) });
        }
        for claim in &self.released {
            txn.writes.push(Write::Delete { key: Key::from(claim.key()) });
        }
    }

    /// Another object has the value. One that the server chose is taken back from the object.
    pub(super) fn refused(
        &self,
        call: &Call,
        index: usize,
        object: &mut Value,
        object_name: &str,
        taken: &mut BTreeSet<Key>,
    ) -> Result<(), Status> {
        let Some(claim) = self.added.get(index) else { return Ok(()) };
        if !self.chosen.contains(claim) {
            let cause = if claim.what == "clusterips" {
                no_address(claim, object, "provided IP is already allocated")
            } else {
                let port = port_of(claim).map_or_else(|| Value::from(claim.value.as_str()), Value::from);
                Cause::invalid(claim.field.as_str(), &port, "provided port is already allocated")
            };
            return Err(Status::invalid(call.kind().qualified(), object_name, &[cause]));
        }
        taken.insert(Key::from(claim.key()));
        for claim in &self.chosen {
            forget(object, &claim.field);
        }
        Ok(())
    }
}

/// The keys that go with an object.
pub(super) fn released(call: &Call, object: &Value) -> Vec<Key> {
    call.kind().rules.claims(object).iter().map(|claim| Key::from(claim.key())).collect()
}

fn name(object: &Value) -> String {
    crate::value::text(object, &["metadata", "name"]).to_owned()
}

fn port_of(claim: &Claim) -> Option<u16> {
    claim.value.split('-').next()?.parse().ok()
}

/// Kubernetes' words are about all addresses of the Service, of which the sentence names the one.
fn no_address(claim: &Claim, object: &Value, why: &str) -> Cause {
    let detail = format!("failed to allocate IP {}: {why}", claim.value);
    Cause::invalid("spec.clusterIPs", &object["spec"]["clusterIPs"], &detail)
}

/// Whether a value that is claimed is one of ours.
fn check(
    claim: &Claim,
    object: &Value,
    networks: &[IpNet],
    ports: &RangeInclusive<u16>,
) -> Result<(), Cause> {
    if claim.what == "clusterips" {
        return match claim.value.parse::<IpAddr>() {
            Ok(address) if networks.iter().any(|network| is_usable(network, address)) => Ok(()),
            _ => {
                let ranges: Vec<String> = networks.iter().map(ToString::to_string).collect();
                let why = format!(
                    "the provided IP ({}) is not in the valid range. The range of valid IPs is {}",
                    claim.value,
                    ranges.join(", ")
                );
                Err(no_address(claim, object, &why))
            }
        };
    }
    match port_of(claim) {
        Some(port) if ports.contains(&port) => Ok(()),
        port => {
            let detail = format!(
                "provided port is not in the valid range. The range of valid ports is {}-{}",
                ports.start(),
                ports.end()
            );
            let port = port.map_or_else(|| Value::from(claim.value.as_str()), Value::from);
            Err(Cause::invalid(claim.field.as_str(), &port, &detail))
        }
    }
}

/// Neither the network's own address nor the one of everybody.
fn is_usable(network: &IpNet, address: IpAddr) -> bool {
    network.contains(&address)
        && address != network.network()
        && (network.addr().is_ipv6() || address != network.broadcast())
}

/// Sets what the server chooses.
fn choose(
    call: &Call,
    object: &mut Value,
    allocation: &Allocation,
    taken: &BTreeSet<Key>,
) -> Result<(), Status> {
    let is_free = |what: &str, value: &str| {
        let key = Key::from(format!("/registry/claims/{what}/{value}"));
        !taken.contains(&key) && call.server.cache.get(&key).is_none()
    };
    let config = &call.server.config;
    let chosen = match allocation {
        Allocation::ClusterIp { family, index } => {
            let network = config.service_networks.iter().find(|network| match family {
                Family::V4 => network.addr().is_ipv4(),
                Family::V6 => network.addr().is_ipv6(),
            });
            let Some(network) = network else {
                let cause = without_network(object, *index);
                return Err(Status::invalid(call.kind().qualified(), &name(object), &[cause]));
            };
            let mut all = addresses(*network, random::number()).map(|address| address.to_string());
            all.find(|address| is_free("clusterips", address))
        }
        Allocation::NodePort { .. } | Allocation::HealthCheckNodePort => {
            let used = own_ports(object);
            let mut all = ports(&config.node_ports, random::number()).filter(|port| !used.contains(port));
            // The port is for one Service, whatever the protocol.
            let is_unused = |port: &u16| {
                is_free("nodeports", &port.to_string())
                    && PROTOCOLS.iter().all(|protocol| is_free("nodeports", &format!("{port}-{protocol}")))
            };
            all.find(is_unused).map(|port| port.to_string())
        }
    };
    let Some(chosen) = chosen else {
        let (what, field) = match allocation {
            Allocation::ClusterIp { .. } => ("cluster IP", "spec.clusterIPs"),
            Allocation::NodePort { .. } => ("node port", "spec.ports"),
            Allocation::HealthCheckNodePort => ("node port", "spec.healthCheckNodePort"),
        };
        let cause = Cause::internal(field, &format!("failed to allocate a {what}: range is full"));
        return Err(Status::invalid(call.kind().qualified(), &name(object), &[cause]));
    };
    assign(object, allocation, &chosen);
    Ok(())
}

/// Why there is no address of the family that is `index` in the object's list.
fn without_network(object: &Value, index: usize) -> Cause {
    let spec = &object["spec"];
    match spec["ipFamilyPolicy"].as_str() {
        Some("RequireDualStack") => Cause::invalid(
            "spec.ipFamilyPolicy",
            &spec["ipFamilyPolicy"],
            "this cluster is not configured for dual-stack services",
        ),
        _ => Cause::invalid(
            format!("spec.ipFamilies[{index}]"),
            &spec["ipFamilies"][index],
            "not configured on this cluster",
        ),
    }
}

/// Gives the object what was chosen. A node port goes to all protocols of one port.
fn assign(object: &mut Value, allocation: &Allocation, chosen: &str) {
    let port = || Value::from(chosen.parse::<u16>().unwrap_or_default());
    let spec = &mut object["spec"];
    match allocation {
        Allocation::ClusterIp { index, .. } => {
            if *index == 0 {
                spec["clusterIP"] = Value::from(chosen);
            }
            let list = &mut spec["clusterIPs"];
            if !list.is_array() {
                *list = Value::Array(Vec::new());
            }
            if let Value::Array(list) = list {
                if list.len() <= *index {
                    list.resize(index + 1, Value::Null);
                }
                list[*index] = Value::from(chosen);
            }
        }
        Allocation::NodePort { index, .. } => {
            let number = spec["ports"][*index]["port"].clone();
            let ports = spec["ports"].as_array_mut().into_iter().flatten().enumerate();
            for (place, one) in ports {
                let has_none = one["nodePort"].as_u64().unwrap_or(0) == 0;
                if place == *index || has_none && one["port"] == number {
                    one["nodePort"] = port();
                }
            }
        }
        Allocation::HealthCheckNodePort => spec["healthCheckNodePort"] = port(),
    }
}

fn own_ports(object: &Value) -> BTreeSet<u16> {
    let ports = object["spec"]["ports"].as_array().into_iter().flatten();
    ports.filter_map(|port| port["nodePort"].as_u64()).filter_map(|port| u16::try_from(port).ok()).collect()
}

/// Empties a field that the server chose.
fn forget(object: &mut Value, field: &str) {
    if field.starts_with("spec.clusterIP") {
        if let Some(spec) = object["spec"].as_object_mut() {
            spec.remove("clusterIP");
            spec.remove("clusterIPs");
        }
    } else if field == "spec.healthCheckNodePort" {
        if let Some(spec) = object["spec"].as_object_mut() {
            spec.remove("healthCheckNodePort");
        }
    } else if let Some(index) =
        field.strip_prefix("spec.ports[").and_then(|rest| rest.split(']').next()?.parse::<usize>().ok())
        && let Some(port) = object["spec"]["ports"].get_mut(index).and_then(Value::as_object_mut)
    {
        port.remove("nodePort");
    }
}

/// All usable addresses of a network, once each, from a random one on. Those at the low end come last: people choose
/// addresses there by hand.
fn addresses(network: IpNet, random: u32) -> Box<dyn Iterator<Item = IpAddr>> {
    let (first, last) = match network {
        IpNet::V4(network) => {
            (u128::from(u32::from(network.network())) + 1, u128::from(u32::from(network.broadcast())) - 1)
        }
        // A 16-bit part of it is more than there will be Services.
        IpNet::V6(network) => {
            let base = u128::from(network.network());
            (base + 1, u128::from(network.broadcast()).min(base + 0xffff))
        }
    };
    let is_v4 = network.addr().is_ipv4();
    if first > last {
        return Box::new(std::iter::empty());
    }
    let count = last - first + 1;
    // As Kubernetes: a sixteenth of the range, 16 to 256 addresses, is for hands.
    let reserved = if count < 32 { 0 } else { (count / 16).clamp(16, 256) };
    let upper = count - reserved;
    let turn = u128::from(random) % upper;
    let order = (0..upper).map(move |index| reserved + (turn + index) % upper).chain(0..reserved);
    Box::new(order.map(move |offset| {
        let number = first + offset;
        if is_v4 {
            IpAddr::V4(Ipv4Addr::from(u32::try_from(number).unwrap_or_default()))
        } else {
            IpAddr::V6(Ipv6Addr::from(number))
        }
    }))
}

/// All ports of a range, once each, in the same manner.
fn ports(range: &RangeInclusive<u16>, random: u32) -> impl Iterator<Item = u16> + use<> {
    let first = u32::from(*range.start());
    let count = (u32::from(*range.end()) + 1).saturating_sub(first);
    let reserved = if count < 32 { 0 } else { (count / 32).clamp(16, 128).min(count - 1) };
    let upper = count - reserved;
    let turn = if upper == 0 { 0 } else { random % upper };
    (0..upper)
        .map(move |index| reserved + (turn + index) % upper)
        .chain(0..reserved)
        .filter_map(move |offset| u16::try_from(first + offset).ok())
}
