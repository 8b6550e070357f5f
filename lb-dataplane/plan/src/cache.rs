//! Lookup tables that need not be built again.

/// Tables and digests of the last plan, so that a change of one set or of its health does not rebuild the others.
#[derive(Debug, Default)]
pub struct TableCache {}

impl TableCache {
    /// An empty cache.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}
