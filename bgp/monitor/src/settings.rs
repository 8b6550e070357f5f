//! What can be set.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// Who is shown what.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MonitorSettings {
    /// BMP stations, each address once.
    pub stations: Vec<StationSettings>,
    /// MRT files; `None` writes none.
    pub mrt: Option<MrtSettings>,
    /// What stations are told as the name of the system (sysName of RFC 1213).
    pub system_name: String,
    /// And as its description (sysDescr).
    pub description: String,
    /// Who this is, in tables.
    pub own: Own,
}

/// What this speaker calls itself in OPENs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Own {
    /// BGP identifier.
    pub router_id: Ipv4Addr,
    /// AS number.
    pub asn: u32,
}

impl Default for Own {
    /// Nobody.
    fn default() -> Self {
        Self { router_id: Ipv4Addr::UNSPECIFIED, asn: 0 }
    }
}

/// A BMP station.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StationSettings {
    /// Where it listens.
    pub address: SocketAddr,
    /// The address to connect from; the kernel's choice when `None`.
    pub local_address: Option<IpAddr>,
    /// It is shown what peers announce (Adj-RIB-In before any policy).
    pub adj_rib_in: bool,
    /// It is shown what peers are told (Adj-RIB-Out, RFC 8671).
    pub adj_rib_out: bool,
    /// Time between statistics; `None` for none.
    pub statistics: Option<Duration>,
    /// How many octets may wait for it. When there are more it is disconnected, and told everything once it is back.
    pub buffer: usize,
}

impl StationSettings {
    /// A station with defaults: both tables, no statistics, one MiB of buffer.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            local_address: None,
            adj_rib_in: true,
            adj_rib_out: true,
            statistics: None,
            buffer: 1 << 20,
        }
    }
}

/// MRT files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MrtSettings {
    /// The folder, which is made when it is missing.
    pub directory: PathBuf,
    /// What the names of the files begin with; a time and `.mrt` follow.
    pub prefix: String,
    /// A file is closed when it has so many octets.
    pub max_octets: u64,
    /// A file is closed when it is so old.
    pub max_age: Duration,
    /// How many closed files are kept; older ones are removed. 0 keeps all.
    pub keep: usize,
    /// How many octets may wait for the disk. What has no room is lost, and counted.
    pub buffer: usize,
    /// Time between files of whole tables, of which the last `keep` are kept too; `None` for none.
    pub table_dump: Option<Duration>,
}

impl MrtSettings {
    /// Files in `directory` with defaults: a quarter of an hour or 64 MiB each, the last hundred of them, one MiB of buffer,
    /// no tables.
    #[must_use]
    pub fn new(directory: PathBuf) -> Self {
        Self {
            directory,
            prefix: "updates".into(),
            max_octets: 64 << 20,
            max_age: Duration::from_secs(900),
            keep: 100,
            buffer: 1 << 20,
            table_dump: None,
        }
    }
}
