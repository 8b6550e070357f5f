//! Events, in both of their groups. They are stored in the form of `v1`.

use guideway_schema::Cause;
use serde_json::Value;

use super::Rules;
use super::field::Field;
use crate::json::{Fill as _, View};

/// Fields that Kubernetes writes also where they are empty: programs sort by them, and kubectl shows no Event at all if none
/// has the field that it sorts by.
const TIMES: [&str; 3] = ["eventTime", "firstTimestamp", "lastTimestamp"];
const NEW_TIMES: [&str; 3] = ["eventTime", "deprecatedFirstTimestamp", "deprecatedLastTimestamp"];

fn fill(object: &mut Value, times: [&str; 3], source: &str) {
    for time in times {
        object.or_set(time, Value::Null);
    }
    object.or_set(source, Value::Object(serde_json::Map::new()));
}

/// Events of `v1`.
pub(crate) struct Event;

impl Rules for Event {
    fn has_status(&self) -> bool {
        false
    }

    fn creates_on_update(&self) -> bool {
        true
    }

    fn default(&self, _: &str, object: &mut Value) {
        fill(object, TIMES, "source");
        for name in ["reportingComponent", "reportingInstance"] {
            object.or_set(name, "");
        }
    }

    fn validate(&self, object: &Value) -> Vec<Cause> {
        let mut causes = Vec::new();
        let event = Field::root(object);
        let own = object.text("metadata.namespace");
        let target = event.at("involvedObject.namespace");
        // What is in no namespace is told of in the default one.
        let fits =
            if target.is_empty() { matches!(own, "default" | "kube-system") } else { target.text() == own };
        if !fits {
            causes.push(target.invalid("does not match event.namespace"));
        }
        if event.at("eventTime").is_set() {
            let controller = event.at("reportingComponent");
            if controller.needs(&mut causes) {
                controller.qualified(&mut causes);
            }
            for name in ["reportingInstance", "action", "reason"] {
                event.at(name).needs(&mut causes);
            }
            event.at("type").one_of(&["Normal", "Warning"], &mut causes);
        }
        if event.at("message").text().len() > 1024 && event.at("eventTime").is_set() {
            causes.push(event.at("message").invalid("can have at most 1024 characters"));
        }
        causes
    }
}

/// Events of `events.k8s.io/v1`.
pub(crate) struct NewEvent;

impl Rules for NewEvent {
    fn has_status(&self) -> bool {
        false
    }

    fn creates_on_update(&self) -> bool {
        true
    }

    fn default(&self, _: &str, object: &mut Value) {
        fill(object, NEW_TIMES, "deprecatedSource");
    }

    fn validate(&self, object: &Value) -> Vec<Cause> {
        let core = crate::convert::event_to_core(object);
        let mut causes = Event.validate(&core);
        if !core.has("eventTime") {
            causes.push(Cause::required("eventTime", ""));
        }
        for cause in &mut causes {
            for (from, to) in [
                ("involvedObject", "regarding"),
                ("reportingComponent", "reportingController"),
                ("message", "note"),
            ] {
                if cause.field.starts_with(from) {
                    cause.field = cause.field.replacen(from, to, 1);
                }
            }
        }
        causes
    }
}
