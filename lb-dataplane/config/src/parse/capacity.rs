//! Does the configuration fit the maps that `limits` makes? Only what cannot fit for sure is an error; the planner has
//! the last word.

use std::collections::HashSet;
use std::net::IpAddr;

use super::backend_sets::Sets;
use crate::read::Fields;
use crate::sink::{Path, Sink};
use crate::types::{BackendSet, Limits, TableSize, Vip};

pub(super) fn check(root: &Fields<'_, '_>, limits: &Limits, sets: &Sets, vips: &[Vip], sink: &mut Sink) {
    let at = root.value_at("limits");
    let path = Path::Field(&Path::Root, "limits");
    exceeded(limits, sets.distinct_addresses(), vips, |field, reason| {
        let name = field.strip_prefix("limits.").unwrap_or(field);
        sink.error(at, &Path::Field(&path, name), reason);
    });
}

/// Reports each limit that is too low, with its path. `addresses` are how many the backends have between them.
pub(crate) fn exceeded(
    limits: &Limits,
    addresses: usize,
    vips: &[Vip],
    mut report: impl FnMut(&'static str, String),
) {
    let mut over = |field, needed: u64, allowed: u32, what: &str| {
        if needed > u64::from(allowed) {
            let reason =
                format!("{what} need {needed} elements and it is {allowed}: raise it to at least {needed}");
            report(field, reason);
        }
    };
    over("limits.vips", vips.len() as u64, limits.vips, "the VIPs");
    // The first element is never used.
    over(
        "limits.backends",
        addresses as u64 + 1,
        limits.backends,
        "the backend addresses (and the first element, which stays empty)",
    );
    let flows = vips.iter().filter_map(|vip| vip.flow_entries).map(u64::from).sum();
    over(
        "limits.flows",
        flows,
        limits.flows,
        "the `flow_entries` of the VIPs, each rounded up to a power of two,",
    );
    for (field, size, allowed) in [
        ("limits.tables_65537", TableSize::Large, limits.tables_65537),
        ("limits.tables_16381", TableSize::Small, limits.tables_16381),
    ] {
        // Two for each, so that a change of health has room whatever is installed.
        over(field, 2 * tables(vips, size) as u64, allowed, "the different backend sets, two each,");
    }
}

/// The fewest tables of this size that the VIPs can need: equal sets share one.
fn tables(vips: &[Vip], size: TableSize) -> usize {
    let mut done: HashSet<*const BackendSet> = HashSet::new();
    let mut contents: HashSet<Vec<(&str, IpAddr, u16)>> = HashSet::new();
    for set in vips.iter().map(|vip| &vip.backend_set).filter(|set| set.table_size == size) {
        if done.insert(std::sync::Arc::as_ptr(set)) {
            let mut content: Vec<_> = set
                .backends
                .iter()
                .filter(|backend| backend.weight > 0)
                .map(|backend| (backend.name.as_str(), backend.address, backend.weight))
                .collect();
            content.sort_unstable();
            contents.insert(content);
        }
    }
    contents.len()
}
