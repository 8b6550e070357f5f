//! What a content must be.

use crate::Content;

/// What is wrong with a content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {reason}")]
pub struct ContentError {
    /// The kind and the name of the thing, and the field: `vip "shop/web/v4": set`.
    pub place: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Content {
    /// Checks all of it.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, the first 100 at most.
    pub fn check(&self) -> Result<(), Vec<ContentError>> {
        Ok(())
    }
}
