//! Parts of the flow table.

use std::ops::Range;

use guideway_abi::{FLOW_WAYS, NO_REGION, VipRecord, vip_mode};

use crate::{Protocol, Session, Vip};

/// Buckets of a VIP that asks for no number of entries, at most.
const SHARE_MAX: u32 = 256;

/// What a VIP needs a region for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// As many buckets.
    Buckets(u32),
    /// Its share.
    Share,
}

impl Need {
    /// `None` when the flow table is never asked about flows of this VIP.
    pub(super) fn of(vip: &Vip, second_hop: bool) -> Option<Self> {
        let asks = match (vip.session, vip.key.protocol) {
            (Session::Flow { .. } | Session::ClientIp { .. }, _) => true,
            (Session::Stateless, Protocol::Tcp) => !second_hop,
            (Session::Stateless, Protocol::Udp) => false,
        };
        asks.then(|| vip.flow_entries.map_or(Self::Share, |entries| Self::Buckets(buckets_for(entries))))
    }
}

/// Places of a bucket.
#[allow(clippy::cast_possible_truncation)] // a handful
pub(super) const WAYS: u32 = FLOW_WAYS as u32;

/// Whole buckets, a power of two.
pub(super) fn buckets_for(entries: u32) -> u32 {
    entries.div_ceil(WAYS).max(1).checked_next_power_of_two().unwrap_or(1 << 31)
}

/// The mode of a VIP's record.
pub(super) fn mode(session: Session) -> u8 {
    match session {
        Session::Stateless => vip_mode::PLAIN,
        Session::Flow { .. } => vip_mode::STICKY,
        Session::ClientIp { .. } => vip_mode::CLIENT_IP,
    }
}

/// Buckets of the flow table that one VIP has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Region {
    pub(super) base: u32,
    pub(super) buckets: u32,
}

impl Region {
    pub(super) fn of(record: &VipRecord) -> Option<Self> {
        let region = Self { base: record.flow_base, buckets: record.flow_mask.wrapping_add(1) };
        (record.flow_base != NO_REGION).then_some(region)
    }

    fn range(self) -> Range<u32> {
        self.base..self.base + self.buckets
    }
}

/// A VIP that needs a region.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    pub(super) need: Need,
    /// The one that it has.
    pub(super) old: Option<Region>,
}

/// Who has which region.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Regions {
    /// In the order of the wishes.
    pub(super) granted: Vec<Option<Region>>,
    /// Those among them that had other owners.
    pub(super) new: Vec<Region>,
    /// A wish that cannot be granted while the installed generation lasts can be granted afterwards.
    pub(super) is_waiting: bool,
}

/// Grants `wishes`, in whose order the VIPs come first that are to be asked first. What the installed generation uses
/// (`held`) is given to nobody else.
pub(super) fn grant(wishes: &[Wish], held: &[Region], buckets: u32) -> Regions {
    let mut granted: Vec<Option<Region>> = wishes.iter().map(Wish::kept).collect();
    let share = share(wishes, buckets);
    let wanted = |wish: &Wish| match wish.need {
        Need::Buckets(buckets) => buckets,
        Need::Share => share,
    };
    let is_short = |wish: &Wish, granted: Option<Region>| match wish.need {
        Need::Buckets(buckets) => granted.is_none_or(|region| region.buckets < buckets),
        // Its flows are worth more than a larger region.
        Need::Share => granted.is_none(),
    };
    let sum: u64 = wishes
        .iter()
        .zip(&granted)
        .map(|(wish, &granted)| match granted {
            Some(region) if !is_short(wish, Some(region)) => region.buckets.into(),
            _ => u64::from(wanted(wish)),
        })
        .sum();
    if sum > u64::from(buckets) {
        // Entries in the half that is given up are lost.
        for (wish, granted) in wishes.iter().zip(&mut granted) {
            if let (Need::Share, Some(region)) = (wish.need, granted) {
                region.buckets = region.buckets.min(share.max(1));
            }
        }
    }
    let mut short: Vec<usize> =
        (0..wishes.len()).filter(|&wish| is_short(&wishes[wish], granted[wish])).collect();
    // Large ones first, so that the small ones fill the gaps.
    short.sort_by_key(|&wish| std::cmp::Reverse(wanted(&wishes[wish])));
    let taken = granted.iter().flatten().chain(held).copied();
    let mut free = Free::new(taken, buckets);
    // What would be free if the installed generation were gone.
    let mut gaps = Free::new(granted.iter().flatten().copied(), buckets);
    let mut regions = Regions { granted, new: Vec::new(), is_waiting: false };
    short.retain(|&wish| !regions.take(wish, wanted(&wishes[wish]), &mut free, &mut gaps));
    for &wish in &short {
        let mut size = wanted(&wishes[wish]);
        while size > regions.granted[wish].map_or(0, |region| region.buckets) {
            if regions.take(wish, size, &mut free, &mut gaps) {
                break;
            }
            // What the installed generation uses, or this VIP itself, may be in the way. Then it is without for
            // a generation.
            if gaps.fits(size, regions.granted[wish]) {
                regions.granted[wish].take().into_iter().for_each(|own| gaps.give_back(own));
                regions.is_waiting = true;
                break;
            }
            size /= 2;
        }
    }
    // What one has given back for a larger one may be what another has asked for before it.
    regions.is_waiting |= short.into_iter().any(|wish| {
        let own = regions.granted[wish];
        let sizes = std::iter::successors(Some(wanted(&wishes[wish])), |size| Some(size / 2));
        let mut larger = sizes.take_while(|&size| size > own.map_or(0, |own| own.buckets));
        larger.any(|size| gaps.fits(size, own))
    });
    regions
}

