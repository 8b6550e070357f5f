use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::check::{kind_of, short};
use crate::findings::Findings;
use crate::formats::{label_key, label_value, shown};

/// A Kubernetes label selector: all of its requirements hold. Without any it matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// `matchLabels` and `matchExpressions` in one.
    pub requirements: Vec<Requirement>,
}

/// One requirement of a selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// The label is there and has one of the values.
    In {
        /// The label.
        key: String,
        /// At least one.
        values: BTreeSet<String>,
    },
    /// The label is not there or has none of the values.
    NotIn {
        /// The label.
        key: String,
        /// At least one.
        values: BTreeSet<String>,
    },
    /// The label is there.
    Exists {
        /// The label.
        key: String,
    },
    /// The label is not there.
    DoesNotExist {
        /// The label.
        key: String,
    },
}

impl Selector {
    /// Whether something with these labels is selected.
    #[must_use]
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.requirements.iter().all(|requirement| match requirement {
            Requirement::In { key, values } => labels.get(key).is_some_and(|value| values.contains(value)),
            Requirement::NotIn { key, values } => labels.get(key).is_none_or(|value| !values.contains(value)),
            Requirement::Exists { key } => labels.contains_key(key),
            Requirement::DoesNotExist { key } => !labels.contains_key(key),
        })
    }
}

/// Most labels of a selector, and most values of a requirement.
pub(crate) const MAX: usize = 1000;
/// Most requirements of `matchExpressions`: what the API server's rules may cost bounds them.
pub(crate) const MAX_EXPRESSIONS: usize = 100;
const FIELDS: [&str; 2] = ["matchLabels", "matchExpressions"];
const OPERATORS: &str = "write one of In, NotIn, Exists, DoesNotExist";

/// Reads a selector; `None` is reported.
pub(crate) fn read(value: &Value, place: &str, findings: &mut Findings) -> Option<Selector> {
    let Some(map) = value.as_object() else {
        findings.error(
            place,
            format!("is {}", kind_of(value)),
            "write a map with matchLabels or matchExpressions",
        );
        return None;
    };
    for name in map.keys().filter(|name| !FIELDS.contains(&name.as_str())) {
        // Without it the selector would match more than is wanted.
        let remedy = "write matchLabels or matchExpressions, or remove it";
        findings.error(format!("{place}.{}", short(name)), "is no field of a selector", remedy);
    }
    let mut requirements = Vec::new();
    let mut whole = map.keys().all(|name| FIELDS.contains(&name.as_str()));
    match map.get("matchLabels") {
        None | Some(Value::Null) => {}
        Some(Value::Object(labels)) => {
            for (key, value) in labels.iter().take(MAX) {
                match label(key, value, &format!("{place}.matchLabels"), findings) {
                    Some(requirement) => requirements.push(requirement),
                    None => whole = false,
                }
            }
            whole &= bounded(labels.len(), MAX, &format!("{place}.matchLabels"), findings);
        }
        Some(other) => {
            let place = format!("{place}.matchLabels");
            findings.error(place, format!("is {}", kind_of(other)), "write a map of labels and values");
            whole = false;
        }
    }
    match map.get("matchExpressions") {
        None | Some(Value::Null) => {}
        Some(Value::Array(expressions)) => {
            for (index, value) in expressions.iter().enumerate().take(MAX_EXPRESSIONS) {
                match expression(value, &format!("{place}.matchExpressions[{index}]"), findings) {
                    Some(requirement) => requirements.push(requirement),
                    None => whole = false,
                }
            }
            whole &=
                bounded(expressions.len(), MAX_EXPRESSIONS, &format!("{place}.matchExpressions"), findings);
        }
        Some(other) => {
            let place = format!("{place}.matchExpressions");
            findings.error(
                place,
                format!("is {}", kind_of(other)),
                "write a list of key, operator and values",
            );
            whole = false;
        }
    }
    whole.then_some(Selector { requirements })
}

fn bounded(count: usize, most: usize, place: &str, findings: &mut Findings) -> bool {
    if count > most {
        findings.error(place, format!("has {count} elements"), format!("write at most {most}"));
    }
    count <= most
}

fn label(key: &str, value: &Value, place: &str, findings: &mut Findings) -> Option<Requirement> {
    let place = format!("{place}.{}", short(key));
    let Some(text) = value.as_str() else {
        findings.error(place, format!("is {}", kind_of(value)), "write a text, in quotes");
        return None;
    };
    let fine = label_key(key).and_then(|()| label_value(text));
    match fine {
        Ok(()) => Some(Requirement::In { key: key.to_owned(), values: BTreeSet::from([text.to_owned()]) }),
        Err(wrong) => {
            findings.wrong(place, wrong);
            None
        }
    }
}

