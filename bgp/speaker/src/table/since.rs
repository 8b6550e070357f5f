//! When prefixes became what they are.

use std::collections::HashMap;

use ipnet::IpNet;

use crate::drain::UnixMs;

/// The moment of each known prefix. Most came with one word of the agent, so that one is kept for all of them.
#[derive(Debug, Default)]
pub(super) struct Since {
    common: UnixMs,
    others: HashMap<IpNet, UnixMs>,
}

impl Since {
    /// Nothing is known: what comes now shares its moment.
    pub(super) fn begin(&mut self, at: UnixMs) {
        *self = Self { common: at, others: HashMap::new() };
    }

    pub(super) fn set(&mut self, prefix: IpNet, at: UnixMs) {
        if at == self.common {
            self.others.remove(&prefix);
        } else {
            self.others.insert(prefix, at);
        }
    }

    pub(super) fn remove(&mut self, prefix: &IpNet) {
        self.others.remove(prefix);
    }

    /// Only for a prefix that is known.
    pub(super) fn of(&self, prefix: &IpNet) -> UnixMs {
        self.others.get(prefix).copied().unwrap_or(self.common)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_kept() {
        let [one, two]: [IpNet; 2] = ["203.0.113.10/32", "203.0.113.11/32"].map(|text| text.parse().unwrap());
        let mut since = Since::default();
        since.begin(5);
        since.set(one, 5);
        since.set(two, 7);
        assert_eq!((since.of(&one), since.of(&two), since.others.len()), (5, 7, 1));
        since.set(two, 5);
        assert!(since.others.is_empty());
        since.set(one, 9);
        since.remove(&one);
        assert_eq!(since.of(&one), 5);
    }
}
