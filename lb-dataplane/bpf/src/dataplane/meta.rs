//! Sizes of the maps: their limits, and the record that tells them to a later process.

use std::path::Path;

use guideway_abi as abi;
use guideway_abi::{Capacities, MetaRecord};

use crate::install::{Difference, OpenError};

/// VIPs in one generation, at most: a limit of this crate, far above what the maps' memory allows for.
const VIPS_MAX: u32 = 1 << 20;
/// Buckets of the flow table, at most, likewise: a gigabyte.
const FLOW_BUCKETS_MAX: u32 = 1 << 24;

pub(super) fn meta(capacities: Capacities) -> MetaRecord {
    let Capacities { vips, backends, tables_large, tables_small, flow_buckets } = capacities;
    MetaRecord { abi_version: abi::ABI_VERSION, vips, backends, tables_large, tables_small, flow_buckets }
}

pub(super) fn compare_meta(pin_root: &Path, found: &MetaRecord, wanted: &MetaRecord) -> Vec<Difference> {
    [
        ("ABI version", found.abi_version, wanted.abi_version),
        ("capacity for VIPs", found.vips, wanted.vips),
        ("capacity for backends", found.backends, wanted.backends),
        ("capacity for tables of 65537", found.tables_large, wanted.tables_large),
        ("capacity for tables of 16381", found.tables_small, wanted.tables_small),
        ("capacity for buckets of flows", found.flow_buckets, wanted.flow_buckets),
    ]
    .into_iter()
    .filter(|(_, found, wanted)| found != wanted)
    .map(|(property, found, wanted)| Difference {
        path: pin_root.join("maps").join(abi::META),
        property,
        found: found.to_string(),
        wanted: wanted.to_string(),
    })
    .collect()
}

pub(super) fn check_capacities(capacities: Capacities) -> Result<(), OpenError> {
    let Capacities { vips, backends, tables_large, tables_small, flow_buckets } = capacities;
    for (what, found, minimum, maximum) in [
        ("VIPs", vips, 1, VIPS_MAX),
        ("backends", backends, 2, Capacities::MAX_BACKENDS),
        ("tables of 65537", tables_large, 1, Capacities::MAX_TABLES),
        ("tables of 16381", tables_small, 1, Capacities::MAX_TABLES),
        ("buckets of flows", flow_buckets, 1, FLOW_BUCKETS_MAX),
    ] {
        if !(minimum..=maximum).contains(&found) {
            return Err(OpenError::Capacity { what, found, minimum, maximum });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{check_capacities, compare_meta, meta};
    use guideway_abi::{ABI_VERSION, Capacities, MetaRecord};
    use std::path::Path;

    #[test]
    fn every_capacity_has_a_range() {
        let good = Capacities::default();
        check_capacities(good).unwrap();
        for bad in [
            Capacities { vips: 0, ..good },
            Capacities { vips: u32::MAX, ..good },
            Capacities { backends: 32_769, ..good },
            Capacities { tables_large: 0, ..good },
            Capacities { tables_small: 32_768, ..good },
            Capacities { flow_buckets: 0, ..good },
            Capacities { flow_buckets: u32::MAX, ..good },
        ] {
            check_capacities(bad).unwrap_err();
        }
    }

    #[test]
    fn every_field_of_the_metadata_is_compared() {
        let wanted = meta(Capacities::default());
        assert_eq!(compare_meta(Path::new("/x"), &wanted, &wanted), []);
        let found = MetaRecord { abi_version: ABI_VERSION + 1, ..MetaRecord::default() };
        let differences = compare_meta(Path::new("/x"), &found, &wanted);
        assert_eq!(differences.len(), 6);
        assert_eq!(differences[0].to_string(), "/x/maps/META: ABI version is 3, wanted 2");
    }
}
