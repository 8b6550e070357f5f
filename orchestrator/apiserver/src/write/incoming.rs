//! Objects as clients send them, checked for what can be said without knowing the other objects.

use axum::body::Body;
use guideway_api::kind::Origin;
use guideway_api::options::FieldValidation;
use guideway_api::{GroupVersionKind, Status};
use guideway_schema::Schema;
use serde_json::{Map, Value};

use crate::body::{self, Content};
use crate::call::Call;

/// What a body has to be.
pub(crate) struct Expected<'a> {
    pub(crate) kind: GroupVersionKind,
    pub(crate) schema: Option<&'a Schema>,
    pub(crate) origin: Origin,
    /// API versions whose objects have the same fields.
    pub(crate) older: &'static [&'static str],
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
            older: &[],
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
    let decoded = body::decode(format, &bytes, Content::Object(&expected.kind.kind))?;
    let mut object = decoded.value;
    if expected.older.iter().any(|version| object["apiVersion"] == **version) {
        object["apiVersion"] = Value::from(expected.kind.api_version());
    }
    is_of_kind(&mut object, expected)?;
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
fn is_of_kind(object: &mut Value, expected: &Expected<'_>) -> Result<(), Status> {
    if object.is_null() {
        // To Go's decoder, null is an object without fields.
        *object = Value::Object(Map::new());
    }
    if expected.origin == Origin::BuiltIn {
        is_decodable(object, &expected.kind)?;
    }
    let expected = &expected.kind;
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

/// Refuses what Kubernetes, which knows its kinds by their Go types, cannot take for an object of the built-in kind.
fn is_decodable(object: &Value, expected: &GroupVersionKind) -> Result<(), Status> {
    let said = |field: &str| object.get(field).and_then(Value::as_str).filter(|said| !said.is_empty());
    let wanted = expected.api_version();
    let (api_version, kind) = (said("apiVersion").unwrap_or(&wanted), said("kind").unwrap_or(&expected.kind));
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    if kind == expected.kind && api_version == wanted {
        return Ok(());
    }
    let why = if Schema::builtin(group, version, kind).is_none() {
        format!("no kind {kind:?} is registered for version {api_version:?}")
    } else if kind != expected.kind {
        let package = match expected.group.split('.').next() {
            Some("" | "events") | None => "core",
            Some(package) => package,
        };
        format!("converting ({version}.{kind}) to ({package}.{}): unknown conversion", expected.kind)
    } else {
        return Ok(());
    };
    Err(Status::bad_request(format!(
        "{kind} in version {version:?} cannot be handled as a {}: {why}",
        expected.kind
    )))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_of_other_kinds_are_refused() {
        let expected =
            GroupVersionKind { group: "apps".into(), version: "v1".into(), kind: "Deployment".into() };
        let said = |object: Value| is_decodable(&object, &expected).map_err(|status| status.message.clone());
        assert_eq!(said(json!({})), Ok(()));
        assert_eq!(said(json!({"apiVersion": "apps/v1", "kind": "Deployment"})), Ok(()));
        for (object, words) in [
            (
                json!({"apiVersion": "v1", "kind": "Secret"}),
                "Secret in version \"v1\" cannot be handled as a Deployment: converting (v1.Secret) to \
                 (apps.Deployment): unknown conversion",
            ),
            (
                json!({"apiVersion": "apps/v9", "kind": "Deployment"}),
                "Deployment in version \"v9\" cannot be handled as a Deployment: no kind \"Deployment\" is registered \
                 for version \"apps/v9\"",
            ),
            (
                json!({"kind": "Deploymnet"}),
                "Deploymnet in version \"v1\" cannot be handled as a Deployment: no kind \"Deploymnet\" is registered \
                 for version \"apps/v1\"",
            ),
        ] {
            assert_eq!(said(object), Err(words.to_owned()));
        }
    }
}
