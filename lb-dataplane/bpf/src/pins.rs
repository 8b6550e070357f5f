//! The pin directory: where things are, whether it is on a bpffs, and who holds it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::statfs::{BPF_FS_MAGIC, statfs};

/// The paths below a pin root. A bpffs refuses names with a dot, and a colon cannot stand in an interface's name, so
/// that the link of `eth0.100` is `links/eth0:100`.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) root: PathBuf,
    pub(crate) program: &'static str,
}

impl Layout {
    pub(crate) fn new(root: &Path, program: &'static str) -> Self {
        Self { root: root.to_owned(), program }
    }

    pub(crate) fn program(&self) -> PathBuf {
        self.root.join(self.program)
    }

    /// Where a new program is pinned before it is renamed.
    pub(crate) fn program_next(&self) -> PathBuf {
        self.root.join(format!("{}-next", self.program))
    }

    pub(crate) fn maps(&self) -> PathBuf {
        self.root.join("maps")
    }

    pub(crate) fn map(&self, name: &str) -> PathBuf {
        self.maps().join(name)
    }

    pub(crate) fn links(&self) -> PathBuf {
        self.root.join("links")
    }

    pub(crate) fn link(&self, interface: &str) -> PathBuf {
        self.links().join(interface.replace('.', ":"))
    }

    /// Interfaces that have a pinned link, in order of name.
    pub(crate) fn linked_interfaces(&self) -> io::Result<Vec<String>> {
        let mut names: Vec<String> =
            entries(&self.links())?.iter().map(|name| name.replace(':', ".")).collect();
        names.sort();
        Ok(names)
    }
}

/// Names in a directory; none when there is no such directory.
pub(crate) fn entries(directory: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Makes a directory unless it is there.
pub(crate) fn ensure_directory(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        other => other,
    }
}

/// Removes a file unless it is gone.
pub(crate) fn remove_file(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Removes an empty directory unless it is gone.
pub(crate) fn remove_directory(path: &Path) -> io::Result<()> {
    match fs::remove_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Whether `path`, or the nearest directory above it that exists, lies on a bpffs.
pub(crate) fn is_bpffs(path: &Path) -> io::Result<bool> {
    let mut existing = path;
    loop {
        match statfs(existing) {
            Ok(found) => return Ok(found.filesystem_type() == BPF_FS_MAGIC),
            Err(Errno::ENOENT) => match existing.parent() {
                Some(parent) if parent != Path::new("") => existing = parent,
                _ => existing = Path::new("."),
            },
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// Holds the pin directory against other processes until dropped. `None`: another one holds it.
pub(crate) fn lock(root: &Path) -> io::Result<Option<Flock<File>>> {
    match Flock::lock(File::open(root)?, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => Ok(Some(lock)),
        Err((_, Errno::EWOULDBLOCK)) => Ok(None),
        Err((_, errno)) => Err(errno.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Layout, entries, is_bpffs, remove_file};
    use std::path::Path;

    #[test]
    fn names_with_dots_are_kept_out_of_the_bpffs() {
        let layout = Layout::new(Path::new("/sys/fs/bpf/x"), "forwarder");
        assert_eq!(layout.link("eth0.100"), Path::new("/sys/fs/bpf/x/links/eth0:100"));
        assert_eq!(layout.program(), Path::new("/sys/fs/bpf/x/forwarder"));
    }

    #[test]
    fn a_directory_that_does_not_exist_is_judged_by_its_nearest_ancestor() {
        let directory = tempfile::tempdir().unwrap();
        assert!(!is_bpffs(&directory.path().join("a/b")).unwrap());
        assert!(!is_bpffs(Path::new("a/b")).unwrap());
    }

    #[test]
    fn what_is_not_there_is_no_error() {
        let directory = tempfile::tempdir().unwrap();
        assert!(entries(&directory.path().join("none")).unwrap().is_empty());
        remove_file(&directory.path().join("none")).unwrap();
    }
}
