//! Longest prefix match.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use ipnet::IpNet;

/// Values by prefix. A search costs one look for each length that occurs.
#[derive(Debug, Clone)]
pub(super) struct Longest<T>(BTreeMap<Reverse<u8>, BTreeMap<IpNet, T>>);

impl<T> Longest<T> {
    /// The first of several values of one prefix counts.
    pub(super) fn new(values: impl IntoIterator<Item = (IpNet, T)>) -> Self {
        let mut lengths: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for (prefix, value) in values {
            let prefix = prefix.trunc();
            lengths.entry(Reverse(prefix.prefix_len())).or_default().entry(prefix).or_insert(value);
        }
        Self(lengths)
    }

    /// The longest prefix that holds the whole of `prefix`.
    pub(super) fn find(&self, prefix: &IpNet) -> Option<(IpNet, &T)> {
        self.0.range(Reverse(prefix.prefix_len())..).find_map(|(Reverse(length), prefixes)| {
            let covering = cover(prefix, *length)?;
            prefixes.get(&covering).map(|value| (covering, value))
        })
    }
}

/// The prefix of `length` bits that holds `prefix`; `None` when that is shorter itself.
pub(super) fn cover(prefix: &IpNet, length: u8) -> Option<IpNet> {
    if length > prefix.prefix_len() {
        return None;
    }
    IpNet::new(prefix.addr(), length).ok().map(|covering| covering.trunc())
}
