//! Disruption budgets, priorities, leases, runtime classes.

use guideway_schema::Cause;
use serde_json::{Value, json};

use super::Rules;
use super::field::Field;
use crate::json::{Fill, View};

/// PodDisruptionBudgets.
pub(crate) struct DisruptionBudget;

impl Rules for DisruptionBudget {
    fn prepare_create(&self, object: &mut Value) {
        super::ordinary::prepare_create(true, true, object);
        object.set(
            "status",
            json!({"currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0, "expectedPods": 0}),
        );
    }

    fn validate(&self, object: &Value) -> Vec<Cause> {
        let mut causes = Vec::new();
        let spec = Field::root(object).at("spec");
        let (least, most) = (spec.at("minAvailable"), spec.at("maxUnavailable"));
        if least.is_set() && most.is_set() {
            causes.push(spec.invalid("minAvailable and maxUnavailable cannot be both set"));
        }
        for field in [least, most] {
            field.number_or_percent(&mut causes);
            if field.percent().is_some_and(|percent| percent > 100) {
                causes.push(field.invalid("must not be greater than 100%"));
            }
        }
        spec.at("selector").selector(&mut causes);
        spec.at("unhealthyPodEvictionPolicy").one_of(&["AlwaysAllow", "IfHealthyBudget"], &mut causes);
        causes
    }
}

/// PriorityClasses.
pub(crate) struct PriorityClass;

/// Values above this one are the system's.
const MOST: i64 = 1_000_000_000;

impl Rules for PriorityClass {
    fn has_status(&self) -> bool {
        false
    }

    fn has_generation(&self) -> bool {
        true
    }

    fn default(&self, _version: &str, object: &mut Value) {
        object.or_set("preemptionPolicy", "PreemptLowerPriority");
    }

    fn validate(&self, object: &Value) -> Vec<Cause> {
        let mut causes = Vec::new();
        let class = Field::root(object);
        let name = object.text("metadata.name");
        let own = matches!(name, "system-node-critical" | "system-cluster-critical");
        if name.starts_with("system-") && !own {
            let words = "priority class names with 'system-' prefix are reserved for system use only. error: the \
                         name is not of a known system priority class";
            causes.push(class.at("metadata.name").forbidden(words));
        }
        let value = class.at("value");
        if value.int().is_some_and(|value| value > MOST) && !own {
            causes.push(
                value.forbidden(&format!("maximum allowed value of a user defined priority is {MOST}")),
            );
        }
        class.at("preemptionPolicy").one_of(&["Never", "PreemptLowerPriority"], &mut causes);
        causes
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<Cause> {
        let mut causes = self.validate(new);
        let (after, before) = (Field::root(new), Field::root(old));
        if after.at("value").int().unwrap_or(0) != before.at("value").int().unwrap_or(0) {
            causes.push(after.at("value").forbidden("may not be changed in an update."));
        }
        after.at("preemptionPolicy").immutable(&before.at("preemptionPolicy"), &mut causes);
        causes
    }
}

/// Leases.
pub(crate) struct Lease;

impl Rules for Lease {
    fn has_status(&self) -> bool {
        false
    }

    fn creates_on_update(&self) -> bool {
        true
    }

    fn updates_unconditionally(&self) -> bool {
        false
    }

    fn validate(&self, object: &Value) -> Vec<Cause> {
        let mut causes = Vec::new();
        let spec = Field::root(object).at("spec");
        spec.at("leaseDurationSeconds").positive(&mut causes);
        spec.at("leaseTransitions").not_negative(&mut causes);
        causes
    }
}

/// RuntimeClasses.
pub(crate) struct RuntimeClass;

impl Rules for RuntimeClass {
    fn has_status(&self) -> bool {
        false
    }

    fn validate(&self, object: &Value) -> Vec<Cause> {
        let mut causes = Vec::new();
        let class = Field::root(object);
        let handler = class.at("handler");
        handler.all(&crate::meta::dns_label_errors(handler.text()), &mut causes);
        for (_, amount) in class.at("overhead.podFixed").entries() {
            amount.amount(&mut causes);
        }
        class.at("scheduling.nodeSelector").labels(&mut causes);
        causes
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<Cause> {
        let mut causes = self.validate(new);
        Field::root(new).at("handler").immutable(&Field::root(old).at("handler"), &mut causes);
        causes
    }
}
