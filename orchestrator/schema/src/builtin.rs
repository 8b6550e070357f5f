//! Schemas of the built-in kinds.

use crate::Schema;

impl Schema {
    /// The schema of a built-in kind, lists included (`PodList`). The core group is the empty string.
    pub fn builtin(_group: &str, _version: &str, _kind: &str) -> Option<Self> {
        None
    }
}
