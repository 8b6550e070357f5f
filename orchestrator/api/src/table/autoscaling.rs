//! Horizontal autoscalers, in both versions.

use std::borrow::Cow;

use serde_json::Value;

use super::text::{NONE, UNSET, field};
use super::{BuiltIn, aged, name};
use crate::convert;
use crate::json::{View, plain};

/// Metrics that TARGETS shows.
const SHOWN: usize = 2;

pub(crate) const AUTOSCALER: BuiltIn = BuiltIn {
    columns: &[
        ("Name", "string", 0),
        ("Reference", "string", 0),
        ("Targets", "string", 0),
        ("MinPods", "string", 0),
        ("MaxPods", "string", 0),
        ("Replicas", "string", 0),
        ("Age", "string", 0),
    ],
    cells: |object, now| {
        let object = match object.text("apiVersion") {
            "autoscaling/v1" => Cow::Owned(convert::autoscaler_to_v2(object)),
            _ => Cow::Borrowed(object),
        };
        let target = object.at("spec.scaleTargetRef");
        vec![
            name(&object),
            format!("{}/{}", target.text("kind"), target.text("name")).into(),
            targets(&object).into(),
            field(&object, "spec.minReplicas", UNSET),
            object.int("spec.maxReplicas").into(),
            object.int("status.currentReplicas").into(),
            aged(&object, now),
        ]
    },
};

fn targets(object: &Value) -> String {
    let specs = object.list("spec.metrics");
    if specs.is_empty() {
        return NONE.to_owned();
    }
    let current = object.list("status.currentMetrics");
    let shown = specs.iter().enumerate().take(SHOWN).map(|(index, spec)| metric(spec, current.get(index)));
    let shown = shown.collect::<Vec<_>>().join(", ");
    match specs.len().checked_sub(SHOWN) {
        Some(more @ 1..) => format!("{shown} + {more} more..."),
        _ => shown,
    }
}

/// `cpu: 10%/80%`, `5/10 (avg)`: what is and what should be.
fn metric(spec: &Value, status: Option<&Value>) -> String {
    let source = match spec.text("type") {
        "Resource" => "resource",
        "ContainerResource" => "containerResource",
        "Pods" => "pods",
        "Object" => "object",
        "External" => "external",
        _ => return "<unknown type>".to_owned(),
    };
    let spec = spec.at(source);
    let current = |field: &str| {
        let value = status.map(|status| plain(status.at(source).at("current").at(field))).unwrap_or_default();
        if value.is_empty() { "<unknown>".to_owned() } else { value }
    };
    let average = plain(spec.at("target.averageValue"));
    let by_average = !average.is_empty();
    match source {
        "resource" | "containerResource" => {
            let title = spec.text("name");
            if by_average {
                return format!("{title}: {}/{average}", current("averageValue"));
            }
            let percent = |value: String| if value.starts_with('<') { value } else { format!("{value}%") };
            let wanted = match spec.at("target.averageUtilization") {
                Value::Null => "<auto>".to_owned(),
                value => format!("{}%", plain(value)),
            };
            format!("{title}: {}/{wanted}", percent(current("averageUtilization")))
        }
        "pods" => format!("{}/{average}", current("averageValue")),
        _ if by_average => format!("{}/{average} (avg)", current("averageValue")),
        _ => format!("{}/{}", current("value"), plain(spec.at("target.value"))),
    }
}
