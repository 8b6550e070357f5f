//! Whose names they are.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::conditions::Condition;
use crate::object::Object;

/// What may be used of what a definition asks for.
pub(super) struct Verdict {
    /// `status.acceptedNames`.
    pub(super) accepted: Value,
    /// The first name that another definition has: reason and message.
    pub(super) conflict: Option<(&'static str, String)>,
}

impl Verdict {
    pub(super) fn condition(&self) -> Condition {
        let (status, reason, message) = match &self.conflict {
            None => ("True", "NoConflicts", "no conflicts found".to_owned()),
            Some((reason, message)) => ("False", *reason, message.clone()),
        };
        Condition { condition: "NamesAccepted", status, reason, message, generation: None }
    }
}

/// Judges the names of a definition: what another one of its group has been granted is not to be had, nor what is asked
/// for by an older one that has not been judged yet. So it does not matter in which order they are judged.
pub(super) fn judge<'a>(definition: &Object, others: impl Iterator<Item = &'a Arc<Object>>) -> Verdict {
    let granted = granted(definition);
    let mut resources: BTreeSet<&str> = BTreeSet::new();
    let mut kinds: BTreeSet<&str> = BTreeSet::new();
    for other in others {
        let names = match self::granted(other) {
            Some(names) => names,
            None if granted.is_none() && other.deleting.is_none() && age(other) < age(definition) => {
                &other.body["spec"]["names"]
            }
            None => continue,
        };
        resources.extend(["plural", "singular"].iter().filter_map(|field| text(names, field)));
        resources.extend(names["shortNames"].as_array().into_iter().flatten().filter_map(Value::as_str));
        kinds.extend(["kind", "listKind"].iter().filter_map(|field| text(names, field)));
    }
    let asked = &definition.body["spec"]["names"];
    let before = granted.unwrap_or(&Value::Null);
    let mut accepted = Map::new();
    let mut conflict = None;
    let fields = [
        ("plural", "PluralConflict", &resources),
        ("singular", "SingularConflict", &resources),
        ("kind", "KindConflict", &kinds),
        ("listKind", "ListKindConflict", &kinds),
    ];
    let short: Vec<&str> =
        asked["shortNames"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let short_taken = short.iter().find(|name| resources.contains(**name));
    // Of several conflicts the last is told, in the order plural, singular, short names, kind, kind of lists.
    for (field, reason, taken) in fields {
        if let Some(name) = short_taken.filter(|_| field == "kind") {
            conflict = Some(("ShortNamesConflict", in_use(name)));
        }
        let Some(name) = text(asked, field) else { continue };
        let kept = if taken.contains(name) {
            conflict = Some((reason, in_use(name)));
            before.get(field)
        } else {
            asked.get(field)
        };
        if let Some(kept) = kept {
            accepted.insert(field.to_owned(), kept.clone());
        }
    }
    let short = if short_taken.is_some() { &before["shortNames"] } else { &asked["shortNames"] };
    for (field, value) in [("shortNames", short), ("categories", &asked["categories"])] {
        if value.as_array().is_some_and(|list| !list.is_empty()) {
            accepted.insert(field.to_owned(), value.clone());
        }
    }
    // The type of the field wants both.
    for field in ["plural", "kind"] {
        accepted.entry(field).or_insert_with(|| "".into());
    }
    Verdict { accepted: accepted.into(), conflict }
}

fn in_use(name: &str) -> String {
    format!("{name:?} is already in use")
}

/// The names that a definition has been granted; nothing before it was judged, or when it has been refused all.
fn granted(definition: &Object) -> Option<&Value> {
    let names = &definition.body["status"]["acceptedNames"];
    text(names, "plural").is_some().then_some(names).or_else(|| text(names, "kind").map(|_| names))
}

fn text<'a>(names: &'a Value, field: &str) -> Option<&'a str> {
    names[field].as_str().filter(|name| !name.is_empty())
}

fn age(definition: &Object) -> (Option<jiff::Timestamp>, &str) {
    (definition.created, &definition.name)
}
