//! Names of one lab: unique for each lab on the machine, and telling who built it.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};

/// The identity of a lab: the process that built it and a number within that process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LabId {
    /// The process that built the lab.
    pub owner: u32,
    /// Which of that process's labs.
    pub number: u32,
}

impl LabId {
    /// A new identity, owned by this process.
    #[must_use]
    pub fn next() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        Self { owner: std::process::id(), number: NUMBER.fetch_add(1, Ordering::Relaxed) }
    }

    /// The name of a node's network namespace.
    #[must_use]
    pub fn namespace(self, node: &str) -> String {
        format!("{}-{node}", self.prefix())
    }

    /// What all names of this lab begin with.
    #[must_use]
    pub fn prefix(self) -> String {
        format!("gw-{self}")
    }

    /// The lab to which a name like `gw-<id>` or `gw-<id>-<node>` belongs, if it is one of a lab.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        let id = name.strip_prefix("gw-")?;
        id.split('-').next()?.parse().ok()
    }
}

impl fmt::Display for LabId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.owner, self.number)
    }
}

impl FromStr for LabId {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (owner, number) = text.split_once('x').context("a lab id looks like 1234x1")?;
        Ok(Self { owner: owner.parse()?, number: number.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use super::LabId;

    #[test]
    fn names_lead_back_to_the_lab() {
        let id = LabId { owner: 4711, number: 2 };
        assert_eq!(id.namespace("fw1"), "gw-4711x2-fw1");
        for name in ["gw-4711x2", "gw-4711x2-fw1", "gw-4711x2-be3-x"] {
            assert_eq!(LabId::of_name(name), Some(id), "{name}");
        }
        for name in ["gw-", "gw-foo-fw1", "rb-lb1", "gw-12-fw1", "gw-ax1-b"] {
            assert_eq!(LabId::of_name(name), None, "{name}");
        }
    }
}
