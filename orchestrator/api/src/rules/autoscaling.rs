//! Autoscalers, in both versions; they are stored in the form of `v2`.

use guideway_schema::Cause;
use serde_json::{Value, json};

use super::Rules;
use super::field::{Causes, Field};
use crate::json::{Fill, View};

/// HorizontalPodAutoscalers.
pub(crate) struct Autoscaler;

impl Rules for Autoscaler {
    fn has_generation(&self) -> bool {
        false
    }

    fn default(&self, version: &str, object: &mut Value) {
        let Some(spec) = object.made("spec") else { return };
        spec.or_set("minReplicas", 1);
        if version == "v1" {
            return;
        }
        if spec.list("metrics").is_empty() {
            spec.set("metrics", vec![crate::convert::default_metric()]);
        }
        let Some(behavior) = spec.inner("behavior") else { return };
        let policies =
            |first: Value, second: Option<Value>| Value::from_iter([first].into_iter().chain(second));
        let percent = json!({"type": "Percent", "value": 100, "periodSeconds": 15});
        let pods = json!({"type": "Pods", "value": 4, "periodSeconds": 15});
        for (name, defaults) in
            [("scaleUp", policies(pods, Some(percent.clone()))), ("scaleDown", policies(percent, None))]
        {
            let is_up = name == "scaleUp";
            let Some(rules) = behavior.made(name) else { continue };
            if is_up {
                rules.or_set("stabilizationWindowSeconds", 0);
            }
            rules.or_set("selectPolicy", "Max");
            rules.or_set("policies", defaults);
        }
    }

    fn prepare_create(&self, object: &mut Value) {
        object.set("status", json!({"currentReplicas": 0, "desiredReplicas": 0}));
    }

    fn validate(&self, object: &Value) -> Vec<Cause> {
        let mut causes = Vec::new();
        let spec = Field::root(object).at("spec");
        let (least, most) = (spec.at("minReplicas"), spec.at("maxReplicas"));
        if least.int().is_some_and(|least| least < 1) {
            causes.push(least.invalid("must be greater than or equal to 1"));
        }
        if most.int().is_none_or(|most| most < 1) {
            causes.push(most.invalid("must be greater than 0"));
        }
        if most.int().zip(least.int()).is_some_and(|(most, least)| most < least) {
            causes.push(most.invalid("must be greater than or equal to `minReplicas`"));
        }
        for name in ["kind", "name"] {
            let field = spec.at("scaleTargetRef").at(name);
            if field.needs(&mut causes) {
                field.all(&crate::meta::NameRule::PathSegment.errors(field.text()), &mut causes);
            }
        }
        let percent = spec.at("targetCPUUtilizationPercentage");
        if percent.int().is_some_and(|percent| percent < 1) {
            causes.push(percent.invalid("must be greater than 0"));
        }
        for metric in spec.at("metrics").items() {
            check_metric(&metric, &mut causes);
        }
        for name in ["scaleUp", "scaleDown"] {
            check_behavior(&spec.at("behavior").at(name), &mut causes);
        }
        causes
    }
}

fn check_metric(metric: &Field<'_>, causes: &mut Causes) {
    let kind = metric.at("type");
    if !kind.needs(causes) {
        return;
    }
    kind.one_of(&["ContainerResource", "External", "Object", "Pods", "Resource"], causes);
    let source = match kind.text() {
        "ContainerResource" => "containerResource",
        "External" => "external",
        "Object" => "object",
        "Pods" => "pods",
        "Resource" => "resource",
        _ => return,
    };
    let source = metric.at(source);
    if !source.is_set() {
        causes.push(source.required("must populate information for the given metric source"));
        return;
    }
    let target = source.at("target");
    target.at("type").needs_one_of(&["Utilization", "Value", "AverageValue"], causes);
    let utilization = target.at("averageUtilization");
    if utilization.int().is_some_and(|percent| percent < 1) {
        causes.push(utilization.invalid("must be greater than 0"));
    }
    for name in ["value", "averageValue"] {
        let amount = target.at(name);
        if amount.quantity().is_some_and(|amount| amount.is_negative() || amount.is_zero()) {
            causes.push(amount.invalid("must be positive"));
        }
    }
    match source.path().rsplit('.').next() {
        Some("resource" | "containerResource") => {
            if source.at("name").is_empty() {
                causes.push(source.at("name").required("must specify a resource name"));
            }
            if !utilization.is_set() && !target.at("averageValue").is_set() {
                let words = "must set either a target raw value or a target utilization";
                causes.push(target.at("averageUtilization").required(words));
            }
        }
        _ => {
            source.at("metric.name").needs(causes);
        }
    }
}

fn check_behavior(rules: &Field<'_>, causes: &mut Causes) {
    rules.at("stabilizationWindowSeconds").between(0, 3600, causes);
    rules.at("selectPolicy").one_of(&["Disabled", "Max", "Min"], causes);
    for policy in rules.at("policies").items() {
        policy.at("type").needs_one_of(&["Percent", "Pods"], causes);
        policy.at("value").positive(causes);
        policy.at("periodSeconds").between(1, 1800, causes);
    }
}
