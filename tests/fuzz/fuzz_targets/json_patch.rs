//! A patch gives an object of bounded depth, or an error with one of four statuses. The text is the object and the patch,
//! with a line feed between them.
#![no_main]

use guideway_patch::{json_patch, merge_patch};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|text: &str| {
    let Some((object, patch)) = text.split_once('\n') else { return };
    let Ok(object) = serde_json::from_str::<Value>(object) else { return };
    match json_patch(&object, patch.as_bytes()) {
        Ok(found) => parses(&found),
        Err(error) => assert!([400, 413, 422].contains(&error.status()), "{error}"),
    }
    match merge_patch(&object, patch.as_bytes()) {
        Ok(found) => {
            parses(&found);
            let again = merge_patch(&found, patch.as_bytes()).expect("the patch is one");
            assert_eq!(again, found, "merging twice is merging once");
        }
        Err(error) => assert_eq!(error.status(), 400, "{error}"),
    }
});

fn parses(object: &Value) {
    let text = serde_json::to_vec(object).expect("a patched object is JSON");
    serde_json::from_slice::<Value>(&text).expect("its text is not nested too deeply");
}
