//! Laws of sets and of ownership, for random objects of the custom kind.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::fields::{FieldSet, PathElement};
use crate::tree::collect_leniently;

fn element() -> impl Strategy<Value = PathElement> {
    prop_oneof![
        "[a-c.]{1,2}".prop_map(|name| PathElement::Field(name.into())),
        "[ab\"]{1,2}".prop_map(|name| PathElement::keys(json!({"name": name}).as_object().unwrap().clone())),
        "[ab]{1,2}".prop_map(|text| PathElement::value(&json!(text))),
        (0..3_i64).prop_map(PathElement::Index),
    ]
}

fn paths() -> impl Strategy<Value = BTreeSet<Vec<PathElement>>> {
    proptest::collection::btree_set(proptest::collection::vec(element(), 1..4), 0..8)
}

fn set(paths: &BTreeSet<Vec<PathElement>>) -> FieldSet {
    let mut set = FieldSet::default();
    for path in paths {
        set.insert(path.iter().cloned());
    }
    set
}

fn members(set: &FieldSet) -> BTreeSet<Vec<PathElement>> {
    let mut found = BTreeSet::new();
    set.for_each(&mut |path| {
        found.insert(path.iter().map(|element| (*element).clone()).collect());
    });
    found
}

fn word() -> impl Strategy<Value = String> {
    "[xyz]"
}

fn words() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::btree_set(word(), 0..3).prop_map(|words| words.into_iter().collect())
}

prop_compose! {
    fn item()(name in "[a-c]", a in proptest::option::of(word()), b in proptest::option::of(word()),
        set in proptest::option::of(words())) -> Value {
        let mut item = json!({"name": name});
        for (key, value) in [("a", a), ("b", b)] {
            if let Some(value) = value {
                item[key] = value.into();
            }
        }
        if let Some(set) = set {
            item["set"] = set.into();
        }
        item
    }
}

prop_compose! {
    /// A configuration of the custom kind.
    fn config()(
        number in proptest::option::of(0..3_i64),
        text in proptest::option::of(word()),
        map in proptest::option::of(proptest::collection::btree_map(word(), word(), 0..3)),
        whole in proptest::option::of(proptest::collection::btree_map(word(), word(), 0..3)),
        list in proptest::option::of(words()),
        values in proptest::option::of(words()),
        part in proptest::option::of((proptest::option::of(word()), proptest::option::of(word()))),
        items in proptest::option::of(proptest::collection::vec(item(), 0..4)),
    ) -> Value {
        let mut spec = serde_json::Map::new();
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                spec.insert(name.to_owned(), value);
            }
        };
        put("number", number.map(Value::from));
        put("text", text.map(Value::from));
        put("map", map.map(|map| json!(map)));
        put("whole", whole.map(|map| json!(map)));
        put("list", list.map(Value::from));
        put("set", values.map(Value::from));
        put("part", part.map(|(a, b)| {
            let given = [("a", a), ("b", b)].into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?.into())));
            Value::Object(given.collect())
        }));
        put("items", items.map(|mut items| {
            let mut seen = BTreeSet::new();
            items.retain(|item| seen.insert(item["name"].to_string()));
            Value::Array(items)
        }));
        custom_with(Value::Object(spec))
    }
}

/// The fields that a manager of this name owns by applying.
fn owned(object: &Value, name: &str) -> FieldSet {
    let list = object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    let entry = list.iter().find(|entry| entry["manager"] == name && entry["operation"] == "Apply");
    entry.map(|entry| FieldSet::from_value(&entry["fieldsV1"]).unwrap()).unwrap_or_default()
}

/// The places of the spec.
fn places(object: &Value) -> BTreeSet<Vec<PathElement>> {
    let spec = PathElement::Field("spec".into());
    let all = members(&collect_leniently(Some(&custom()), object));
    all.into_iter().filter(|path| path.first() == Some(&spec)).collect()
}

/// Some managers apply, someone writes: a history of an object.
fn history() -> impl Strategy<Value = Value> {
    proptest::collection::vec((prop_oneof![Just("one"), Just("two"), Just("w")], config()), 0..4).prop_map(
        |steps| {
            let mut live: Option<Value> = None;
            for (name, config) in steps {
                live = Some(if name == "w" {
                    update_as(&custom(), live.as_ref(), &config, name, T1)
                } else {
                    apply_as(&custom(), live.as_ref(), &config, name, Force::Yes, T1).unwrap()
                });
            }
            live.unwrap_or_else(|| custom_with(json!({})))
        },
    )
}

