//! Ports of loopback for servers that a test starts.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Result, bail};

/// Below the ports that the kernel gives to outgoing connections (`net.ipv4.ip_local_port_range`, from 32768 on): one of
/// those could be taken before the server has started.
const FIRST: u16 = 10_000;
const COUNT: u32 = 20_000;
/// How far from each other processes with consecutive numbers begin: tests run side by side, each in a process.
const STRIDE: u32 = 97;

/// A port that nobody listens on, and that this process has not been given before.
///
/// # Errors
/// When there is none.
pub fn free_port() -> Result<u16> {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    let first = std::process::id().wrapping_mul(STRIDE);
    for _ in 0..COUNT {
        let place = first.wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed)) % COUNT;
        let port = FIRST + u16::try_from(place)?;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("none of the ports from {FIRST} on is free: what listens there?")
}

#[test]
fn no_port_is_given_twice() {
    let mut ports: Vec<u16> = (0..50).map(|_| free_port().unwrap()).collect();
    ports.dedup();
    assert_eq!(ports.len(), 50);
    let _held = TcpListener::bind((Ipv4Addr::LOCALHOST, ports[0])).unwrap();
}
