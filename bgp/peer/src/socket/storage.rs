//! `struct sockaddr_storage` as the key options of TCP take it.

use std::net::IpAddr;

pub(super) type AddressStorage = [u8; 128];

/// `struct sockaddr_in` has family (host order), port, address; `sockaddr_in6` the flow label before the address. The kernel
/// looks at family and address only.
pub(super) fn storage(address: IpAddr) -> AddressStorage {
    let mut octets = [0; 128];
    let family = match address {
        IpAddr::V4(address) => {
            octets[4..8].copy_from_slice(&address.octets());
            libc::AF_INET
        }
        IpAddr::V6(address) => {
            octets[8..24].copy_from_slice(&address.octets());
            libc::AF_INET6
        }
    };
    octets[..2].copy_from_slice(&u16::try_from(family).unwrap_or_default().to_ne_bytes());
    octets
}
