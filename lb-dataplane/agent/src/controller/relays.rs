//! The other forwarders through which controllers are reached, over restarts: who starts while it is cut off knows them.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read as _};
use std::net::SocketAddr;
use std::path::Path;

/// A longer file is not ours.
const MAX_BYTES: u64 = 1 << 16;

/// What was saved; nothing when that cannot be read, since the leader tells it again.
#[must_use]
pub fn load(path: &Path) -> BTreeSet<SocketAddr> {
    let read = || {
        let mut text = String::new();
        fs::File::open(path)?.take(MAX_BYTES).read_to_string(&mut text)?;
        serde_json::from_str(&text).map_err(io::Error::from)
    };
    read().unwrap_or_else(|error| {
        if error.kind() != io::ErrorKind::NotFound {
            tracing::debug!(path = %path.display(), %error, "relays that cannot be read");
        }
        BTreeSet::new()
    })
}

/// Puts them in the place of those before, whole or not at all.
///
/// # Errors
///
/// When the file cannot be written.
pub fn save(path: &Path, relays: &BTreeSet<SocketAddr>) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let beside = path.with_added_extension("new");
    fs::write(&beside, serde_json::to_vec(relays).map_err(io::Error::from)?)?;
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_saved_is_loaded() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state/relays.json");
        assert!(load(&path).is_empty());
        let relays = ["192.0.2.1:9490", "[2001:db8::1]:9490"].map(|text| text.parse().unwrap());
        save(&path, &BTreeSet::from(relays)).unwrap();
        assert_eq!(load(&path), BTreeSet::from(relays));
        fs::write(&path, "").unwrap();
        assert!(load(&path).is_empty());
    }

    proptest! {
        #[test]
        fn anything_can_be_in_the_file(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("relays.json");
            fs::write(&path, bytes).unwrap();
            let _whatever = load(&path);
        }
    }
}
