//! One bucket of the flow table: `docs/forwarding.md`, section 5.1.

use guideway_abi::{FLOW_WAYS, FlowBucket, FlowWord};

/// A half-open entry is void after as many ticks.
pub const HALF_OPEN_TICKS: u32 = 16;

/// The clock of the flow table and a VIP's limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// Ticks, modulo 2^32.
    pub now: u32,
    /// An entry not used for longer is void.
    pub timeout: u32,
}

impl Clock {
    #[inline(always)]
    const fn age(&self, word: FlowWord) -> u32 {
        self.now.wrapping_sub(word.last_use())
    }

    /// Whether a place is free for another flow.
    #[inline(always)]
    #[must_use]
    pub const fn is_void(&self, word: FlowWord) -> bool {
        let limit = if word.is_half_open() && HALF_OPEN_TICKS < self.timeout {
            HALF_OPEN_TICKS
        } else {
            self.timeout
        };
        word.backend() == 0 || self.age(word) > limit
    }
}

/// The place of the flow with `tag`, if its entry is not void.
#[inline(always)]
pub fn find(bucket: &FlowBucket, tag: u64, clock: &Clock) -> Option<usize> {
    let mut way = 0;
    while way < FLOW_WAYS {
        let entry = &bucket.entries[way];
        if entry.word.check(tag) == entry.check && !clock.is_void(entry.word) {
            return Some(way);
        }
        way += 1;
    }
    None
}

/// The place for a new entry of the flow with `tag`; `None` when the others may not be driven out.
#[inline(always)]
pub fn place(bucket: &FlowBucket, tag: u64, clock: &Clock) -> Option<usize> {
    let mut void = None;
    let mut oldest = None;
    let mut oldest_age = 0;
    let mut way = FLOW_WAYS;
    while way > 0 {
        way -= 1;
        let entry = &bucket.entries[way];
        if entry.word.backend() != 0 && entry.word.check(tag) == entry.check {
            // The first such place counts, and the search comes from the back.
            void = Some((way, true));
        } else if clock.is_void(entry.word) && !matches!(void, Some((_, true))) {
            void = Some((way, false));
        } else if entry.word.is_half_open() && clock.age(entry.word) >= oldest_age {
            oldest = Some(way);
            oldest_age = clock.age(entry.word);
        }
    }
    match void {
        Some((way, _)) => Some(way),
        None => oldest,
    }
}

#[cfg(test)]
mod tests {
    use guideway_abi::FlowEntry;

    use super::*;

    const CLOCK: Clock = Clock { now: 1000, timeout: 100 };

    fn entry(tag: u64, last_use: u32, half_open: bool) -> FlowEntry {
        let word = FlowWord::new(5, 1, last_use, half_open);
        FlowEntry { check: word.check(tag), word }
    }

    #[test]
    fn an_entry_is_found_until_it_is_void() {
        let bucket = FlowBucket {
            entries: [entry(1, 900, false), entry(2, 899, false), entry(3, 984, true), entry(4, 983, true)],
        };
        let found = [1, 2, 3, 4, 5].map(|tag| find(&bucket, tag, &CLOCK));
        assert_eq!(found, [Some(0), None, Some(2), None, None]);
        assert_eq!(find(&FlowBucket::default(), 0, &CLOCK), None, "an empty place is no entry of tag 0");
        let short = Clock { now: 1000, timeout: 10 };
        assert_eq!(find(&bucket, 3, &short), None);
        let wrapped = Clock { now: 5, timeout: 100 };
        let bucket = FlowBucket { entries: [entry(1, u32::MAX - 10, false); 4] };
        assert_eq!(find(&bucket, 1, &wrapped), Some(0));
    }

    #[test]
    fn a_new_entry_drives_out_none_that_is_in_use() {
        let full = FlowBucket { entries: [entry(1, 990, false); 4] };
        assert_eq!(place(&full, 9, &CLOCK), None);
        assert_eq!(place(&full, 1, &CLOCK), Some(0), "its own place");
        let mut bucket = full;
        bucket.entries[1] = entry(2, 995, true);
        bucket.entries[2] = entry(3, 994, true);
        bucket.entries[3] = entry(4, 994, true);
        assert_eq!(place(&bucket, 9, &CLOCK), Some(2), "the oldest half-open one");
        bucket.entries[3] = entry(4, 1, false);
        assert_eq!(place(&bucket, 9, &CLOCK), Some(3), "a void one");
        bucket.entries[0] = FlowEntry::default();
        assert_eq!(place(&bucket, 9, &CLOCK), Some(0), "the first void one");
        assert_eq!(place(&bucket, 4, &CLOCK), Some(3), "its own, though void");
    }
}
