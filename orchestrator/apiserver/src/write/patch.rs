use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use guideway_api::Status;
use guideway_api::kind::Origin;
use guideway_api::options::{FieldValidation, PatchKind, WriteOptions};
use guideway_patch::PatchError;
use guideway_patch::apply::{self, ApplyError, Force};
use guideway_schema::Schema;
use serde_json::Value;

use super::incoming::fields_are_known;
use super::update::create_named;
use super::{Change, Door, Made};
use crate::body::{self, Content, Format};
use crate::call::Call;
use crate::reply::Answer;
use crate::value::text;

/// A change of the object that the path names; with server-side apply also a new object.
pub(crate) async fn patch(call: &mut Call, body: Body) -> Answer {
    patched(call, body, Door::Object).await
}

/// The same for a part of the object.
pub(crate) async fn patched(call: &mut Call, body: Body, door: Door) -> Answer {
    let content_type =
        call.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = PatchKind::parse(content_type)?;
    if kind == PatchKind::Strategic && call.kind().origin == Origin::Custom {
        return Err(Status::unsupported_body(
            "the body of the request was in an unknown format - accepted media types include: \
             application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
        ));
    }
    let options = WriteOptions::patch(call.query(), kind)?;
    let bytes = body::read(body, call.server.config.limits.body).await?;
    let patch = Patch::parse(kind, bytes)?;
    let change = Change { door, options: &options, is_whole: false };
    let changed = call
        .change(&change, |call, old, warnings| patch.make(call, Some(old), door, &options, warnings))
        .await;
    match changed {
        Err(status) if status.code == 404 && kind == PatchKind::Apply && matches!(door, Door::Object) => {
            let mut warnings = Vec::new();
            let made = patch.make(call, None, door, &options, &mut warnings)?;
            let uid = text(&made.object, &["metadata", "uid"]);
            if !uid.is_empty() {
                let why = format!(
                    "uid mismatch: the provided object specified uid {uid}, and no existing object was found"
                );
                return Err(Status::conflict_because(call.named(), &call.path.name, &why));
            }
            call.warnings.append(&mut warnings);
            let created = create_named(call, made, &options).await?;
            call.show(StatusCode::CREATED, &created)
        }
        changed => call.show(StatusCode::OK, &changed?),
    }
}

/// A patch, decoded as far as it can be once for all attempts.
pub(crate) enum Patch {
    Json(Bytes),
    Merge(Bytes, Vec<String>),
    Strategic(Value, Vec<String>),
    Apply(Value, Vec<String>),
}

impl Patch {
    pub(crate) fn parse(kind: PatchKind, bytes: Bytes) -> Result<Self, Status> {
        Ok(match kind {
            PatchKind::Json => Self::Json(bytes),
            PatchKind::Merge => {
                // What is wrong with the text is said when it is applied.
                let decoded = guideway_schema::decode(&bytes);
                Self::Merge(bytes, decoded.map(|decoded| decoded.duplicates).unwrap_or_default())
            }
            PatchKind::Strategic => {
                let decoded = body::decode(Format::Json, &bytes, Content::Patch(kind))?;
                Self::Strategic(decoded.value, decoded.duplicates)
            }
            PatchKind::Apply => {
                let decoded = body::decode(Format::Yaml, &bytes, Content::Patch(kind))?;
                Self::Apply(decoded.value, decoded.duplicates)
            }
        })
    }

    /// The next state, before anybody else has looked at it.
    pub(crate) fn make(
        &self,
        call: &Call,
        old: Option<&Value>,
        door: Door,
        options: &WriteOptions,
        warnings: &mut Vec<String>,
    ) -> Result<Made, Status> {
        let name = call.path.name.as_str();
        let missing = Value::Null;
        let live = old.unwrap_or(&missing);
        let (mut object, duplicates, is_applied) = match self {
            Self::Json(patch) => (guideway_patch::json_patch(live, patch).map_err(refused)?, &[][..], false),
            Self::Merge(patch, duplicates) => {
                (guideway_patch::merge_patch(live, patch).map_err(refused)?, &duplicates[..], false)
            }
            Self::Strategic(patch, duplicates) => {
                let schema = call.version().schema().ok_or_else(Status::unsupported_media_type)?;
                let patched = guideway_patch::strategic_merge(schema, live, patch).map_err(refused)?;
                (patched, &duplicates[..], false)
            }
            Self::Apply(config, duplicates) => {
                let of = text(config, &["kind"]);
                if config.is_object() && of != call.kind().kind {
                    return Err(Status::bad_request(format!(
                        "the kind in the data ({of}) does not match the expected kind ({})",
                        call.kind().kind
                    )));
                }
                // Of the configuration, fields stay as the client wrote them: it owns them in this form. Those that the
                // kind has not are refused.
                let words = duplicates.iter().map(|path| format!("duplicate field {path:?}"));
                match options.field_validation {
                    FieldValidation::Ignore => (),
                    FieldValidation::Warn => warnings.extend(words),
                    FieldValidation::Strict if duplicates.is_empty() => (),
                    FieldValidation::Strict => {
                        let words: Vec<String> = words.collect();
                        return Err(Status::strict_decoding(of, &call.version().name, &words));
                    }
                }
                return Ok(Made { object: applied(call, old, config, door, options)?, is_applied: true });
            }
        };
        let problems = self.known(call, &mut object, duplicates, options)?;
        if options.field_validation == FieldValidation::Strict && !problems.is_empty() {
            return Err(Status::strict_patch(call.kind().qualified(), name, &problems));
        }
        warnings.extend(problems);
        for field in ["apiVersion", "kind"] {
            if let Some(old) = old
                && object.get(field) != old.get(field)
            {
                return Err(Status::bad_request(format!("a patch may not change {field}")));
            }
        }
        Ok(Made { object, is_applied })
    }

    fn known(
        &self,
        call: &Call,
        object: &mut Value,
        duplicates: &[String],
        options: &WriteOptions,
    ) -> Result<Vec<String>, Status> {
        let expected = call.expected();
        fields_are_known(object, &expected, duplicates, options.field_validation)
            .map_err(|why| Status::invalid_patch(call.kind().qualified(), &call.path.name, &why))
    }
}

fn applied(
    call: &Call,
    old: Option<&Value>,
    config: &Value,
    door: Door,
    options: &WriteOptions,
) -> Result<Value, Status> {
    let any = Schema::builtin("", "v1", "ConfigMap");
    let schema = call.version().schema().or(any.as_ref()).ok_or_else(Status::unsupported_media_type)?;
    let mut manager = call.manager(options.field_manager.as_deref());
    manager.reset = door.reset(call.kind(), config);
    let force = if options.force { Force::Yes } else { Force::No };
    apply::apply(schema, old, config, &manager, force, &call.time()).map_err(not_applied)
}

/// Why a configuration is not applied.
pub(crate) fn not_applied(error: ApplyError) -> Status {
    match error {
        ApplyError::Conflicts(conflicts) => {
            let conflicts: Vec<(String, String)> =
                conflicts.into_iter().map(|conflict| (conflict.owner, conflict.field)).collect();
            Status::apply_conflict(&conflicts)
        }
        ApplyError::BadRequest(why) => Status::bad_request(why),
        error @ ApplyError::Invalid { .. } => Status::failure(500, "", error.to_string()),
    }
}

pub(crate) fn refused(error: PatchError) -> Status {
    match error.status() {
        422 => Status::rejected(),
        413 => Status::too_large(error.to_string()),
        500 => Status::failure(500, "", error.to_string()),
        _ => Status::bad_request(error.to_string()),
    }
}
