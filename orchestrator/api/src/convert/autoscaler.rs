//! Autoscalers: `v2` has lists of metrics, `v1` one percentage. What `v1` has no field for goes through annotations,
//! so that nothing is lost on the way there and back.

use serde_json::{Map, Value, json};

use crate::json::{Fill, View};

const METRICS: &str = "autoscaling.alpha.kubernetes.io/metrics";
const CURRENT: &str = "autoscaling.alpha.kubernetes.io/current-metrics";
const CONDITIONS: &str = "autoscaling.alpha.kubernetes.io/conditions";
const BEHAVIOR: &str = "autoscaling.alpha.kubernetes.io/behavior";

/// The form of `v1`.
pub fn autoscaler_to_v1(object: &Value) -> Value {
    let mut v1 = object.clone();
    v1.set("apiVersion", "autoscaling/v1");
    let mut notes = Map::new();
    if let Some(spec) = v1.inner("spec") {
        if let Some(Value::Array(mut metrics)) = spec.unset("metrics") {
            let plain = |metric: &Value| {
                metric.text("type") == "Resource"
                    && metric.text("resource.name") == "cpu"
                    && metric.has("resource.target.averageUtilization")
            };
            if let Some(index) = metrics.iter().position(plain) {
                let metric = metrics.remove(index);
                let percent = metric.at("resource.target.averageUtilization").clone();
                spec.set("targetCPUUtilizationPercentage", percent);
            }
            note(&mut notes, METRICS, &metrics);
        }
        if let Some(behavior) = spec.unset("behavior").filter(Value::is_object) {
            notes.insert(BEHAVIOR.into(), behavior.to_string().into());
        }
    }
    if let Some(status) = v1.inner("status") {
        if let Some(Value::Array(current)) = status.unset("currentMetrics") {
            let cpu = current.iter().find(|metric| metric.text("resource.name") == "cpu");
            if let Some(percent) =
                cpu.map(|metric| metric.at("resource.current.averageUtilization")).filter(|p| !p.is_null())
            {
                status.set("currentCPUUtilizationPercentage", percent.clone());
            }
            note(&mut notes, CURRENT, &current);
        }
        if let Some(Value::Array(conditions)) = status.unset("conditions") {
            note(&mut notes, CONDITIONS, &conditions);
        }
    }
    if let Some(annotations) =
        v1.made("metadata").filter(|_| !notes.is_empty()).and_then(|metadata| metadata.made("annotations"))
    {
        for (key, value) in notes {
            annotations.set(&key, value);
        }
    }
    v1
}

fn note(notes: &mut Map<String, Value>, key: &str, list: &[Value]) {
    if !list.is_empty() {
        notes.insert(key.into(), Value::from(list).to_string().into());
    }
}

/// The form of `v2`.
pub fn autoscaler_to_v2(object: &Value) -> Value {
    let mut v2 = object.clone();
    v2.set("apiVersion", "autoscaling/v2");
    let mut noted = |key: &str| -> Option<Value> {
        let annotations = v2.inner("metadata")?.inner("annotations")?;
        let text = annotations.unset(key)?;
        serde_json::from_str(text.as_str()?).ok()
    };
    let (metrics, current) = (noted(METRICS), noted(CURRENT));
    let (conditions, behavior) = (noted(CONDITIONS), noted(BEHAVIOR));
    if let Some(metadata) = v2.inner("metadata")
        && metadata.at("annotations").as_object().is_some_and(Map::is_empty)
    {
        metadata.unset("annotations");
    }
    if let Some(spec) = v2.inner("spec") {
        let mut all = Vec::new();
        if let Some(percent) =
            spec.unset("targetCPUUtilizationPercentage").filter(|percent| !percent.is_null())
        {
            let target = json!({"type": "Utilization", "averageUtilization": percent});
            all.push(json!({"type": "Resource", "resource": {"name": "cpu", "target": target}}));
        }
        if let Some(Value::Array(metrics)) = metrics {
            all.extend(metrics);
        }
        if all.is_empty() {
            all.push(default_metric());
        }
        spec.set("metrics", all);
        if let Some(behavior) = behavior.filter(Value::is_object) {
            spec.set("behavior", behavior);
        }
    }
    if let Some(status) = v2.inner("status") {
        let percent = status.unset("currentCPUUtilizationPercentage").filter(|percent| !percent.is_null());
        match (current, percent) {
            (Some(current @ Value::Array(_)), _) => status.set("currentMetrics", current),
            (_, Some(percent)) => {
                let current = json!({"averageUtilization": percent, "averageValue": "0"});
                let metric = json!({"type": "Resource", "resource": {"name": "cpu", "current": current}});
                status.set("currentMetrics", vec![metric]);
            }
            _ => (),
        }
        if let Some(conditions @ Value::Array(_)) = conditions {
            status.set("conditions", conditions);
        }
    }
    v2
}

/// What an autoscaler goes by when it says nothing: 80 % of the cpu that is requested.
pub(crate) fn default_metric() -> Value {
    let target = json!({"type": "Utilization", "averageUtilization": 80});
    json!({"type": "Resource", "resource": {"name": "cpu", "target": target}})
}
