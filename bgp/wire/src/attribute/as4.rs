//! What an old speaker's AS_TRANS stands for (RFC 6793).

use super::{Aggregator, AsPath, AsSegment, Attributes, SegmentKind};
use crate::iana::AS_TRANS;

/// The attributes that only old speakers pass on.
#[derive(Debug, Default)]
pub(super) struct As4 {
    pub(super) path: Option<AsPath>,
    pub(super) aggregator: Option<Aggregator>,
}

impl As4 {
    /// Puts the true numbers in (RFC 6793 section 4.2.3).
    pub(super) fn merge_into(self, attributes: &mut Attributes) {
        if let (Some(old), Some(new)) = (&mut attributes.aggregator, self.aggregator) {
            if old.asn != u32::from(AS_TRANS) {
                // Someone who does not know 4-octet numbers has aggregated since: both attributes are out of date.
                return;
            }
            *old = new;
        }
        if let (Some(old), Some(new)) = (&mut attributes.as_path, self.path) {
            *old = merge(std::mem::take(old), new);
        }
    }
}

/// The leading part of `old` that makes the whole as long as `old`, and then `new`.
fn merge(old: AsPath, mut new: AsPath) -> AsPath {
    // RFC 6793 section 6: segments of a confederation are discarded, the rest stands.
    new.segments.retain(|segment| !segment.kind.is_confederation());
    let Some(mut missing) = old.hops().checked_sub(new.hops()) else {
        // RFC 6793 section 4.2.3: with fewer numbers in AS_PATH, AS4_PATH is ignored.
        return old;
    };
    let mut segments = Vec::new();
    for segment in old.segments {
        // A segment of a confederation goes along at the front and beside one that goes along.
        if missing == 0 && !segment.kind.is_confederation() {
            break;
        }
        let hops = segment.hops();
        if hops > missing {
            let asns = segment.asns[..missing].to_vec();
            segments.push(AsSegment { asns, ..segment });
            break;
        }
        missing -= hops;
        segments.push(segment);
    }
    let mut new = new.segments.into_iter();
    // What was one sequence before it was cut becomes one again.
    match (segments.last_mut(), new.next()) {
        (Some(last), Some(first))
            if last.kind == SegmentKind::Sequence
                && first.kind == SegmentKind::Sequence
                && last.asns.len() + first.asns.len() <= 255 =>
        {
            last.asns.extend(first.asns);
        }
        (_, first) => segments.extend(first),
    }
    segments.extend(new);
    AsPath { segments }
}
