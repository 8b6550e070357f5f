//! What finds a packet's VIP, compiled for the maps: `docs/forwarding.md`, section 2.

use guideway_abi::{
    AddressRef, PortInterval, Prefix4, Prefix6, Vip4Bucket, Vip4Entry, Vip6Bucket, Vip6Entry, VipRef,
    entry_kind, vip_key,
};
use guideway_maglev::Seed;

use crate::digest::{lookup_key, words_digest};
use crate::key::{Match, Net, words_v6};

mod buckets;
mod intervals;
mod nets;

pub(crate) use buckets::{home4, home6};
pub(crate) use intervals::Counts;

use intervals::{Pool, Rule};
use nets::Nets;

/// Keys tried before giving up; the first one nearly always does.
pub(crate) const ATTEMPTS: u32 = 64;

/// As many keys have to be good ones.
const CHOOSY: u32 = 16;

/// The contents of the maps that the lookup is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lookup {
    pub(crate) key: [u64; 7],
    pub(crate) buckets4: Vec<Vip4Bucket>,
    pub(crate) buckets6: Vec<Vip6Bucket>,
    pub(crate) intervals: Vec<PortInterval>,
    pub(crate) prefixes4: Vec<Prefix4>,
    pub(crate) prefixes6: Vec<Prefix6>,
}

/// Everything but the buckets, which may need several tries.
struct Parts {
    entries4: Vec<Vip4Entry>,
    entries6: Vec<Vip6Entry>,
    intervals: Vec<PortInterval>,
    prefixes4: Vec<Prefix4>,
    prefixes6: Vec<Prefix6>,
}

/// The lookup of `vips`, whose keys differ and are sorted, and of `pools`, which are so too; `None` when no key gives one.
pub(crate) fn compile(vips: &[(Match, VipRef)], pools: &[Net], seed: &Seed) -> Option<Lookup> {
    let parts = parts(vips, pools);
    let built = |attempt| {
        let key = lookup_key(seed, attempt);
        let buckets4 = buckets::build4(&parts.entries4, &key)?;
        let buckets6 = buckets::build6(&parts.entries6, &key)?;
        let is_good = buckets4.is_good(parts.entries4.len()) && buckets6.is_good(parts.entries6.len());
        (is_good || attempt >= CHOOSY).then_some((key, buckets4.buckets, buckets6.buckets))
    };
    let (key, buckets4, buckets6) = (0..ATTEMPTS).find_map(built)?;
    let Parts { mut intervals, prefixes4, prefixes6, .. } = parts;
    let prefixes =
        prefixes4.iter().map(|prefix| prefix.value).chain(prefixes6.iter().map(|prefix| prefix.value));
    // What is read back is known to be in use only when something refers to it.
    intervals.truncate(intervals_in_use(&buckets4, &buckets6, prefixes));
    Some(Lookup { key, buckets4, buckets6, intervals, prefixes4, prefixes6 })
}

/// What the lookup of `vips` and `pools` needs of the maps of intervals.
pub(crate) fn counts(vips: &[(Match, VipRef)], pools: &[Net]) -> Counts {
    let parts = parts(vips, pools);
    Counts {
        intervals: parts.intervals.len(),
        prefixes4: parts.prefixes4.len(),
        prefixes6: parts.prefixes6.len(),
    }
}

fn parts(vips: &[(Match, VipRef)], pools: &[Net]) -> Parts {
    let mut parts = Parts {
        entries4: Vec::with_capacity(2 * vips.len()),
        entries6: Vec::new(),
        intervals: Vec::new(),
        prefixes4: Vec::new(),
        prefixes6: Vec::new(),
    };
    let mut pool = Pool::default();
    // Sorted: a net's VIPs stand side by side.
    let by_net: Vec<&[(Match, VipRef)]> = vips.chunk_by(|(a, _), (b, _)| a.net == b.net).collect();
    let prefixes = by_net.iter().filter(|vips| !vips[0].0.net.is_host());
    let mut prefixes: Vec<(Net, Vec<Rule>)> = prefixes.map(|vips| (vips[0].0.net, rules(vips))).collect();
    // Those of VIPs stand before them, and stay.
    prefixes.extend(pools.iter().map(|pool| (*pool, Vec::new())));
    prefixes.sort_by_key(|(net, _)| *net);
    prefixes.dedup_by_key(|(net, _)| *net);
    let mut nets = Nets::new(prefixes, &mut pool);
    for vips in by_net.iter().filter(|vips| vips[0].0.net.is_host()) {
        let net = vips[0].0.net;
        let around = nets.innermost(&net);
        let own = rules(vips);
        let ports = if own.is_empty() { nets.ports(around) } else { nets.ports_with(own, around, &mut pool) };
        for (key, value) in vips.iter().filter(|(key, _)| key.is_exact()) {
            parts.push(&net, vip_key(key.first.to_be(), key.protocol, entry_kind::PORT), *value);
        }
        parts.push(&net, vip_key(0, 0, entry_kind::ADDRESS), packed(ports));
    }
    parts.prefixes4 = nets.prefixes4();
    parts.prefixes6 = nets.prefixes6();
    parts.intervals = pool.into_intervals();
    parts
}

