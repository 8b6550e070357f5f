//! The shared libraries that programs need.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::process;

/// Those of all `programs`, by `ldd`, which asks the loader itself.
pub(super) fn of(programs: &[PathBuf]) -> Result<BTreeSet<PathBuf>> {
    let mut libraries = BTreeSet::new();
    for program in programs.iter().filter(|program| is_dynamic(program)) {
        libraries.extend(listed(&process::output(Command::new("ldd").arg(program))?));
    }
    Ok(libraries)
}

/// Whether the file names a loader; a static binary and a script do not.
fn is_dynamic(program: &Path) -> bool {
    process::output(Command::new("ldd").arg(program)).is_ok()
}

/// The paths in the output of `ldd`.
fn listed(output: &str) -> Vec<PathBuf> {
    let path = |line: &str| line.split_whitespace().find(|word| word.starts_with('/')).map(PathBuf::from);
    output.lines().filter_map(path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_found_in_all_forms() {
        let output = "\tlinux-vdso.so.1 (0x1)\n\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x2)\n\
                      \t/lib64/ld-linux-x86-64.so.2 (0x3)\n\tstatically linked\n";
        let expected = ["/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2"].map(PathBuf::from);
        assert_eq!(listed(output), expected);
    }
}
