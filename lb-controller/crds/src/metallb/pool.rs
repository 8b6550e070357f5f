use crate::{AddressRange, Selector};

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
