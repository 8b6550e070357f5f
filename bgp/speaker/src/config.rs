//! The configuration file: YAML in, values that can only be right out. `docs/configuration-bgp.md` is its reference.

mod fields;
mod parse;
#[cfg(test)]
mod tests;
mod yaml;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use guideway_bgp_fsm as fsm;
use thiserror::Error;

/// A whole configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Own AS number.
    pub local_as: u32,
    /// Own BGP identifier.
    pub router_id: Ipv4Addr,
    /// Where the set of addresses comes from.
    pub agent: AgentConfig,
    /// Unix socket of the admin API.
    pub admin_socket: PathBuf,
    /// Where metrics and health are served over HTTP.
    pub metrics_listen: SocketAddr,
    /// The peers, each address once.
    pub peers: Vec<PeerConfig>,
}

/// How to reach lb-dataplane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentConfig {
    /// Its admin socket.
    pub socket: PathBuf,
    /// How long its last word counts after the stream broke.
    pub hold: Duration,
}

/// One peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerConfig {
    /// Its address.
    pub address: IpAddr,
    /// Its TCP port.
    pub port: u16,
    /// The address to connect from; the kernel's choice when `None`.
    pub local_address: Option<IpAddr>,
    /// TCP-MD5 password (RFC 2385).
    pub password: Option<Password>,
    /// What the session itself needs.
    pub session: fsm::Config,
}

/// A TCP-MD5 password of 1 to 80 octets. It is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// The longest password that the kernel takes (TCP_MD5SIG_MAXKEYLEN).
    pub const MAX: usize = 80;

    /// `None` when it is empty or too long.
    #[must_use]
    pub fn new(password: impl Into<String>) -> Option<Self> {
        let password = password.into();
        (1..=Self::MAX).contains(&password.len()).then_some(Self(password))
    }

    /// The octets of the key.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// One thing that is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Line in the file, counted from 1; 0 when it is not known.
    pub line: u64,
    /// The field, such as `peers[1].remote_as`; empty for the whole document.
    pub field: String,
    /// What is wrong and what would be right.
    pub reason: String,
}

/// Why a file is no configuration.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is wrong; one line for each problem, as `file:line: field: reason`.
    #[error("{}", show(path, problems))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Everything that is wrong, in the order of lines.
        problems: Vec<Problem>,
    },
}

fn show(path: &Path, problems: &[Problem]) -> String {
    let one = |problem: &Problem| {
        let Problem { line, field, reason } = problem;
        match field.as_str() {
            "" => format!("{}:{line}: {reason}", path.display()),
            field => format!("{}:{line}: {field}: {reason}", path.display()),
        }
    };
    problems.iter().map(one).collect::<Vec<_>>().join("\n")
}

impl Config {
    /// Reads a file, and the password files that it names.
    ///
    /// # Errors
    ///
    /// Every problem of the file, each with its line.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        let read = |file: &Path| std::fs::read_to_string(file).map_err(|error| error.to_string());
        parse::parse(&text, &read)
            .map_err(|problems| ConfigError::Invalid { path: path.to_owned(), problems })
    }
}
