use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::num::{NonZeroU8, NonZeroU16};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ipnet::{Ipv4Net, Ipv6Net};

mod controller;
mod vip;

pub use controller::{Controller, ControllerAddress};
pub use vip::{Affinity, Ports, Protocol, Vip};

/// The key of the flow hash and of the Maglev permutations; equal on every forwarder of a cluster.
///
/// `Debug` hides the bytes: who knows the seed can choose flows that all meet one backend.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub(crate) [u8; 16]);

impl Seed {
    /// Of 128 random bits, in the order in which the file writes them.
    #[must_use]
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 128 bits in the order in which the file writes them.
    #[must_use]
    pub const fn bytes(&self) -> [u8; 16] {
        self.0
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(..)")
    }
}

/// The name of a network interface: 1 to 15 bytes without `/`, `:` or white space.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterfaceName(pub(crate) String);

impl InterfaceName {
    /// The name as the kernel knows it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How the forwarder program is attached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum XdpMode {
    /// In the driver.
    #[default]
    Native,
    /// In the kernel's receive path, for drivers without XDP; slow.
    Generic,
}

impl XdpMode {
    /// The name in the configuration file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Generic => "generic",
        }
    }
}

/// An interface whose packets the forwarder program sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Unique in a configuration.
    pub name: InterfaceName,
    /// How the program is attached.
    pub mode: XdpMode,
    /// What it carries, when its driver does not say or is not to be believed.
    pub speed: Option<BitRate>,
}

/// A rate of more than zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BitRate {
    /// Bits per second.
    pub bits_per_second: u64,
}

/// A unicast MAC address that is not all zeroes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MacAddress(pub(crate) [u8; 6]);

impl MacAddress {
    /// The six bytes in wire order.
    #[must_use]
    pub const fn bytes(&self) -> [u8; 6] {
        self.0
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// Where the link-layer destination of an encapsulated packet comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum NextHop {
    /// The kernel's FIB and neighbour table, packet by packet.
    #[default]
    Fib,
    /// Always the same router.
    Fixed {
        /// The interface by which the packet leaves.
        interface: InterfaceName,
        /// The router's address on that link.
        mac: MacAddress,
    },
}

/// How packets travel from the forwarder to a backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EncapsulationKind {
    /// IP in IP, in all four mixes of families (RFC 2003, RFC 2473, RFC 4213).
    #[default]
    IpIp,
    /// Generic UDP Encapsulation (draft-ietf-intarea-gue-09), variant 0.
    Gue,
    /// Generic Routing Encapsulation (RFC 2784, RFC 7676).
    Gre,
    /// No outer header: the frame goes to the backend's own MAC address.
    L2,
}

impl EncapsulationKind {
    /// The name in the configuration file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::IpIp => "ipip",
            Self::Gue => "gue",
            Self::Gre => "gre",
            Self::L2 => "l2",
        }
    }
}

/// The outer header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encapsulation {
    /// That of the sets which do not say theirs.
    pub kind: EncapsulationKind,
    /// The prefix of IPv4 outer sources; length 8 to 30, host bits zero. The flow hash fills the host bits.
    pub source_v4: Ipv4Net,
    /// The prefix of IPv6 outer sources; length 8 to 126, host bits zero. The flow hash fills the host bits.
    pub source_v6: Ipv6Net,
}

/// How many elements the maps are made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// VIPs: 1 to 1,048,576.
    pub vips: u32,
    /// Elements for backends, the never used first one included: 2 to 32,768.
    pub backends: u32,
    /// Lookup tables of 65,537 slots: 1 to 32,766.
    pub tables_65537: u32,
    /// Lookup tables of 16,381 slots: 1 to 32,766.
    pub tables_16381: u32,
    /// Entries of the flow table, a multiple of 4 (the entries of a bucket): 1,024 to 67,108,864.
    pub flows: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { vips: 4096, backends: 4096, tables_65537: 512, tables_16381: 512, flows: 262_144 }
    }
}

/// The admin API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    /// Absolute path of the Unix socket, at most 107 bytes.
    pub socket: PathBuf,
}

/// The HTTP server of metrics and health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metrics {
    /// Where it listens.
    pub listen: SocketAddr,
}

/// Slots of a lookup table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TableSize {
    /// 65,537 slots.
    #[default]
    Large,
    /// 16,381 slots.
    Small,
}

impl TableSize {
    /// The number of slots, a prime.
    #[must_use]
    pub const fn slots(self) -> u32 {
        match self {
            Self::Large => 65_537,
            Self::Small => 16_381,
        }
    }
}

/// How the health of a set's backends is found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// What is done with the connection.
    pub probe: Probe,
    /// The TCP port that is dialled at the backend's address.
    pub port: NonZeroU16,
    /// From the start of a probe to the start of the next: 10 ms to 1 h.
    pub interval: Duration,
    /// A probe that takes longer has failed: 1 ms to `interval`.
    pub timeout: Duration,
    /// Successes in a row that make an unhealthy backend healthy.
    pub rise: NonZeroU8,
    /// Failures in a row that make a healthy backend unhealthy.
    pub fall: NonZeroU8,
}

/// What a health check asks of a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// A TCP connection that opens.
    Tcp,
    /// An answer to `GET` over HTTP/1.1.
    Http {
        /// The request target: visible ASCII that starts with `/`.
        path: String,
        /// The `Host` header: visible ASCII. The backend's address when absent.
        host: Option<String>,
        /// The status codes of a healthy backend, within 100 to 599.
        expect: RangeInclusive<u16>,
    },
}

/// Where the packets of a VIP go.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Backend {
    /// The stable name, unique in its set: the Maglev permutation comes from it. 1 to 253 bytes, printable.
    pub name: String,
    /// A unicast address, unique in its set, never IPv4-mapped.
    pub address: IpAddr,
    /// Share of the slots; 0 takes none.
    pub weight: u16,
}

/// Backends that serve the same VIPs, at least one with a weight above zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendSet {
    /// Unique in a configuration.
    pub name: String,
    /// Slots of its lookup table.
    pub table_size: TableSize,
    /// How packets travel to the backends.
    pub encapsulation: EncapsulationKind,
    /// Whether the backends run the decap agent, so that a packet of an unsettled slot may carry further hops.
    pub second_hop: bool,
    /// How long flows on backends of earlier tables are looked after: 1 s to 24 h.
    pub drain_window: Duration,
    /// `None`: every backend counts as healthy.
    pub health_check: Option<HealthCheck>,
    /// In the order of the file. Shared: the ports of a Service often have the same ones.
    pub backends: Arc<[Backend]>,
}
