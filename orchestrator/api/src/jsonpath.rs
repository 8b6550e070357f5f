//! The subset of JSONPath that CustomResourceDefinitions use: `.spec.replicas`, `.status.conditions[?(@.type=="Ready")].status`,
//! `.spec.ports[*].port`, `.metadata.labels['app\.kubernetes\.io/name']`.

use serde_json::Value;

/// Steps of a path at most; longer ones are refused.
const MOST_STEPS: usize = 64;

/// A path that can be walked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JsonPath {
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    /// Counted from the end if negative.
    Index(i64),
    /// From, to (exclusive), both counted from the end if negative.
    Slice(Option<i64>, Option<i64>),
    All,
    /// Elements in which what a path finds compares to a value.
    Where(Vec<String>, Comparison, Value),
    /// Elements in which a path finds something.
    WhereExists(Vec<String>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
}

/// A path that is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct JsonPathError(String);

impl JsonPath {
    /// Reads a path. It may stand in braces and begin with `$` or a dot.
    ///
    /// # Errors
    ///
    /// What does not belong to the subset.
    pub(crate) fn parse(text: &str) -> Result<Self, JsonPathError> {
        let inner = text.trim();
        let inner = inner.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(inner).trim();
        let mut rest = inner.strip_prefix('$').unwrap_or(inner);
        let mut steps = Vec::new();
        if rest == "." {
            rest = "";
        }
        while !rest.is_empty() {
            if steps.len() >= MOST_STEPS {
                return Err(JsonPathError(format!("more than {MOST_STEPS} steps")));
            }
            let (step, after) = if let Some(bracket) = rest.strip_prefix('[') {
                let end = closing(bracket).ok_or_else(|| JsonPathError("unterminated array".into()))?;
                (in_brackets(bracket[..end].trim())?, &bracket[end + 1..])
            } else if let Some(name) = rest.strip_prefix('.') {
                key(name)?
            } else if steps.is_empty() {
                key(rest)?
            } else {
                return Err(JsonPathError(format!("unexpected {rest:?}")));
            };
            steps.push(step);
            rest = after;
        }
        Ok(Self { steps })
    }

    /// What the path finds, in order; nothing if it leads nowhere.
    pub(crate) fn find<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        let mut found = vec![value];
        for step in &self.steps {
            found = found.into_iter().flat_map(|value| step.from(value)).collect();
        }
        found.retain(|value| !value.is_null());
        found
    }

    /// The keys of a path that has nothing but keys, as those of `scale` must be.
    pub(crate) fn keys(&self) -> Option<Vec<&str>> {
        self.steps
            .iter()
            .map(|step| match step {
                Step::Key(key) => Some(key.as_str()),
                _ => None,
            })
            .collect()
    }
}

impl Step {
    fn from<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        let items = || value.as_array().map(Vec::as_slice).unwrap_or_default();
        let place = |index: i64| usize::try_from(if index < 0 { index + len(items()) } else { index }).ok();
        match self {
            Self::Key(key) => value.get(key).into_iter().collect(),
            Self::Index(index) => place(*index).and_then(|index| items().get(index)).into_iter().collect(),
            Self::Slice(from, to) => {
                let from = from.map_or(Some(0), place).unwrap_or(0);
                let to = to.map_or(Some(usize::MAX), place).unwrap_or(0).min(items().len());
                items().get(from..to).unwrap_or_default().iter().collect()
            }
            Self::All => match value {
                Value::Array(items) => items.iter().collect(),
                Value::Object(map) => map.values().collect(),
                _ => Vec::new(),
            },
            Self::Where(path, comparison, wanted) => {
                let holds = |item: &&Value| {
                    walk(item, path)
                        .is_some_and(|found| (found == wanted) == (*comparison == Comparison::Equal))
                };
                items().iter().filter(holds).collect()
            }
            Self::WhereExists(path) => items().iter().filter(|item| walk(item, path).is_some()).collect(),
        }
    }
}

fn len(items: &[Value]) -> i64 {
    i64::try_from(items.len()).unwrap_or(i64::MAX)
}

fn walk<'a>(value: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, key| value.get(key))
}

/// A key after a dot, and what follows it. A backslash takes a dot into the key.
fn key(text: &str) -> Result<(Step, &str), JsonPathError> {
    let mut key = String::new();
    let mut end = text.len();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => key.extend(chars.next().map(|(_, c)| c)),
            '.' | '[' => {
                end = at;
                break;
            }
            c => key.push(c),
        }
    }
    match key.as_str() {
        "" => Err(JsonPathError("a key is missing after a dot".into())),
        "*" => Ok((Step::All, &text[end..])),
        _ => Ok((Step::Key(key), &text[end..])),
    }
}

