//! Ways to the backends, kept by the agent as the kernel's FIB and neighbour tables change.

/// Words of a [`RouteRecord`].
pub const LEGS: usize = 8;

/// One way to a backend: destination MAC address in the upper 48 bits (its first byte in the lowest of these), index in
/// [`LINKS`](crate::LINKS) in the lower 16. Zero: not known, the program asks the kernel.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leg(pub u64);

impl Leg {
    /// Not known.
    pub const UNKNOWN: Self = Self(0);

    /// By `link`, to the neighbour with this MAC address.
    #[must_use]
    pub const fn new(mac: [u8; 6], link: u16) -> Self {
        let [a, b, c, d, e, f] = mac;
        let [l, m] = link.to_le_bytes();
        Self(u64::from_le_bytes([l, m, a, b, c, d, e, f]))
    }

    /// Index in [`LINKS`](crate::LINKS); zero when not known.
    #[inline(always)]
    #[must_use]
    #[allow(clippy::cast_possible_truncation)] // the low bits are meant
    pub const fn link(self) -> u16 {
        self.0 as u16
    }

    /// MAC address of the neighbour.
    #[inline(always)]
    #[must_use]
    pub const fn mac(self) -> [u8; 6] {
        let [_, _, a, b, c, d, e, f] = self.0.to_le_bytes();
        [a, b, c, d, e, f]
    }
}

/// An element of [`ROUTES`](crate::ROUTES): the flow hash chooses one of the legs; a route with fewer ways repeats
/// them, in proportion to their weights. Each leg is stored atomically, by itself.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RouteRecord {
    /// The legs. Some may be unknown.
    pub legs: [Leg; LEGS],
}

/// An element of [`LINKS`](crate::LINKS); never changed while a leg refers to it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkRecord {
    /// Interface to send on; 0: the element is free.
    pub ifindex: u32,
    /// The longest IP packet that it takes, in bytes.
    pub mtu: u32,
    /// Its MAC address.
    pub mac: [u8; 6],
    /// Zero.
    pub reserved: [u8; 2],
}

/// The element of [`NODE`](crate::NODE). Each word is stored atomically, by itself.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeRecord {
    /// Until when [`ROUTES`](crate::ROUTES) are to be believed, in the kernel's 64-bit `jiffies`. Later the program asks
    /// the kernel's FIB for each packet.
    pub routes_valid_until: u64,
    /// Not zero while [`FLOW_MARKS`](crate::FLOW_MARKS_MAP) are made.
    pub mark_flows: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_back() {
        let leg = Leg::new([2, 0, 0, 0, 0xab, 0xcd], 300);
        assert_eq!((leg.link(), leg.mac()), (300, [2, 0, 0, 0, 0xab, 0xcd]));
    }
}
