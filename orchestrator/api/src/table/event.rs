//! Events, in both of their groups.

use jiff::Timestamp;
use serde_json::Value;

use super::text::or;
use super::{BuiltIn, name};
use crate::age;
use crate::json::View;

const COLUMNS: &[(&str, &str, i32)] = &[
    ("Last Seen", "string", 0),
    ("Type", "string", 0),
    ("Reason", "string", 0),
    ("Object", "string", 0),
    ("Subobject", "string", 1),
    ("Source", "string", 1),
    ("Message", "string", 0),
    ("First Seen", "string", 1),
    ("Count", "string", 1),
    ("Name", "string", 1),
];

pub(crate) const EVENT: BuiltIn = BuiltIn { columns: COLUMNS, cells };
pub(crate) const NEW_EVENT: BuiltIn =
    BuiltIn { columns: COLUMNS, cells: |event, now| cells(&crate::convert::event_to_core(event), now) };

fn cells(event: &Value, now: Timestamp) -> Vec<Value> {
    let time = |path: &str| event.has(path).then(|| age::since(event.at(path), now));
    let unknown = || "<unknown>".to_owned();
    let first = time("firstTimestamp").or_else(|| time("eventTime")).unwrap_or_else(unknown);
    let (last, count) = if event.has("series") {
        (time("series.lastObservedTime").unwrap_or_else(unknown), event.int("series.count"))
    } else {
        (time("lastTimestamp").unwrap_or_else(|| first.clone()), event.int("count").max(1))
    };
    let kind = event.text("involvedObject.kind").to_lowercase();
    let target = match event.text("involvedObject.name") {
        "" => kind,
        target => format!("{kind}/{target}"),
    };
    vec![
        last.into(),
        event.text("type").into(),
        event.text("reason").into(),
        target.into(),
        event.text("involvedObject.fieldPath").into(),
        source(event).into(),
        event.text("message").trim().into(),
        first.into(),
        count.into(),
        name(event),
    ]
}

fn source(event: &Value) -> String {
    let component = or(event.text("source.component"), event.text("reportingComponent"));
    match or(event.text("source.host"), event.text("reportingInstance")) {
        "" => component.to_owned(),
        host => format!("{component}, {host}"),
    }
}
