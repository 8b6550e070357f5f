//! What values must fulfil beyond their type.

use std::sync::Arc;

use regex::Regex;
use serde_json::Value;

use crate::{Schema, cel::Rule};

/// Conditions of one place of a schema.
#[derive(Default)]
pub(crate) struct Checks {
    pub(crate) enumeration: Option<Vec<Value>>,
    /// The expression as it was written, and compiled.
    pub(crate) pattern: Option<(Box<str>, Arc<Regex>)>,
    pub(crate) minimum: Option<Bound>,
    pub(crate) maximum: Option<Bound>,
    pub(crate) multiple_of: Option<f64>,
    pub(crate) min_length: Option<u64>,
    pub(crate) max_length: Option<u64>,
    pub(crate) min_items: Option<u64>,
    pub(crate) max_items: Option<u64>,
    pub(crate) min_properties: Option<u64>,
    pub(crate) max_properties: Option<u64>,
    pub(crate) all_of: Vec<Schema>,
    pub(crate) any_of: Vec<Schema>,
    pub(crate) one_of: Vec<Schema>,
    pub(crate) not: Option<Schema>,
    /// The length of the shortest value as JSON, if expressions see the place.
    pub(crate) smallest: Option<u64>,
    /// CEL rules.
    pub(crate) rules: Vec<Rule>,
    /// There are CEL rules here or below.
    pub(crate) rules_below: bool,
}

/// A bound of numbers.
#[derive(Clone, Copy)]
pub(crate) struct Bound {
    pub(crate) value: f64,
    pub(crate) exclusive: bool,
}
