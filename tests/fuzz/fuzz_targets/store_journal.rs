//! A store's journal is read to where it is whole: a record with its key holds transactions in the order of their revisions,
//! or is refused, and with another key it is none.
#![no_main]

use guideway_store::Revision;
use guideway_store::redb::journal::{entries, read, seal};
use libfuzzer_sys::fuzz_target;

const ID: u64 = 7;

fuzz_target!(|bytes: &[u8]| {
    let _read_or_refused = (read(ID, bytes), entries(ID, bytes));
    let first = Revision(41);
    let sealed = seal(ID, first, bytes);
    let Ok(found) = entries(ID, &sealed) else { return };
    assert!(bytes.is_empty() || !found.is_empty(), "a whole record says something");
    for (entry, revision) in found.iter().zip(first.0..) {
        assert_eq!(entry.revision.0, revision);
    }
    // What comes after it and does not follow is left where it is.
    let twice = [&sealed[..], &sealed].concat();
    assert_eq!(entries(ID, &twice).expect("it was read before").len(), found.len());
    // Nor is it one for another journal, or with its end missing.
    assert!(entries(ID + 1, &sealed).is_ok_and(|entries| entries.is_empty()));
    assert!(entries(ID, &sealed[..sealed.len() - 1]).is_ok_and(|entries| entries.is_empty()));
});
