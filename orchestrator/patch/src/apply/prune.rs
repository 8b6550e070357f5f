//! What a manager applied before and applies no longer.

use guideway_schema::Schema;
use serde_json::{Map, Value};

use crate::fields::FieldSet;
use crate::managed::Entry;
use crate::tree::{collect_leniently, remove, with_parents};

/// Takes out of `merged` what the applying manager had in its `last` set and nobody has in `entries` now.
pub(super) fn prune(schema: &Schema, merged: Value, entries: &[Entry], last: &FieldSet) -> Value {
    if last.is_empty() {
        return merged;
    }
    let schema = Some(schema);
    let last = with_parents(schema, last);
    let take = |value: &Value, set: &FieldSet| {
        remove(schema, value, set).unwrap_or_else(|| Value::Object(Map::new()))
    };
    let places = |value: &Value| with_parents(schema, &collect_leniently(schema, value));
    let all = places(&merged);

    // First everything goes that it had, then comes back what is someone's, itself included.
    let mut owned = FieldSet::default();
    for entry in entries {
        owned.add(&entry.fields);
    }
    let bare = places(&take(&merged, &last));
    let unowned = all.difference(&bare.union(&with_parents(schema, &owned)));
    let pruned = take(&merged, &unowned);

    // And what it never had, as what no manager owns: that only looked unowned below a struct that went.
    let gone = all.difference(&places(&pruned)).intersection(&last);
    take(&merged, &gone)
}
