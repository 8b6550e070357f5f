//! How many connections there may be.
//!
//! Nothing is known of a client before it has sent a request, so what a flood of connections can take is bounded by the
//! address that they come from. Some are left for other addresses.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Bits of an IPv6 address that are the client's own to choose (RFC 4291, section 2.5.4).
const INTERFACE: u32 = 64;

/// The bounds of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Connections that are open at the same time.
    pub total: usize,
    /// Of these from one address, or from one /64 network of IPv6.
    pub per_address: usize,
    /// For a client to say hello, and for the head of its first request.
    pub hello: Duration,
    /// Without a request at work.
    pub idle: Duration,
    /// For a client to take more of a reply that it does not read.
    pub stall: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            total: 16_384,
            per_address: 12_288,
            hello: Duration::from_secs(10),
            idle: Duration::from_secs(180),
            stall: Duration::from_secs(60),
        }
    }
}

/// Counts connections.
#[derive(Debug)]
pub(super) struct Door {
    limits: ConnectionLimits,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// A connection that counts, until it is dropped.
#[derive(Debug)]
pub(super) struct Pass {
    door: Arc<Door>,
    address: IpAddr,
}

impl Door {
    pub(super) fn new(limits: ConnectionLimits) -> Arc<Self> {
        Arc::new(Self { limits, open: Mutex::default() })
    }

    /// Lets a connection in. None: there are too many.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Pass> {
        let address = counted(address);
        let mut open = self.open();
        let from_there = open.by_address.get(&address).copied().unwrap_or_default();
        if open.total >= self.limits.total || from_there >= self.limits.per_address {
            return None;
        }
        open.total += 1;
        open.by_address.insert(address, from_there + 1);
        drop(open);
        Some(Pass { door: Arc::clone(self), address })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut open = self.door.open();
        open.total = open.total.saturating_sub(1);
        if let Some(count) = open.by_address.get_mut(&self.address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                open.by_address.remove(&self.address);
            }
        }
    }
}

/// What is counted as one address.
fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> INTERFACE << INTERFACE).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_address_leaves_room_for_others() {
        let door = Door::new(ConnectionLimits { total: 3, per_address: 2, ..ConnectionLimits::default() });
        let first = door.enter(address("192.0.2.1")).unwrap();
        let second = door.enter(address("::ffff:192.0.2.1")).unwrap();
        assert!(door.enter(address("192.0.2.1")).is_none());
        let other = door.enter(address("2001:db8::1")).unwrap();
        assert!(door.enter(address("192.0.2.2")).is_none(), "there are three");
        drop(first);
        let third = door.enter(address("2001:db8::2:0:0:1")).unwrap();
        drop((second, other));
        let fourth = door.enter(address("192.0.2.1")).unwrap();
        drop((third, fourth));
        let open = door.open();
        assert_eq!((open.total, open.by_address.len()), (0, 0));
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let door = Door::new(ConnectionLimits { per_address: 1, ..ConnectionLimits::default() });
        let _first = door.enter(address("2001:db8::1")).unwrap();
        assert!(door.enter(address("2001:db8::ffff:1")).is_none());
        assert!(door.enter(address("2001:db8:0:1::1")).is_some());
    }
}
