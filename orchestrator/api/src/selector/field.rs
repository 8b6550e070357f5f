//! Field selectors: `status.phase!=Running,spec.nodeName=n1`.

use guideway_schema::quote;
use serde_json::Value;

use crate::json::plain;
use crate::kind::{Kind, Origin, Version};
use crate::status::Status;

/// Which objects a list is for, by fields that the kind offers for it. All requirements must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSelector {
    requirements: Vec<FieldRequirement>,
}

/// One condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldRequirement {
    /// What the selector calls the field.
    pub label: String,
    /// Where it is in the object: keys from the top.
    path: Vec<String>,
    /// Its value where the object says nothing.
    default: String,
    /// What it must be, or must not be.
    pub value: String,
    /// True for `!=`.
    pub negated: bool,
}

impl FieldSelector {
    /// Reads the text of a `fieldSelector` parameter. Empty text selects everything.
    ///
    /// # Errors
    ///
    /// 400: text that is no selector, or a field that the kind does not offer.
    pub fn parse(text: &str, kind: &Kind, version: &Version) -> Result<Self, Status> {
        let mut requirements = Vec::new();
        for term in terms(text) {
            let (label, negated, value) = split(&term).ok_or_else(|| {
                Status::bad_request(format!("invalid selector: '{text}'; can't understand '{term}'"))
            })?;
            let value = unescape(value).map_err(Status::bad_request)?;
            let (path, default) = field(label, kind, version).ok_or_else(|| unknown(label, kind, version))?;
            let path = path.trim_start_matches('.').split('.').map(str::to_owned).collect();
            let default = default.to_owned();
            requirements.push(FieldRequirement { label: label.to_owned(), path, default, value, negated });
        }
        Ok(Self { requirements })
    }

    /// Whether an object is selected.
    pub fn matches(&self, object: &Value) -> bool {
        self.requirements.iter().all(|requirement| {
            let found = requirement.path.iter().try_fold(object, |value, key| value.get(key));
            let is = match found {
                None | Some(Value::Null) => requirement.default == requirement.value,
                // Several addresses, of which the first is the pod's.
                Some(Value::Array(items)) => {
                    let first = items.first().and_then(|one| one.get("ip")).map(plain).unwrap_or_default();
                    first == requirement.value
                }
                Some(Value::String(text)) => *text == requirement.value,
                Some(other) => plain(other) == requirement.value,
            };
            is != requirement.negated
        })
    }

    /// Everything is selected.
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// The conditions.
    pub fn requirements(&self) -> &[FieldRequirement] {
        &self.requirements
    }

    /// The name that objects must have, if the selector asks for one: then one key is enough.
    pub fn name(&self) -> Option<&str> {
        self.exactly("metadata.name")
    }

    /// Selects of these only the one with a name.
    pub fn also_name(&mut self, name: &str) {
        if self.name() == Some(name) {
            return;
        }
        self.requirements.push(FieldRequirement {
            label: "metadata.name".to_owned(),
            path: vec!["metadata".to_owned(), "name".to_owned()],
            default: String::new(),
            value: name.to_owned(),
            negated: false,
        });
    }

    /// The namespace that objects must have.
    pub fn namespace(&self) -> Option<&str> {
        self.exactly("metadata.namespace")
    }

    fn exactly(&self, label: &str) -> Option<&str> {
        let found = self.requirements.iter().find(|one| one.label == label && !one.negated)?;
        Some(&found.value)
    }
}

/// The parts between commas; a backslash takes a comma into a value.
fn terms(text: &str) -> Vec<String> {
    let mut terms = Vec::new();
    let mut term = String::new();
    let mut escaped = false;
    for c in text.chars() {
        match c {
            ',' if !escaped => {
                terms.push(std::mem::take(&mut term));
                continue;
            }
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
        term.push(c);
    }
    terms.push(term);
    terms.retain(|term| !term.is_empty());
    terms
}

/// Label, whether it is negated, value as it is written.
fn split(term: &str) -> Option<(&str, bool, &str)> {
    let at = term.find(['=', '!'])?;
    let (label, rest) = term.split_at(at);
    if let Some(value) = rest.strip_prefix("!=") {
        return Some((label, true, value));
    }
    let value = rest.strip_prefix("==").or_else(|| rest.strip_prefix('='))?;
    Some((label, false, value))
}

/// A value without its backslashes.
fn unescape(text: &str) -> Result<String, String> {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(c @ ('\\' | ',' | '=')) => plain.push(c),
                other => {
                    let sequence: String = std::iter::once('\\').chain(other).collect();
                    return Err(format!("invalid field selector: invalid escape sequence: {sequence}"));
                }
            },
            ',' | '=' => return Err(format!("invalid field selector: unescaped character in value: {c}")),
            c => plain.push(c),
        }
    }
    Ok(plain)
}

/// Where a field is, and its value where the object says nothing.
fn field<'a>(label: &'a str, kind: &Kind, version: &'a Version) -> Option<(&'a str, &'a str)> {
    let namespaced = kind.scope == crate::kind::Scope::Namespaced || kind.origin == Origin::BuiltIn;
    match label {
        "metadata.name" => Some((label, "")),
        "metadata.namespace" if namespaced => Some((label, "")),
        _ => {
            let field = version.fields.iter().find(|field| field.label == label)?;
            Some((&field.path, &field.default))
        }
    }
}

/// Kinds that offer more than the metadata have words of their own for what they do not.
fn unknown(label: &str, kind: &Kind, version: &Version) -> Status {
    Status::bad_request(match (kind.kind.as_str(), kind.origin) {
        ("Job", Origin::BuiltIn) => format!("field label {} not supported for Job", quote(label)),
        (_, Origin::BuiltIn) if version.fields.is_empty() => format!(
            "{} is not a known field selector: only \"metadata.name\", \"metadata.namespace\"",
            quote(label)
        ),
        _ => format!("field label not supported: {label}"),
    })
}
