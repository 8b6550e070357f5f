//! A route without its prefix.

use guideway_bgp_wire::{Attributes, NextHop};

/// Where packets go and what is said about the way. Shared by all prefixes that have it in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Route {
    /// Where packets go.
    pub next_hop: NextHop,
    /// The other path attributes.
    pub attributes: Attributes,
}

impl Route {
    /// Octets in memory, but for those of the allocator.
    pub(crate) fn octets(&self) -> usize {
        let Attributes { as_path, communities, extended_communities, large_communities, .. } =
            &self.attributes;
        let segments = as_path.iter().flat_map(|path| &path.segments);
        let path: usize = segments.map(|segment| size_of_val(segment) + size_of_val(&*segment.asns)).sum();
        let other = &self.attributes.other;
        let other: usize = other.iter().map(|raw| size_of_val(raw) + raw.value.len()).sum();
        size_of_val(self)
            + path
            + size_of_val(&**communities)
            + size_of_val(&**extended_communities)
            + size_of_val(&**large_communities)
            + size_of_val(&*self.attributes.cluster_list)
            + other
    }
}
