//! The kubectl binaries of the machine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where packages put one binary for each version, beside the folders of `PATH`.
const FOLDERS: &[&str] = &["/usr/lib/google-cloud-sdk/bin"];

/// A kubectl binary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kubectl {
    /// The program.
    pub path: PathBuf,
    /// The minor version: 33 of 1.33.
    pub minor: u32,
}

/// All `kubectl.1.N` of the machine, oldest first; where there is none, the `kubectl` that is in `PATH`.
#[must_use]
pub fn all() -> Vec<Kubectl> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> =
        std::env::split_paths(&path).chain(FOLDERS.iter().map(PathBuf::from)).collect();
    let mut found: BTreeMap<u32, PathBuf> = BTreeMap::new();
    for folder in &folders {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if let Some(minor) = minor_of(&entry.file_name().to_string_lossy()) {
                found.entry(minor).or_insert_with(|| entry.path());
            }
        }
    }
    if found.is_empty() {
        let plain = folders.iter().map(|folder| folder.join("kubectl")).find(|path| path.is_file());
        found.extend(plain.and_then(|path| Some((ask(&path)?, path))));
    }
    found.into_iter().map(|(minor, path)| Kubectl { path, minor }).collect()
}

/// `kubectl.1.33` is 33.
fn minor_of(name: &str) -> Option<u32> {
    name.strip_prefix("kubectl.1.")?.parse().ok()
}

/// The version that the program tells of itself.
fn ask(path: &Path) -> Option<u32> {
    let output =
        std::process::Command::new(path).args(["version", "--client", "-o", "json"]).output().ok()?;
    let version: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
    let minor = version["clientVersion"]["minor"].as_str()?;
    minor.trim_end_matches(|c: char| !c.is_ascii_digit()).parse().ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_tell_the_minor_version() {
        let cases =
            [("kubectl.1.33", Some(33)), ("kubectl", None), ("kubectl.1.x", None), ("kubectl.2.1", None)];
        for (name, minor) in cases {
            assert_eq!(super::minor_of(name), minor, "{name}");
        }
    }
}
