//! The compiled programs and what they want of their maps.

use std::collections::BTreeMap;

use aya_obj::EbpfSectionKind;
use guideway_abi as abi;
use guideway_abi::{Capacities, MetaRecord};

use crate::install::meta;

/// A compiled object and how to load it.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) bytes: &'static [u8],
    /// Name of its program, which is pinned and attached.
    pub(crate) program: &'static str,
    /// Names of programs that are loaded besides, anew by each process, and not pinned.
    pub(crate) others: &'static [&'static str],
    /// Maps that are pinned.
    pub(crate) maps: &'static [&'static str],
    /// Numbers of elements that replace those of the object.
    pub(crate) max_entries: Vec<(&'static str, u32)>,
    /// For an object with a map [`META`](abi::META): what stands there.
    pub(crate) meta: Option<MetaRecord>,
}

/// What a map must be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MapDefinition {
    pub(crate) map_type: u32,
    pub(crate) key_size: u32,
    pub(crate) value_size: u32,
    pub(crate) max_entries: u32,
    pub(crate) flags: u32,
    /// Elements that a program sees: all of `max_entries`, or those within the one element of an array in shared memory.
    pub(crate) elements: u32,
}

impl MapDefinition {
    /// What the values take; once for each CPU with per-CPU maps.
    pub(crate) fn bytes(&self) -> u64 {
        u64::from(self.value_size) * u64::from(self.max_entries)
    }
}

/// The compiled object does not fit this crate: a defect of the build.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// It is no eBPF object.
    #[error("the compiled program cannot be read")]
    Unreadable(#[source] aya_obj::ParseError),
    /// A map is missing.
    #[error("the compiled program has no map {0}")]
    NoMap(&'static str),
    /// A program is missing.
    #[error("the compiled object has no program {0}")]
    NoProgram(&'static str),
    /// An array in shared memory would have more than 4 GiB.
    #[error("map {0} would be too large")]
    TooLarge(&'static str),
}

impl Object {
    pub(crate) fn forwarder(capacities: Capacities) -> Self {
        let banks = |elements: u32| abi::BANKS * elements;
        Self {
            bytes: aya::include_bytes_aligned!("../../../ebpf/obj/forwarder.o"),
            program: abi::FORWARDER_PROGRAM,
            others: &[abi::CLOCK_PROGRAM],
            maps: &[
                abi::ACTIVE,
                abi::HEADERS,
                abi::VIP4_BUCKETS,
                abi::VIP6_BUCKETS,
                abi::INTERVALS,
                abi::PREFIXES4,
                abi::PREFIXES6,
                abi::SOURCES,
                abi::VIPS,
                abi::SETS,
                abi::BACKEND_STATES,
                abi::TABLES_LARGE,
                abi::TABLES_SMALL,
                abi::TABLE_META,
                abi::BACKENDS,
                abi::ROUTES,
                abi::NODE,
                abi::FLOW_MARKS_MAP,
                abi::LINKS,
                abi::FLOWS,
                abi::VIP_STATS,
                abi::BACKEND_STATS,
                abi::COUNTERS,
                abi::META,
            ],
            max_entries: vec![
                (abi::VIP4_BUCKETS, banks(capacities.buckets4())),
                (abi::VIP6_BUCKETS, banks(capacities.buckets6())),
                (abi::INTERVALS, banks(capacities.intervals())),
                (abi::PREFIXES4, banks(capacities.prefixes())),
                (abi::PREFIXES6, banks(capacities.prefixes())),
                (abi::SOURCES, banks(capacities.sources())),
                (abi::VIPS, banks(capacities.vips)),
                (abi::SETS, banks(capacities.sets())),
                (abi::BACKEND_STATES, banks(capacities.state_elements())),
                (abi::TABLES_LARGE, capacities.tables_large),
                (abi::TABLES_SMALL, capacities.tables_small),
                (abi::TABLE_META, capacities.sets()),
                (abi::BACKENDS, capacities.backends),
                (abi::ROUTES, capacities.backends),
                (abi::LINKS, abi::LINKS_MAX),
                (abi::FLOWS, capacities.flow_buckets),
                (abi::VIP_STATS, capacities.vips),
                (abi::BACKEND_STATS, capacities.backends),
            ],
            meta: Some(meta(capacities)),
        }
    }

    /// The maps that are pinned, by name.
    pub(crate) fn definitions(&self) -> Result<BTreeMap<&'static str, MapDefinition>, ObjectError> {
        let parsed = aya_obj::Object::parse(self.bytes).map_err(ObjectError::Unreadable)?;
        let mut definitions = BTreeMap::new();
        for name in self.maps {
            let map = parsed
                .maps
                .get(*name)
                .filter(|map| map.section_kind() == EbpfSectionKind::BtfMaps)
                .ok_or(ObjectError::NoMap(name))?;
            let overridden = self.max_entries.iter().find(|(of, _)| of == name);
            let elements = overridden.map_or(map.max_entries(), |(_, max_entries)| *max_entries);
            let (value_size, max_entries) = if abi::SHARED.contains(name) {
                let bytes = map.value_size().checked_mul(elements).ok_or(ObjectError::TooLarge(name))?;
                (bytes, 1)
            } else {
                (map.value_size(), elements)
            };
            definitions.insert(
                *name,
                MapDefinition {
                    map_type: map.map_type(),
                    key_size: map.key_size(),
                    value_size,
                    max_entries,
                    flags: map.map_flags(),
                    elements,
                },
            );
        }
        Ok(definitions)
    }
}
