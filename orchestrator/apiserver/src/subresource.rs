//! Parts of objects with paths of their own, and questions that are only answered.

use axum::body::Body;
use axum::http::StatusCode;
use guideway_access::review::Reviewer;
use guideway_api::{Status, Verb};
use serde_json::{Value, json};

use crate::call::Call;
use crate::read;
use crate::reply::Answer;
use crate::write::{self, Door};

mod binding;
mod eviction;
mod scale;
mod stream;
mod token;

pub(crate) use stream::{is_stream, stream};

/// A request to a subresource that ends by itself.
pub(crate) async fn verb(call: &mut Call, body: Body) -> Answer {
    let Some(part) = call.version().subresource(&call.path.subresource) else {
        return Err(Status::no_resource());
    };
    if !part.verbs.contains(&call.path.verb) || call.path.name.is_empty() {
        return Err(Status::method_not_allowed_here());
    }
    let door = match call.path.subresource.as_str() {
        "status" => Door::Status,
        "finalize" => Door::Part(finalize),
        "approval" => Door::Part(approval),
        "ephemeralcontainers" => Door::Part(ephemeral_containers),
        "resize" => Door::Part(resize),
        "scale" => return scale::scale(call, body).await,
        "binding" => return binding::bind(call, body).await,
        "eviction" => return eviction::evict(call, body).await,
        "token" => return token::token(call, body).await,
        _ => return Err(Status::no_resource()),
    };
    match call.path.verb {
        Verb::Get => read::get(call).await,
        Verb::Update => write::update_through(call, body, door).await,
        Verb::Patch => write::patched(call, body, door).await,
        _ => Err(Status::method_not_allowed_here()),
    }
}

/// A question whose answer is not kept.
pub(crate) async fn review(call: &mut Call, object: Value) -> Answer {
    if call.kind().kind == "Binding" {
        return binding::bind_named(call, &object).await;
    }
    let objects = call.objects();
    let index = call.server.rbac.load();
    let reviewer = Reviewer { index: &index, objects: &objects, who: &call.identity };
    let answered = match call.kind().kind.as_str() {
        "SelfSubjectAccessReview" => reviewer.self_subject_access(&object)?,
        "SubjectAccessReview" => reviewer.subject_access(&object)?,
        "LocalSubjectAccessReview" => reviewer.local_subject_access(&object, &call.path.namespace)?,
        "SelfSubjectRulesReview" => reviewer.self_subject_rules(&object)?,
        "SelfSubjectReview" => reviewer.self_subject(&object),
        "TokenReview" => call.server.tokens.review(&object, &objects, call.now)?,
        _ => return Err(Status::method_not_allowed_here()),
    };
    call.show(StatusCode::CREATED, &answered)
}

/// The namespace with other `spec.finalizers`.
fn finalize(new: &Value, old: &Value) -> Value {
    with(old, new, &[&["spec", "finalizers"]])
}

/// The request for a certificate with the conditions of those who decide.
fn approval(new: &Value, old: &Value) -> Value {
    with(old, new, &[&["status", "conditions"]])
}

/// The pod with more containers for those who look into it.
fn ephemeral_containers(new: &Value, old: &Value) -> Value {
    counted(with(old, new, &[&["spec", "ephemeralContainers"]]), old)
}

/// The pod with other resources of its containers.
fn resize(new: &Value, old: &Value) -> Value {
    let mut result = with(old, new, &[]);
    for list in ["containers", "initContainers"] {
        let Some(containers) = result["spec"].get_mut(list).and_then(Value::as_array_mut) else { continue };
        for container in containers {
            let wanted = new["spec"][list].as_array().into_iter().flatten();
            let Some(wanted) = wanted.into_iter().find(|wanted| wanted["name"] == container["name"]) else {
                continue;
            };
            for field in ["resources", "resizePolicy"] {
                match wanted.get(field) {
                    Some(value) => container[field] = value.clone(),
                    None => {
                        if let Some(container) = container.as_object_mut() {
                            container.remove(field);
                        }
                    }
                }
            }
        }
    }
    counted(result, old)
}

/// A change of the spec is a new generation, through whichever path it comes.
fn counted(mut new: Value, old: &Value) -> Value {
    if new["spec"] != old["spec"] {
        let generation = old["metadata"]["generation"].as_i64().unwrap_or(0);
        crate::value::metadata(&mut new).insert("generation".into(), generation.saturating_add(1).into());
    }
    new
}

/// `old` with the fields at `paths`, and the record of managers, from `new`.
fn with(old: &Value, new: &Value, paths: &[&[&str]]) -> Value {
    let mut result = old.clone();
    for path in paths.iter().copied().chain([&["metadata", "managedFields"][..]]) {
        let Some((last, parents)) = path.split_last() else { continue };
        let value = crate::value::at(new, path).cloned();
        let mut place = &mut result;
        for name in parents {
            if !place[*name].is_object() {
                place[*name] = json!({});
            }
            place = &mut place[*name];
        }
        match (value, place.as_object_mut()) {
            (Some(value), Some(place)) => {
                place.insert((*last).to_owned(), value);
            }
            (None, Some(place)) => {
                place.remove(*last);
            }
            (_, None) => {}
        }
    }
    result
}
