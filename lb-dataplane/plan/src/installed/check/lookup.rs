//! The VIP lookup.

use guideway_abi::{
    AddressRef, PREFIXES4, PREFIXES6, PortInterval, VIP_NONE, VIP4_BUCKETS, VIP6_BUCKETS, VipRef, entry_kind,
    vip_flags,
};

use super::InstalledError;
use crate::MapContents;
use crate::lookup::{home4, home6, unpacked};

pub(super) fn check(maps: &MapContents) -> Result<(), InstalledError> {
    buckets4(maps)?;
    buckets6(maps)?;
    let starts4 = maps.prefixes4.iter().map(|prefix| u128::from(prefix.start));
    prefixes(maps, PREFIXES4, starts4.zip(maps.prefixes4.iter().map(|prefix| prefix.value)))?;
    let starts6 = maps.prefixes6.iter().map(|prefix| {
        let [upper, lower] = prefix.start;
        u128::from(upper) << 64 | u128::from(lower)
    });
    prefixes(maps, PREFIXES6, starts6.zip(maps.prefixes6.iter().map(|prefix| prefix.value)))
}

fn buckets4(maps: &MapContents) -> Result<(), InstalledError> {
    let (key, mask) = (&maps.header.lookup_key, maps.header.vip4_mask);
    for (index, bucket) in maps.vip4_buckets.iter().enumerate() {
        for entry in bucket.entries.iter().filter(|entry| entry.key != 0) {
            let is_home = home4(key, mask, entry.address, entry.key).contains(&number(index));
            place(maps, entry.key, entry.value, is_home).map_err(|what| error(VIP4_BUCKETS, index, what))?;
        }
    }
    Ok(())
}

fn buckets6(maps: &MapContents) -> Result<(), InstalledError> {
    let (key, mask) = (&maps.header.lookup_key, maps.header.vip6_mask);
    for (index, bucket) in maps.vip6_buckets.iter().enumerate() {
        for entry in bucket.entries.iter().filter(|entry| entry.key != 0) {
            let is_home = home6(key, mask, entry.address, entry.key).contains(&number(index));
            place(maps, entry.key, entry.value, is_home).map_err(|what| error(VIP6_BUCKETS, index, what))?;
        }
    }
    Ok(())
}

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

fn error(map: &'static str, index: usize, what: &'static str) -> InstalledError {
    InstalledError::Lookup { map, index, what }
}

/// An entry of a bucket.
fn place(maps: &MapContents, key: u32, value: VipRef, is_home: bool) -> Result<(), &'static str> {
    if !is_home {
        return Err("an entry stands where no packet would look for it");
    }
    match (key >> 24) as u8 {
        entry_kind::PORT => vip(maps, value),
        entry_kind::ADDRESS => ports(maps, unpacked(value)),
        _ => Err("an entry is of no known kind"),
    }
}

fn vip(maps: &MapContents, value: VipRef) -> Result<(), &'static str> {
    match maps.vips.get(value.vip as usize) {
        None => Err("a VIP's index is out of range"),
        Some(record) if record.identity == 0 => Err("a VIP has no record"),
        Some(record) if record.set != value.set => Err("a VIP has another set in its record"),
        Some(record) if record.source_count > 0 && value.flags & vip_flags::RESTRICTED == 0 => {
            Err("a VIP has sources that nobody would look at")
        }
        Some(_) => Ok(()),
    }
}

/// The intervals of an address.
fn ports(maps: &MapContents, ports: AddressRef) -> Result<(), &'static str> {
    let Some(intervals) = slice(maps, ports) else { return Err("its port intervals are out of range") };
    if intervals.first().is_some_and(|first| first.start != 0) {
        return Err("its port intervals do not start at 0");
    }
    if !intervals.is_sorted_by(|a, b| a.start < b.start) {
        return Err("its port intervals are not sorted");
    }
    intervals
        .iter()
        .filter(|interval| interval.value.vip != VIP_NONE)
        .try_for_each(|interval| vip(maps, interval.value))
}

fn slice(maps: &MapContents, ports: AddressRef) -> Option<&[PortInterval]> {
    let first = ports.first as usize;
    maps.intervals.get(first..first.checked_add(ports.count as usize)?)
}

fn prefixes(
    maps: &MapContents,
    map: &'static str,
    prefixes: impl Iterator<Item = (u128, AddressRef)>,
) -> Result<(), InstalledError> {
    let mut last = None;
    for (index, (start, value)) in prefixes.enumerate() {
        if index == 0 && start != 0 {
            return Err(error(map, index, "the first interval does not start at 0"));
        }
        if last.replace(start).is_some_and(|last| last >= start) {
            return Err(error(map, index, "the intervals are not sorted"));
        }
        ports(maps, value).map_err(|what| error(map, index, what))?;
    }
    Ok(())
}

/// Elements of `INTERVALS` up to the last one that something refers to.
pub(super) fn intervals_in_use(maps: &MapContents) -> usize {
    let prefixes = maps
        .prefixes4
        .iter()
        .map(|prefix| prefix.value)
        .chain(maps.prefixes6.iter().map(|prefix| prefix.value));
    crate::lookup::intervals_in_use(&maps.vip4_buckets, &maps.vip6_buckets, prefixes)
}
