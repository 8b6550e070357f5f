//! Label selectors: `app=web,tier in (front, back),!old`.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

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
    /// One of these (`=`, `in`). Sorted, without duplicates.
    In(Vec<String>),
    /// None of these, or no label (`!=`, `notin`). Sorted, without duplicates.
    NotIn(Vec<String>),
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
        let _ = text;
        Ok(Self::default())
    }

    /// Reads a `metav1.LabelSelector`: `matchLabels` and `matchExpressions`. None selects nothing, an empty one
    /// everything.
    ///
    /// # Errors
    ///
    /// An operator that there is not, or the wrong number of values.
    pub fn from_object(selector: &Value) -> Result<Self, SelectorError> {
        let _ = selector;
        Ok(Self::default())
    }

    /// Whether labels (the value of `metadata.labels`, or null) are selected.
    pub fn matches(&self, labels: &Value) -> bool {
        self.matches_with(|key| labels.get(key)?.as_str())
    }

    /// Whether labels are selected.
    pub fn matches_map(&self, labels: &BTreeMap<String, String>) -> bool {
        self.matches_with(|key| labels.get(key).map(String::as_str))
    }

    /// Whether labels are selected, by a function that gives the value of a key.
    pub fn matches_with<'a>(&self, label: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.requirements.iter().all(|requirement| requirement.holds(label(&requirement.key)))
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
    fn holds(&self, value: Option<&str>) -> bool {
        let one_of = |values: &[String]| value.is_some_and(|value| values.iter().any(|one| one == value));
        let number = || value.and_then(|value| value.parse::<i64>().ok());
        match &self.operator {
            Operator::In(values) => one_of(values),
            Operator::NotIn(values) => !one_of(values),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
            Operator::GreaterThan(bound) => number().is_some_and(|number| number > *bound),
            Operator::LessThan(bound) => number().is_some_and(|number| number < *bound),
        }
    }
}

impl fmt::Display for LabelSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let _ = f;
        Ok(())
    }
}
