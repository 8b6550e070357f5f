//! Unsafe code of userspace lives in one crate.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::repo;

/// The one room, relative to the root.
const ROOM: &str = "lb-dataplane/bpf";
/// Programs of the kernel: every helper call is unsafe there.
const KERNEL: &[&str] = &["ebpf/forwarder", "ebpf/decap", "ebpf/driver", "ebpf/xdp"];
const FORBID: &str = "#![forbid(unsafe_code)]";

/// Checks every file of the working tree.
pub(super) fn check() -> Result<()> {
    let root = repo::root();
    let mut found = Vec::new();
    for file in repo::files_below(&root, &["target", ".git"])? {
        let path = file.strip_prefix(&root).unwrap_or(&file);
        let outside = !path.starts_with(ROOM) && !KERNEL.iter().any(|folder| path.starts_with(folder));
        if !outside || path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        found.extend(complaints(path, &text));
    }
    if !found.is_empty() {
        bail!("unsafe code belongs into {ROOM} alone:\n  {}", found.join("\n  "));
    }
    Ok(())
}

fn complaints(path: &Path, text: &str) -> Vec<String> {
    let mut found: Vec<String> = text
        .lines()
        .enumerate()
        .filter(|(_, line)| is_unsafe(line))
        .map(|(index, line)| format!("{}:{}: {}", path.display(), index + 1, line.trim()))
        .collect();
    if is_crate_root(path) && !text.lines().any(|line| line.trim() == FORBID) {
        found.push(format!("{}: {FORBID} is missing", path.display()));
    }
    found
}

fn is_unsafe(line: &str) -> bool {
    let code = line.trim_start();
    let code = code.strip_prefix("pub ").unwrap_or(code);
    if code.starts_with("//") || code.contains('"') {
        return false;
    }
    ["unsafe {", "unsafe fn ", "unsafe impl ", "unsafe extern ", "unsafe trait "]
        .iter()
        .any(|word| code.contains(word))
}

/// `src/lib.rs`, `src/main.rs`: each binds a crate.
fn is_crate_root(path: &Path) -> bool {
    [PathBuf::from("src/lib.rs"), PathBuf::from("src/main.rs")].iter().any(|root| path.ends_with(root))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_code_and_a_missing_ban_are_found() {
        let text = "//! unsafe { } in a comment\npub unsafe fn f() {}\nlet x = unsafe { g() };\n";
        let lines = complaints(Path::new("a/src/lib.rs"), text);
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(lines[0].starts_with("a/src/lib.rs:2: "));
        assert!(lines[2].ends_with("is missing"));
        assert!(complaints(Path::new("a/src/b.rs"), "fn safe() {}\n").is_empty());
        assert!(complaints(Path::new("a/src/main.rs"), "#![forbid(unsafe_code)]\n").is_empty());
    }
}
