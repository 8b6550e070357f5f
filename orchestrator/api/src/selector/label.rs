//! Label selectors: `app=web,tier in (front, back),!old`.

use std::collections::BTreeSet;
use std::fmt;

use guideway_schema::quote;
use serde_json::Value;

use super::lexer::{Context, Lexer, Token};
use crate::json::View;
use crate::meta::{label_key_errors, label_value_errors};

/// Which objects a list is for, by their labels. All requirements must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSelector {
    requirements: Vec<Requirement>,
}

/// One condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// Key of the label.
    pub key: String,
    /// What its value must be.
    pub operator: Operator,
}

/// What a label's value must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operator {
    /// This (`=`, `==`).
    Equals(String),
    /// Not this, or no label (`!=`).
    NotEquals(String),
    /// One of these (`in`).
    In(BTreeSet<String>),
    /// None of these, or no label (`notin`).
    NotIn(BTreeSet<String>),
    /// The label is there.
    Exists,
    /// It is not.
    DoesNotExist,
    /// A number greater than this.
    GreaterThan(i64),
    /// A number less than this.
    LessThan(i64),
}

/// Text that is no selector, in Kubernetes' words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SelectorError(pub(crate) String);

impl LabelSelector {
    /// Reads the text of a `labelSelector` parameter. Empty text selects everything.
    ///
    /// # Errors
    ///
    /// Text that is no selector, or with keys or values that no label can have.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        let mut lexer = Lexer::new(text);
        let mut requirements = Vec::new();
        loop {
            match lexer.peek(Context::Values) {
                Token::Identifier(_) | Token::Not => {
                    let requirement = requirement(&mut lexer)
                        .map_err(|error| SelectorError(format!("unable to parse requirement: {error}")))?;
                    requirements.push(requirement);
                    match lexer.next(Context::Values) {
                        Token::End => break,
                        Token::Comma => match lexer.peek(Context::Values) {
                            Token::Identifier(_) | Token::Not => (),
                            other => return Err(found(&other, "identifier after ','")),
                        },
                        other => return Err(found(&other, "',' or 'end of string'")),
                    }
                }
                Token::End => break,
                other => return Err(found(&other, "!, identifier, or 'end of string'")),
            }
        }
        Ok(Self::sorted(requirements))
    }

    /// Reads a `metav1.LabelSelector`: `matchLabels` and `matchExpressions`. An empty one selects everything; what
    /// null means depends on where it is, here it is the same.
    ///
    /// # Errors
    ///
    /// An operator that there is not, or the wrong number of values.
    pub fn from_object(selector: &Value) -> Result<Self, SelectorError> {
        let mut requirements = Vec::new();
        for (key, value) in selector.entries("matchLabels") {
            let value = value.as_str().unwrap_or_default();
            requirements.push(Requirement::new(key, Operator::Equals(value.to_owned()))?);
        }
        for expression in selector.list("matchExpressions") {
            let values =
                || expression.list("values").iter().filter_map(Value::as_str).map(str::to_owned).collect();
            let operator = match expression.text("operator") {
                "In" => Operator::In(values()),
                "NotIn" => Operator::NotIn(values()),
                "Exists" => Operator::Exists,
                "DoesNotExist" => Operator::DoesNotExist,
                other => {
                    return Err(SelectorError(format!(
                        "{} is not a valid label selector operator",
                        quote(other)
                    )));
                }
            };
            if matches!(operator, Operator::Exists | Operator::DoesNotExist)
                && !expression.list("values").is_empty()
            {
                return Err(SelectorError(
                    "values: Invalid value: values set must be empty for exists and does not exist".into(),
                ));
            }
            requirements.push(Requirement::new(expression.text("key"), operator)?);
        }
        Ok(Self::sorted(requirements))
    }

    /// Reads a plain map of labels, all of which must be there: the selector of a Service.
    pub fn from_map(labels: &Value) -> Self {
        let entries = labels.as_object().into_iter().flatten();
        let requirements = entries.map(|(key, value)| Requirement {
            key: key.clone(),
            operator: Operator::Equals(value.as_str().unwrap_or_default().to_owned()),
        });
        Self::sorted(requirements.collect())
    }

    fn sorted(mut requirements: Vec<Requirement>) -> Self {
        requirements.sort_by(|a, b| a.key.cmp(&b.key));
        Self { requirements }
    }

    /// Whether labels (the value of `metadata.labels`, or null) are selected.
    pub fn matches(&self, labels: &Value) -> bool {
        self.matches_with(|key| labels.get(key)?.as_str())
    }

    /// Whether labels are selected, by a function that gives the value of a key.
    pub fn matches_with<'a>(&self, label: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.requirements.iter().all(|requirement| requirement.operator.holds(label(&requirement.key)))
    }

    /// Everything is selected.
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// The conditions, sorted by key.
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }
}

impl Requirement {
    fn new(key: &str, operator: Operator) -> Result<Self, SelectorError> {
        check_key(key)?;
        let values: Vec<&String> = match &operator {
            Operator::Equals(value) | Operator::NotEquals(value) => vec![value],
            Operator::In(values) | Operator::NotIn(values) => values.iter().collect(),
            _ => Vec::new(),
        };
        if values.is_empty() && matches!(operator, Operator::In(_) | Operator::NotIn(_)) {
            return Err(SelectorError(
                "values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty".into(),
            ));
        }
        for (index, value) in values.into_iter().enumerate() {
            let errors = label_value_errors(value);
            if !errors.is_empty() {
                let words = errors.join("; ");
                let value = quote(value);
                return Err(SelectorError(format!(
                    "values[{index}][{key}]: Invalid value: {value}: {words}"
                )));
            }
        }
        Ok(Self { key: key.to_owned(), operator })
    }
}

