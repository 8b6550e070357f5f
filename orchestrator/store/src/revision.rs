//! The store's clock.

use std::fmt;

/// A moment in a store's history: the number of the transaction that made it. It only grows.
///
/// An empty store is at revision 1, as etcd is. Kubernetes' `resourceVersion` is this number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u64);

impl Revision {
    /// The revision of a store that was never written to.
    pub const FIRST: Self = Self(1);

    /// The revision of the transaction after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