proptest! {
    #[test]
    fn sets_are_sets(one in paths(), other in paths()) {
        let (first, second) = (set(&one), set(&other));
        prop_assert_eq!(members(&first.clone().union(&second)), &one | &other);
        prop_assert_eq!(members(&first.intersection(&second)), &one & &other);
        prop_assert_eq!(members(&first.difference(&second)), &one - &other);
        let below = |path: &&Vec<PathElement>| !other.iter().any(|start| path.starts_with(start));
        prop_assert_eq!(members(&first.without(&second)), one.iter().filter(below).cloned().collect());
        prop_assert!(first.difference(&first).is_empty());
        for path in &one {
            prop_assert!(first.contains(path));
        }
    }

    #[test]
    fn sets_are_the_same_after_text(paths in paths()) {
        let set = set(&paths);
        let text = set.to_value().to_string();
        let value: Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(FieldSet::from_value(&value).unwrap(), set);
    }

    #[test]
    fn whatever_is_applied_is_there_and_owned(live in history(), config in config()) {
        let found = apply_as(&custom(), Some(&live), &config, "me", Force::Yes, T2).unwrap();
        let owned = members(&owned(&found, "me"));
        prop_assert_eq!(&owned, &places(&config));
        let there = members(&crate::tree::compare(Some(&custom()), &Value::Null, None, &found).added);
        prop_assert!(owned.is_subset(&there), "{:?}", owned.difference(&there));
    }

    #[test]
    fn applying_twice_is_applying_once(live in history(), config in config()) {
        let once = apply_as(&custom(), Some(&live), &config, "me", Force::Yes, T2).unwrap();
        let twice = apply_as(&custom(), Some(&once), &config, "me", Force::No, T3).unwrap();
        prop_assert_eq!(twice, once);
    }

    #[test]
    fn force_leaves_no_conflict(live in history(), config in config()) {
        match apply_as(&custom(), Some(&live), &config, "me", Force::No, T2) {
            Ok(found) => {
                let forced = apply_as(&custom(), Some(&live), &config, "me", Force::Yes, T2).unwrap();
                prop_assert_eq!(found, forced, "without conflict, force changes nothing");
            }
            Err(ApplyError::Conflicts(conflicts)) => {
                prop_assert!(!conflicts.is_empty() && conflicts.is_sorted());
                let forced = apply_as(&custom(), Some(&live), &config, "me", Force::Yes, T2).unwrap();
                let again = apply_as(&custom(), Some(&forced), &config, "me", Force::No, T3);
                prop_assert!(again.is_ok(), "{:?}", again);
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
    }

    /// What a manager applied and applies no longer goes, unless someone else owns it or something below it; what it
    /// never owned stays.
    #[test]
    fn giving_everything_up_removes_what_is_nobodys(live in history(), config in config()) {
        let applied = apply_as(&custom(), Some(&live), &config, "me", Force::Yes, T2).unwrap();
        let empty = json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "x"}});
        let left = apply_as(&custom(), Some(&applied), &empty, "me", Force::No, T3).unwrap();
        prop_assert!(owned(&left, "me").is_empty());
        let mine = members(&owned(&applied, "me"));
        let mut others = FieldSet::default();
        for entry in applied["metadata"]["managedFields"].as_array().into_iter().flatten() {
            if entry["manager"] != "me" {
                others.add(&FieldSet::from_value(&entry["fieldsV1"]).unwrap());
            }
        }
        let others = members(&others);
        let (before, after) = (places(&applied), places(&left));
        for path in &before {
            let within_mine = (1..=path.len()).any(|length| mine.contains(&path[..length]));
            let someones = others.contains(path);
            if someones && !mine.contains(path) && !within_mine {
                prop_assert!(after.contains(path), "{path:?} is someone else's and went");
            }
            let kept_for = others.iter().any(|other| other.starts_with(path) || path.starts_with(other));
            if mine.contains(path) && !kept_for {
                prop_assert!(!after.contains(path), "{path:?} is nobody's and stayed");
            }
        }
    }

    /// Every place that a write changes is the writer's, and nobody else's.
    #[test]
    fn whoever_writes_owns_what_changed(live in history(), next in config()) {
        let tracked = live["metadata"].get("managedFields").is_some();
        let found = update_as(&custom(), Some(&live), &next, "writer", T2);
        prop_assert_eq!(&bare(&found), &bare(&next));
        if !tracked {
            return Ok(());
        }
        let (changed, _) = crate::tree::compare(Some(&custom()), &Value::Null, Some(&live), &next).split();
        for entry in found["metadata"]["managedFields"].as_array().into_iter().flatten() {
            let fields = FieldSet::from_value(&entry["fieldsV1"]).unwrap();
            if entry["manager"] == "writer" {
                prop_assert_eq!(fields, changed.clone());
            } else {
                prop_assert!(fields.intersection(&changed).is_empty());
            }
        }
    }
}