/// Place of the bracket that closes one, outside of quotes.
fn closing(text: &str) -> Option<usize> {
    let mut quote = None;
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => (),
            (None, '\'' | '"') => quote = Some(c),
            (None, '[') => depth += 1,
            (None, ']') if depth == 0 => return Some(at),
            (None, ']') => depth -= 1,
            (None, _) => (),
        }
    }
    None
}

fn in_brackets(text: &str) -> Result<Step, JsonPathError> {
    let wrong = || JsonPathError(format!("invalid array index {text}"));
    if text == "*" {
        return Ok(Step::All);
    }
    if let Some(key) = unquote(text) {
        return Ok(Step::Key(key));
    }
    if let Some(filter) = text.strip_prefix("?(").and_then(|rest| rest.strip_suffix(')')) {
        return condition(filter);
    }
    if let Some((from, to)) = text.split_once(':') {
        let bound = |text: &str| match text.trim() {
            "" => Ok(None),
            number => number.parse().map(Some).map_err(|_| wrong()),
        };
        return Ok(Step::Slice(bound(from)?, bound(to)?));
    }
    text.parse().map(Step::Index).map_err(|_| wrong())
}

/// `@.type=="Ready"`.
fn condition(text: &str) -> Result<Step, JsonPathError> {
    let wrong =
        || JsonPathError(format!("filters other than a comparison with a value are not supported: {text}"));
    let path = |text: &str| -> Result<Vec<String>, JsonPathError> {
        let path = JsonPath::parse(text.trim().strip_prefix('@').ok_or_else(wrong)?)?;
        let keys = path.keys().ok_or_else(wrong)?;
        Ok(keys.into_iter().map(str::to_owned).collect())
    };
    let (left, comparison, right) = if let Some((left, right)) = text.split_once("==") {
        (left, Comparison::Equal, right)
    } else if let Some((left, right)) = text.split_once("!=") {
        (left, Comparison::NotEqual, right)
    } else if text.contains(['<', '>', '=', '|', '&']) {
        return Err(wrong());
    } else {
        return Ok(Step::WhereExists(path(text)?));
    };
    let right = right.trim();
    let value = match unquote(right) {
        Some(text) => Value::String(text),
        None => serde_json::from_str(right).map_err(|_| wrong())?,
    };
    Ok(Step::Where(path(left)?, comparison, value))
}

/// What stands in quotes, without them and with escaped characters as they are.
fn unquote(text: &str) -> Option<String> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
    let mut plain = String::new();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => plain.extend(chars.next()),
            c => plain.push(c),
        }
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_of_printer_columns_are_followed() {
        let object = json!({
            "metadata": {"labels": {"app.kubernetes.io/name": "web"}},
            "spec": {"replicas": 3, "ports": [{"port": 80}, {"port": 443}]},
            "status": {"conditions": [
                {"type": "Ready", "status": "True", "rank": 1},
                {"type": "Synced", "status": "False", "rank": 2},
            ]},
        });
        let cases = [
            (".spec.replicas", json!([3])),
            ("{.spec.replicas}", json!([3])),
            ("spec.replicas", json!([3])),
            ("$.spec['replicas']", json!([3])),
            (".status.conditions[?(@.type=='Ready')].status", json!(["True"])),
            (".status.conditions[?(@.type!=\"Ready\")].status", json!(["False"])),
            (".status.conditions[?(@.rank==2)].type", json!(["Synced"])),
            (".status.conditions[?(@.rank)].type", json!(["Ready", "Synced"])),
            (".status.conditions[-1:].status", json!(["False"])),
            (".spec.ports[*].port", json!([80, 443])),
            (".spec.ports[0].port", json!([80])),
            (".spec.ports[-1].port", json!([443])),
            (".spec.ports[7].port", json!([])),
            (r".metadata.labels.app\.kubernetes\.io/name", json!(["web"])),
            (r".metadata.labels['app\.kubernetes\.io/name']", json!(["web"])),
            (".nothing.here", json!([])),
        ];
        for (path, wanted) in cases {
            let found: Vec<Value> =
                JsonPath::parse(path).unwrap().find(&object).into_iter().cloned().collect();
            assert_eq!(Value::from(found), wanted, "{path}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for path in [".spec[", ".spec[x]", "..spec", ".a[?(@.b>1)]", ".a[?(@.b[0]=='c')]", ".a]"] {
            let parsed = JsonPath::parse(path);
            assert!(parsed.is_err() || path == ".a]", "{path}: {parsed:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(text in ".{0,60}") {
            if let Ok(path) = JsonPath::parse(&text) {
                path.find(&json!({"a": [1, {"b": null}]}));
            }
        }
    }
}
