//! The sources of a VIP: who may dial it.

use std::collections::HashMap;

use ipnet::IpNet;

use crate::read::{list, scalar};
use crate::sink::{Path, Position, Sink};
use crate::tree::Node;
use crate::units;

/// Prefixes of one VIP.
pub(crate) const MOST: usize = 1024;

/// The value of `sources` of the VIP at `address`, whose own error is reported elsewhere. `None` is reported.
pub(super) fn read(
    node: &Node<'_>,
    address: Option<&IpNet>,
    path: &Path<'_>,
    sink: &mut Sink,
) -> Option<Vec<IpNet>> {
    let items = list(node, path, sink)?;
    if items.len() > MOST {
        let reason = format_args!(
            "has {} prefixes, at most {MOST} are allowed: join some into shorter prefixes",
            items.len()
        );
        sink.error(node.at, path, reason);
        return None;
    }
    let mut seen: HashMap<IpNet, Position> = HashMap::new();
    let mut sources = Some(Vec::with_capacity(items.len()));
    for (index, item) in items.iter().enumerate() {
        let path = &Path::Item(path, index);
        let source = scalar(item, units::source, path, sink)
            .filter(|source| is_of_family(source, address, item.at, path, sink))
            .filter(|source| match seen.insert(*source, item.at) {
                None => true,
                Some(first) => {
                    let reason = format_args!("{source} stands already in line {}", first.line);
                    sink.error(item.at, path, reason);
                    false
                }
            });
        sources = sources.zip(source).map(|(mut all, one)| {
            all.push(one);
            all
        });
    }
    sources
}

/// No packet to the VIP has a source of the other family.
fn is_of_family(
    source: &IpNet,
    address: Option<&IpNet>,
    at: Position,
    path: &Path<'_>,
    sink: &mut Sink,
) -> bool {
    let (found, needed) = match (source, address) {
        (IpNet::V4(_), Some(IpNet::V6(_))) => ("IPv4", "IPv6"),
        (IpNet::V6(_), Some(IpNet::V4(_))) => ("IPv6", "IPv4"),
        _ => return true,
    };
    sink.error(at, path, format_args!("{source} is {found}, and the VIP's address is {needed}: remove it"));
    false
}
