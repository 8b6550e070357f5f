//! What a workload node has to do: from the configuration file, or from the arguments of `up`.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use guideway_bpf::{Service, ServiceKey, XdpMode};

/// What a workload node has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Where packets come in and replies go out; at least one.
    pub(crate) interfaces: BTreeMap<String, XdpMode>,
    /// UDP port of GUE.
    pub(crate) gue_port: u16,
    /// Outer sources when packets are handed over to a node of the other family; else an address of the first interface.
    pub(crate) source_v4: Option<Ipv4Addr>,
    /// Likewise.
    pub(crate) source_v6: Option<Ipv6Addr>,
    /// The services.
    pub(crate) services: BTreeMap<ServiceKey, Service>,
}
