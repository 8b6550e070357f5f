use std::collections::BTreeMap;

/// Labels of an object.
pub type Labels = BTreeMap<String, String>;

/// Which objects are meant, as a Kubernetes label selector: those for which every requirement holds; all, when there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// All of them must hold.
    pub requirements: Vec<Requirement>,
}

/// What one label has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The label.
    pub key: String,
    /// What about it.
    pub operator: Operator,
}

/// What is asked about a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operator {
    /// It is there with one of these values.
    In(Vec<String>),
    /// It is not there, or with another value.
    NotIn(Vec<String>),
    /// It is there.
    Exists,
    /// It is not there.
    DoesNotExist,
}

impl Selector {
    /// The selector for `matchLabels`.
    pub fn equal<K: Into<String>, V: Into<String>>(labels: impl IntoIterator<Item = (K, V)>) -> Self {
        let requirement = |(key, value): (K, V)| Requirement {
            key: key.into(),
            operator: Operator::In(vec![value.into()]),
        };
        Self { requirements: labels.into_iter().map(requirement).collect() }
    }

    /// Whether an object with these labels is meant.
    #[must_use]
    pub fn matches(&self, labels: &Labels) -> bool {
        self.requirements.iter().all(|requirement| {
            let value = labels.get(&requirement.key);
            match &requirement.operator {
                Operator::In(values) => value.is_some_and(|value| values.contains(value)),
                Operator::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
                Operator::Exists => value.is_some(),
                Operator::DoesNotExist => value.is_none(),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operator_and_the_empty_selector() {
        let labels = Labels::from([("app".to_owned(), "web".to_owned())]);
        let one =
            |key: &str, operator| Selector { requirements: vec![Requirement { key: key.into(), operator }] };
        let web = || vec!["api".to_owned(), "web".to_owned()];
        let db = || vec!["db".to_owned()];
        for (selector, expected) in [
            (Selector::default(), true),
            (Selector::equal([("app", "web")]), true),
            (Selector::equal([("app", "web"), ("tier", "x")]), false),
            (one("app", Operator::In(web())), true),
            (one("app", Operator::In(db())), false),
            (one("other", Operator::In(web())), false),
            (one("app", Operator::NotIn(web())), false),
            (one("app", Operator::NotIn(db())), true),
            (one("other", Operator::NotIn(web())), true),
            (one("app", Operator::Exists), true),
            (one("other", Operator::Exists), false),
            (one("app", Operator::DoesNotExist), false),
            (one("other", Operator::DoesNotExist), true),
        ] {
            assert_eq!(selector.matches(&labels), expected, "{selector:?}");
        }
    }
}
