//! An archive in the form that the kernel unpacks as its first file system: cpio, `newc`
//! (Documentation/driver-api/early-userspace/buffer-format.rst of the kernel).

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path};

use anyhow::{Context, Result};

const DIRECTORY: u32 = 0o040_755;
const FILE: u32 = 0o100_000;
const LINK: u32 = 0o120_777;
const CHARACTER_DEVICE: u32 = 0o020_600;

/// An archive that is being written.
pub(super) struct Archive<W: Write> {
    out: W,
    /// Paths that are in it.
    names: BTreeSet<String>,
    written: u64,
}

impl<W: Write> Archive<W> {
    /// Begins one.
    pub(super) fn new(out: W) -> Self {
        Self { out, names: BTreeSet::new(), written: 0 }
    }

    /// A folder and those above it.
    pub(super) fn directory(&mut self, path: &Path) -> Result<()> {
        let mut name = String::new();
        for part in path.components() {
            let Component::Normal(part) = part else { continue };
            if !name.is_empty() {
                name.push('/');
            }
            name.push_str(part.to_str().with_context(|| format!("{} is not UTF-8", path.display()))?);
            if self.names.insert(name.clone()) {
                self.entry(&name, DIRECTORY, 0, &[])?;
            }
        }
        Ok(())
    }

    /// A file with this content.
    pub(super) fn file(&mut self, path: &Path, permissions: u32, content: &[u8]) -> Result<()> {
        self.add(path, FILE | permissions, 0, content)
    }

    /// A copy of `source`, with what symbolic links lead to.
    pub(super) fn copy(&mut self, path: &Path, source: &Path) -> Result<()> {
        let content = fs::read(source).with_context(|| format!("read {}", source.display()))?;
        let permissions = fs::metadata(source)?.permissions().mode() & 0o777;
        self.file(path, permissions, &content)
    }

    /// A symbolic link.
    pub(super) fn link(&mut self, path: &Path, target: &str) -> Result<()> {
        self.add(path, LINK, 0, target.as_bytes())
    }

    /// A character device below major number 1: `minor` 3 is `/dev/null`; 5, 1 is not here.
    pub(super) fn console(&mut self) -> Result<()> {
        // Major number 5, minor number 1: the kernel wants it for the first process.
        self.add(Path::new("dev/console"), CHARACTER_DEVICE, 5 << 8 | 1, &[])
    }

    /// Ends it; gives its size in bytes.
    pub(super) fn end(mut self) -> Result<u64> {
        self.entry("TRAILER!!!", 0, 0, &[])?;
        self.out.flush().context("write the archive")?;
        Ok(self.written)
    }

    fn add(&mut self, path: &Path, mode: u32, device: u32, content: &[u8]) -> Result<()> {
        if let Some(parent) = path.parent() {
            self.directory(parent)?;
        }
        let name = path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))?;
        let name = name.trim_start_matches('/').to_owned();
        if self.names.insert(name.clone()) {
            self.entry(&name, mode, device, content)?;
        }
        Ok(())
    }

    fn entry(&mut self, name: &str, mode: u32, device: u32, content: &[u8]) -> Result<()> {
        let number = self.names.len();
        let (name_len, len) = (name.len() + 1, u32::try_from(content.len()).context("a file is too large")?);
        let (major, minor) = (device >> 8, device & 0xff);
        let header = format!(
            "070701{number:08X}{mode:08X}{0:08X}{0:08X}{1:08X}{0:08X}{len:08X}{0:08X}{0:08X}{major:08X}{minor:08X}\
             {name_len:08X}{0:08X}",
            0, 1
        );
        self.write(header.as_bytes()).context("write the archive")?;
        self.write(name.as_bytes()).context("write the archive")?;
        self.write(&[0]).context("write the archive")?;
        self.pad().context("write the archive")?;
        self.write(content).context("write the archive")?;
        self.pad().context("write the archive")
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.written += bytes.len() as u64;
        self.out.write_all(bytes)
    }

    fn pad(&mut self) -> io::Result<()> {
        let missing = usize::try_from(self.written.next_multiple_of(4) - self.written).unwrap_or(0);
        self.write(&[0; 3][..missing])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_is_what_the_kernel_expects() {
        let mut bytes = Vec::new();
        let mut archive = Archive::new(&mut bytes);
        archive.file(Path::new("/a/b"), 0o755, b"hello").expect("a file");
        archive.file(Path::new("/a/b"), 0o755, b"again").expect("a file");
        archive.link(Path::new("/a/c"), "b").expect("a link");
        let size = archive.end().expect("an archive");
        assert_eq!(size, bytes.len() as u64);
        assert_eq!(size % 4, 0);
        let names: Vec<&str> = std::str::from_utf8(&bytes)
            .expect("text")
            .split("070701")
            .skip(1)
            .map(|entry| entry[104..].split('\0').next().expect("a name"))
            .collect();
        assert_eq!(names, ["a", "a/b", "a/c", "TRAILER!!!"], "a path is there once");
        let file = std::str::from_utf8(&bytes).expect("text").split("070701").nth(2).expect("a file");
        assert_eq!((&file[8..16], &file[48..56]), ("000081ED", "00000005"), "mode and length");
    }
}
