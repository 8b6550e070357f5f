//! `ebpf/obj/SHA256SUMS`: which objects come from which sources, made by which toolchain.
//!
//! The format is that of `sha256sum`: `cd ebpf/obj && sha256sum -c SHA256SUMS` works without us.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::{PROGRAMS, object_dir};
use crate::repo;

const TOOLCHAIN_LINE: &str = "# toolchain: ";
/// Folders below `ebpf/` and below its crates whose content goes into no object.
const NO_SOURCES: &[&str] = &["obj", "target", "tests", "benches"];

/// The content of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// Versions of the toolchain.
    pub(super) toolchain: String,
    /// Hash in hex by path, relative to `ebpf/obj`.
    hashes: BTreeMap<String, String>,
}

impl Record {
    fn path() -> PathBuf {
        object_dir().join("SHA256SUMS")
    }

    /// Reads the committed file.
    pub(super) fn read() -> Result<Self> {
        let path = Self::path();
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Self::parse(&text))
    }

    /// Hashes the objects and sources that lie here.
    pub(super) fn of_working_tree(toolchain: impl Into<String>) -> Result<Self> {
        let mut hashes = BTreeMap::new();
        for program in PROGRAMS {
            if program.object().exists() {
                hashes.insert(program.object_name(), hash(&program.object())?);
            }
        }
        let ebpf = repo::root().join("ebpf");
        let files = repo::files_below(&ebpf, NO_SOURCES)
            .with_context(|| format!("cannot list {}", ebpf.display()))?;
        for file in files.iter().filter(|file| is_source(file)) {
            let relative = file.strip_prefix(&ebpf).unwrap_or(file);
            hashes.insert(format!("../{}", relative.display()), hash(file)?);
        }
        Ok(Self { toolchain: toolchain.into(), hashes })
    }

    /// Writes the file.
    pub(super) fn write(&self) -> Result<()> {
        fs::write(Self::path(), self.text())
            .with_context(|| format!("cannot write {}", Self::path().display()))
    }

    /// What is not the same in `actual`, a line each.
    pub(super) fn differences(&self, actual: &Self) -> Vec<String> {
        let names =
            self.hashes.keys().chain(actual.hashes.keys().filter(|name| !self.hashes.contains_key(*name)));
        names
            .filter_map(|name| match (self.hashes.get(name), actual.hashes.get(name)) {
                (Some(old), Some(new)) if old == new => None,
                (Some(_), Some(_)) => Some(format!("{name} has changed")),
                (Some(_), None) => Some(format!("{name} is gone")),
                _ => Some(format!("{name} is new")),
            })
            .collect()
    }

    /// Sources among the files.
    pub(super) fn source_count(&self) -> usize {
        self.hashes.keys().filter(|name| name.starts_with("../")).count()
    }

    fn text(&self) -> String {
        let mut text =
            String::from("# Written by `cargo xtask ebpf`; `cargo xtask ebpf --check` compares.\n");
        let _ = writeln!(text, "{TOOLCHAIN_LINE}{}", self.toolchain);
        for (name, hash) in &self.hashes {
            let _ = writeln!(text, "{hash}  {name}");
        }
        text
    }

    fn parse(text: &str) -> Self {
        let toolchain = text.lines().find_map(|line| line.strip_prefix(TOOLCHAIN_LINE)).unwrap_or_default();
        let hashes = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split_once("  "))
            .map(|(hash, name)| (name.to_owned(), hash.to_owned()))
            .collect();
        Self { toolchain: toolchain.to_owned(), hashes }
    }
}

/// Whether a change of the file can change an object. Unit tests cannot.
fn is_source(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let rust = path.extension().is_some_and(|extension| extension == "rs") && name != "tests.rs";
    rust || matches!(name, "Cargo.toml" | "Cargo.lock" | "config.toml")
}

fn hash(path: &Path) -> Result<String> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Sha256::digest(&bytes).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(hashes: &[(&str, &str)]) -> Record {
        let hashes = hashes.iter().map(|(name, hash)| ((*name).into(), (*hash).into())).collect();
        Record { toolchain: "rustc 1.96.0 (a b), LLVM 22".into(), hashes }
    }

    #[test]
    fn what_is_written_is_read() {
        let written = record(&[("forwarder.o", "00ff"), ("../abi/src/lib.rs", "01")]);
        assert_eq!(Record::parse(&written.text()), written);
        assert_eq!(written.source_count(), 1);
    }

    #[test]
    fn every_kind_of_difference_is_named() {
        let recorded = record(&[("a", "1"), ("b", "2"), ("c", "3")]);
        let actual = record(&[("a", "1"), ("b", "9"), ("d", "4")]);
        assert_eq!(recorded.differences(&actual), ["b has changed", "c is gone", "d is new"]);
        assert!(recorded.differences(&recorded).is_empty());
    }

    #[test]
    fn unit_tests_are_no_sources() {
        assert!(is_source(Path::new("ebpf/packet/src/parse.rs")));
        assert!(is_source(Path::new("ebpf/forwarder/Cargo.lock")));
        assert!(!is_source(Path::new("ebpf/packet/src/parse/tests.rs")));
        assert!(!is_source(Path::new("ebpf/forwarder/LICENSE-MIT")));
    }
}
