//! Jobs and their schedules.

use jiff::Timestamp;
use serde_json::Value;

use super::text::{NONE, UNSET, capital, condition, containers, field, selector};
use super::{BuiltIn, aged, name};
use crate::age;
use crate::json::View;

pub(crate) const JOB: BuiltIn = BuiltIn {
    columns: &[
        ("Name", "string", 0),
        ("Status", "string", 0),
        ("Completions", "string", 0),
        ("Duration", "string", 0),
        ("Age", "string", 0),
        ("Containers", "string", 1),
        ("Images", "string", 1),
        ("Selector", "string", 1),
    ],
    cells: |object, now| {
        let (names, images) = containers(object.at("spec.template.spec"));
        vec![
            name(object),
            status(object).into(),
            completions(object).into(),
            duration(object, now).into(),
            aged(object, now),
            names,
            images,
            selector(object.at("spec.selector")).into(),
        ]
    },
};

pub(crate) const CRON_JOB: BuiltIn = BuiltIn {
    columns: &[
        ("Name", "string", 0),
        ("Schedule", "string", 0),
        ("Timezone", "string", 0),
        ("Suspend", "boolean", 0),
        ("Active", "integer", 0),
        ("Last Schedule", "string", 0),
        ("Age", "string", 0),
        ("Containers", "string", 1),
        ("Images", "string", 1),
        ("Selector", "string", 1),
    ],
    cells: |object, now| {
        let (names, images) = containers(object.at("spec.jobTemplate.spec.template.spec"));
        let last = match object.at("status.lastScheduleTime") {
            Value::Null => NONE.to_owned(),
            time => age::since(time, now),
        };
        vec![
            name(object),
            object.text("spec.schedule").into(),
            field(object, "spec.timeZone", NONE),
            object.at("spec.suspend").as_bool().map_or(UNSET, capital).into(),
            object.list("status.active").len().into(),
            last.into(),
            aged(object, now),
            names,
            images,
            selector(object.at("spec.jobTemplate.spec.selector")).into(),
        ]
    },
};

fn status(job: &Value) -> &'static str {
    let is = |kind: &str| condition(job, kind) == Some("True");
    match () {
        () if is("Complete") => "Complete",
        () if is("Failed") => "Failed",
        () if job.has("metadata.deletionTimestamp") => "Terminating",
        () if is("Suspended") => "Suspended",
        () if is("FailureTarget") => "FailureTarget",
        () if is("SuccessCriteriaMet") => "SuccessCriteriaMet",
        () => "Running",
    }
}

fn completions(job: &Value) -> String {
    let done = job.int("status.succeeded");
    match (job.at("spec.completions").as_i64(), job.int("spec.parallelism")) {
        (Some(wanted), _) => format!("{done}/{wanted}"),
        (None, parallel @ 2..) => format!("{done}/1 of {parallel}"),
        _ => format!("{done}/1"),
    }
}

fn duration(job: &Value, now: Timestamp) -> String {
    let Some(start) = age::parse(job.at("status.startTime")) else { return String::new() };
    let end = age::parse(job.at("status.completionTime")).unwrap_or(now);
    age::span(end.as_second() - start.as_second())
}
