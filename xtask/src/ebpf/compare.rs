//! What two objects must have in common when another toolchain made each.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Result, bail};

use super::toolchain::Toolchain;
use crate::process;

/// Fails when programs, maps or licence differ.
pub(super) fn interfaces(toolchain: &Toolchain, committed: &Path, built: &Path) -> Result<()> {
    let (old, new) = (interface(toolchain, committed)?, interface(toolchain, built)?);
    let lines: Vec<String> = old
        .difference(&new)
        .map(|line| format!("only in the committed object: {line}"))
        .chain(new.difference(&old).map(|line| format!("only in the fresh build: {line}")))
        .collect();
    if !lines.is_empty() {
        bail!("the objects differ in what they offer:\n  {}", lines.join("\n  "));
    }
    Ok(())
}

/// Exported symbols with type and, for data, size; map and licence bytes.
fn interface(toolchain: &Toolchain, object: &Path) -> Result<BTreeSet<String>> {
    let symbols = process::output(toolchain.llvm("llvm-readelf").args(["--syms", "--wide"]).arg(object))?;
    let mut lines: BTreeSet<String> = symbols.lines().filter_map(exported).collect();
    let licence =
        process::output(toolchain.llvm("llvm-readelf").args(["--string-dump=license"]).arg(object))?;
    lines.extend(licence.lines().filter(|line| line.starts_with('[')).map(str::to_owned));
    Ok(lines)
}

/// A line of `llvm-readelf --syms`: number, value, size, type, binding, visibility, section, name.
fn exported(line: &str) -> Option<String> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    match fields.as_slice() {
        [_, _, _, "FUNC", "GLOBAL", "DEFAULT", _, name] => Some(format!("program {name}")),
        [_, _, size, "OBJECT", "GLOBAL", _, _, name] => Some(format!("data {name} of {size} bytes")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exported_symbols_are_found() {
        let program = "    13: 0000000000000000   144 FUNC    GLOBAL DEFAULT     4 forwarder";
        assert_eq!(exported(program).as_deref(), Some("program forwarder"));
        let map = "    14: 0000000000000000    40 OBJECT  GLOBAL DEFAULT     7 VIPS";
        assert_eq!(exported(map).as_deref(), Some("data VIPS of 40 bytes"));
        let local =
            "     4: 0000000000000000   104 FUNC    LOCAL  DEFAULT     2 _RNvCs98V2IDzgeCV_9forwarder6helper";
        assert_eq!(exported(local), None);
    }
}
