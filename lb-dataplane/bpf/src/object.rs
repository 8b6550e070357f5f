//! The compiled programs and what they want of their maps.

use std::collections::BTreeMap;

use aya_obj::EbpfSectionKind;
use guideway_abi as abi;
use guideway_abi::Capacities;

/// A compiled object and how to load it.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) bytes: &'static [u8],
    /// Name of its program.
    pub(crate) program: &'static str,
    /// Maps that are pinned.
    pub(crate) maps: &'static [&'static str],
    /// Numbers of elements that replace those of the object.
    pub(crate) max_entries: Vec<(&'static str, u32)>,
}

/// What a map must be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MapDefinition {
    pub(crate) map_type: u32,
    pub(crate) key_size: u32,
    pub(crate) value_size: u32,
    pub(crate) max_entries: u32,
    pub(crate) flags: u32,
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
}

impl Object {
    pub(crate) fn forwarder(capacities: Capacities) -> Self {
        let tables = capacities.tables_large.saturating_add(capacities.tables_small);
        Self {
            bytes: aya::include_bytes_aligned!("../../../ebpf/obj/forwarder.o"),
            program: abi::FORWARDER_PROGRAM,
            maps: &[
                abi::ACTIVE,
                abi::HEADERS,
                abi::VIP_BUCKETS,
                abi::VIPS,
                abi::TABLES_LARGE,
                abi::TABLES_SMALL,
                abi::TABLE_META,
                abi::BACKENDS,
                abi::VIP_STATS,
                abi::BACKEND_STATS,
                abi::COUNTERS,
                abi::META,
            ],
            max_entries: vec![
                (abi::VIP_BUCKETS, abi::BANKS * capacities.buckets()),
                (abi::VIPS, abi::BANKS * capacities.vips),
                (abi::TABLES_LARGE, capacities.tables_large),
                (abi::TABLES_SMALL, capacities.tables_small),
                (abi::TABLE_META, tables),
                (abi::BACKENDS, capacities.backends),
                (abi::VIP_STATS, capacities.vips),
                (abi::BACKEND_STATS, capacities.backends),
            ],
        }
    }

    pub(crate) fn decap() -> Self {
        Self {
            bytes: aya::include_bytes_aligned!("../../../ebpf/obj/decap.o"),
            program: abi::DECAP_PROGRAM,
            maps: &[abi::DECAP_VIPS, abi::DECAP_COUNTERS],
            max_entries: Vec::new(),
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
            definitions.insert(
                *name,
                MapDefinition {
                    map_type: map.map_type(),
                    key_size: map.key_size(),
                    value_size: map.value_size(),
                    max_entries: overridden.map_or(map.max_entries(), |(_, max_entries)| *max_entries),
                    flags: map.map_flags(),
                },
            );
        }
        Ok(definitions)
    }
}
