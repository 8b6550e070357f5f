//! Whatever is in the log of a forwarder is read to the first thing that is no record; of a log that was written, and then cut or
//! changed in one bit, there is the beginning, and nothing that was not written.
#![no_main]

use bytes::Bytes;
use guideway_controller_core::{Digest, Generation, Term};
use guideway_controller_rollout::Stamp;
use guideway_controller_rollout::follower::Kept;
use guideway_dataplane_kept::{LogError, Next, Record, encode, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = read_all(bytes);
    let Some(([cut, flip], rest)) = bytes.split_first_chunk() else { return };
    let records: Vec<Record> = rest.chunks(16).map(record).collect();
    let mut log = Vec::new();
    for record in &records {
        log.extend(encode(record, log.len() as u64).expect("a small record"));
    }
    assert_eq!(read_all(&log), (records.clone(), Ok(Next::End)));

    let (mut torn, keep) = (log.clone(), log.len().saturating_sub(usize::from(*cut)));
    torn.truncate(keep);
    let (found, end) = read_all(&torn);
    assert!(records.starts_with(&found), "something else was read");
    assert!(matches!(end, Ok(Next::End | Next::Torn)), "a crash is taken for damage: {end:?}");

    if log.is_empty() {
        return;
    }
    let bit = usize::from(*flip) * 31 % (log.len() * 8);
    log[bit / 8] ^= 1 << (bit % 8);
    let (found, end) = read_all(&log);
    assert!(records.starts_with(&found) && found.len() < records.len(), "the change is not noticed");
    assert!(matches!(end, Ok(Next::Torn) | Err(LogError::Damaged(_))), "{end:?}");
});

/// Everything up to the first thing that is no record, and what that is.
fn read_all(bytes: &[u8]) -> (Vec<Record>, Result<Next, LogError>) {
    let (mut records, mut place, mut left) = (Vec::new(), 0, bytes);
    loop {
        match read(&mut left, place, bytes.len() as u64).expect("memory can be read") {
            Ok(Next::Record(record, end)) => {
                assert!(end > place && end <= bytes.len() as u64);
                place = end;
                records.push(record);
            }
            end => return (records, end),
        }
    }
}

fn record(bytes: &[u8]) -> Record {
    let number = bytes.iter().fold(0_u64, |number, byte| number << 4 ^ u64::from(*byte));
    let mut digest = [0; 32];
    digest[..bytes.len()].copy_from_slice(bytes);
    let stamp = Stamp { generation: Generation(number), digest: Digest::from_bytes(digest) };
    match number % 4 {
        0 => Record::Discarded(stamp),
        1 => {
            let kept = Kept { highest_term: Term(number), known: Generation(number), committed: Some(stamp) };
            Record::Standing(kept, std::time::UNIX_EPOCH)
        }
        2 => Record::Standing(Kept::default(), std::time::UNIX_EPOCH),
        _ => Record::Content(Generation(number), Bytes::copy_from_slice(bytes)),
    }
}
