//! Modules of the other kernel, and what they depend on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result};

/// Folders of modules that the tests may ask for, and single ones.
const WANTED: [&str; 9] = [
    "kernel/net/",
    "kernel/drivers/net/veth.ko",
    "kernel/drivers/net/dummy.ko",
    "kernel/drivers/net/tun.ko",
    "kernel/drivers/net/macvlan.ko",
    "kernel/drivers/net/ipvlan/",
    "kernel/drivers/net/vxlan/",
    "kernel/drivers/net/vrf.ko",
    "kernel/drivers/net/bonding/",
];

/// Paths, relative to the folder of the modules, of all that are wanted, with those that they need.
pub(super) fn wanted(modules: &Path) -> Result<BTreeSet<String>> {
    let path = modules.join("modules.dep");
    let text = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    Ok(closure(&text))
}

fn closure(dependencies: &str) -> BTreeSet<String> {
    let needs: BTreeMap<&str, Vec<&str>> = dependencies
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(module, needs)| (module, needs.split_whitespace().collect()))
        .collect();
    let is_wanted = |module: &&str| WANTED.iter().any(|wanted| module.starts_with(wanted));
    let mut open: Vec<&str> = needs.keys().copied().filter(is_wanted).collect();
    let mut found = BTreeSet::new();
    while let Some(module) = open.pop() {
        if found.insert(module.to_owned()) {
            open.extend(needs.get(module).into_iter().flatten());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_modules_need_comes_with_them() {
        let text = "kernel/net/a.ko: kernel/lib/b.ko\nkernel/lib/b.ko: kernel/lib/c.ko\nkernel/lib/c.ko:\nkernel/fs/d.ko:\n";
        let found: Vec<String> = closure(text).into_iter().collect();
        assert_eq!(found, ["kernel/lib/b.ko", "kernel/lib/c.ko", "kernel/net/a.ko"]);
    }
}
