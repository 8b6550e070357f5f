//! The log of what a forwarder keeps of the controller: a file to which records are added at the end, so that keeping a change
//! costs what it changes. Whoever has the file keeps it in order; this is its form.
//!
//! ```text
//!  title │ head │ body │ head │ body │ ...
//!  head: length of the body (4 bytes), checksum of the length (8), checksum of the body (16); numbers little-endian
//!  body: kind (1), then what it is
//! ```
//!
//! Both checksums are over the place of the record as well. At most one record at a time is written and not flushed: so what
//! a crash leaves half done is the last one, and whatever else is wrong was done to the file later.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

use std::hash::Hasher as _;
use std::io::{self, Read};
use std::time::{Duration, SystemTime};

use bytes::{Buf as _, BufMut as _, Bytes};
use guideway_controller_core::{Digest, Generation, Term};
use guideway_controller_proto::MAX_DELTA_BYTES;
use guideway_controller_rollout::Stamp;
use guideway_controller_rollout::follower::Kept;
use siphasher::sip128::{Hasher128 as _, SipHasher24};

/// What a log begins with.
pub const TITLE: &[u8; 16] = b"guideway-kept: 1";
/// The most that a body may have: a content, its generation, and the kind.
const MAX_BODY: usize = MAX_DELTA_BYTES + 16;
const HEAD: usize = 4 + 8 + 16;

const CONTENT: u8 = 1;
const DISCARDED: u8 = 2;
const STANDING: u8 = 3;

/// What is added to a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A content was prepared: the bytes of a delta over one that is there, or over none.
    Content(Generation, Bytes),
    /// A content is of no use any more.
    Discarded(Stamp),
    /// How this forwarder stands from now on.
    Standing(Kept, SystemTime),
}

/// A record that cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a record of {0} bytes is too large: at most {MAX_BODY} are read again")]
pub struct TooLarge(usize);

/// What is wrong with a log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// It is none.
    #[error("it does not begin as one of this version")]
    Title,
    /// A record is not as it was written, and is not the last one.
    #[error("the record at byte {0} is not as it was written")]
    Damaged(u64),
    /// A record is whole, and means nothing.
    #[error("the record at byte {0} means nothing to this version: {1}")]
    Meaning(u64, String),
}

/// What stands at a place of a log.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// A record, and where the next one is.
    Record(Record, u64),
    /// Nothing: the log ends here.
    End,
    /// A record that a crash has left half written.
    Torn,
}

/// The bytes of a record that stands at `place`, which is as many bytes behind the beginning of the log.
///
/// # Errors
///
/// When it is too large to be read again.
pub fn encode(record: &Record, place: u64) -> Result<Vec<u8>, TooLarge> {
    let mut bytes = vec![0; HEAD];
    match record {
        Record::Content(generation, delta) => {
            bytes.put_u8(CONTENT);
            bytes.put_u64_le(generation.0);
            bytes.put_slice(delta);
        }
        Record::Discarded(stamp) => {
            bytes.put_u8(DISCARDED);
            put_stamp(&mut bytes, *stamp);
        }
        Record::Standing(kept, at) => {
            bytes.put_u8(STANDING);
            bytes.put_u64_le(kept.highest_term.0);
            bytes.put_u64_le(kept.known.0);
            let at = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
            bytes.put_u64_le(u64::try_from(at).unwrap_or_default());
            kept.committed.into_iter().for_each(|stamp| put_stamp(&mut bytes, stamp));
        }
    }
    let length = bytes.len() - HEAD;
    let field = u32::try_from(length).ok().filter(|_| length <= MAX_BODY).ok_or(TooLarge(length))?;
    let sum = checksum(place, &bytes[HEAD..]);
    let mut head = &mut bytes[..HEAD];
    head.put_u32_le(field);
    head.put_u64_le(checksum_of_length(place, field));
    head.put_u128_le(sum);
    Ok(bytes)
}

fn put_stamp(bytes: &mut Vec<u8>, Stamp { generation, digest }: Stamp) {
    bytes.put_u64_le(generation.0);
    bytes.put_slice(&digest.bytes());
}

