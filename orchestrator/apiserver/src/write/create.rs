use axum::body::Body;
use axum::http::StatusCode;
use guideway_access::admission::{self, Operation};
use guideway_api::options::{DryRun, WriteOptions};
use guideway_api::{Status, meta};
use guideway_store::Expect;
use serde_json::Value;

use super::commit::{Committed, Proposal};
use super::incoming::incoming;
use super::{Door, Made, certificate};
use crate::call::Call;
use crate::reply::Answer;
use crate::value::{metadata, text};
use crate::{random, subresource};

/// How often another name is tried when a generated one is taken.
const NAMES: usize = 8;

/// A new object.
pub(crate) async fn create(call: &mut Call, body: Body) -> Answer {
    if !call.path.name.is_empty() {
        return Err(Status::method_not_allowed_here());
    }
    let options = WriteOptions::create(call.query())?;
    let mut warnings = Vec::new();
    let object = incoming(call, body, &call.expected(), options.field_validation, &mut warnings).await?;
    call.warnings.append(&mut warnings);
    if !call.kind().is_stored() {
        return subresource::review(call, object).await;
    }
    let made = create_object(call, Made { object, is_applied: false }, &options).await?;
    call.show(StatusCode::CREATED, &made)
}

/// Puts a new object into the store. The result is in the version of the request.
pub(crate) async fn create_object(
    call: &mut Call,
    made: Made,
    options: &WriteOptions,
) -> Result<Value, Status> {
    let Made { mut object, is_applied } = made;
    let kind = std::sync::Arc::clone(call.resource.kind());
    let rules = kind.rules;
    place(call, &mut object)?;
    let generate = text(&object, &["metadata", "generateName"]).to_owned();
    let is_generated = text(&object, &["metadata", "name"]).is_empty() && !generate.is_empty();
    meta::prepare_create(&mut object, &random::uid(), &call.time());
    let mut warnings = Vec::new();
    if let Some(schema) = call.version().schema() {
        schema.default(&mut object);
    }
    rules.default(&call.version().name, &mut object);
    let mut namespace = None;
    let mut is_admitted = false;
    let mut attempt = 0;
    for round in 0.. {
        let suffix = random::suffix();
        if is_generated {
            metadata(&mut object)
                .insert("name".into(), Value::from(meta::generated_name(&generate, random::wide())));
        }
        let name = text(&object, &["metadata", "name"]).to_owned();
        if !is_admitted {
            namespace = call.namespace_state();
            if let Err(status) = mutate(call, &mut object, &name, &suffix, &mut warnings) {
                if !matches!(status.code, 403 | 404) {
                    return Err(status);
                }
                // What it misses may have been written a moment ago.
                call.server.fresh().await?;
                namespace = call.namespace_state();
                mutate(call, &mut object, &name, &suffix, &mut warnings)?;
            }
            is_admitted = true;
        }
        if round == 0 {
            rules.prepare_create(&mut object);
            if !is_applied {
                let manager = call.manager(options.field_manager.as_deref());
                object = call.managed(None, object, manager, Door::Object, &name)?;
            }
            warnings.extend(rules.warnings(&object));
        }
        if round == 0 || is_generated {
            check(call, &object, &name)?;
        }
        let proposal = Proposal {
            key: call.key(&name),
            expect: Expect::Absent,
            namespace: namespace.clone(),
            old: None,
            operation: Operation::Create,
            is_dry: options.dry_run == DryRun::All,
            name: &name,
        };
        match call.commit(&mut object, proposal, &mut warnings).await? {
            Committed::Done => break,
            Committed::Refused if !is_generated => return Err(Status::already_exists(call.named(), &name)),
            Committed::Refused => {
                attempt += 1;
                if attempt >= NAMES {
                    return Err(Status::generated_name_taken(call.named(), &generate));
                }
            }
            Committed::NamespaceChanged => is_admitted = false,
        }
    }
    call.warnings.append(&mut warnings);
    Ok(object)
}

fn mutate(
    call: &Call,
    object: &mut Value,
    name: &str,
    suffix: &str,
    warnings: &mut Vec<String>,
) -> Result<(), Status> {
    let view = call.view();
    let request = call.admission(Operation::Create, name, None, &view, suffix);
    admission::mutate(&request, object, warnings)
}

/// The namespace of the path is the object's.
fn place(call: &Call, object: &mut Value) -> Result<(), Status> {
    let Some(namespace) = call.namespace().map(str::to_owned) else { return Ok(()) };
    if call.kind().scope == guideway_api::Scope::Cluster {
        // The namespace itself, whose path has its name.
        return Ok(());
    }
    match text(object, &["metadata", "namespace"]) {
        "" => {
            metadata(object).insert("namespace".into(), Value::from(namespace));
            Ok(())
        }
        own if own == namespace => Ok(()),
        own => Err(Status::bad_request(format!(
            "the namespace of the provided object does not match the namespace sent on the request: {own} is not {namespace}"
        ))),
    }
}

fn check(call: &Call, object: &Value, name: &str) -> Result<(), Status> {
    if !text(object, &["metadata", "resourceVersion"]).is_empty() {
        return Err(Status::bad_request("resourceVersion should not be set on objects to be created"));
    }
    let mut causes = meta::validate(call.kind(), object);
    if let Some(schema) = call.version().schema() {
        causes.extend(schema.validate(object));
    }
    causes.extend(call.kind().rules.validate(object));
    causes.extend(certificate::check(call, object));
    if causes.is_empty() { Ok(()) } else { Err(Status::invalid(call.kind().qualified(), name, &causes)) }
}
