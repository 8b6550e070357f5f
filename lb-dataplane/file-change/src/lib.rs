//! Whether a configuration file is another one, and whole.
//!
//! Daemons look at their file now and then instead of subscribing to the kernel's notifications, for it may be replaced in
//! ways that they tell badly: renamed into place, or reached through a symbolic link in a directory that is itself swapped,
//! which is how Kubernetes updates a mounted `ConfigMap`. A look is one `stat`. A change counts when two looks in a row see the
//! same file, so that one that is written bit by bit is not read half done.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What tells a version of a file from another, as far as `stat` sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// Of the file that `path` leads to in the end; none when there is none.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(path).ok()?;
        Some(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}

/// Turns looks into changes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Debounce {
    reported: Option<Stamp>,
    candidate: Option<Stamp>,
}

impl Debounce {
    /// Starts from a file that has been read.
    #[must_use]
    pub const fn new(known: Option<Stamp>) -> Self {
        Self { reported: known, candidate: None }
    }

    /// Takes in one look; true when there is a new version to be read. A file that is gone is no new version.
    pub fn look(&mut self, now: Option<Stamp>) -> bool {
        if now.is_none() || now == self.reported {
            self.candidate = None;
            return false;
        }
        if now != self.candidate {
            self.candidate = now;
            return false;
        }
        self.reported = now;
        self.candidate = None;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(inode: u64) -> Option<Stamp> {
        Some(Stamp { device: 1, inode, length: 1, modified: (0, 0), changed: (0, 0) })
    }

    #[test]
    fn debounce_table() {
        type Case<'a> = (&'a str, &'a [(Option<Stamp>, bool)]);
        let cases: &[Case<'_>] = &[
            ("the same file", &[(stamp(1), false), (stamp(1), false)]),
            ("replaced once", &[(stamp(2), false), (stamp(2), true), (stamp(2), false)]),
            (
                "written in steps",
                &[(stamp(2), false), (stamp(3), false), (stamp(4), false), (stamp(4), true)],
            ),
            ("gone for a while", &[(None, false), (None, false), (stamp(1), false), (stamp(1), false)]),
            (
                "gone, then another",
                &[(None, false), (stamp(2), false), (None, false), (stamp(2), false), (stamp(2), true)],
            ),
            ("there and back", &[(stamp(2), false), (stamp(1), false), (stamp(2), false), (stamp(1), false)]),
        ];
        for (name, looks) in cases {
            let mut debounce = Debounce::new(stamp(1));
            for (index, (look, expected)) in looks.iter().enumerate() {
                assert_eq!(debounce.look(*look), *expected, "{name}, look {index}");
            }
        }
    }

    #[test]
    fn stamps_see_renames_and_swapped_links() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        assert_eq!(Stamp::of(&path("file")), None);
        std::fs::write(path("file"), "a").unwrap();
        let first = Stamp::of(&path("file"));
        std::fs::write(path("next"), "b").unwrap();
        std::fs::rename(path("next"), path("file")).unwrap();
        assert_ne!(Stamp::of(&path("file")), first);

        // As a ConfigMap: file -> data/file, data -> version directory.
        for version in ["v1", "v2"] {
            std::fs::create_dir(path(version)).unwrap();
            std::fs::write(path(version).join("c"), "same").unwrap();
        }
        std::os::unix::fs::symlink("v1", path("data")).unwrap();
        std::os::unix::fs::symlink("data/c", path("c")).unwrap();
        let first = Stamp::of(&path("c"));
        std::os::unix::fs::symlink("v2", path("data.new")).unwrap();
        std::fs::rename(path("data.new"), path("data")).unwrap();
        assert_ne!(Stamp::of(&path("c")), first);
    }
}
