//! docs/lbctl.md names every field of the JSON that the commands print; the snapshots of the commands are that JSON.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

fn keys(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            found.insert(key.clone());
            keys(value, found);
        }),
        Value::Array(items) => items.iter().for_each(|item| keys(item, found)),
        _ => {}
    }
}

#[test]
fn every_json_field_is_documented() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let reference = fs::read_to_string(here.join("../docs/lbctl.md")).unwrap();
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(here.join("src/commands/snapshots")).unwrap() {
        let snapshot = fs::read_to_string(entry.unwrap().path()).unwrap();
        // After the header between two `---`.
        let body = snapshot.splitn(3, "---\n").nth(2).unwrap();
        if let Ok(json) = serde_json::from_str(body) {
            keys(&json, &mut found);
        }
    }
    assert!(found.len() > 40, "{found:?}");
    let missing: Vec<_> = found.iter().filter(|key| !reference.contains(&format!("`{key}`"))).collect();
    assert!(missing.is_empty(), "not in docs/lbctl.md: {missing:?}");
}
