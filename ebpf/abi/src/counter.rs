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
    /// An element of [`COUNTERS`](crate::COUNTERS): what became of a packet, and from `FlowHit` on what happened on its
    /// way.
    Counter {
        Pass = 0, "pass", "Left to the kernel: not for a VIP, or not TCP or UDP";
        Tx = 1, "tx", "Sent to a backend, out of the interface that it came in by";
        Redirect = 2, "redirect", "Sent to a backend, out of another interface";
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
        DropNotOnLink = 14, "drop_not_on_link", "The backend of an L2 set is behind a router";
        BfdEcho = 15, "bfd_echo", "BFD echo packet of a neighbour, sent back to it";
        DropSource = 16, "drop_source", "For a VIP, from a source that is in none of its ranges";
        FlowHit = 17, "flow_hit", "Followed an entry of the flow table";
        FlowMiss = 18, "flow_miss", "Looked for in the flow table and not found";
        FlowInsert = 19, "flow_insert", "Made an entry of the flow table";
        FlowFull = 20, "flow_full", "Made no entry: the VIP's part of the flow table is full";
        SecondHop = 21, "second_hop", "Sent with the other backends that it may be for";
        FibLookup = 22, "fib_lookup", "Way to the backend asked of the kernel, as the agent's is missing or out of date";
    }
}

impl Counter {
    /// Counters of verdicts and drop reasons, of which each packet adds to exactly one; the rest are events.
    pub const VERDICTS: u32 = Self::DropSource.index() + 1;

    /// Whether this is an event on a packet's way, and not what became of the packet.
    #[must_use]
    pub const fn is_event(self) -> bool {
        self.index() >= Self::VERDICTS
    }
}

counters! {
    /// An element of [`DECAP_COUNTERS`](crate::DECAP_COUNTERS). Each packet that comes in adds to exactly one of those up
    /// to `DropCongested`; the rest are events and packets on the way out.
    DecapCounter {
        Pass = 0, "pass", "Left to the kernel as it was: no tunnel of ours, or for no VIP of this node";
        Ipip = 1, "ipip", "IP in IP taken off and delivered";
        Gue = 2, "gue", "GUE taken off and delivered";
        Gre = 3, "gre", "GRE taken off and delivered";
        HandedOver = 4, "handed_over", "Of a connection that this node does not have: sent on to the next hop it carries";
        DropMalformed = 5, "drop_malformed", "A tunnel of ours with lengths or headers that contradict each other";
        DropUnknownPort = 6, "drop_unknown_port", "For a VIP of this node, to a port or protocol that it does not serve";
        DropPortClash = 7, "drop_port_clash", "Of a client that uses one port for two VIPs with the same target";
        DropNoNextHop = 8, "drop_no_next_hop", "To be handed over, and there is no way to the next hop";
        DropCongested = 9, "drop_congested", "Marked by a congested router on its way, and the sender takes no such marks (RFC 6040, 4.2)";
        Translated = 10, "translated", "Destination translated to the target's";
        Replied = 11, "replied", "Source of a reply translated back to the VIP";
        SocketHit = 12, "socket_hit", "A socket or flow of this node matched a packet with a further hop";
        SynCookie = 13, "syn_cookie", "A valid SYN cookie matched a packet with a further hop";
    }
}

impl DecapCounter {
    /// As [`Counter::VERDICTS`].
    pub const VERDICTS: u32 = Self::DropCongested.index() + 1;
}
