//! Section 5.1: the flow table.

use guideway_abi::{FlowBucket, FlowEntry, FlowWord};

use crate::Region;

/// Places of a bucket.
pub const WAYS: usize = 4;
/// Ticks after which a half-open entry is void, however long the VIP's timeout is.
const HALF_OPEN_TICKS: u32 = 16;

/// A place of a bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The flow's tag, folded with the backend and its epoch.
    pub check: u64,
    /// In ticks.
    pub last_use: u32,
    /// Zero when nothing is here.
    pub backend: u16,
    /// Which backend of the index it was.
    pub epoch: u16,
    /// Nothing but SYNs came.
    pub half_open: bool,
}

impl Place {
    /// The tag that this place is for.
    #[must_use]
    pub fn tag(&self) -> u64 {
        self.check ^ (u64::from(self.epoch) << 48 | u64::from(self.backend) << 32)
    }

    fn new(tag: u64, backend: u16, epoch: u16, last_use: u32, half_open: bool) -> Self {
        let bare = Self { check: 0, last_use, backend, epoch, half_open };
        Self { check: bare.tag() ^ tag, ..bare }
    }

    fn is_void(&self, now: u32, timeout: u32) -> bool {
        let limit = if self.half_open { timeout.min(HALF_OPEN_TICKS) } else { timeout };
        self.backend == 0 || now.wrapping_sub(self.last_use) > limit
    }
}

impl From<FlowEntry> for Place {
    fn from(entry: FlowEntry) -> Self {
        let word = entry.word;
        Self {
            check: entry.check,
            last_use: word.last_use(),
            backend: word.backend(),
            epoch: word.epoch(),
            half_open: word.is_half_open(),
        }
    }
}

impl From<Place> for FlowEntry {
    fn from(place: Place) -> Self {
        let word = FlowWord::new(place.backend, place.epoch, place.last_use, place.half_open);
        Self { check: place.check, word }
    }
}

/// All buckets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlowTable {
    /// The buckets.
    pub buckets: Vec<[Place; WAYS]>,
}

impl FlowTable {
    /// From what a map holds.
    #[must_use]
    pub fn read(buckets: &[FlowBucket]) -> Self {
        Self { buckets: buckets.iter().map(|bucket| bucket.entries.map(Place::from)).collect() }
    }

    /// As a map holds it.
    #[must_use]
    pub fn written(&self) -> Vec<FlowBucket> {
        self.buckets.iter().map(|places| FlowBucket { entries: places.map(FlowEntry::from) }).collect()
    }

    /// All entries last used so many ticks earlier than they were.
    pub fn age(&mut self, ticks: u32) {
        for place in self.buckets.iter_mut().flatten().filter(|place| place.backend != 0) {
            place.last_use = place.last_use.wrapping_sub(ticks);
        }
    }
}

/// The bucket of a flow.
pub(crate) struct Bucket<'a> {
    places: &'a mut [Place; WAYS],
    tag: u64,
    now: u32,
    timeout: u32,
}

/// Whether an entry could be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Made {
    Entry,
    Full,
}

impl<'a> Bucket<'a> {
    pub(crate) fn of(table: &'a mut FlowTable, region: Region, tag: u64, now: u32, timeout: u32) -> Self {
        let low = u32::try_from(tag & 0xffff_ffff).expect("32 bits");
        let index = region.first + low % region.buckets;
        Self { places: &mut table.buckets[index as usize], tag, now, timeout }
    }

    /// The flow's entry, unless it is void.
    pub(crate) fn find(&mut self) -> Option<&mut Place> {
        let (tag, now, timeout) = (self.tag, self.now, self.timeout);
        self.places.iter_mut().find(|place| !place.is_void(now, timeout) && place.tag() == tag)
    }

    /// Makes the flow's entry, or overwrites it.
    pub(crate) fn make(&mut self, backend: u16, epoch: u16, half_open: bool) -> Made {
        let same = self.places.iter().position(|place| place.tag() == self.tag);
        let void = self.places.iter().position(|place| place.is_void(self.now, self.timeout));
        // `min_by_key` gives the first among equals; the longest ago has the greatest age.
        let oldest_half_open = || {
            let half_open = self.places.iter().enumerate().filter(|(_, place)| place.half_open);
            half_open
                .min_by_key(|(_, place)| u32::MAX - self.now.wrapping_sub(place.last_use))
                .map(|(i, _)| i)
        };
        let Some(index) = same.or(void).or_else(oldest_half_open) else { return Made::Full };
        self.places[index] = Place::new(self.tag, backend, epoch, self.now, half_open);
        Made::Entry
    }
}
