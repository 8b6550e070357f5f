//! Where a flow goes, and why.

use std::cmp::Reverse;
use std::net::{IpAddr, SocketAddr};

use guideway_maglev::TableError;
use guideway_packet::Addresses;
use thiserror::Error;

use crate::key::{Match, Net};
use crate::sources::Borders;
use crate::{BackendIndex, Desired, Installed, Protocol, SetEncapsulation, Vip};

mod steering;

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
#[allow(clippy::large_enum_variant)] // one at a time
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Explanation {
    /// Left to the kernel: no VIP has the destination address.
    NotAVip,
    /// Dropped and counted: the address is one of VIPs or of a pool, and no VIP has it with this protocol and port.
    UnknownPort,
    /// Dropped and counted: the source may not dial the VIP with this index in [`Desired::vips`].
    Source(usize),
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
    /// The flow's hash. It chooses the slot, the way to the backend and the outer source.
    pub flow_hash: u32,
    /// Slot of the lookup table; with ClientIP affinity by the client's address alone.
    pub slot: u32,
    /// The slot's owner while all backends are healthy, by its index in the set's members; `None` when none has
    /// a weight.
    pub preferred: Option<usize>,
    /// How sure the slot is.
    pub reason: Reason,
    /// Where the flow can be, current backend first. Empty when no backend can serve and packets are dropped.
    pub candidates: Vec<Candidate>,
    /// Where an entry of the flow table would be, when the table is asked for packets of this flow. An entry that can be
    /// followed comes before the candidates.
    pub entry: Option<EntryPlace>,
    /// How packets travel that begin the flow; `None` when they are dropped.
    pub first_packet: Option<Encapsulation>,
    /// How later packets travel when the flow table has no entry of it; `None` when they are dropped.
    pub later_packet: Option<Encapsulation>,
}

/// What decides about a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The slot: no flow of it can be elsewhere.
    Settled,
    /// The slot has changed hands, and the backends are asked: packets carry the other candidates.
    UnsettledSecondHop,
    /// The slot has changed hands: an entry of the flow table decides, and without one a new flow goes to the current
    /// backend and an old one to the oldest candidate.
    UnsettledEntries,
    /// The slot has changed hands, and the VIP has no part of the flow table: the current backend gets everything.
    Unsettled,
    /// The VIP's flows (or clients) are tracked: an entry of the flow table decides, and without one the slot.
    Tracked,
}

/// A backend where a flow can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its index in the maps.
    pub backend: BackendIndex,
    /// Its address.
    pub address: IpAddr,
    /// Its index in the set's members; `None` for one that has left the set.
    pub member: Option<usize>,
}

/// A place of the flow table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryPlace {
    /// Element of [`FLOWS`](guideway_abi::FLOWS).
    pub bucket: u32,
    /// The flow's tag.
    pub tag: u64,
}

/// A backend and the outer header towards it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encapsulation {
    /// The backend.
    pub backend: BackendIndex,
    /// Its index in the set's members; `None` for one that has left the set.
    pub member: Option<usize>,
    /// What is put around the packet; GUE when it carries further hops, whatever the set says.
    pub encapsulation: SetEncapsulation,
    /// Source of the outer header; without meaning for [`SetEncapsulation::L2`].
    pub outer_source: IpAddr,
    /// Destination of the outer header: the backend's address.
    pub outer_destination: IpAddr,
    /// Further hops that the packet carries.
    pub hops: Vec<IpAddr>,
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
    /// The VIP is not in the maps, so that what is installed is something else.
    #[error("VIP {vip:?} is not installed")]
    NotInstalled {
        /// Name of the VIP.
        vip: String,
    },
}

/// What a forwarder on which `desired` is installed, as `installed` says, does with the packets of `flow`. It builds the
/// lookup table of one set for it, which takes some milliseconds at most.
///
/// # Errors
/// See [`ExplainError`].
pub fn explain(
    desired: &Desired,
    installed: &Installed,
    flow: &FiveTuple,
) -> Result<Explanation, ExplainError> {
    let addresses = Addresses::between(flow.source.ip().into(), flow.destination.ip().into());
    let addresses = addresses.ok_or(ExplainError::Families {
        source_address: flow.source.ip(),
        destination_address: flow.destination.ip(),
    })?;
    let host = Net::host(flow.destination.ip());
    let keys = || desired.vips.iter().map(|vip| Match::from(vip.key)).enumerate();
    let around = || keys().filter(|(_, key)| key.net.contains(&host));
    let in_a_pool = || desired.pools.iter().any(|pool| Net::from(*pool).contains(&host));
    let (protocol, port) = (flow.protocol.number(), flow.destination.port());
    let vip = around()
        .filter(|(_, key)| key.has_port(protocol, port))
        .min_by_key(|(_, key)| (Reverse(key.net.length), key.precedence()));
    match vip {
        Some((vip, key)) if !admits(&desired.vips[vip], &key, flow) => Ok(Explanation::Source(vip)),
        Some((vip, key)) => {
            steering::steering(desired, installed, flow, &addresses, (vip, &key)).map(Explanation::Vip)
        }
        None if around().next().is_some() || in_a_pool() => Ok(Explanation::UnknownPort),
        None => Ok(Explanation::NotAVip),
    }
}

/// Whether the VIP is for this source, too.
fn admits(vip: &Vip, key: &Match, flow: &FiveTuple) -> bool {
    Borders::new(&vip.sources, key.net.is_v6).is_none_or(|borders| borders.admit(flow.source.ip()))
}

#[cfg(test)]
mod tests;
