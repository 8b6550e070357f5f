//! Pure crates stay pure: time, randomness and input or output are arguments.

use std::fs;

use anyhow::{Context, Result, bail};

use crate::{process, repo};

/// Package and folder of each pure crate.
const PURE: &[(&str, &str)] = &[
    ("guideway-abi", "ebpf/abi"),
    ("guideway-packet", "ebpf/packet"),
    ("guideway-maglev", "lb-dataplane/maglev"),
    ("guideway-dataplane-config", "lb-dataplane/config"),
    ("guideway-dataplane-plan", "lb-dataplane/plan"),
    ("guideway-bgp-wire", "bgp/wire"),
    ("guideway-bgp-fsm", "bgp/fsm"),
    ("guideway-bfd", "bgp/bfd"),
    ("guideway-bgp-rib", "bgp/rib"),
    ("guideway-bgp-config", "bgp/config"),
    ("guideway-schema", "orchestrator/schema"),
    ("guideway-patch", "orchestrator/patch"),
    ("guideway-protobuf", "orchestrator/protobuf"),
    ("guideway-api", "orchestrator/api"),
    ("guideway-access", "orchestrator/access"),
    ("guideway-controller-core", "lb-controller/core"),
    ("guideway-controller-crds", "lb-controller/crds"),
    ("guideway-controller-index", "lb-controller/index"),
    ("guideway-controller-ipam", "lb-controller/ipam"),
    ("guideway-controller-rollout", "lb-controller/rollout"),
    ("guideway-sim", "tests/sim"),
    ("guideway-sim-controller", "tests/sim-controller"),
];

/// Crates that do input or output, wait, or throw dice.
const FORBIDDEN_CRATES: &[&str] = &[
    "tokio",
    "aya",
    "kube",
    "tonic",
    "socket2",
    "rtnetlink",
    "mio",
    "hyper",
    "axum",
    "rand",
    "getrandom",
    "nix",
];

/// What of the standard library would do the same. Tests may.
const FORBIDDEN_PATHS: &[&str] = &[
    "Instant::now",
    "SystemTime::now",
    "std::env",
    "std::fs",
    "std::net::Tcp",
    "std::net::Udp",
    "std::thread",
    "std::process",
];

/// Uses that wait for nothing and depend on nothing outside.
const ALLOWED: &[(&str, &str)] = &[
    // A deep stack for a parser that recurses; the thread is joined at once.
    ("orchestrator/schema/src/cel/stack.rs", "std::thread"),
    // Where virtual time begins, and how long the whole took.
    ("tests/sim-controller/src/main.rs", "Instant::now"),
];

/// Checks every pure crate.
pub(super) fn check() -> Result<()> {
    let mut found = Vec::new();
    for (package, folder) in PURE {
        found.extend(dependencies(package)?);
        found.extend(uses(folder)?);
    }
    if !found.is_empty() {
        bail!(
            "pure crates are not pure:\n  {}\nmake it an argument, or move it to the crate that calls",
            found.join("\n  ")
        );
    }
    Ok(())
}

fn dependencies(package: &str) -> Result<Vec<String>> {
    let args =
        ["tree", "--package", package, "--edges", "normal,build", "--prefix", "none", "--format", "{p}"];
    let tree = process::output(&mut process::cargo(&args))?;
    Ok(FORBIDDEN_CRATES
        .iter()
        .filter(|forbidden| tree.lines().any(|line| line.split(' ').next() == Some(forbidden)))
        .map(|forbidden| {
            format!("{package} depends on {forbidden} (see `cargo tree -p {package} -i {forbidden}`)")
        })
        .collect())
}

fn uses(folder: &str) -> Result<Vec<String>> {
    let root = repo::root();
    let mut found = Vec::new();
    for file in repo::files_below(&root.join(folder).join("src"), &["tests"])? {
        let is_test = file.file_name().is_some_and(|name| name == "tests.rs");
        if is_test || file.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let place = file.strip_prefix(&root).unwrap_or(&file).display().to_string();
        let forbidden = uses_in(&text).into_iter().filter(|(_, path)| !ALLOWED.contains(&(&place, path)));
        found.extend(forbidden.map(|(line, path)| format!("{place}:{line}: {path}")));
    }
    Ok(found)
}

/// Line numbers and names of what code above the tests uses.
fn uses_in(text: &str) -> Vec<(usize, &'static str)> {
    text.lines()
        .enumerate()
        .take_while(|(_, line)| line.trim() != "#[cfg(test)]")
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .filter_map(|(index, line)| {
            Some((index + 1, *FORBIDDEN_PATHS.iter().find(|path| line.contains(**path))?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_tests_may_name_a_clock() {
        let text = "// Instant::now\nlet now = Instant::now();\n#[cfg(test)]\nmod tests { use std::fs; }\n";
        assert_eq!(uses_in(text), [(2, "Instant::now")]);
    }
}
