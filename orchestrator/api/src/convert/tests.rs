use serde_json::json;

use super::*;

#[test]
fn events_have_two_names() {
    let core = json!({
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": "e"}, "involvedObject": {"kind": "Pod"},
        "message": "m", "source": {"component": "c"}, "firstTimestamp": "t", "lastTimestamp": "t", "count": 2,
        "reportingComponent": "r", "reportingInstance": "i", "type": "Normal",
    });
    let new = event_from_core(&core);
    assert_eq!(new["regarding"]["kind"], "Pod");
    assert_eq!((&new["note"], &new["deprecatedCount"]), (&json!("m"), &json!(2)));
    assert_eq!(new["reportingController"], "r");
    assert!(new.get("message").is_none());
    assert_eq!(event_to_core(&new), core);
    assert_eq!(event_to_core(&core), core);
}

#[test]
fn autoscalers_lose_nothing_on_the_way_through_v1() {
    let v2 = json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "h"},
        "spec": {
            "maxReplicas": 3,
            "metrics": [
                {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}},
                {"type": "Resource", "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "1Gi"}}},
            ],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 5}},
        },
        "status": {"conditions": [{"type": "ScalingActive"}], "currentMetrics": [
            {"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 9, "averageValue": "9m"}}},
        ]},
    });
    let v1 = autoscaler_to_v1(&v2);
    assert_eq!(v1["spec"]["targetCPUUtilizationPercentage"], 80);
    assert_eq!(v1["status"]["currentCPUUtilizationPercentage"], 9);
    assert!(v1["spec"].get("metrics").is_none());
    assert_eq!(autoscaler_to_v2(&v1), v2);
}

#[test]
fn a_plain_v1_autoscaler_becomes_one_metric() {
    let v1 = json!({"apiVersion": "autoscaling/v1", "spec": {"maxReplicas": 3, "targetCPUUtilizationPercentage": 80}});
    let v2 = autoscaler_to_v2(&v1);
    let target = json!({"type": "Utilization", "averageUtilization": 80});
    assert_eq!(
        v2["spec"]["metrics"],
        json!([{"type": "Resource", "resource": {"name": "cpu", "target": target}}])
    );
    for wrong in [json!(null), json!([]), json!({"spec": 1, "status": [], "metadata": "x"})] {
        autoscaler_to_v1(&wrong);
        autoscaler_to_v2(&wrong);
    }
}
