use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use crate::read::Scalar;
use crate::units;

/// Where a forwarder gets its services from, and as whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Controller {
    /// Where controllers listen: at least one, each once.
    pub addresses: Vec<ControllerAddress>,
    /// What this forwarder is called, unique among all forwarders: 1 to 253 bytes, printable.
    pub name: String,
    /// Where it stands.
    pub zone: Option<String>,
    /// By which shards choose forwarders.
    pub labels: BTreeMap<String, String>,
    /// The certificate of this forwarder, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
    /// What signs the certificates of controllers, PEM.
    pub ca: PathBuf,
    /// Where the part of bgp-speaker's configuration is written that comes from the controller.
    pub bgp_config: Option<PathBuf>,
    /// Where connections of other forwarders are taken and passed on to the controllers. The unspecified IPv6 address is every
    /// address of either family.
    pub relay: Option<SocketAddr>,
}

/// A host, by name or address, and a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ControllerAddress {
    /// A name or an address without brackets; the certificate of the controller has to name it.
    pub host: String,
    /// TCP.
    pub port: u16,
}

impl fmt::Display for ControllerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

/// As the configuration file writes it. The error says what is expected.
impl FromStr for ControllerAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        units::host_and_port(&Scalar { text, quoted: false })
    }
}
