//! The socket options of TCP-AO (RFC 5925), which kernels from 6.7 on have when they are built with CONFIG_TCP_AO.
// The option's type must be as public as the one that nix makes for it; both stay inside this module.
#![allow(unreachable_pub)]

use std::io;
use std::os::fd::AsFd;

use guideway_bgp_config::{AoAlgorithm, AoKey, Password};
use ipnet::IpNet;
use nix::errno::Errno;
use nix::sys::socket::setsockopt;
use nix::{setsockopt_impl, sockopt_impl};

use super::storage::{AddressStorage, storage};

const TCP_AO_ADD_KEY: libc::c_int = 38;
const TCP_AO_DEL_KEY: libc::c_int = 39;
const TCP_AO_INFO: libc::c_int = 40;

const MAX_KEY: usize = 80;
/// Octets of the MAC: both algorithms are cut to 96 bits (RFC 5926 sections 3.2.1 and 3.2.2).
const MAC_LEN: u8 = 12;
const SET_CURRENT: u32 = 1;
const SET_NEXT: u32 = 1 << 1;
const REQUIRED: u32 = 1 << 2;

/// `struct tcp_ao_add` of linux/tcp.h.
// No Debug: it would show the key.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub struct Add {
    address: AddressStorage,
    algorithm: [u8; 64],
    interface: i32,
    /// Bit 0: current at once; bit 1: the peer is asked to use it.
    flags: u32,
    reserved: u16,
    prefix_len: u8,
    send_id: u8,
    receive_id: u8,
    mac_len: u8,
    key_flags: u8,
    key_len: u8,
    key: [u8; MAX_KEY],
}

/// `struct tcp_ao_del` of linux/tcp.h.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub struct Delete {
    address: AddressStorage,
    interface: i32,
    flags: u32,
    reserved: u16,
    prefix_len: u8,
    send_id: u8,
    receive_id: u8,
    current_key: u8,
    next: u8,
    key_flags: u8,
}

/// `struct tcp_ao_info_opt` of linux/tcp.h.
#[derive(Clone, Copy, Default)]
#[repr(C, align(8))]
pub struct State {
    /// Bit 0: `current_key` counts; bit 1: `next` counts; bit 2: unsigned segments are refused.
    flags: u32,
    reserved: u16,
    current_key: u8,
    next: u8,
    counters: [u64; 5],
}

sockopt_impl!(
    /// Adds a key.
    AoAdd,
    SetOnly,
    libc::IPPROTO_TCP,
    TCP_AO_ADD_KEY,
    Add
);
sockopt_impl!(
    /// Takes a key away.
    AoDelete,
    SetOnly,
    libc::IPPROTO_TCP,
    TCP_AO_DEL_KEY,
    Delete
);
sockopt_impl!(
    /// Chooses the key to send with.
    AoState,
    SetOnly,
    libc::IPPROTO_TCP,
    TCP_AO_INFO,
    State
);

/// What kind of socket keys are set on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It listens: which key a connection uses, the peer's SYN says.
    Listening,
    /// Nothing is connected yet.
    Dialling,
    /// A connection stands: the first key is to be used from now on.
    Live,
}

/// Adds `keys` for segments from and to `peers` and sends with the first one. Keys that are there already stay.
pub(crate) fn add_keys(socket: &impl AsFd, peers: IpNet, keys: &[AoKey], stage: Stage) -> io::Result<()> {
    for (index, key) in keys.iter().enumerate() {
        let mut add = Add::new(peers, key);
        if stage == Stage::Dialling && index == 0 {
            add.flags = SET_CURRENT | SET_NEXT;
        }
        match setsockopt(socket, AoAdd, &add) {
            // A rotation keeps the keys that both lists have.
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(errno) => return Err(refused(errno)),
        }
    }
    if let (Stage::Live, Some(first)) = (stage, keys.first()) {
        setsockopt(socket, AoState, &State::switch_to(first)).map_err(refused)?;
    }
    Ok(())
}

/// Takes `keys` away; one that is not there is no error. A key that a live connection uses cannot be taken away before
/// another one is current.
pub(crate) fn remove_keys(socket: &impl AsFd, peers: IpNet, keys: &[AoKey]) -> io::Result<()> {
    for key in keys {
        match setsockopt(socket, AoDelete, &Delete::new(peers, key)) {
            Ok(()) | Err(Errno::ENOENT) => {}
            Err(errno) => return Err(refused(errno)),
        }
    }
    Ok(())
}

/// Whether the kernel has TCP-AO. The option is asked for with a key that no kernel takes (no algorithm), so nothing is
/// changed: one with TCP-AO finds fault with the key, one without with the option.
pub(crate) fn supported(socket: &impl AsFd) -> io::Result<()> {
    let nobody = Add {
        address: [0; 128],
        algorithm: [0; 64],
        interface: 0,
        flags: 0,
        reserved: 0,
        prefix_len: 0,
        send_id: 0,
        receive_id: 0,
        mac_len: 0,
        key_flags: 0,
        key_len: 0,
        key: [0; MAX_KEY],
    };
    match setsockopt(socket, AoAdd, &nobody) {
        Err(errno @ (Errno::ENOPROTOOPT | Errno::EPERM)) => Err(refused(errno)),
        _ => Ok(()),
    }
}

