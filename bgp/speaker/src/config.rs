//! The configuration file: YAML in, values that can only be right out. `docs/configuration-bgp.md` is its reference.

mod fields;
mod parse;
#[cfg(test)]
mod tests;
mod yaml;

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
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
        source: io::Error,
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

/// The longest configuration in octets: some five thousand peers.
const MAX_FILE: u64 = 1 << 20;
/// The longest password file in octets.
const MAX_PASSWORD_FILE: u64 = 4096;

/// The text of a regular file. Anything else (a pipe, a device) might never end, or stop the whole speaker at a reload.
fn read_text(path: &Path, max: u64) -> io::Result<String> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut text = String::new();
    let read = File::open(path)?.take(max + 1).read_to_string(&mut text)?;
    if read as u64 > max {
        return Err(io::Error::other(format!("longer than {max} octets")));
    }
    Ok(text)
}

fn show(path: &Path, problems: &[Problem]) -> String {
    let one = |problem: &Problem| {
        let Problem { line, field, reason } = problem;
        match field.as_str() {
            "" => format!("{}:{line}: {reason}", path.display()),
            field => format!("{}:{line}: {}: {reason}", path.display(), field.escape_debug()),
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
        let text = read_text(path, MAX_FILE).map_err(unreadable)?;
        let read = |file: &Path| read_text(file, MAX_PASSWORD_FILE).map_err(|error| error.to_string());
        parse::parse(&text, &read)
            .map_err(|problems| ConfigError::Invalid { path: path.to_owned(), problems })
    }
}
