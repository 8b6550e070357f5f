use guideway_controller_core::Digest;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn record() -> impl Strategy<Value = Record> {
    let stamp = || {
        (any::<u64>(), any::<[u8; 32]>()).prop_map(|(generation, digest)| Stamp {
            generation: Generation(generation),
            digest: Digest::from_bytes(digest),
        })
    };
    let standing = (any::<u64>(), any::<u64>(), proptest::option::of(stamp()), 0..1_u64 << 50);
    prop_oneof![
        (any::<u64>(), vec(any::<u8>(), 0..200))
            .prop_map(|(generation, bytes)| Record::Content(Generation(generation), bytes.into())),
        stamp().prop_map(Record::Discarded),
        standing.prop_map(|(term, known, committed, at)| {
            let kept = Kept { highest_term: Term(term), known: Generation(known), committed };
            Record::Standing(kept, SystemTime::UNIX_EPOCH + Duration::from_millis(at))
        }),
    ]
}

fn log(records: &[Record]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for record in records {
        let place = bytes.len() as u64;
        bytes.extend(encode(record, place).unwrap());
    }
    bytes
}

/// Everything up to the first thing that is no record, and what that is.
fn read_all(bytes: &[u8]) -> (Vec<Record>, Result<Next, LogError>) {
    let (mut records, mut place, mut left) = (Vec::new(), 0, bytes);
    loop {
        match read(&mut left, place, bytes.len() as u64).unwrap() {
            Ok(Next::Record(record, end)) => {
                assert!(end > place);
                assert_eq!(
                    bytes.len() - left.len(),
                    usize::try_from(end).unwrap(),
                    "it stands at the next one"
                );
                place = end;
                records.push(record);
            }
            end => return (records, end),
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(records in vec(record(), 0..5)) {
        prop_assert_eq!(read_all(&log(&records)), (records, Ok(Next::End)));
    }

    #[test]
    fn a_log_that_was_cut_has_what_was_whole(records in vec(record(), 1..4), cut: prop::sample::Index, zeros in 0..100_usize) {
        let bytes = log(&records);
        let cut = cut.index(bytes.len());
        let mut torn = bytes[..cut].to_vec();
        let (found, end) = read_all(&torn);
        prop_assert!(records.starts_with(&found));
        let whole = log(&found).len();
        prop_assert_eq!(end, Ok(if whole == cut { Next::End } else { Next::Torn }));
        // The file had grown and its last pages were not written.
        torn.truncate(whole);
        torn.resize(whole + zeros, 0);
        prop_assert_eq!(read_all(&torn), (found, Ok(if zeros == 0 { Next::End } else { Next::Torn })));
    }

    /// Only in the last record can it be what a crash has left.
    #[test]
    fn a_changed_byte_is_noticed(records in vec(record(), 2..4), at: prop::sample::Index, bit in 0..8_u8) {
        let mut bytes = log(&records);
        let last = log(&records[..records.len() - 1]).len();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let (found, end) = read_all(&bytes);
        prop_assert!(records.starts_with(&found) && found.len() < records.len());
        prop_assert!(matches!(end, Err(LogError::Damaged(_))) || at >= last && end == Ok(Next::Torn), "{:?}", end);
    }

    #[test]
    fn a_record_elsewhere_is_none(record in record(), place in 1..u64::MAX / 2) {
        let bytes = encode(&record, 0).unwrap();
        let length = place + bytes.len() as u64;
        prop_assert_eq!(read(&mut &bytes[..], place, length).unwrap(), Err(LogError::Damaged(place)));
    }

    #[test]
    fn any_bytes_are_read(bytes in vec(any::<u8>(), 0..200)) {
        let _ = read_all(&bytes);
        let mut named = vec![0; HEAD];
        named.extend(&bytes);
        let mut head = &mut named[..HEAD];
        let length = u32::try_from(bytes.len()).unwrap();
        head.put_u32_le(length);
        head.put_u64_le(checksum_of_length(0, length));
        head.put_u128_le(checksum(0, &bytes));
        let (records, end) = read_all(&named);
        prop_assert!(records.len() == 1 || matches!(end, Err(LogError::Meaning(0, _))), "{:?}", end);
    }
}
