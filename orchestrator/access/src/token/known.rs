//! Tokens whose signature was right before: to check one takes longer than most requests.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest as _, Sha256};

use super::Verified;

/// Tokens of one age. There are two ages, so that what is used stays.
const MOST: usize = 4096;

/// Digest of a token: the token itself is not kept.
type Digest = [u8; 32];

/// What tokens were found to say.
#[derive(Default)]
pub(super) struct Known(Mutex<Ages>);

#[derive(Default)]
struct Ages {
    recent: HashMap<Digest, Arc<Verified>>,
    earlier: HashMap<Digest, Arc<Verified>>,
}

impl Known {
    /// What the token says, which `verify` finds out if it is not known.
    pub(super) fn get_or<E>(
        &self,
        token: &str,
        verify: impl FnOnce() -> Result<Verified, E>,
    ) -> Result<Arc<Verified>, E> {
        let digest: Digest = Sha256::digest(token).into();
        if let Some(verified) = self.ages().get(&digest) {
            return Ok(verified);
        }
        let verified = Arc::new(verify()?);
        self.ages().insert(digest, Arc::clone(&verified));
        Ok(verified)
    }

    fn ages(&self) -> MutexGuard<'_, Ages> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ages {
    fn get(&mut self, digest: &Digest) -> Option<Arc<Verified>> {
        if let Some(verified) = self.recent.get(digest) {
            return Some(Arc::clone(verified));
        }
        let verified = self.earlier.remove(digest)?;
        self.insert(*digest, Arc::clone(&verified));
        Some(verified)
    }

    fn insert(&mut self, digest: Digest, verified: Arc<Verified>) {
        if self.recent.len() >= MOST {
            self.earlier = std::mem::take(&mut self.recent);
        }
        self.recent.insert(digest, verified);
    }
}

#[cfg(test)]
mod tests {
    use super::super::claims::Claims;
    use super::*;

    fn verified() -> Result<Verified, ()> {
        Ok(Verified { claims: Claims::default(), legacy: None })
    }

    #[test]
    fn a_token_is_verified_once_and_a_wrong_one_each_time() {
        let known = Known::default();
        assert!(known.get_or("a", || Err(())).is_err());
        assert!(known.get_or("a", verified).is_ok());
        assert!(known.get_or("a", || Err(())).is_ok());
        assert!(known.get_or("b", || Err(())).is_err());
    }

    #[test]
    fn there_is_room_for_so_many_and_what_is_used_stays() {
        let known = Known::default();
        known.get_or("used", verified).unwrap();
        for number in 0..10 * MOST {
            known.get_or(&number.to_string(), verified).unwrap();
            known.get_or("used", || Err(())).unwrap();
        }
        let ages = known.ages();
        assert!(ages.recent.len() <= MOST && ages.earlier.len() <= MOST);
    }
}
