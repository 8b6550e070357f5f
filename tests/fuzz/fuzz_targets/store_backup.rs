//! A backup of a store is read to its end or refused, in memory that its limits bound; what is read is in order.
#![no_main]

use guideway_store::backup::Reader;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut reader) = Reader::new(bytes) else { return };
    let (mut last, mut keys) = (String::new(), 0);
    loop {
        match reader.next_item() {
            Ok(Some(item)) => {
                assert!(*item.key > *last, "keys are in order");
                assert!(item.created <= item.modified && item.modified <= reader.revision());
                last = item.key.to_string();
                keys += 1;
            }
            Ok(None) => break,
            Err(_) => {
                assert!(reader.summary().is_err(), "half of a backup is none");
                return;
            }
        }
    }
    assert_eq!(reader.summary().expect("it was whole").keys, keys);
});
