//! Pools of addresses.

use ipnet::IpNet;

use crate::PoolName;

/// Addresses that VIPs are taken from: forwarders drop what comes to one of them that no VIP has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Its name.
    pub name: PoolName,
    /// What is in it, without host bits.
    pub prefixes: Vec<IpNet>,
}
