//! Nodes.

use guideway_schema::Cause;
use serde_json::Value;

use super::Rules;
use super::field::Field;
use crate::json::{Fill, View};

/// Nodes.
pub(crate) struct Node;

impl Rules for Node {
    fn has_generation(&self) -> bool {
        false
    }

    /// A node agent registers its node with the status it has.
    fn prepare_create(&self, object: &mut Value) {
        object.or_set("spec", serde_json::Map::new());
    }

    fn validate(&self, object: &Value) -> Vec<Cause> {
        let mut causes = Vec::new();
        let spec = Field::root(object).at("spec");
        let mut seen: Vec<(&str, &str)> = Vec::new();
        for taint in spec.at("taints").items() {
            let (key, value, effect) = (taint.at("key"), taint.at("value"), taint.at("effect"));
            key.all(&crate::meta::label_key_errors(key.text()), &mut causes);
            value.all(&crate::meta::label_value_errors(value.text()), &mut causes);
            effect.needs_one_of(&["NoSchedule", "PreferNoSchedule", "NoExecute"], &mut causes);
            let pair = (key.text(), effect.text());
            if seen.contains(&pair) {
                causes.push(taint.duplicate());
            }
            seen.push(pair);
        }
        for list in ["status.capacity", "status.allocatable"] {
            for (_, amount) in Field::root(object).at(list).entries() {
                amount.amount(&mut causes);
            }
        }
        causes
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<Cause> {
        let mut causes = self.validate(new);
        let before = Field::root(old).at("spec");
        let after = Field::root(new).at("spec");
        for name in ["podCIDR", "providerID"] {
            if !before.at(name).is_empty() && after.at(name).value() != before.at(name).value() {
                let words = "node updates may not change podCIDR except from \"\" to valid";
                let words = if name == "podCIDR" { words } else { "may not change once set" };
                causes.push(after.at(name).forbidden(words));
            }
        }
        causes
    }

    fn validate_status(&self, new: &Value, _old: &Value) -> Vec<Cause> {
        self.validate(new).into_iter().filter(|cause| cause.field.starts_with("status")).collect()
    }

    fn warnings(&self, object: &Value) -> Vec<String> {
        let external = object.text("spec.externalID");
        if external.is_empty() {
            Vec::new()
        } else {
            vec!["spec.externalID: this field is deprecated, and is unused".into()]
        }
    }
}
