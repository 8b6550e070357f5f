//! VIPs.

use guideway_dataplane_config::{Affinity, Ports, Protocol};
use ipnet::IpNet;

use crate::{ForwarderName, SetName, ShardName, VipName};

/// What clients dial, and who serves and announces it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vip {
    /// Its name.
    pub name: VipName,
    /// An address, or a prefix without host bits. The rules are those of `vips[].address` of lb-dataplane.
    pub address: IpNet,
    /// The ports.
    pub ports: Ports,
    /// The transport protocol.
    pub protocol: Protocol,
    /// The backend set.
    pub set: SetName,
    /// Who keeps a backend beyond the lookup table.
    pub affinity: Affinity,
    /// Its part of the flow table in entries, a power of two from 4 to 2^26; `None`: an automatic share.
    pub flow_entries: Option<u32>,
    /// Whose packets are taken, without host bits; empty: everybody's. Sorted, each once.
    pub sources: Vec<IpNet>,
    /// Who announces it.
    pub shard: ShardName,
    /// How it is announced.
    pub advertise: Advertise,
    /// What it is there for, `cluster/namespace/service`: for people.
    pub owner: String,
}

/// How a VIP is announced. Neither: it is served where it arrives and not announced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advertise {
    /// By BGP.
    pub bgp: bool,
    /// By ARP and NDP on a link.
    pub l2: Option<L2>,
}

/// Who answers for a VIP on a link.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct L2 {
    /// The one forwarder that does; `None` while none can.
    pub owner: Option<ForwarderName>,
    /// On which interfaces; empty: on all.
    pub interfaces: Vec<String>,
}
