//! A place in an object with its path: what checks read and blame.

use guideway_schema::{Cause, Quantity};
use serde_json::Value;

use crate::json::View;
use crate::meta;

/// A field that is there or not.
#[derive(Clone)]
pub(super) struct Field<'a> {
    value: &'a Value,
    path: String,
}

pub(super) type Causes = Vec<Cause>;

impl<'a> Field<'a> {
    pub(super) fn root(value: &'a Value) -> Self {
        Self { value, path: String::new() }
    }

    /// The field below; `path` may have dots.
    pub(super) fn at(&self, path: &str) -> Self {
        Self { value: self.value.at(path), path: self.below(path) }
    }

    fn below(&self, path: &str) -> String {
        if self.path.is_empty() { path.to_owned() } else { format!("{}.{path}", self.path) }
    }

    /// The elements of a list.
    pub(super) fn items(&self) -> impl Iterator<Item = Self> {
        let items = self.value.as_array().map(Vec::as_slice).unwrap_or_default();
        items.iter().enumerate().map(|(index, value)| Self { value, path: format!("{}[{index}]", self.path) })
    }

    /// The entries of a map.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'a str, Self)> {
        let entries = self.value.as_object().into_iter().flatten();
        entries.map(|(key, value)| (key.as_str(), Self { value, path: format!("{}[{key}]", self.path) }))
    }

    pub(super) fn value(&self) -> &'a Value {
        self.value
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn is_set(&self) -> bool {
        !self.value.is_null()
    }

    /// Absent, or an empty text, list or map.
    pub(super) fn is_empty(&self) -> bool {
        match self.value {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            Value::Object(map) => map.is_empty(),
            _ => false,
        }
    }

    pub(super) fn text(&self) -> &'a str {
        self.value.as_str().unwrap_or_default()
    }

    pub(super) fn int(&self) -> Option<i64> {
        self.value.as_i64()
    }

    pub(super) fn flag(&self) -> bool {
        self.value.as_bool().unwrap_or_default()
    }

    pub(super) fn len(&self) -> usize {
        match self.value {
            Value::Array(items) => items.len(),
            Value::Object(map) => map.len(),
            _ => 0,
        }
    }

    pub(super) fn quantity(&self) -> Option<Quantity> {
        match self.value {
            Value::String(text) => text.parse().ok(),
            Value::Number(number) => number.to_string().parse().ok(),
            _ => None,
        }
    }

    pub(super) fn required(&self, why: &str) -> Cause {
        Cause::required(self.path.as_str(), why)
    }

    pub(super) fn invalid(&self, why: &str) -> Cause {
        Cause::invalid(self.path.as_str(), self.value, why)
    }

    pub(super) fn forbidden(&self, why: &str) -> Cause {
        Cause::forbidden(self.path.as_str(), why)
    }

    pub(super) fn duplicate(&self) -> Cause {
        Cause::duplicate(self.path.as_str(), self.value)
    }

    pub(super) fn not_found(&self) -> Cause {
        Cause::not_found(self.path.as_str(), self.value)
    }

    pub(super) fn not_supported(&self, known: &[&str]) -> Cause {
        Cause::not_supported(self.path.as_str(), self.value, known)
    }

    /// Wants something here.
    pub(super) fn needs(&self, causes: &mut Causes) -> bool {
        if self.is_empty() {
            causes.push(self.required(""));
        }
        !self.is_empty()
    }

    /// Wants one of these words, if it is there.
    pub(super) fn one_of(&self, known: &[&str], causes: &mut Causes) {
        if self.is_set() && !known.contains(&self.text()) {
            causes.push(self.not_supported(known));
        }
    }

    /// Wants one of these words.
    pub(super) fn needs_one_of(&self, known: &[&str], causes: &mut Causes) {
        if self.needs(causes) {
            self.one_of(known, causes);
        }
    }

    /// Wants no negative number.
    pub(super) fn not_negative(&self, causes: &mut Causes) {
        if self.int().is_some_and(|number| number < 0) {
            causes.push(self.invalid("must be greater than or equal to 0"));
        }
    }

    /// Wants a number above zero, if it is there.
    pub(super) fn positive(&self, causes: &mut Causes) {
        if self.int().is_some_and(|number| number <= 0) {
            causes.push(self.invalid("must be greater than 0"));
        }
    }

    /// Wants a number from a range, if it is there.
    pub(super) fn between(&self, least: i64, most: i64, causes: &mut Causes) {
        if self.int().is_some_and(|number| number < least || number > most) {
            causes.push(self.invalid(&format!("must be between {least} and {most}, inclusive")));
        }
    }

    /// Wants the number of a port, if it is there.
    pub(super) fn port(&self, causes: &mut Causes) {
        self.between(1, 65535, causes);
    }

    /// Wants the number or the name of a port.
    pub(super) fn port_or_name(&self, causes: &mut Causes) {
        match self.value {
            Value::String(name) => self.all(&port_name_errors(name), causes),
            Value::Number(_) => self.port(causes),
            _ => causes.push(self.required("")),
        }
    }

    /// Wants an RFC 1123 label, if it is there.
    pub(super) fn dns_label(&self, causes: &mut Causes) {
        if !self.is_empty() {
            self.all(&meta::dns_label_errors(self.text()), causes);
        }
    }

    /// Wants an RFC 1123 subdomain, if it is there.
    pub(super) fn dns_subdomain(&self, causes: &mut Causes) {
        if !self.is_empty() {
            self.all(&meta::dns_subdomain_errors(self.text()), causes);
        }
    }

    /// Wants a qualified name, if it is there.
    pub(super) fn qualified(&self, causes: &mut Causes) {
        if !self.is_empty() {
            self.all(&meta::label_key_errors(self.text()), causes);
        }
    }

    /// Wants a whole number or a percentage, if it is there, neither negative.
    pub(super) fn number_or_percent(&self, causes: &mut Causes) {
        match self.value {
            Value::String(text) => {
                let digits = text.strip_suffix('%').unwrap_or_default();
                if digits.is_empty() || !digits.bytes().all(|c| c.is_ascii_digit()) {
                    let words = "a valid percent string must be a numeric string followed by an ending '%' (e.g. \
                                 '1%',  or '93%', regex used for validation is '[0-9]+%')";
                    causes.push(self.invalid(words));
                }
            }
            _ => self.not_negative(causes),
        }
    }

    /// The value of a percentage.
    pub(super) fn percent(&self) -> Option<i64> {
        self.text().strip_suffix('%')?.parse().ok()
    }

    /// Wants a quantity that is not negative, if it is there.
    pub(super) fn amount(&self, causes: &mut Causes) {
        if self.quantity().is_some_and(Quantity::is_negative) {
            causes.push(self.invalid("must be greater than or equal to 0"));
        }
    }

    /// The address is an IP in its canonical form, if it is there.
    pub(super) fn ip(&self, causes: &mut Causes) {
        if !self.is_empty() && self.text().parse::<std::net::IpAddr>().is_err() {
            causes.push(self.invalid("must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"));
        }
    }

    /// Wants what was there before.
    pub(super) fn immutable(&self, old: &Self, causes: &mut Causes) {
        if self.value != old.value {
            causes.push(self.invalid("field is immutable"));
        }
    }

    /// Blames the field for each of several errors.
    pub(super) fn all(&self, errors: &[String], causes: &mut Causes) {
        causes.extend(errors.iter().map(|error| self.invalid(error)));
    }

    /// Labels of a template or a selector.
    pub(super) fn labels(&self, causes: &mut Causes) {
        meta::labels(self.value, &self.path, causes);
    }

    pub(super) fn annotations(&self, causes: &mut Causes) {
        meta::annotations(self.value, &self.path, causes);
    }

    /// A `metav1.LabelSelector`.
    pub(super) fn selector(&self, causes: &mut Causes) {
        self.at("matchLabels").labels(causes);
        for expression in self.at("matchExpressions").items() {
            let (key, operator, values) =
                (expression.at("key"), expression.at("operator"), expression.at("values"));
            match operator.text() {
                "In" | "NotIn" if values.is_empty() => {
                    causes.push(values.required("must be specified when `operator` is 'In' or 'NotIn'"));
                }
                "Exists" | "DoesNotExist" if !values.is_empty() => {
                    causes.push(
                        values
                            .forbidden("may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
                    );
                }
                "In" | "NotIn" | "Exists" | "DoesNotExist" => (),
                _ => causes.push(operator.invalid("not a valid selector operator")),
            }
            key.all(&meta::label_key_errors(key.text()), causes);
            for value in values.items() {
                value.all(&meta::label_value_errors(value.text()), causes);
            }
        }
    }
}

/// What is wrong with the name of a port (RFC 6335 section 5.1).
pub(super) fn port_name_errors(name: &str) -> Vec<String> {
    let mut errors = Vec::new();
    if name.len() > 15 {
        errors.push("must be no more than 15 bytes".to_owned());
    }
    if !name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-') || name.is_empty() {
        errors.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)".to_owned());
    }
    if !name.bytes().any(|c| c.is_ascii_lowercase()) {
        errors.push("must contain at least one letter (a-z)".to_owned());
    }
    if name.contains("--") {
        errors.push("must not contain consecutive hyphens".to_owned());
    }
    if name.starts_with('-') || name.ends_with('-') {
        errors.push("must not begin or end with a hyphen".to_owned());
    }
    errors
}
