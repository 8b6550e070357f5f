//! The socket option TCP_MD5SIG (RFC 2385).
// The option's type must be as public as the one that nix makes for it; both stay inside this module.
#![allow(unreachable_pub)]

use std::net::IpAddr;

use nix::{setsockopt_impl, sockopt_impl};

use crate::config::Password;

const TCP_MD5SIG: libc::c_int = 14;

/// `struct tcp_md5sig` of linux/tcp.h.
// No Debug: it would show the key.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub struct Signature {
    /// `struct sockaddr_storage` of the peer.
    address: [u8; 128],
    flags: u8,
    prefix_len: u8,
    key_len: u16,
    interface: i32,
    key: [u8; Password::MAX],
}

sockopt_impl!(
    /// Sets the key of one peer.
    Md5Signature,
    SetOnly,
    libc::IPPROTO_TCP,
    TCP_MD5SIG,
    Signature
);

impl Signature {
    pub(super) fn new(peer: IpAddr, password: &Password) -> Self {
        // struct sockaddr_in: family (host order), port, address; sockaddr_in6 has the flow label before it. The
        // kernel looks at family and address only.
        let mut address = [0; 128];
        let family = match peer {
            IpAddr::V4(peer) => {
                address[4..8].copy_from_slice(&peer.octets());
                libc::AF_INET
            }
            IpAddr::V6(peer) => {
                address[8..24].copy_from_slice(&peer.octets());
                libc::AF_INET6
            }
        };
        address[..2].copy_from_slice(&u16::try_from(family).unwrap_or_default().to_ne_bytes());
        let mut key = [0; Password::MAX];
        let octets = password.as_bytes();
        key[..octets.len()].copy_from_slice(octets);
        let key_len = u16::try_from(octets.len()).unwrap_or_default();
        Self { address, flags: 0, prefix_len: 0, key_len, interface: 0, key }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_structure_is_laid_out_as_the_kernel_has_it() {
        assert_eq!(size_of::<Signature>(), 216);
        let signature = Signature::new("10.1.1.1".parse().unwrap(), &Password::new("s3cret").unwrap());
        assert_eq!(signature.address[..8], [2, 0, 0, 0, 10, 1, 1, 1]);
        assert_eq!((signature.key_len, &signature.key[..7]), (6, &b"s3cret\0"[..]));
        assert_eq!(std::mem::offset_of!(Signature, key_len), 130);
        assert_eq!(std::mem::offset_of!(Signature, key), 136);
    }
}
