//! Limits of the maps' sizes.

use guideway_abi::Capacities;

use crate::install::OpenError;

/// VIPs in one generation, at most: a limit of this crate, far above what the maps' memory allows for.
const VIPS_MAX: u32 = 1 << 20;
/// Buckets of the flow table, at most, likewise: a gigabyte.
const FLOW_BUCKETS_MAX: u32 = 1 << 24;

pub(super) fn check(capacities: Capacities) -> Result<(), OpenError> {
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
    use super::check;
    use guideway_abi::Capacities;

    #[test]
    fn every_capacity_has_a_range() {
        let good = Capacities::default();
        check(good).unwrap();
        for bad in [
            Capacities { vips: 0, ..good },
            Capacities { vips: u32::MAX, ..good },
            Capacities { backends: 32_769, ..good },
            Capacities { tables_large: 0, ..good },
            Capacities { tables_small: 32_768, ..good },
            Capacities { flow_buckets: 0, ..good },
            Capacities { flow_buckets: u32::MAX, ..good },
        ] {
            check(bad).unwrap_err();
        }
    }
}
