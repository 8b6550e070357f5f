//! FieldsV1 text is a set that survives being written, or an error of one line.
#![no_main]

use guideway_patch::fields::FieldSet;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|text: &str| {
    let Ok(value) = serde_json::from_str::<Value>(text) else { return };
    let set = match FieldSet::from_value(&value) {
        Ok(set) => set,
        Err(error) => {
            assert!(!error.to_string().contains('\n'), "an error is one line: {error}");
            return;
        }
    };
    let written = set.to_value();
    assert_eq!(FieldSet::from_value(&written).as_ref(), Ok(&set), "{written}");
    assert!(set.difference(&set).is_empty() && set.without(&set).is_empty());
    assert_eq!(set.intersection(&set), set);
    let mut copy = FieldSet::default();
    set.for_each(&mut |path| {
        assert!(set.contains(path.iter().copied()));
        assert!(!path.iter().any(|element| element.to_string().is_empty()));
        copy.insert(path.iter().map(|element| (*element).clone()));
    });
    assert_eq!(copy, set, "a set is its paths");
});
