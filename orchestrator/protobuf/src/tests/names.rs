//! The table against the schemas of the same kinds.

use std::collections::BTreeSet;

use guideway_schema::Schema;

use crate::table::{Field, Kind, Message, Presence, kinds};

#[test]
fn every_field_has_the_name_that_its_schema_gives() {
    let (mut wrong, mut seen) = (BTreeSet::new(), BTreeSet::new());
    for (api_version, kind, message) in kinds() {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        if let Some(schema) = Schema::builtin(group, version, kind) {
            walk(message, &schema, kind, &mut seen, &mut wrong);
        }
    }
    assert!(seen.len() > 400, "{} messages were compared", seen.len());
    assert_eq!(wrong, BTreeSet::new());
}

fn walk(
    message: &'static Message,
    schema: &Schema,
    place: &str,
    seen: &mut BTreeSet<usize>,
    wrong: &mut BTreeSet<String>,
) {
    if !seen.insert(std::ptr::from_ref(message).addr()) {
        return;
    }
    for Field(_, name, presence, _, kind) in message.0 {
        let Kind::Nested(below) = kind else {
            if schema.property(name).is_none() {
                wrong.insert(format!("{place}.{name}"));
            }
            continue;
        };
        if *presence == Presence::Inline {
            walk(below, schema, place, seen, wrong);
            continue;
        }
        let Some(field) = schema.property(name) else {
            wrong.insert(format!("{place}.{name}"));
            continue;
        };
        let inner = field.items().or_else(|| field.additional()).unwrap_or(field);
        walk(below, inner, &format!("{place}.{name}"), seen, wrong);
    }
}