fn refused(errno: Errno) -> io::Error {
    match errno {
        Errno::ENOPROTOOPT => io::Error::other(
            "the kernel knows no TCP-AO: it needs Linux 6.7 or later, built with CONFIG_TCP_AO=y; use an md5 password \
             or another kernel",
        ),
        errno => io::Error::other(format!("the kernel refuses a TCP-AO key: {}", errno.desc())),
    }
}

impl Add {
    fn new(peers: IpNet, key: &AoKey) -> Self {
        let mut algorithm = [0; 64];
        // The kernel's names (crypto API).
        let name: &[u8] = match key.algorithm {
            AoAlgorithm::HmacSha1 => b"hmac(sha1)",
            AoAlgorithm::Aes128Cmac => b"cmac(aes128)",
        };
        algorithm[..name.len()].copy_from_slice(name);
        let mut octets = [0; MAX_KEY];
        octets[..key.key.as_bytes().len()].copy_from_slice(key.key.as_bytes());
        Self {
            address: storage(peers.network()),
            algorithm,
            interface: 0,
            flags: 0,
            reserved: 0,
            prefix_len: peers.prefix_len(),
            send_id: key.send_id,
            receive_id: key.receive_id,
            mac_len: MAC_LEN,
            key_flags: 0,
            key_len: u8::try_from(key.key.as_bytes().len()).unwrap_or_default(),
            key: octets,
        }
    }
}

impl Delete {
    fn new(peers: IpNet, key: &AoKey) -> Self {
        Self {
            address: storage(peers.network()),
            interface: 0,
            flags: 0,
            reserved: 0,
            prefix_len: peers.prefix_len(),
            send_id: key.send_id,
            receive_id: key.receive_id,
            current_key: 0,
            next: 0,
            key_flags: 0,
        }
    }
}

impl State {
    /// Sends with `key` from now on, asks the peer to send with it too, and goes on to refuse unsigned segments.
    fn switch_to(key: &AoKey) -> Self {
        let flags = SET_CURRENT | SET_NEXT | REQUIRED;
        Self { flags, current_key: key.send_id, next: key.receive_id, ..Self::default() }
    }
}

const _: () = assert!(Password::MAX <= MAX_KEY, "every password fits into a key of TCP-AO");

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use super::*;

    fn key() -> AoKey {
        AoKey {
            send_id: 7,
            receive_id: 9,
            algorithm: AoAlgorithm::Aes128Cmac,
            key: Password::new("k3y").unwrap(),
        }
    }

    #[test]
    fn the_structures_are_laid_out_as_the_kernel_has_them() {
        assert_eq!((size_of::<Add>(), size_of::<Delete>(), size_of::<State>()), (288, 144, 48));
        assert_eq!(offset_of!(Add, algorithm), 128);
        assert_eq!(offset_of!(Add, interface), 192);
        assert_eq!(offset_of!(Add, flags), 196);
        assert_eq!((offset_of!(Add, prefix_len), offset_of!(Add, send_id)), (202, 203));
        assert_eq!((offset_of!(Add, receive_id), offset_of!(Add, mac_len)), (204, 205));
        assert_eq!((offset_of!(Add, key_len), offset_of!(Add, key)), (207, 208));
        assert_eq!((offset_of!(Delete, flags), offset_of!(Delete, prefix_len)), (132, 138));
        assert_eq!((offset_of!(Delete, current_key), offset_of!(Delete, key_flags)), (141, 143));
        assert_eq!((offset_of!(State, current_key), offset_of!(State, next)), (6, 7));
        assert_eq!(offset_of!(State, counters), 8);
    }

    #[test]
    fn a_key_is_written_with_its_ids_and_the_kernels_names() {
        let add = Add::new("10.1.0.0/16".parse().unwrap(), &key());
        assert_eq!(add.address[..8], [2, 0, 0, 0, 10, 1, 0, 0]);
        assert_eq!(&add.algorithm[..13], b"cmac(aes128)\0");
        assert_eq!((add.prefix_len, add.send_id, add.receive_id, add.mac_len), (16, 7, 9, 12));
        assert_eq!((add.key_len, &add.key[..4]), (3, &b"k3y\0"[..]));
        let delete = Delete::new("10.1.0.0/16".parse().unwrap(), &key());
        assert_eq!((delete.prefix_len, delete.send_id, delete.receive_id), (16, 7, 9));
        let state = State::switch_to(&key());
        assert_eq!((state.flags, state.current_key, state.next), (0b111, 7, 9));
    }

    #[test]
    fn a_kernel_without_it_is_told_apart() {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        let peer = "127.0.0.1/32".parse().unwrap();
        match supported(&socket) {
            Ok(()) => add_keys(&socket, peer, &[key()], Stage::Dialling).unwrap(),
            Err(error) => {
                assert!(error.to_string().contains("CONFIG_TCP_AO"), "{error}");
                let error = add_keys(&socket, peer, &[key()], Stage::Dialling).unwrap_err();
                assert!(error.to_string().contains("CONFIG_TCP_AO"), "{error}");
            }
        }
    }
}
