//! What is built for the machine.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{process, repo};

/// The packages with tests of the programs in the kernel.
const PACKET: [&str; 2] = ["guideway-packet-tests", "guideway-decap-tests"];
/// The package with the end-to-end tests, and the test of it that has the usual way of a request.
const E2E: (&str, &str) = ("guideway-e2e", "dsr");
/// Programs that the tests and the traffic run.
const PROGRAMS: [&str; 6] =
    ["lb-dataplane", "lb-decap", "lbctl", "bgp-speaker", "guideway-lab", "guideway-vm"];

/// A test binary.
#[derive(Clone, Debug)]
pub(super) struct Test {
    /// Name of the test target.
    pub(super) name: String,
    /// The binary.
    pub(super) binary: PathBuf,
    /// Folder of its package.
    pub(super) directory: PathBuf,
}

/// Everything that was built.
#[derive(Debug)]
pub(super) struct Binaries {
    /// The packet tests.
    pub(super) packet: Vec<Test>,
    /// The end-to-end test.
    pub(super) e2e: Vec<Test>,
    /// Where the programs are.
    pub(super) folder: PathBuf,
}

impl Binaries {
    /// The programs, and not the tests.
    pub(super) fn programs(&self) -> Vec<PathBuf> {
        PROGRAMS
            .iter()
            .chain(&["guideway-load"])
            .map(|name| self.folder.join(name))
            .filter(|p| p.exists())
            .collect()
    }
}

/// Builds with optimisation: the machine is slow enough.
pub(super) fn build(with_packet: bool, with_e2e: bool) -> Result<Binaries> {
    let mut words = vec!["build", "--quiet", "--release", "--bins"];
    words.extend(PROGRAMS.iter().flat_map(|package| ["-p", package]));
    process::run(&mut process::cargo(&words))?;
    let packages = if with_packet { &PACKET[..] } else { &[] };
    let packet = packages.iter().map(|package| tests(&["-p", package, "--test", "*"]));
    let packet = packet.collect::<Result<Vec<_>>>()?.concat();
    let e2e = if with_e2e { tests(&["-p", E2E.0, "--test", E2E.1])? } else { Vec::new() };
    Ok(Binaries { packet, e2e, folder: repo::target_dir().join("release") })
}

fn tests(words: &[&str]) -> Result<Vec<Test>> {
    let mut command =
        process::cargo(&["test", "--quiet", "--release", "--no-run", "--message-format", "json"]);
    command.args(words).stderr(std::process::Stdio::inherit());
    let messages = process::output(&mut command)?;
    Ok(messages.lines().filter_map(|line| test(&serde_json::from_str(line).ok()?)).collect())
}

/// A test binary of one of cargo's messages.
fn test(message: &Value) -> Option<Test> {
    let target = &message["target"];
    let is_test = target["kind"].as_array()?.iter().any(|kind| kind == "test");
    let directory = Path::new(message["manifest_path"].as_str()?).parent()?.to_owned();
    (message["reason"] == "compiler-artifact" && is_test).then_some(())?;
    Some(Test {
        name: target["name"].as_str()?.to_owned(),
        binary: message["executable"].as_str()?.into(),
        directory,
    })
}

/// `binary` without what only a debugger reads; in `folder`, unless it is there already.
pub(super) fn stripped(binary: &Path, folder: &Path) -> Result<PathBuf> {
    let name = binary.file_name().with_context(|| format!("{} is no file", binary.display()))?;
    let copy = folder.join(name);
    let newer = |path: &Path| std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    if newer(&copy).is_some_and(|copied| newer(binary).is_some_and(|built| copied >= built)) {
        return Ok(copy);
    }
    std::fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    let mut strip = std::process::Command::new("strip");
    process::run(strip.arg("--strip-debug").arg("-o").arg(&copy).arg(binary))?;
    Ok(copy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_binaries_are_found_among_the_messages_of_cargo() {
        let message = serde_json::json!({
            "reason": "compiler-artifact",
            "manifest_path": "/w/tests/packet/Cargo.toml",
            "target": {"kind": ["test"], "name": "pins"},
            "executable": "/t/deps/pins-1",
        });
        let found = test(&message).expect("a test");
        assert_eq!((found.name.as_str(), found.directory.to_str()), ("pins", Some("/w/tests/packet")));
        let mut library = message;
        library["target"]["kind"] = serde_json::json!(["lib"]);
        assert!(test(&library).is_none());
    }
}