/// Reads the record at `place` of a log that has `length` bytes. `log` stands there, and afterwards behind it.
///
/// # Errors
///
/// The outer one when `log` cannot be read, the inner one when it is not as it was written.
pub fn read(log: &mut impl Read, place: u64, length: u64) -> io::Result<Result<Next, LogError>> {
    let left = length.saturating_sub(place);
    if left == 0 {
        return Ok(Ok(Next::End));
    }
    if left < HEAD as u64 {
        return Ok(Ok(Next::Torn));
    }
    let mut bytes = [0; HEAD];
    log.read_exact(&mut bytes)?;
    let mut head = &bytes[..];
    let (field, sum_of_length, sum) = (head.get_u32_le(), head.get_u64_le(), head.get_u128_le());
    if checksum_of_length(place, field) != sum_of_length {
        // A file can have grown before what was written into it has come to the disk.
        let is_empty = bytes.iter().all(|byte| *byte == 0) && is_zero(log)?;
        return Ok(if is_empty { Ok(Next::Torn) } else { Err(LogError::Damaged(place)) });
    }
    let end = place + HEAD as u64 + u64::from(field);
    if end > length {
        return Ok(Ok(Next::Torn));
    }
    // Its length is that of what is there, and was written by this program.
    let mut body = vec![0; field as usize];
    log.read_exact(&mut body)?;
    if checksum(place, &body) != sum {
        return Ok(if end == length { Ok(Next::Torn) } else { Err(LogError::Damaged(place)) });
    }
    let record = decode(body.into()).map_err(|reason| LogError::Meaning(place, reason.to_owned()));
    Ok(record.map(|record| Next::Record(record, end)))
}

fn is_zero(log: &mut impl Read) -> io::Result<bool> {
    let mut bytes = [0; 4096];
    loop {
        match log.read(&mut bytes)? {
            0 => return Ok(true),
            count if bytes[..count].iter().any(|byte| *byte != 0) => return Ok(false),
            _ => {}
        }
    }
}

fn decode(mut body: Bytes) -> Result<Record, &'static str> {
    const SHORT: &str = "it is too short";
    let record = match body.try_get_u8().map_err(|_| SHORT)? {
        CONTENT => {
            let generation = Generation(body.try_get_u64_le().map_err(|_| SHORT)?);
            Record::Content(generation, std::mem::take(&mut body))
        }
        DISCARDED => Record::Discarded(take_stamp(&mut body).ok_or(SHORT)?),
        STANDING => {
            let mut number = || body.try_get_u64_le().map_err(|_| SHORT);
            let (highest_term, known) = (Term(number()?), Generation(number()?));
            let at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(number()?));
            let committed = match body.has_remaining() {
                true => Some(take_stamp(&mut body).ok_or(SHORT)?),
                false => None,
            };
            let kept = Kept { highest_term, known, committed };
            Record::Standing(kept, at.ok_or("its time is none")?)
        }
        _ => return Err("its kind is unknown"),
    };
    if body.is_empty() { Ok(record) } else { Err("it is too long") }
}

fn take_stamp(body: &mut Bytes) -> Option<Stamp> {
    let generation = Generation(body.try_get_u64_le().ok()?);
    let mut digest = [0; 32];
    body.try_copy_to_slice(&mut digest).ok()?;
    Some(Stamp { generation, digest: Digest::from_bytes(digest) })
}

/// Against accidents, not against forgers.
fn checksum(place: u64, body: &[u8]) -> u128 {
    let mut hasher = SipHasher24::new();
    hasher.write(&place.to_le_bytes());
    hasher.write(body);
    hasher.finish128().as_u128()
}

fn checksum_of_length(place: u64, length: u32) -> u64 {
    let mut hasher = SipHasher24::new();
    hasher.write(&place.to_le_bytes());
    hasher.write(&length.to_le_bytes());
    hasher.finish128().h1
}

#[cfg(test)]
mod tests;
