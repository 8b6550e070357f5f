//! Conditions in a status.

use jiff::Timestamp;
use serde_json::{Value, json};

/// A condition as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Condition {
    /// Its type.
    pub(crate) condition: &'static str,
    /// `True`, `False`, `Unknown`.
    pub(crate) status: &'static str,
    /// One word.
    pub(crate) reason: &'static str,
    /// For people.
    pub(crate) message: String,
    /// `observedGeneration`, where the kind has it.
    pub(crate) generation: Option<i64>,
}

/// The list with these conditions in it, or nothing if they are there already. Others stay; a time changes only with
/// its status.
pub(crate) fn merged(present: &Value, wanted: &[Condition], now: Timestamp) -> Option<Vec<Value>> {
    let mut list = present.as_array().cloned().unwrap_or_default();
    let mut changed = false;
    for want in wanted {
        let place = list.iter().position(|condition| condition["type"] == want.condition);
        let old = place.map(|place| &list[place]);
        let time = match old {
            Some(old) if old["status"] == want.status => old["lastTransitionTime"].clone(),
            _ => time(now).into(),
        };
        let mut condition = json!({
            "type": want.condition,
            "status": want.status,
            "reason": want.reason,
            "message": want.message,
            "lastTransitionTime": time,
        });
        if let Some(generation) = want.generation {
            condition["observedGeneration"] = generation.into();
        }
        if old != Some(&condition) {
            changed = true;
            match place {
                Some(place) => list[place] = condition,
                None => list.push(condition),
            }
        }
    }
    changed.then_some(list)
}

/// A time as `metav1.Time` has it: whole seconds, UTC.
pub(crate) fn time(now: Timestamp) -> String {
    now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn want(status: &'static str, message: &str) -> Condition {
        Condition {
            condition: "Ready",
            status,
            reason: "Because",
            message: message.to_owned(),
            generation: None,
        }
    }

    #[test]
    fn a_time_changes_with_its_status_only() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let first = merged(&Value::Null, &[want("True", "a")], at(1)).unwrap();
        assert_eq!(first[0]["lastTransitionTime"], "1970-01-01T00:00:01Z");
        assert_eq!(merged(&first.clone().into(), &[want("True", "a")], at(2)), None);
        let second = merged(&first.into(), &[want("True", "b")], at(3)).unwrap();
        assert_eq!(
            (&second[0]["lastTransitionTime"], &second[0]["message"]),
            (&json!("1970-01-01T00:00:01Z"), &json!("b"))
        );
        let third = merged(&second.into(), &[want("False", "b")], at(4)).unwrap();
        assert_eq!(third[0]["lastTransitionTime"], "1970-01-01T00:00:04Z");
    }

    #[test]
    fn conditions_of_others_stay() {
        let present = json!([{ "type": "Other", "status": "True" }]);
        let list = merged(&present, &[want("True", "a")], Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(list.len(), 2);
        assert_eq!(list[0], present[0]);
    }
}
