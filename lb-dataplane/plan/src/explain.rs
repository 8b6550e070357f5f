//! Where a flow goes, and why.

use std::net::{IpAddr, SocketAddr};

use guideway_maglev::{Member, Table, TableError};
use guideway_packet::{Address, Family, Flow, flow_hash, outer_source_v4, outer_source_v6, slot};
use thiserror::Error;

use crate::desired::RawKey;
use crate::plan::{shared_header, sorted};
use crate::{BackendSet, Desired, Protocol, VipKey};

/// A flow as people name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FiveTuple {
    /// Address and port of the client.
    pub source: SocketAddr,
    /// Address and port that it dials.
    pub destination: SocketAddr,
    /// Protocol.
    pub protocol: Protocol,
}

/// What the forwarder does with the packets of a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Explanation {
    /// Left to the kernel: no VIP has the destination address.
    NotAVip,
    /// Dropped and counted: VIPs have the address, but not with this protocol and port.
    UnknownPort,
    /// For a VIP.
    Vip(Steering),
}

/// How a VIP's flow finds its backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Steering {
    /// Index of the VIP in [`Desired::vips`].
    pub vip: usize,
    /// Index of its backend set in [`Desired::sets`].
    pub set: usize,
    /// The flow's hash. Its high half chooses the slot, its low half fills the outer source.
    pub flow_hash: u64,
    /// Slot of the lookup table.
    pub slot: u32,
    /// The slot's owner while all backends are healthy, by its index in the set's members; `None` when none has
    /// a weight.
    pub preferred: Option<usize>,
    /// Where the packets go; `None` when no backend can serve and they are dropped.
    pub encapsulation: Option<Encapsulation>,
}

/// A backend and the outer header towards it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encapsulation {
    /// Index of the backend in the set's members.
    pub member: usize,
    /// Source of the outer header.
    pub outer_source: IpAddr,
    /// Destination of the outer header: the backend's address.
    pub outer_destination: IpAddr,
}

/// Why a flow cannot be explained.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ExplainError {
    /// No packet can have both addresses.
    #[error("source {source_address} and destination {destination_address} are not of the same family")]
    Families {
        /// Source address.
        source_address: IpAddr,
        /// Destination address.
        destination_address: IpAddr,
    },
    /// The VIP's set does not exist; such a state is never installed.
    #[error("backend set {set:?} does not exist")]
    UnknownSet {
        /// Name of the set.
        set: String,
    },
    /// The set has no lookup table; such a state is never installed.
    #[error("backend set {set:?} has no lookup table")]
    Set {
        /// Name of the set.
        set: String,
        /// Why.
        source: TableError,
    },
}

/// What a forwarder on which `desired` is installed does with the packets of `flow`. It builds the lookup table of one
/// set for it, which takes some milliseconds at most.
///
/// # Errors
/// See [`ExplainError`].
pub fn explain(desired: &Desired, flow: &FiveTuple) -> Result<Explanation, ExplainError> {
    let (source, destination) = (Address::from(flow.source.ip()), Address::from(flow.destination.ip()));
    if source.is_v4() != destination.is_v4() {
        return Err(ExplainError::Families {
            source_address: flow.source.ip(),
            destination_address: flow.destination.ip(),
        });
    }
    let key =
        VipKey { address: flow.destination.ip(), protocol: flow.protocol, port: flow.destination.port() };
    let key = RawKey::from(key);
    let Some(vip) = desired.vips.iter().position(|vip| RawKey::from(vip.key) == key) else {
        let known = desired.vips.iter().any(|vip| RawKey::from(vip.key).address == key.address);
        return Ok(if known { Explanation::UnknownPort } else { Explanation::NotAVip });
    };
    let name = &desired.vips[vip].set;
    let set = desired
        .sets
        .iter()
        .position(|set| set.name == *name)
        .ok_or_else(|| ExplainError::UnknownSet { set: name.clone() })?;
    let header = shared_header(desired, 0);
    let flow = Flow {
        family: if source.is_v4() { Family::V4 } else { Family::V6 },
        source,
        destination,
        source_port_be: flow.source.port().to_be(),
        destination_port_be: flow.destination.port().to_be(),
        protocol: flow.protocol.number(),
    };
    let hash = flow_hash(header.flow_key, &flow);
    let slot = slot(hash, desired.sets[set].table_size.get());
    let (preferred, member) = owners(desired, &desired.sets[set], slot)?;
    let encapsulation = member.map(|member| {
        let outer_destination = desired.sets[set].members[member].address.to_canonical();
        let outer_source = match outer_destination {
            IpAddr::V4(_) => {
                let source =
                    outer_source_v4(header.outer_source_v4_be, header.outer_source_v4_host_mask_be, hash);
                IpAddr::from(u32::from_be(source).to_be_bytes())
            }
            IpAddr::V6(_) => {
                let mask = header.outer_source_v6_host_mask_be;
                IpAddr::from(outer_source_v6(header.outer_source_v6, mask, hash))
            }
        };
        Encapsulation { member, outer_source, outer_destination }
    });
    Ok(Explanation::Vip(Steering { vip, set, flow_hash: hash, slot, preferred, encapsulation }))
}

/// Owner of a slot when all are healthy, and now; both by index in the set's members.
fn owners(
    desired: &Desired,
    set: &BackendSet,
    slot: u32,
) -> Result<(Option<usize>, Option<usize>), ExplainError> {
    let members: Vec<Member> = set
        .members
        .iter()
        .map(|member| Member { name: member.name.clone(), weight: member.weight })
        .collect();
    let table = match Table::new(desired.seed, set.table_size, &members) {
        Ok(table) => table,
        Err(TableError::NoWeight) => return Ok((None, None)),
        Err(source) => return Err(ExplainError::Set { set: set.name.clone(), source }),
    };
    let order = sorted(set);
    let healthy: Vec<bool> = order.iter().map(|&member| set.members[member].healthy).collect();
    let member = |slots: &[u16]| order[usize::from(slots[slot as usize])];
    Ok((Some(member(table.slots())), table.with_health(&healthy).as_deref().map(member)))
}

#[cfg(test)]
mod tests;