/// What the buckets do not hold, in the order of precedence.
fn rules(vips: &[(Match, VipRef)]) -> Vec<Rule> {
    let mut ranges: Vec<&(Match, VipRef)> = vips.iter().filter(|(key, _)| !key.is_exact()).collect();
    ranges.sort_by_key(|(key, _)| key.precedence());
    ranges.into_iter().map(|(key, value)| Rule::new(key, *value)).collect()
}

impl Parts {
    fn push(&mut self, net: &Net, key: u32, value: VipRef) {
        let octets = net.octets();
        if net.is_v6 {
            self.entries6.push(Vip6Entry { address: words_v6(octets), key, reserved: 0, value });
        } else {
            let address = u32::from_le_bytes([octets[0], octets[1], octets[2], octets[3]]);
            self.entries4.push(Vip4Entry { address, key, value });
        }
    }
}

/// An [`AddressRef`] in the bytes of a [`VipRef`].
#[allow(clippy::cast_possible_truncation)] // halves are meant
fn packed(ports: AddressRef) -> VipRef {
    VipRef { vip: ports.first, set: ports.count as u16, flags: (ports.count >> 16) as u16 }
}

/// The reverse.
pub(crate) fn unpacked(value: VipRef) -> AddressRef {
    AddressRef { first: value.vip, count: u32::from(value.set) | u32::from(value.flags) << 16 }
}

/// Elements of [`INTERVALS`](guideway_abi::INTERVALS) up to the last one that something refers to.
pub(crate) fn intervals_in_use(
    buckets4: &[Vip4Bucket],
    buckets6: &[Vip6Bucket],
    prefixes: impl Iterator<Item = AddressRef>,
) -> usize {
    let is_address = |key: u32| (key >> 24) as u8 == entry_kind::ADDRESS;
    let entries4 = buckets4.iter().flat_map(|bucket| &bucket.entries);
    let entries4 = entries4.filter(|entry| is_address(entry.key)).map(|entry| unpacked(entry.value));
    let entries6 = buckets6.iter().flat_map(|bucket| &bucket.entries);
    let entries6 = entries6.filter(|entry| is_address(entry.key)).map(|entry| unpacked(entry.value));
    let end = |ports: AddressRef| ports.first as usize + ports.count as usize;
    entries4.chain(entries6).chain(prefixes).map(end).max().unwrap_or(0)
}

impl Lookup {
    /// Over all that is in it.
    pub(crate) fn digest(&self) -> [u64; 2] {
        digest(&self.key, &self.buckets4, &self.buckets6, &self.intervals, (&self.prefixes4, &self.prefixes6))
    }
}

/// A digest over the contents of the maps, the same for those that were read and those that were compiled.
pub(crate) fn digest(
    key: &[u64; 7],
    buckets4: &[Vip4Bucket],
    buckets6: &[Vip6Bucket],
    intervals: &[PortInterval],
    (prefixes4, prefixes6): (&[Prefix4], &[Prefix6]),
) -> [u64; 2] {
    let value = |value: VipRef| [u64::from(value.vip), u64::from(value.set) | u64::from(value.flags) << 32];
    let ports = |ports: AddressRef| u64::from(ports.first) | u64::from(ports.count) << 32;
    let lengths = [buckets4.len(), buckets6.len(), intervals.len(), prefixes4.len(), prefixes6.len()]
        .map(|len| len as u64);
    let words4 = buckets4.iter().flat_map(|bucket| bucket.entries).flat_map(|entry| {
        let [vip, rest] = value(entry.value);
        [u64::from(entry.address) | u64::from(entry.key) << 32, vip, rest]
    });
    let words6 = buckets6.iter().flat_map(|bucket| bucket.entries).flat_map(|entry| {
        let ([a, b], [vip, rest]) = (entry.address, value(entry.value));
        [a, b, entry.key.into(), vip, rest]
    });
    let words_i = intervals.iter().flat_map(|interval| {
        let [vip, rest] = value(interval.value);
        [u64::from(interval.start), vip, rest]
    });
    let words_p4 = prefixes4.iter().flat_map(|prefix| [u64::from(prefix.start), ports(prefix.value)]);
    let words_p6 =
        prefixes6.iter().flat_map(|prefix| [prefix.start[0], prefix.start[1], ports(prefix.value)]);
    words_digest(
        key.iter()
            .copied()
            .chain(lengths)
            .chain(words4)
            .chain(words6)
            .chain(words_i)
            .chain(words_p4)
            .chain(words_p6),
    )
}

#[cfg(test)]
mod tests;
