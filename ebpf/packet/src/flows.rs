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

/// What a bucket has for a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Search {
    /// The flow's place and what it says, if its entry is not void.
    pub found: Option<(usize, FlowWord)>,
    /// The place for a new entry; `None` when the others may not be driven out.
    pub place: Option<usize>,
}

/// Looks through a bucket.
///
/// There is no branch in it: with four places and three questions to each the kernel's verifier would have to walk
/// every way through them. `opaque` gives its argument back, in a way that the compiler cannot see through.
#[inline(always)]
pub fn search(bucket: &FlowBucket, tag: u64, clock: &Clock, opaque: impl Fn(u64) -> u64) -> Search {
    let sign = |number: u64| opaque(opaque(number) >> 63);
    let is_zero = |number: u64| sign(number | number.wrapping_neg()) ^ 1;
    let is_above = |a: u64, b: u64| sign(b.wrapping_sub(a));
    let choose = |bit: u64, yes: u64, no: u64| no ^ (no ^ yes) & bit.wrapping_neg();

    let half_open_timeout = HALF_OPEN_TICKS.min(clock.timeout);
    let (mut found, mut found_way, mut found_word) = (0, 0, 0);
    let (mut best, mut best_way) = (0, 0);
    let mut way = 0;
    while way < FLOW_WAYS {
        let entry = &bucket.entries[way];
        let word = entry.word;
        let age = u64::from(clock.now.wrapping_sub(word.last_use()));
        let half_open = sign(word.0);
        let timeout = choose(half_open, half_open_timeout.into(), clock.timeout.into());
        let empty = is_zero(word.backend().into());
        let void = empty | is_above(age, timeout);
        let own = is_zero(word.check(tag) ^ entry.check) & (empty ^ 1);

        let hit = own & (void ^ 1) & (found ^ 1);
        found |= hit;
        found_way = choose(hit, way as u64, found_way);
        found_word = choose(hit, word.0, found_word);

        // Its own place comes before a void one, that before a half-open one, and of those the oldest comes first.
        let void = void & (own ^ 1);
        let half_open = half_open & ((own | void) ^ 1);
        let score = own << 34 | void << 33 | half_open << 32 | age & half_open.wrapping_neg();
        let better = is_above(score, best);
        best = choose(better, score, best);
        best_way = choose(better, way as u64, best_way);
        way += 1;
    }
    Search {
        found: if found == 0 { None } else { Some((index(found_way), FlowWord(found_word))) },
        place: if best == 0 { None } else { Some(index(best_way)) },
    }
}

#[inline(always)]
#[allow(clippy::cast_possible_truncation)] // two bits
const fn index(way: u64) -> usize {
    way as usize % FLOW_WAYS
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

    fn find(bucket: &FlowBucket, tag: u64, clock: &Clock) -> Option<usize> {
        let found = search(bucket, tag, clock, core::convert::identity).found;
        found.map(|(way, word)| {
            assert_eq!(bucket.entries[way].word, word);
            way
        })
    }

    fn place(bucket: &FlowBucket, tag: u64, clock: &Clock) -> Option<usize> {
        search(bucket, tag, clock, core::convert::identity).place
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
