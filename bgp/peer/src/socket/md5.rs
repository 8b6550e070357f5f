//! The socket options TCP_MD5SIG and TCP_MD5SIG_EXT (RFC 2385).
// The option's type must be as public as the one that nix makes for it; both stay inside this module.
#![allow(unreachable_pub)]

use std::io;
use std::os::fd::AsFd;

use guideway_bgp_config::Password;
use ipnet::IpNet;
use nix::sys::socket::setsockopt;
use nix::{setsockopt_impl, sockopt_impl};

use super::storage::{AddressStorage, storage};

const TCP_MD5SIG: libc::c_int = 14;
const TCP_MD5SIG_EXT: libc::c_int = 32;
/// The key is for all addresses of a prefix.
const FLAG_PREFIX: u8 = 1;

/// `struct tcp_md5sig` of linux/tcp.h.
// No Debug: it would show the key.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub struct Signature {
    /// `struct sockaddr_storage` of the peer.
    address: AddressStorage,
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

sockopt_impl!(
    /// Sets the key of all peers in a prefix.
    Md5SignatureExt,
    SetOnly,
    libc::IPPROTO_TCP,
    TCP_MD5SIG_EXT,
    Signature
);

/// Sets the key for segments from and to `peers`, or takes it away. On a live connection the next segment is signed with it.
pub(crate) fn set_key(socket: &impl AsFd, peers: IpNet, password: Option<&Password>) -> io::Result<()> {
    let signature = Signature::new(peers, password);
    let done = if peers.prefix_len() == peers.max_prefix_len() {
        setsockopt(socket, Md5Signature, &signature)
    } else {
        setsockopt(socket, Md5SignatureExt, &signature)
    };
    match done {
        Ok(()) => Ok(()),
        // There was no key to take away.
        Err(nix::errno::Errno::ENOENT) if password.is_none() => Ok(()),
        Err(nix::errno::Errno::ENOPROTOOPT) => {
            Err(io::Error::other("the kernel knows no TCP-MD5: it was built without CONFIG_TCP_MD5SIG"))
        }
        Err(errno) => {
            Err(io::Error::other(format!("the kernel refuses the TCP-MD5 password: {}", errno.desc())))
        }
    }
}

impl Signature {
    fn new(peers: IpNet, password: Option<&Password>) -> Self {
        let mut key = [0; Password::MAX];
        let octets = password.map(Password::as_bytes).unwrap_or_default();
        key[..octets.len()].copy_from_slice(octets);
        // An empty key takes the one that is there away.
        let key_len = u16::try_from(octets.len()).unwrap_or_default();
        let whole = peers.prefix_len() == peers.max_prefix_len();
        let (flags, prefix_len) = if whole { (0, 0) } else { (FLAG_PREFIX, peers.prefix_len()) };
        Self { address: storage(peers.network()), flags, prefix_len, key_len, interface: 0, key }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    #[test]
    fn the_structure_is_laid_out_as_the_kernel_has_it() {
        assert_eq!(size_of::<Signature>(), 216);
        let peer = IpNet::from("10.1.1.1".parse::<IpAddr>().unwrap());
        let signature = Signature::new(peer, Password::new("s3cret").as_ref());
        assert_eq!(signature.address[..8], [2, 0, 0, 0, 10, 1, 1, 1]);
        assert_eq!((signature.key_len, &signature.key[..7]), (6, &b"s3cret\0"[..]));
        assert_eq!((signature.flags, signature.prefix_len), (0, 0));
        assert_eq!(std::mem::offset_of!(Signature, flags), 128);
        assert_eq!(std::mem::offset_of!(Signature, prefix_len), 129);
        assert_eq!(std::mem::offset_of!(Signature, key_len), 130);
        assert_eq!(std::mem::offset_of!(Signature, key), 136);
    }

    #[test]
    fn a_range_has_its_length_and_no_key_is_an_empty_one() {
        let signature = Signature::new("10.1.0.0/16".parse().unwrap(), None);
        assert_eq!((signature.flags, signature.prefix_len, signature.key_len), (FLAG_PREFIX, 16, 0));
        assert_eq!(signature.address[4..8], [10, 1, 0, 0]);
    }
}
