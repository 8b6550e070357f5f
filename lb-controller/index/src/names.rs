//! Names of clusters and of what is in them.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

/// The longest name of a cluster in bytes: that of a DNS label, so that every name made from it fits.
pub const MAX_CLUSTER_NAME: usize = 63;

/// The name of a workload cluster: a DNS label (RFC 1123).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterName(Arc<str>);

/// Why a text is no name of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "\"{0}\" is no name of a cluster: write 1 to 63 of a-z, 0-9 and -, with a letter or a digit at both ends"
)]
pub struct BadClusterName(String);

impl ClusterName {
    /// # Errors
    ///
    /// The text is no DNS label.
    pub fn new(name: &str) -> Result<Self, BadClusterName> {
        let ends = |byte: Option<u8>| byte.is_some_and(|byte| byte != b'-');
        let letters = name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        let fits = name.len() <= MAX_CLUSTER_NAME;
        if letters && fits && ends(name.bytes().next()) && ends(name.bytes().last()) {
            return Ok(Self(name.into()));
        }
        Err(BadClusterName(name.chars().take(MAX_CLUSTER_NAME + 1).collect()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClusterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Namespace and name of an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}

impl ObjectName {
    /// The name of an object in a namespace.
    #[must_use]
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_is_named_like_a_host() {
        for name in ["a", "east-1", "0", &"x".repeat(63)] {
            assert_eq!(ClusterName::new(name).unwrap().as_str(), name);
        }
        for name in ["", "-a", "a-", "A", "a.b", "a/b", "ä", &"x".repeat(64)] {
            assert!(ClusterName::new(name).is_err(), "{name}");
        }
    }
}
