//! Pods: what STATUS says, and what counts as ready.

use std::borrow::Cow;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::text::{NONE, condition, field, or};
use super::{BuiltIn, aged, name};
use crate::age;
use crate::json::View;

pub(crate) const POD: BuiltIn = BuiltIn {
    columns: &[
        ("Name", "string", 0),
        ("Ready", "string", 0),
        ("Status", "string", 0),
        ("Restarts", "string", 0),
        ("Age", "string", 0),
        ("IP", "string", 1),
        ("Node", "string", 1),
        ("Nominated Node", "string", 1),
        ("Readiness Gates", "string", 1),
    ],
    cells,
};

/// What the containers of a pod amount to.
struct Summary<'a> {
    ready: usize,
    total: usize,
    restarts: i64,
    last_restart: Option<Timestamp>,
    status: Cow<'a, str>,
}

fn cells(pod: &Value, now: Timestamp) -> Vec<Value> {
    let summary = summarize(pod);
    let restarts = match summary.last_restart {
        Some(last) if summary.restarts != 0 => {
            format!("{} ({} ago)", summary.restarts, age::span(now.as_second() - last.as_second()))
        }
        _ => summary.restarts.to_string(),
    };
    let first = pod.list("status.podIPs").first().map_or("", |ip| ip.text("ip"));
    let address = or(first, pod.text("status.podIP"));
    vec![
        name(pod),
        format!("{}/{}", summary.ready, summary.total).into(),
        summary.status.into(),
        restarts.into(),
        aged(pod, now),
        or(address, NONE).into(),
        field(pod, "spec.nodeName", NONE),
        field(pod, "status.nominatedNodeName", NONE),
        gates(pod).into(),
    ]
}

/// A row of a finished pod says so, for clients that hide them.
pub(super) fn finished(object: &Value) -> Option<Value> {
    if object.text("kind") != "Pod" {
        return None;
    }
    let (reason, words) = match object.text("status.phase") {
        "Succeeded" => ("Succeeded", "The pod has completed successfully."),
        "Failed" => ("Failed", "The pod failed."),
        _ => return None,
    };
    Some(json!({"type": "Completed", "status": "True", "reason": reason, "message": words}))
}

fn gates(pod: &Value) -> String {
    let gates = pod.list("spec.readinessGates");
    if gates.is_empty() {
        return NONE.to_owned();
    }
    let open = gates.iter().filter(|gate| condition(pod, gate.text("conditionType")) == Some("True"));
    format!("{}/{}", open.count(), gates.len())
}

/// An init container that runs beside the others.
fn is_sidecar(pod: &Value, container: &str) -> bool {
    let mut containers = pod.list("spec.initContainers").iter();
    containers.any(|one| one.text("name") == container && one.text("restartPolicy") == "Always")
}

fn summarize(pod: &Value) -> Summary<'_> {
    let phase = pod.text("status.phase");
    let own = pod.text("status.reason");
    let mut status = Cow::Borrowed(or(own, phase));
    let gated = pod
        .list("status.conditions")
        .iter()
        .any(|one| one.text("type") == "PodScheduled" && one.text("reason") == "SchedulingGated");
    if gated {
        status = "SchedulingGated".into();
    }
    let init = pod.list("spec.initContainers");
    let sidecars = init.iter().filter(|one| one.text("restartPolicy") == "Always").count();
    let mut summary = Summary {
        ready: 0,
        total: pod.list("spec.containers").len() + sidecars,
        restarts: 0,
        last_restart: None,
        status,
    };
    let initializing = initial(pod, &mut summary, init.len());
    if !initializing || condition(pod, "Initialized") == Some("True") {
        running(pod, &mut summary);
    }
    if pod.has("metadata.deletionTimestamp") {
        if own == "NodeLost" {
            summary.status = "Unknown".into();
        } else if !matches!(phase, "Succeeded" | "Failed") {
            summary.status = "Terminating".into();
        }
    }
    summary
}

/// Counts init containers until one that is not done. True if there is such a one.
fn initial(pod: &Value, summary: &mut Summary<'_>, all: usize) -> bool {
    for (index, container) in pod.list("status.initContainerStatuses").iter().enumerate() {
        summary.restarts += container.int("restartCount");
        summary.last_restart = summary.last_restart.max(last_end(container));
        let terminated = container.at("state.terminated");
        let waiting = container.text("state.waiting.reason");
        if terminated.is_object() && terminated.int("exitCode") == 0 {
            continue;
        }
        if is_sidecar(pod, container.text("name")) && container.flag("started") {
            summary.ready += usize::from(container.flag("ready"));
            continue;
        }
        summary.status = if terminated.is_object() {
            format!("Init:{}", ending(terminated)).into()
        } else if !waiting.is_empty() && waiting != "PodInitializing" {
            format!("Init:{waiting}").into()
        } else {
            format!("Init:{index}/{all}").into()
        };
        return true;
    }
    false
}

/// Counts the containers proper; of the others, only sidecars count now.
fn running(pod: &Value, summary: &mut Summary<'_>) {
    let statuses = pod.list("status.initContainerStatuses").iter();
    let sidecars: Vec<&Value> = statuses.filter(|one| is_sidecar(pod, one.text("name"))).collect();
    summary.restarts = sidecars.iter().map(|one| one.int("restartCount")).sum();
    summary.last_restart = sidecars.iter().filter_map(|one| last_end(one)).max();
    let mut runs = false;
    for container in pod.list("status.containerStatuses").iter().rev() {
        summary.restarts += container.int("restartCount");
        summary.last_restart = summary.last_restart.max(last_end(container));
        let terminated = container.at("state.terminated");
        let waiting = container.text("state.waiting.reason");
        if !waiting.is_empty() {
            summary.status = waiting.to_owned().into();
        } else if terminated.is_object() {
            summary.status = ending(terminated).into();
        } else if container.flag("ready") && container.has("state.running") {
            runs = true;
            summary.ready += 1;
        }
    }
    if summary.status == "Completed" && runs {
        let ready = condition(pod, "Ready") == Some("True");
        summary.status = if ready { "Running".into() } else { "NotReady".into() };
    }
}

/// How a container ended.
fn ending(terminated: &Value) -> String {
    match (terminated.text("reason"), terminated.int("signal")) {
        ("", 0) => format!("ExitCode:{}", terminated.int("exitCode")),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.to_owned(),
    }
}

fn last_end(container: &Value) -> Option<Timestamp> {
    age::parse(container.at("lastState.terminated.finishedAt"))
}