impl Regions {
    /// Grants a region of this size, if there is one in `free`.
    fn take(&mut self, wish: usize, size: u32, free: &mut Free, gaps: &mut Free) -> bool {
        let Some(base) = Some(size).filter(|&size| size > 0).and_then(|size| free.take(size)) else {
            return false;
        };
        let region = Region { base, buckets: size };
        if let Some(before) = self.granted[wish].replace(region) {
            gaps.give_back(before);
        }
        gaps.remove(region);
        self.new.push(region);
        true
    }
}

impl Wish {
    /// What of the old region stays.
    fn kept(&self) -> Option<Region> {
        match self.need {
            Need::Buckets(buckets) => {
                self.old.map(|region| Region { buckets: region.buckets.min(buckets), ..region })
            }
            Need::Share => self.old,
        }
    }
}

/// Buckets for each VIP that asks for no number of them.
fn share(wishes: &[Wish], buckets: u32) -> u32 {
    let asked: u64 = wishes
        .iter()
        .map(|wish| match wish.need {
            Need::Buckets(buckets) => buckets.into(),
            Need::Share => 0,
        })
        .sum();
    let shares = wishes.iter().filter(|wish| wish.need == Need::Share).count() as u64;
    let left = u64::from(buckets).saturating_sub(asked);
    let each = u32::try_from(left.checked_div(shares).unwrap_or(0)).unwrap_or(u32::MAX).min(SHARE_MAX);
    match each.checked_ilog2() {
        Some(bits) => 1 << bits,
        None => u32::from(left > 0),
    }
}

/// Buckets that nobody has. What was asked for in vain is remembered, so that many VIPs that are to get nothing do not
/// search through all of it each.
struct Free {
    /// Sorted; none touches the next one.
    ranges: Vec<Range<u32>>,
    /// No range is longer.
    longest: u32,
    /// One may be as long.
    is_longest_known: bool,
}

impl Free {
    fn new(taken: impl Iterator<Item = Region>, buckets: u32) -> Self {
        let mut taken: Vec<Range<u32>> = taken.map(Region::range).collect();
        taken.sort_unstable_by_key(|range| range.start);
        let mut ranges = Vec::new();
        let mut at = 0;
        for range in taken {
            if range.start > at {
                ranges.push(at..range.start);
            }
            at = at.max(range.end);
        }
        if at < buckets {
            ranges.push(at..buckets);
        }
        Self { ranges, longest: buckets, is_longest_known: false }
    }

    /// The first place for `size` buckets, a multiple of the size if there is one: so that what is given back can be used
    /// again.
    fn take(&mut self, size: u32) -> Option<u32> {
        if !self.fits(size, None) {
            return None;
        }
        let fits = |range: &Range<u32>, base: u32| base.checked_add(size).is_some_and(|end| end <= range.end);
        let aligned = self.ranges.iter().find_map(|range| {
            let base = range.start.checked_next_multiple_of(size)?;
            fits(range, base).then_some(base)
        });
        let anywhere = || self.ranges.iter().find(|range| fits(range, range.start)).map(|range| range.start);
        let base = aligned.or_else(anywhere)?;
        self.remove(Region { base, buckets: size });
        Some(base)
    }

    /// Whether there is a place for `size` buckets, once `own` is given back.
    fn fits(&mut self, size: u32, own: Option<Region>) -> bool {
        if own.is_some_and(|own| self.around(own).1.len() >= size as usize) {
            return true;
        }
        if size <= self.longest && !self.is_longest_known {
            let lengths = self.ranges.iter().map(|range| range.end - range.start);
            (self.longest, self.is_longest_known) = (lengths.max().unwrap_or(0), true);
        }
        size <= self.longest
    }

    /// `region` lies in one range.
    fn remove(&mut self, region: Region) {
        let taken = region.range();
        let index = self.ranges.partition_point(|range| range.end <= taken.start);
        let Some(range) = self.ranges.get(index).cloned() else { return };
        let rest = [range.start..taken.start, taken.end..range.end];
        self.ranges.splice(index..=index, rest.into_iter().filter(|range| !range.is_empty()));
        self.is_longest_known = false;
    }

    fn give_back(&mut self, region: Region) {
        let (touched, whole) = self.around(region);
        self.longest = self.longest.max(whole.end - whole.start);
        self.ranges.splice(touched, [whole]);
    }

    /// The ranges that `region`, which lies in none, touches, and what they make together.
    fn around(&self, region: Region) -> (Range<usize>, Range<u32>) {
        let mut whole = region.range();
        let first = self.ranges.partition_point(|range| range.end < whole.start);
        let mut last = first;
        while let Some(range) = self.ranges.get(last).filter(|range| range.start <= whole.end) {
            whole = whole.start.min(range.start)..whole.end.max(range.end);
            last += 1;
        }
        (first..last, whole)
    }
}

#[cfg(test)]
mod tests;
