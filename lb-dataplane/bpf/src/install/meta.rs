//! The record that tells a later process what the maps are.

use std::io;
use std::path::Path;

use guideway_abi as abi;
use guideway_abi::{Capacities, MetaRecord};

use super::{Difference, Maps};
use crate::pins::Layout;
use crate::plain::{bytes, bytes_mut};
use crate::sys::{self, MapRef, ObjectKind};

const ELEMENT: [u8; 4] = 0_u32.to_ne_bytes();

/// Writes the record into new maps.
pub(super) fn write(maps: &Maps, meta: &MetaRecord) -> io::Result<()> {
    maps.get(abi::META).map_or(Ok(()), |map| map.update(&ELEMENT, bytes(std::slice::from_ref(meta))))
}

/// The pinned record; none when the map is missing or is another one.
pub(super) fn read(layout: &Layout) -> io::Result<Option<MetaRecord>> {
    let Ok((fd, ObjectKind::Map)) = sys::open_pin(&layout.map(abi::META)) else { return Ok(None) };
    let map = MapRef::new(fd)?;
    let mut found = [MetaRecord::default()];
    let fits =
        map.info().key_size as usize == ELEMENT.len() && map.user_value_size() == size_of::<MetaRecord>();
    Ok((fits && map.lookup(&ELEMENT, bytes_mut(&mut found))?).then_some(found[0]))
}

/// The record of these capacities.
pub(crate) fn meta(capacities: Capacities) -> MetaRecord {
    let Capacities { vips, backends, tables_large, tables_small, flow_buckets } = capacities;
    MetaRecord { abi_version: abi::ABI_VERSION, vips, backends, tables_large, tables_small, flow_buckets }
}

/// Everything in the record that does not fit. Of another version nothing else is known.
pub(super) fn compare(path: &Path, found: &MetaRecord, wanted: &MetaRecord) -> Vec<Difference> {
    let properties = [
        ("ABI version", found.abi_version, wanted.abi_version),
        ("capacity for VIPs", found.vips, wanted.vips),
        ("capacity for backends", found.backends, wanted.backends),
        ("capacity for tables of 65537", found.tables_large, wanted.tables_large),
        ("capacity for tables of 16381", found.tables_small, wanted.tables_small),
        ("capacity for buckets of flows", found.flow_buckets, wanted.flow_buckets),
    ];
    let known = if found.abi_version == wanted.abi_version { properties.len() } else { 1 };
    properties
        .into_iter()
        .take(known)
        .filter(|(_, found, wanted)| found != wanted)
        .map(|(property, found, wanted)| Difference {
            path: path.to_owned(),
            property,
            found: found.to_string(),
            wanted: wanted.to_string(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{compare, meta};
    use guideway_abi::{ABI_VERSION, Capacities, MetaRecord};
    use std::path::Path;

    #[test]
    fn every_field_is_compared() {
        let wanted = meta(Capacities::default());
        assert_eq!(compare(Path::new("/x"), &wanted, &wanted), []);
        let found = MetaRecord { abi_version: ABI_VERSION, ..MetaRecord::default() };
        assert_eq!(compare(Path::new("/x"), &found, &wanted).len(), 5);
    }

    #[test]
    fn another_version_is_all_that_is_said() {
        let wanted = meta(Capacities::default());
        let found = MetaRecord { abi_version: ABI_VERSION + 1, ..MetaRecord::default() };
        let differences = compare(Path::new("/x/maps/META"), &found, &wanted);
        assert_eq!(differences.len(), 1);
        let (found, wanted) = (ABI_VERSION + 1, ABI_VERSION);
        let text = format!("/x/maps/META: ABI version is {found}, wanted {wanted}");
        assert_eq!(differences[0].to_string(), text);
    }
}
