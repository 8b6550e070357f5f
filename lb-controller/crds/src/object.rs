use std::collections::BTreeMap;

/// What a custom resource has besides its specification.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Object {
    /// The name.
    pub name: String,
    /// The namespace; empty when the object does not say it.
    pub namespace: String,
    /// The labels, which selectors look at.
    pub labels: BTreeMap<String, String>,
    /// When it was made, as the API server writes it (RFC 3339, UTC); empty when the object does not say it.
    pub created: String,
    /// The object's own generation, for `observedGeneration` of a condition; 0 when the object does not say it.
    pub generation: i64,
}
