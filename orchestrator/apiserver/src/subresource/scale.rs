//! `scale`: the number of replicas, the same for every kind that has them.

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use guideway_api::kind::{Origin, ScalePaths};
use guideway_api::options::{PatchKind, WriteOptions};
use guideway_api::selector::LabelSelector;
use guideway_api::{Cause, GroupVersionKind, Qualified, Status, Verb};
use guideway_patch::apply::{self, Force};
use guideway_schema::Schema;
use serde_json::{Map, Value, json};

use crate::body::{self, Format};
use crate::call::Call;
use crate::reply::Answer;
use crate::value::{at, text};
use crate::write::{Change, Door, Expected, Made, incoming};

/// GET, PUT and PATCH of a Scale.
pub(super) async fn scale(call: &mut Call, body: Body) -> Answer {
    if call.path.verb == Verb::Get {
        let current = call.current().await?;
        let scale = of(call, &call.shown(&current))?;
        return call.show(StatusCode::OK, &scale);
    }
    let schema = Schema::builtin("autoscaling", "v1", "Scale");
    let kind = GroupVersionKind { group: "autoscaling".into(), version: "v1".into(), kind: "Scale".into() };
    let expected = Expected { kind, schema: schema.as_ref(), origin: Origin::BuiltIn };
    let changed = if call.path.verb == Verb::Update {
        let options = WriteOptions::update(call.query())?;
        let mut warnings = Vec::new();
        let scale = incoming(call, body, &expected, options.field_validation, &mut warnings).await?;
        call.warnings.append(&mut warnings);
        let change = Change { door: Door::Object, options: &options, is_whole: false };
        call.change(&change, |call, old, _| scaled(call, old, &scale)).await?
    } else {
        let content_type =
            call.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let kind = PatchKind::parse(content_type)?;
        let options = WriteOptions::patch(call.query(), kind)?;
        let bytes = body::read(body, call.server.config.limits.body).await?;
        let change = Change { door: Door::Object, options: &options, is_whole: false };
        let schema = schema.as_ref().ok_or_else(Status::unsupported_media_type)?;
        call.change(&change, |call, old, _| {
            let before = of(call, old)?;
            let after = match kind {
                PatchKind::Json => guideway_patch::json_patch(&before, &bytes).map_err(refused)?,
                PatchKind::Merge => guideway_patch::merge_patch(&before, &bytes).map_err(refused)?,
                PatchKind::Strategic => {
                    let patch = body::decode(Format::Json, &bytes)?.value;
                    guideway_patch::strategic_merge(schema, &before, &patch).map_err(refused)?
                }
                PatchKind::Apply => {
                    let config = body::decode(Format::Yaml, &bytes)?.value;
                    let mut manager = call.manager(options.field_manager.as_deref());
                    manager.api_version = "autoscaling/v1".to_owned();
                    let force = if options.force { Force::Yes } else { Force::No };
                    apply::apply(schema, Some(&before), &config, &manager, force, &call.time())
                        .map_err(|error| Status::bad_request(error.to_string()))?
                }
            };
            if let Some(error) = schema.type_error(&after) {
                return Err(Status::bad_request(error));
            }
            scaled(call, old, &after)
        })
        .await?
    };
    let scale = of(call, &changed)?;
    call.show(StatusCode::OK, &scale)
}

fn refused(error: guideway_patch::PatchError) -> Status {
    if error.status() == 422 { Status::rejected() } else { Status::bad_request(error.to_string()) }
}

/// The Scale of an object.
fn of(call: &Call, object: &Value) -> Result<Value, Status> {
    let paths = call.version().scale.as_ref();
    let spec = number(object, paths.map_or(".spec.replicas", |paths| &paths.spec_replicas));
    let status = number(object, paths.map_or(".status.replicas", |paths| &paths.status_replicas));
    let selector = selector(object, paths)?;
    let mut metadata = Map::new();
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = object["metadata"].get(field) {
            metadata.insert(field.to_owned(), value.clone());
        }
    }
    let mut state = json!({"replicas": status.unwrap_or(0)});
    if !selector.is_empty() {
        state["selector"] = Value::from(selector);
    }
    Ok(json!({
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": metadata,
        "spec": {"replicas": spec.unwrap_or(0)},
        "status": state,
    }))
}

fn selector(object: &Value, paths: Option<&ScalePaths>) -> Result<String, Status> {
    if let Some(paths) = paths {
        let Some(path) = &paths.label_selector else { return Ok(String::new()) };
        return Ok(text(object, &names(path)).to_owned());
    }
    let selector = &object["spec"]["selector"];
    // A ReplicationController has the labels themselves.
    let is_plain = selector.as_object().is_some_and(|fields| fields.values().all(Value::is_string));
    let parsed = if is_plain {
        LabelSelector::from_object(&json!({"matchLabels": selector}))
    } else {
        LabelSelector::from_object(selector)
    };
    parsed.map(|selector| selector.to_string()).map_err(Status::internal)
}

/// The object with the replicas of a Scale.
fn scaled(call: &Call, old: &Value, scale: &Value) -> Result<Made, Status> {
    let replicas = scale["spec"]["replicas"].as_i64().unwrap_or(0);
    if replicas < 0 {
        let cause =
            Cause::invalid("spec.replicas", &Value::from(replicas), "must be greater than or equal to 0");
        return Err(Status::invalid(
            Qualified { group: "autoscaling", name: "Scale" },
            &call.path.name,
            &[cause],
        ));
    }
    for (field, of_old) in [("name", &call.path.name), ("namespace", &call.path.namespace)] {
        let own = text(scale, &["metadata", field]);
        if !own.is_empty() && own != of_old {
            return Err(Status::bad_request(format!(
                "the {field} of the scale ({own}) does not match that of the URL ({of_old})"
            )));
        }
    }
    let mut object = old.clone();
    let path = call.version().scale.as_ref().map_or(".spec.replicas", |paths| &paths.spec_replicas);
    let names = names(path);
    let mut place = &mut object;
    for name in &names {
        if !place.is_object() {
            *place = json!({});
        }
        place = &mut place[*name];
    }
    *place = Value::from(replicas);
    for field in ["resourceVersion", "uid"] {
        let own = text(scale, &["metadata", field]);
        if !own.is_empty() {
            object["metadata"][field] = Value::from(own);
        }
    }
    Ok(Made { object, is_applied: false })
}

fn names(path: &str) -> Vec<&str> {
    path.trim_start_matches('.').split('.').collect()
}

fn number(object: &Value, path: &str) -> Option<i64> {
    at(object, &names(path)).and_then(Value::as_i64)
}
