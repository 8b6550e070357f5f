//! `scale`: the number of replicas, the same for every kind that has them.

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use guideway_api::kind::{Origin, ScalePaths};
use guideway_api::options::{FieldValidation, PatchKind, WriteOptions};
use guideway_api::selector::LabelSelector;
use guideway_api::{Cause, GroupVersionKind, Qualified, Status, Verb};
use guideway_patch::apply::{self, Force};
use guideway_schema::Schema;
use serde_json::{Map, Value, json};

use crate::body::{self, Content, Format};
use crate::call::Call;
use crate::reply::Answer;
use crate::value::{at, text};
use crate::write::{Change, Door, Expected, Made, fields_are_known, incoming, not_applied, refused};

const SCALE: Qualified<'_> = Qualified { group: "autoscaling", name: "Scale" };

/// GET, PUT and PATCH of a Scale.
pub(super) async fn scale(call: &mut Call, body: Body) -> Answer {
    if call.path.verb == Verb::Get {
        let current = call.current().await?;
        let scale = of(call, &call.shown(&current))?;
        return call.show(StatusCode::OK, &scale);
    }
    let schema = Schema::builtin("autoscaling", "v1", "Scale");
    let kind = GroupVersionKind { group: "autoscaling".into(), version: "v1".into(), kind: "Scale".into() };
    let expected = Expected { kind, schema: schema.as_ref(), origin: Origin::BuiltIn, older: &[] };
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
        call.change(&change, |call, old, warnings| {
            let before = of(call, old)?;
            let mut duplicates = Vec::new();
            let mut after = match kind {
                PatchKind::Json => guideway_patch::json_patch(&before, &bytes).map_err(refused)?,
                PatchKind::Merge => {
                    let after = guideway_patch::merge_patch(&before, &bytes).map_err(refused)?;
                    duplicates = body::decode(Format::Json, &bytes, Content::Patch(kind))?.duplicates;
                    after
                }
                PatchKind::Strategic => {
                    let patch = body::decode(Format::Json, &bytes, Content::Patch(kind))?;
                    duplicates = patch.duplicates;
                    guideway_patch::strategic_merge(schema, &before, &patch.value).map_err(refused)?
                }
                PatchKind::Apply => {
                    let decoded = body::decode(Format::Yaml, &bytes, Content::Patch(kind))?;
                    duplicates = decoded.duplicates;
                    decoded.value
                }
            };
            let of_kind = |field: &str| after.get(field) == before.get(field);
            if !of_kind("apiVersion") || !of_kind("kind") {
                return Err(Status::bad_request("the data is no Scale of autoscaling/v1"));
            }
            let problems = fields_are_known(&mut after, &expected, &duplicates, options.field_validation)
                .map_err(|why| Status::bad_request(format!("the patch gives no Scale: {why}")))?;
            if options.field_validation == FieldValidation::Strict && !problems.is_empty() {
                return Err(Status::strict_patch(SCALE, &call.path.name, &problems));
            }
            warnings.extend(problems);
            if kind == PatchKind::Apply {
                applied(call, old, &after, &options)
            } else {
                scaled(call, old, &after)
            }
        })
        .await?
    };
    let scale = of(call, &changed)?;
    call.show(StatusCode::OK, &scale)
}

/// The object as an apply of a Scale makes it. Whoever applies a Scale owns the field of the object that it is about.
fn applied(call: &Call, old: &Value, config: &Value, options: &WriteOptions) -> Result<Made, Status> {
    is_wanted(call, config)?;
    let mut wanted = json!({
        "apiVersion": call.version().api_version(),
        "kind": call.kind().kind,
        "metadata": {"name": call.path.name},
    });
    copy_preconditions(config, &mut wanted);
    if let Some(replicas) = config["spec"].get("replicas") {
        put(call, &mut wanted, replicas.clone());
    }
    let any = Schema::builtin("", "v1", "ConfigMap");
    let schema = call.version().schema().or(any.as_ref()).ok_or_else(Status::unsupported_media_type)?;
    let manager = call.manager(options.field_manager.as_deref());
    let force = if options.force { Force::Yes } else { Force::No };
    let object =
        apply::apply(schema, Some(old), &wanted, &manager, force, &call.time()).map_err(not_applied)?;
    Ok(Made { object, is_applied: true })
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
    is_wanted(call, scale)?;
    let mut object = old.clone();
    put(call, &mut object, Value::from(scale["spec"]["replicas"].as_i64().unwrap_or(0)));
    copy_preconditions(scale, &mut object);
    Ok(Made { object, is_applied: false })
}

/// Whether a Scale is one for this object.
fn is_wanted(call: &Call, scale: &Value) -> Result<(), Status> {
    let replicas = scale["spec"]["replicas"].as_i64().unwrap_or(0);
    if replicas < 0 {
        let cause =
            Cause::invalid("spec.replicas", &Value::from(replicas), "must be greater than or equal to 0");
        return Err(Status::invalid(SCALE, &call.path.name, &[cause]));
    }
    let (name, namespace) = (&call.path.name, &call.path.namespace);
    for (field, of_old, place) in [("name", name, "URL"), ("namespace", namespace, "request")] {
        let own = text(scale, &["metadata", field]);
        if !own.is_empty() && own != of_old {
            return Err(Status::bad_request(format!(
                "the {field} of the object ({own}) does not match the {field} on the {place} ({of_old})"
            )));
        }
    }
    Ok(())
}

/// Puts the number where the kind has it.
fn put(call: &Call, object: &mut Value, replicas: Value) {
    let path = call.version().scale.as_ref().map_or(".spec.replicas", |paths| &paths.spec_replicas);
    let mut place = object;
    for name in names(path) {
        if !place.is_object() {
            *place = json!({});
        }
        place = &mut place[name];
    }
    *place = replicas;
}

/// The state of the object that the Scale is about.
fn copy_preconditions(scale: &Value, object: &mut Value) {
    for field in ["resourceVersion", "uid"] {
        let own = text(scale, &["metadata", field]);
        if !own.is_empty() {
            object["metadata"][field] = Value::from(own);
        }
    }
}

fn names(path: &str) -> Vec<&str> {
    path.trim_start_matches('.').split('.').collect()
}

fn number(object: &Value, path: &str) -> Option<i64> {
    at(object, &names(path)).and_then(Value::as_i64)
}
