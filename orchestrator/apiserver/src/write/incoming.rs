//! Objects as clients send them, checked for what can be said without knowing the other objects.

use axum::body::Body;
use guideway_api::kind::Origin;
use guideway_api::options::FieldValidation;
use guideway_api::{GroupVersionKind, Status};
use guideway_schema::Schema;
use serde_json::Value;

use crate::body;
use crate::call::Call;

/// What a body has to be.
pub(crate) struct Expected<'a> {
    pub(crate) kind: GroupVersionKind,
    pub(crate) schema: Option<&'a Schema>,
    pub(crate) origin: Origin,
}

impl Call {
    /// The kind of the path.
    pub(crate) fn expected(&self) -> Expected<'_> {
        Expected {
            kind: GroupVersionKind {
                group: self.kind().group.clone(),
                version: self.version().name.clone(),
                kind: self.kind().kind.clone(),
            },
            schema: self.version().schema(),
            origin: self.kind().origin,
        }
    }
}

/// The object in a body, without fields that its kind has not.
pub(crate) async fn incoming(
    call: &Call,
    body: Body,
    expected: &Expected<'_>,
    validation: FieldValidation,
    warnings: &mut Vec<String>,
) -> Result<Value, Status> {
    let format = body::format(&call.headers)?;
    let bytes = body::read(body, call.server.config.limits.body).await?;
    let decoded = body::decode(format, &bytes)?;
    let mut object = decoded.value;
    is_of_kind(&mut object, &expected.kind)?;
    let GroupVersionKind { kind, version, .. } = &expected.kind;
    let problems = fields_are_known(&mut object, expected, &decoded.duplicates, validation)
        .map_err(|why| Status::cannot_decode(kind, version, &why))?;
    match validation {
        FieldValidation::Strict if !problems.is_empty() => {
            return Err(Status::strict_decoding(kind, version, &problems));
        }
        FieldValidation::Warn => warnings.extend(problems),
        _ => {}
    }
    Ok(object)
}

/// Removes what the kind has not, and says what that was, unless nobody wants to know.
///
/// # Errors
///
/// The first field of a wrong type, in words.
pub(crate) fn fields_are_known(
    object: &mut Value,
    expected: &Expected<'_>,
    duplicates: &[String],
    validation: FieldValidation,
) -> Result<Vec<String>, String> {
    let Some(schema) = expected.schema else { return Ok(Vec::new()) };
    if expected.origin == Origin::BuiltIn
        && let Some(error) = schema.type_error(object)
    {
        return Err(error);
    }
    let unknown = schema.unknown_fields(object);
    if !unknown.is_empty() {
        schema.prune(object);
    }
    if expected.origin == Origin::BuiltIn {
        schema.normalize(object);
    }
    if validation == FieldValidation::Ignore {
        return Ok(Vec::new());
    }
    let twice = duplicates.iter().map(|path| format!("duplicate field {path:?}"));
    Ok(unknown.iter().map(|path| format!("unknown field {path:?}")).chain(twice).collect())
}

/// Fills in `apiVersion` and `kind`, or refuses others.
fn is_of_kind(object: &mut Value, expected: &GroupVersionKind) -> Result<(), Status> {
    let Some(fields) = object.as_object_mut() else {
        return Err(Status::bad_request("the body of the request is no object"));
    };
    let wanted = expected.api_version();
    match fields.get("apiVersion").and_then(Value::as_str).filter(|version| !version.is_empty()) {
        None => {
            fields.insert("apiVersion".into(), Value::from(wanted));
        }
        Some(version) if version != wanted => {
            return Err(Status::bad_request(format!(
                "the API version in the data ({version}) does not match the expected API version ({wanted})"
            )));
        }
        Some(_) => {}
    }
    match fields.get("kind").and_then(Value::as_str).filter(|kind| !kind.is_empty()) {
        None => {
            fields.insert("kind".into(), Value::from(expected.kind.as_str()));
        }
        Some(kind) if kind != expected.kind => {
            return Err(Status::bad_request(format!(
                "the kind in the data ({kind}) does not match the expected kind ({})",
                expected.kind
            )));
        }
        Some(_) => {}
    }
    Ok(())
}
