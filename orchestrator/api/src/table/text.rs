//! Pieces of cells that several kinds show.

use serde_json::Value;

use crate::json::{View, plain};
use crate::selector::LabelSelector;

pub(super) const NONE: &str = "<none>";
pub(super) const UNSET: &str = "<unset>";

/// Text, or another in its place if it is empty.
pub(super) fn or<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    if text.is_empty() { otherwise } else { text }
}

/// A field's value, or `<unset>`, `<none>` or the like.
pub(super) fn field(object: &Value, path: &str, otherwise: &str) -> Value {
    match object.at(path) {
        Value::Null => otherwise.into(),
        value => or(&plain(value), otherwise).into(),
    }
}

/// Names and images of a pod template's containers.
pub(super) fn containers(pod_spec: &Value) -> (Value, Value) {
    let all = |field: &str| -> Value {
        let texts: Vec<&str> = pod_spec.list("containers").iter().map(|one| one.text(field)).collect();
        texts.join(",").into()
    };
    (all("name"), all("image"))
}

/// `a=b,c=d`, or `<none>`.
pub(super) fn labels(map: &Value) -> String {
    let pairs = map.as_object().into_iter().flatten();
    let pairs: Vec<String> = pairs.map(|(key, value)| format!("{key}={}", plain(value))).collect();
    or(&pairs.join(","), NONE).to_owned()
}

/// A `metav1.LabelSelector` as text, or `<none>`.
pub(super) fn selector(selector: &Value) -> String {
    match LabelSelector::from_object(selector) {
        Ok(_) if selector.is_null() => NONE.to_owned(),
        Ok(parsed) => or(&parsed.to_string(), NONE).to_owned(),
        Err(_) => "<error>".to_owned(),
    }
}

/// `RWO,RWX` of `["ReadWriteOnce", "ReadWriteMany"]`.
pub(super) fn access_modes(modes: &Value) -> String {
    let known = [
        ("ReadWriteOnce", "RWO"),
        ("ReadOnlyMany", "ROX"),
        ("ReadWriteMany", "RWX"),
        ("ReadWriteOncePod", "RWOP"),
    ];
    let modes = modes.as_array().map(Vec::as_slice).unwrap_or_default();
    let shown = known.iter().filter(|(mode, _)| modes.iter().any(|one| one == mode)).map(|(_, short)| *short);
    shown.collect::<Vec<_>>().join(",")
}

/// The first of a list, and how many more there are.
pub(super) fn few(all: &[String], at_most: usize) -> String {
    let shown = all[..all.len().min(at_most)].join(",");
    match all.len().checked_sub(at_most) {
        Some(more @ 1..) => format!("{shown} + {more} more..."),
        _ => shown,
    }
}

/// `True` or `False`.
pub(super) fn capital(flag: bool) -> &'static str {
    if flag { "True" } else { "False" }
}

/// The status of a condition, if the object has it.
pub(super) fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a str> {
    condition_entry(object, kind).map(|one| one.text("status"))
}

/// A condition, if the object has it.
pub(super) fn condition_entry<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    object.list("status.conditions").iter().find(|one| one.text("type") == kind)
}
