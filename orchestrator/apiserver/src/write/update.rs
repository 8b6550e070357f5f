use axum::body::Body;
use axum::http::StatusCode;
use guideway_access::rbac::{Attributes, ResourceAttributes, Target};
use guideway_api::options::WriteOptions;
use guideway_api::{Status, Verb};

use super::incoming::incoming;
use super::{Change, Door, Made, create_object};
use crate::call::Call;
use crate::reply::Answer;
use crate::value::text;

/// Another object in the place of the one that the path names.
pub(crate) async fn update(call: &mut Call, body: Body) -> Answer {
    update_through(call, body, Door::Object).await
}

/// The same for a part of the object.
pub(crate) async fn update_through(call: &mut Call, body: Body, door: Door) -> Answer {
    let options = WriteOptions::update(call.query())?;
    let mut warnings = Vec::new();
    let object = incoming(call, body, &call.expected(), options.field_validation, &mut warnings).await?;
    call.warnings.append(&mut warnings);
    names_itself(call, &object)?;
    let names_a_state = !text(&object, &["metadata", "resourceVersion"]).is_empty();
    let change = Change { door, options: &options, is_whole: true };
    let changed =
        call.change(&change, |_, _, _| Ok(Made { object: object.clone(), is_applied: false })).await;
    match changed {
        Err(status)
            if status.code == 404
                && matches!(door, Door::Object)
                && call.kind().rules.creates_on_update()
                && !names_a_state =>
        {
            let created = create_named(call, Made { object, is_applied: false }, &options).await?;
            call.show(StatusCode::CREATED, &created)
        }
        changed => call.show(StatusCode::OK, &changed?),
    }
}

/// A new object with the name of the path.
pub(super) async fn create_named(
    call: &mut Call,
    mut made: Made,
    options: &WriteOptions,
) -> Result<serde_json::Value, Status> {
    may_create(call)?;
    let name = call.path.name.clone();
    match text(&made.object, &["metadata", "name"]) {
        "" => {
            crate::value::metadata(&mut made.object).insert("name".into(), name.into());
        }
        own if own != name => {
            return Err(Status::bad_request(format!(
                "the name of the object ({own}) does not match the name on the URL ({name})"
            )));
        }
        _ => {}
    }
    create_object(call, made, options).await
}

/// An object that takes the place of another says which, and it is the one that the path names.
fn names_itself(call: &Call, object: &serde_json::Value) -> Result<(), Status> {
    let name = &call.path.name;
    match text(object, &["metadata", "name"]) {
        "" => Err(Status::bad_request(format!(
            "the name of the object ({name} based on URL) was undeterminable: name must be provided"
        ))),
        own if own != name => Err(Status::bad_request(format!(
            "the name of the object ({own}) does not match the name on the URL ({name})"
        ))),
        _ => Ok(()),
    }
}

/// Who may change objects may not for that make new ones.
fn may_create(call: &Call) -> Result<(), Status> {
    let to = ResourceAttributes {
        group: &call.path.group,
        version: &call.path.version,
        resource: &call.path.resource,
        subresource: "",
        namespace: &call.path.namespace,
        name: &call.path.name,
    };
    let attributes = Attributes { verb: Verb::Create.as_str(), target: Target::Resource(to) };
    call.server.authorize(&call.identity, &attributes)
}
