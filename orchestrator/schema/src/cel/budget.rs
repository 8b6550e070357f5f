//! Whether the rules of a definition can be evaluated in reasonable time, whatever objects there will be.

use super::bounds;
use crate::{Cause, Schema, Type, path::FieldPath};

/// What a rule may cost, on all values of its place in an object together.
const RULE: u64 = 10_000_000;
/// What all rules of a schema may cost.
const SCHEMA: u64 = 100_000_000;
/// How many of the most costly rules are named if the sum is too large.
const NAMED: usize = 4;

const ADVICE: &str = "(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, \
                      and strings are declared)";

/// Rules that cost too much, and, if all of them together do, those that make it so.
pub(crate) fn over(schema: &Schema, field: &str) -> Vec<Cause> {
    let mut walk = Walk { path: FieldPath::new(field), total: 0, costly: Vec::new(), causes: Vec::new() };
    walk.place(schema, Some(1));
    let Walk { total, mut costly, mut causes, .. } = walk;
    if total > SCHEMA {
        costly.sort_by_key(|(cost, _)| std::cmp::Reverse(*cost));
        let detail =
            "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema";
        causes.extend(costly.into_iter().take(NAMED).map(|(_, field)| Cause::forbidden(field, detail)));
        let name = "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema";
        causes.push(Cause::forbidden(field, &words(name, total, SCHEMA)));
    }
    causes
}

struct Walk {
    path: FieldPath,
    total: u64,
    /// What costs enough to be named, and where it is.
    costly: Vec<(u64, String)>,
    causes: Vec<Cause>,
}

impl Walk {
    /// `times` is how many values of the place an object can have, if the schema says.
    fn place(&mut self, schema: &Schema, times: Option<u64>) {
        let Some(checks) = schema.0.checks.as_deref().filter(|checks| checks.rules_below) else { return };
        let below = match (schema.kind(), schema.additional()) {
            (Type::Array, _) => checks.max_items,
            (Type::Object, Some(_)) => checks.max_properties,
            _ => Some(1),
        };
        let below = times.zip(below).map(|(times, more)| times.saturating_mul(more));
        for name in schema.property_names() {
            let Some(field) = schema.property(name) else { continue };
            let mark = self.path.push_field("properties");
            self.path.push_key(name);
            self.place(field, below);
            self.path.back(mark);
        }
        for (word, schema) in [("items", schema.items()), ("additionalProperties", schema.additional())] {
            let Some(schema) = schema else { continue };
            let mark = self.path.push_field(word);
            self.place(schema, below);
            self.path.back(mark);
        }
        let times = times.unwrap_or_else(|| bounds::in_request(schema));
        for (index, rule) in checks.rules.iter().enumerate() {
            let field = self.path.field(&format!("x-kubernetes-validations[{index}]"));
            self.expression(&field, "rule", rule.cost.saturating_mul(times));
            // Kubernetes does not count how many messages there can be.
            if let Some(cost) = rule.message_cost {
                self.expression(&field, "messageExpression", cost);
            }
        }
    }

    fn expression(&mut self, rule: &str, word: &str, cost: u64) {
        let field = format!("{rule}.{word}");
        self.total = self.total.saturating_add(cost);
        if cost > RULE {
            let detail = words(&format!("estimated {word} cost"), cost, RULE);
            self.causes.push(Cause::forbidden(field.clone(), &detail));
        }
        if cost >= SCHEMA / 100 {
            self.costly.push((cost, field));
        }
    }
}

fn words(name: &str, cost: u64, limit: u64) -> String {
    #[allow(clippy::cast_precision_loss)] // it is shown with a few digits
    let factor = cost as f64 / limit as f64;
    let factor = if factor > 100.0 {
        "more than 100".to_owned()
    } else if factor < 1.5 {
        // With fewer digits it would be read as one.
        format!("{factor:.6}")
    } else {
        format!("{factor:.1}")
    };
    format!("{name} exceeds budget by factor of {factor}x {ADVICE}")
}

#[cfg(test)]
mod tests;
