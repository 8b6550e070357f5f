//! Counters.

/// Packets and bytes, of one CPU.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrafficStats {
    /// Packets sent to a backend.
    pub packets: u64,
    /// Bytes of their IP packets, without Ethernet and outer headers.
    pub bytes: u64,
}

macro_rules! counters {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $index:literal, $text:literal, $description:literal;)* }) => {
        $(#[$doc])*
        #[repr(u32)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $(#[doc = $description] $variant = $index,)*
        }

        impl $name {
            /// Every counter, in the order of its index.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];
            /// Elements of the map.
            #[allow(clippy::cast_possible_truncation)] // a handful
            pub const COUNT: u32 = Self::ALL.len() as u32;

            /// Name in metrics and in `lbctl`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// What is counted.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self { $(Self::$variant => $description,)* }
            }

            /// Index in the map.
            #[must_use]
            pub const fn index(self) -> u32 {
                self as u32
            }
        }
    };
}

counters! {
    /// An element of [`COUNTERS`](crate::COUNTERS): what became of a packet.
    Counter {
        Pass = 0, "pass", "Left to the kernel: not for a VIP, or not TCP or UDP";
        Tx = 1, "tx", "Encapsulated and sent out of the interface that it came in by";
        Redirect = 2, "redirect", "Encapsulated and sent out of another interface";
        DropUnknownPort = 3, "drop_unknown_port", "For an address of a VIP, to a TCP or UDP port without one";
        DropNoBackend = 4, "drop_no_backend", "For a VIP that has no healthy backend";
        DropFragment = 5, "drop_fragment", "Fragment of a TCP or UDP packet for a VIP";
        DropMalformed = 6, "drop_malformed", "For a VIP, with lengths or headers that contradict each other";
        DropTtlExpired = 7, "drop_ttl_expired", "For a VIP, with a TTL or hop limit of 1 or 0";
        DropTooBig = 8, "drop_too_big", "Too long for the next hop's MTU once encapsulated";
        DropNoHeadroom = 9, "drop_no_headroom", "The driver left no room for the outer header";
        DropNoRoute = 10, "drop_no_route", "No route to the backend";
        DropNoNeighbour = 11, "drop_no_neighbour", "The next hop's MAC address is not known yet";
        DropExtensionHeaders = 12, "drop_extension_headers", "For a VIP, with more IPv6 extension headers than are walked";
        DropInternal = 13, "drop_internal", "The maps contradict each other; this is a defect";
    }
}

counters! {
    /// An element of [`DECAP_COUNTERS`](crate::DECAP_COUNTERS).
    DecapCounter {
        Pass = 0, "pass", "Left to the kernel as it was: not IPIP, or for no VIP of this backend";
        Decapsulated = 1, "decapsulated", "Outer header taken off and delivered to a VIP";
        DropMalformed = 2, "drop_malformed", "IPIP with lengths or headers that contradict each other";
    }
}