fn expression(value: &Value, place: &str, findings: &mut Findings) -> Option<Requirement> {
    let Some(map) = value.as_object() else {
        findings.error(place, format!("is {}", kind_of(value)), "write a map with key, operator and values");
        return None;
    };
    for name in map.keys().filter(|name| !["key", "operator", "values"].contains(&name.as_str())) {
        findings.note(format!("{place}.{}", short(name)), "unknown field, without effect");
    }
    let key = match map.get("key").and_then(Value::as_str).map(|key| label_key(key).map(|()| key.to_owned()))
    {
        Some(Ok(key)) => Some(key),
        Some(Err(wrong)) => {
            findings.wrong(format!("{place}.key"), wrong);
            None
        }
        None => {
            findings.error(format!("{place}.key"), "is missing or no text", "write the key of a label");
            None
        }
    };
    let values = values(map.get("values"), place, findings);
    let operator = map.get("operator").and_then(Value::as_str);
    let needs_values = match operator {
        Some("In" | "NotIn") => true,
        Some("Exists" | "DoesNotExist") => false,
        Some(other) => {
            findings.error(format!("{place}.operator"), format!("{} is not known", shown(other)), OPERATORS);
            return None;
        }
        None => {
            findings.error(format!("{place}.operator"), "is missing or no text", OPERATORS);
            return None;
        }
    };
    let values = values?;
    if needs_values == values.is_empty() {
        let (problem, remedy) = if needs_values {
            ("has none", "write at least one value, or the operator Exists")
        } else {
            ("are there", "leave them out, or write the operator In")
        };
        findings.error(format!("{place}.values"), problem, remedy);
        return None;
    }
    let key = key?;
    Some(match operator {
        Some("In") => Requirement::In { key, values },
        Some("NotIn") => Requirement::NotIn { key, values },
        Some("Exists") => Requirement::Exists { key },
        _ => Requirement::DoesNotExist { key },
    })
}

fn values(value: Option<&Value>, place: &str, findings: &mut Findings) -> Option<BTreeSet<String>> {
    let place = format!("{place}.values");
    let items = match value {
        None | Some(Value::Null) => return Some(BTreeSet::new()),
        Some(Value::Array(items)) if items.len() <= MAX => items,
        Some(Value::Array(items)) => {
            bounded(items.len(), MAX, &place, findings);
            return None;
        }
        Some(other) => {
            findings.error(place, format!("is {}", kind_of(other)), "write a list of texts");
            return None;
        }
    };
    let mut values = BTreeSet::new();
    let mut whole = true;
    for (index, item) in items.iter().enumerate() {
        let place = format!("{place}[{index}]");
        match item.as_str().map(|text| label_value(text).map(|()| text.to_owned())) {
            Some(Ok(text)) => {
                values.insert(text);
            }
            Some(Err(wrong)) => {
                findings.wrong(place, wrong);
                whole = false;
            }
            None => {
                findings.error(place, format!("is {}", kind_of(item)), "write a text, in quotes");
                whole = false;
            }
        }
    }
    whole.then_some(values)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn matches_as_kubernetes_does() {
        let labels = BTreeMap::from([("app".to_owned(), "web".to_owned())]);
        let table = [
            (json!({}), true),
            (json!({"matchLabels": {"app": "web"}}), true),
            (json!({"matchLabels": {"app": "db"}}), false),
            (json!({"matchExpressions": [{"key": "app", "operator": "In", "values": ["db", "web"]}]}), true),
            (json!({"matchExpressions": [{"key": "zone", "operator": "NotIn", "values": ["a"]}]}), true),
            (json!({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}), false),
            (json!({"matchExpressions": [{"key": "app", "operator": "Exists"}]}), true),
            (json!({"matchExpressions": [{"key": "app", "operator": "DoesNotExist", "values": []}]}), false),
            (
                json!({"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "zone", "operator": "Exists"}]}),
                false,
            ),
        ];
        for (value, expected) in table {
            let mut findings = Findings::default();
            let selector = read(&value, "spec", &mut findings).unwrap();
            assert!(findings.is_clean());
            assert_eq!(selector.matches(&labels), expected, "{value}");
        }
    }

    #[test]
    fn bad_ones_have_all_errors() {
        let value = json!({
            "matchlabels": {},
            "matchLabels": {"-a": "b", "a": 1},
            "matchExpressions": [
                1,
                {"key": "a", "operator": "in", "values": ["b"]},
                {"key": "a", "operator": "In", "values": []},
                {"key": "a", "operator": "Exists", "values": ["x"]},
                {"operator": "In", "values": [1, "b c"]},
            ],
        });
        let mut findings = Findings::default();
        assert_eq!(read(&value, "s", &mut findings), None);
        let places: Vec<String> = findings.into_parts().0.into_iter().map(|error| error.place).collect();
        let expected = [
            "s.matchExpressions[0]",
            "s.matchExpressions[1].operator",
            "s.matchExpressions[2].values",
            "s.matchExpressions[3].values",
            "s.matchExpressions[4].key",
            "s.matchExpressions[4].values[0]",
            "s.matchExpressions[4].values[1]",
            "s.matchLabels.-a",
            "s.matchLabels.a",
            "s.matchlabels",
        ];
        assert_eq!(places, expected);
    }
}
