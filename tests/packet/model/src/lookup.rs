//! Section 2: whose packet it is.

use std::cmp::Reverse;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::Vip;

/// What an address, a protocol and a port belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// A VIP.
    Vip(&'a Vip),
    /// An address of a VIP or of a pool, and no VIP's port.
    UnknownPort,
    /// Nobody.
    Nothing,
}

/// The most specific VIP.
#[must_use]
pub fn find<'a>(vips: &'a [Vip], pools: &[IpNet], address: IpAddr, protocol: u8, port: u16) -> Found<'a> {
    // `IpNet::contains` is false for the other family.
    let at_address = || vips.iter().filter(|vip| vip.address.contains(&address));
    let best = at_address()
        .filter(|vip| vip.protocol == protocol && vip.ports.contains(&port))
        // The longest prefix first, then the narrowest ports: one port, a range, any; then the first range.
        .max_by_key(|vip| {
            let (first, last) = (*vip.ports.start(), *vip.ports.end());
            (vip.address.prefix_len(), Reverse(last - first), Reverse(first))
        });
    match best {
        Some(vip) => Found::Vip(vip),
        None if is_vip_address(vips, pools, address) => Found::UnknownPort,
        None => Found::Nothing,
    }
}

/// Section 2.1: whether a packet from here is for the VIP.
#[must_use]
pub fn is_for(vip: &Vip, source: IpAddr) -> bool {
    vip.sources.is_empty() || vip.sources.iter().any(|net| net.contains(&source))
}

/// Whether this is an address of a VIP or of a pool.
pub(crate) fn is_vip_address(vips: &[Vip], pools: &[IpNet], address: IpAddr) -> bool {
    vips.iter().map(|vip| &vip.address).chain(pools).any(|net| net.contains(&address))
}
