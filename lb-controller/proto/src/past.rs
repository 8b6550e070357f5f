//! What sets were before.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use guideway_controller_core::message::{MAX_PAST_AGO, MAX_PAST_SETS, PastSet};
use prost::Message as _;

use crate::error::{At, WireError};
use crate::parts::MAX_DELTA_BYTES;
use crate::{item, read, v1};

pub(crate) fn encode(sets: &[PastSet]) -> Bytes {
    v1::PastSets { sets: latest(sets, MAX_DELTA_BYTES) }.encode_to_vec().into()
}

/// The latest ones, when there are too many for one message.
fn latest(sets: &[PastSet], mut room: usize) -> Vec<v1::PastSet> {
    let newest_first = sets.iter().rev().take(MAX_PAST_SETS).map(wire);
    let mut taken: Vec<v1::PastSet> = newest_first
        .map_while(|set| {
            let length = set.encoded_len();
            // With the field's key and its length.
            room = room.checked_sub(1 + prost::length_delimiter_len(length) + length)?;
            Some(set)
        })
        .collect();
    taken.reverse();
    taken
}

fn wire(past: &PastSet) -> v1::PastSet {
    v1::PastSet {
        set: Some(item::set_wire(&past.set, 0)),
        ago_ms: milliseconds(past.ago.min(MAX_PAST_AGO)),
        unhealthy: past.unhealthy.clone(),
        seed: read::seed_bytes(&past.seed),
    }
}

/// The sets of these bytes: at most [`MAX_PAST_SETS`].
pub(crate) fn decode(bytes: Bytes) -> Result<Vec<PastSet>, WireError> {
    let past = v1::PastSets::decode(bytes)
        .map_err(|error| WireError::new(format_args!("is no list of sets: {error}")))?;
    read::limited(past.sets, MAX_PAST_SETS).and_then(|all| read::list(all, past_set)).at("sets")
}

fn past_set(past: v1::PastSet) -> Result<PastSet, WireError> {
    let set = read::required(past.set).and_then(|set| item::set(set, &[])).at("set")?;
    Ok(PastSet {
        unhealthy: places(&past.unhealthy, set.backends.len()).at("unhealthy")?,
        seed: read::seed(&past.seed).at("seed")?,
        set: Arc::new(set),
        ago: ago(past.ago_ms).at("ago_ms")?,
    })
}

/// Places among `count` backends, ascending.
fn places(places: &[u32], count: usize) -> Result<Vec<u32>, WireError> {
    if !places.is_sorted_by(|one, next| one < next) {
        return Err(WireError::new("is not ascending"));
    }
    match places.last() {
        Some(&last) if last as usize >= count => {
            Err(WireError::new(format_args!("{last} is out of range: the set has {count} backends")))
        }
        _ => Ok(places.to_vec()),
    }
}

fn ago(ms: u64) -> Result<Duration, WireError> {
    let max = milliseconds(MAX_PAST_AGO);
    if ms <= max {
        Ok(Duration::from_millis(ms))
    } else {
        Err(WireError::new(format_args!("{ms} is out of range: 0 to {max}")))
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