impl Operator {
    fn holds(&self, value: Option<&str>) -> bool {
        let number = || value.and_then(|value| value.parse::<i64>().ok());
        match self {
            Self::Equals(wanted) => value == Some(wanted),
            Self::NotEquals(unwanted) => value != Some(unwanted),
            Self::In(values) => value.is_some_and(|value| values.contains(value)),
            Self::NotIn(values) => !value.is_some_and(|value| values.contains(value)),
            Self::Exists => value.is_some(),
            Self::DoesNotExist => value.is_none(),
            Self::GreaterThan(bound) => number().is_some_and(|number| number > *bound),
            Self::LessThan(bound) => number().is_some_and(|number| number < *bound),
        }
    }
}

impl fmt::Display for LabelSelector {
    /// The text that [`LabelSelector::parse`] reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, requirement) in self.requirements.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            requirement.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = &self.key;
        let list =
            |values: &BTreeSet<String>| values.iter().map(String::as_str).collect::<Vec<_>>().join(",");
        match &self.operator {
            Operator::Equals(value) => write!(f, "{key}={value}"),
            Operator::NotEquals(value) => write!(f, "{key}!={value}"),
            Operator::In(values) => write!(f, "{key} in ({})", list(values)),
            Operator::NotIn(values) => write!(f, "{key} notin ({})", list(values)),
            Operator::Exists => f.write_str(key),
            Operator::DoesNotExist => write!(f, "!{key}"),
            Operator::GreaterThan(bound) => write!(f, "{key}>{bound}"),
            Operator::LessThan(bound) => write!(f, "{key}<{bound}"),
        }
    }
}

fn found(token: &Token, expected: &str) -> SelectorError {
    SelectorError(format!("found '{token}', expected: {expected}"))
}

fn check_key(key: &str) -> Result<(), SelectorError> {
    let errors = label_key_errors(key);
    if errors.is_empty() {
        return Ok(());
    }
    Err(SelectorError(format!("<nil>: Invalid value: {}: {}", quote(key), errors.join("; "))))
}

fn requirement(lexer: &mut Lexer<'_>) -> Result<Requirement, SelectorError> {
    let mut first = lexer.next(Context::Values);
    let negated = first == Token::Not;
    if negated {
        first = lexer.next(Context::Values);
    }
    let Token::Identifier(key) = first else { return Err(found(&first, "identifier")) };
    check_key(&key)?;
    if negated {
        return Requirement::new(&key, Operator::DoesNotExist);
    }
    if matches!(lexer.peek(Context::Values), Token::End | Token::Comma) {
        return Requirement::new(&key, Operator::Exists);
    }
    let operator = match lexer.next(Context::KeyAndOperator) {
        Token::In => Operator::In(values(lexer)?),
        Token::NotIn => Operator::NotIn(values(lexer)?),
        Token::Equals => Operator::Equals(value(lexer)?),
        Token::NotEquals => Operator::NotEquals(value(lexer)?),
        Token::GreaterThan => Operator::GreaterThan(bound(lexer)?),
        Token::LessThan => Operator::LessThan(bound(lexer)?),
        other => return Err(found(&other, "in, notin, =, ==, !=, gt, lt")),
    };
    Requirement::new(&key, operator)
}

fn bound(lexer: &mut Lexer<'_>) -> Result<i64, SelectorError> {
    let text = value(lexer)?;
    text.parse().map_err(|_| {
        let text = quote(&text);
        let words = "for 'Gt', 'Lt' operators, the value must be an integer";
        SelectorError(format!("values[0]: Invalid value: {text}: {words}"))
    })
}

fn value(lexer: &mut Lexer<'_>) -> Result<String, SelectorError> {
    match lexer.peek(Context::Values) {
        Token::End | Token::Comma => Ok(String::new()),
        _ => match lexer.next(Context::Values) {
            Token::Identifier(value) => Ok(value),
            other => Err(found(&other, "identifier")),
        },
    }
}

/// `(a, b)`. Nothing between two commas is an empty value.
fn values(lexer: &mut Lexer<'_>) -> Result<BTreeSet<String>, SelectorError> {
    let first = lexer.next(Context::Values);
    if first != Token::Open {
        return Err(SelectorError(format!("found '{first}' expected: '('")));
    }
    let mut values = BTreeSet::new();
    let mut pending = None;
    loop {
        match lexer.next(Context::Values) {
            Token::Identifier(value) if pending.is_none() => pending = Some(value),
            Token::Comma => {
                values.insert(pending.take().unwrap_or_default());
                // What follows a comma is a value, if only an empty one.
                if lexer.peek(Context::Values) == Token::Close {
                    values.insert(String::new());
                }
            }
            Token::Close => {
                match pending {
                    Some(value) => values.insert(value),
                    None if values.is_empty() => values.insert(String::new()),
                    None => false,
                };
                return Ok(values);
            }
            other => return Err(found(&other, "',', or ')'")),
        }
    }
}
