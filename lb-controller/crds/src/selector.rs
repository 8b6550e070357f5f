use std::collections::{BTreeMap, BTreeSet};

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
