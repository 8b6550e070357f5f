//! What a plan knows of the one before, and nobody can read from the maps.

/// Only makes things faster or the choice among free elements better, so that it has no part in equality.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {}

impl PartialEq for Memory {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Memory {}
