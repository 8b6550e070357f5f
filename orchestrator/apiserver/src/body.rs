//! Bodies of requests: bytes within a bound, and the value that they mean.

use axum::body::{Body, Bytes};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use guideway_api::Status;
use guideway_api::options::PatchKind;
use guideway_protobuf::DecodeError;
use guideway_schema::{Decoded, go_kind};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde_json::Value;
use serde_saphyr::{DuplicateKeyPolicy, UserMessageFormatter};

#[cfg(test)]
mod tests;

/// Of values in values in YAML, as in JSON.
const MAX_DEPTH: usize = 127;
/// Bytes of stack for the parser of YAML, which takes more than 16 kB for each level when it is not optimised.
const YAML_STACK: usize = 16 << 20;

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Yaml,
    Protobuf,
}

/// All bytes of a body of at most `limit`.
pub(crate) async fn read(body: Body, limit: usize) -> Result<Bytes, Status> {
    match Limited::new(body, limit).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(Status::too_large(format!("Request entity too large: limit is {limit}")))
        }
        Err(error) => Err(Status::bad_request(format!("the body of the request ended early: {error}"))),
    }
}

/// By Content-Type. Without one it is JSON.
pub(crate) fn format(headers: &HeaderMap) -> Result<Format, Status> {
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(Format::Json) };
    let value = value.to_str().unwrap_or("?");
    match media_type(value) {
        "" | "*/*" | "application/json" => Ok(Format::Json),
        "application/yaml" => Ok(Format::Yaml),
        "application/vnd.kubernetes.protobuf" => Ok(Format::Protobuf),
        _ => Err(Status::unsupported_media_type()),
    }
}

/// Without parameters.
pub(crate) fn media_type(value: &str) -> &str {
    value.split(';').next().unwrap_or_default().trim()
}

/// What a body has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content<'a> {
    /// An object of the kind.
    Object(&'a str),
    /// A patch.
    Patch(PatchKind),
}

/// What Kubernetes reads of a body before it knows what it is.
const TYPE_META: &str =
    r#"struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }"#;

/// Bytes of a body that are shown to who sent it.
const SHOWN: usize = 30;

impl Content<'_> {
    /// The refusal of bytes that cannot be read.
    fn refuse(self, format: Format, bytes: &[u8], error: &dyn std::fmt::Display) -> Status {
        Status::bad_request(match self {
            Self::Patch(PatchKind::Strategic) => error.to_string(),
            Self::Patch(PatchKind::Apply) => format!("error decoding YAML: {error}"),
            Self::Patch(PatchKind::Json | PatchKind::Merge) => format!("error decoding patch: {error}"),
            Self::Object(kind) => {
                let stage = match format {
                    Format::Json => "couldn't get version/kind; json parse error: ",
                    Format::Yaml | Format::Protobuf => "",
                };
                let shown = &bytes[..bytes.len().min(SHOWN)];
                let dots = if bytes.len() > SHOWN { " ..." } else { "" };
                let shown = match shown.first() {
                    None => "<empty>".to_owned(),
                    Some(b'{') => String::from_utf8_lossy(shown).into_owned(),
                    Some(_) => shown.iter().map(|byte| format!("{byte:02x}")).collect(),
                };
                format!(
                    "the object provided is unrecognized (must be of type {kind}): {stage}{error} ({shown}{dots})"
                )
            }
        })
    }
}

/// The value in `bytes`. Where an object has to be, it is one, or null.
pub(crate) fn decode(format: Format, bytes: &[u8], content: Content<'_>) -> Result<Decoded, Status> {
    let decoded = read_value(format, bytes, content)?;
    match without_kind(&decoded.value) {
        // Kubernetes makes JSON of YAML first.
        Some(why) if matches!(content, Content::Object(_)) => Err(content.refuse(Format::Json, bytes, &why)),
        _ => Ok(decoded),
    }
}

/// Why no version and kind can be read from a value, in the words of Go's decoder.
fn without_kind(value: &Value) -> Option<String> {
    if value.is_null() {
        return None;
    }
    let Value::Object(fields) = value else {
        return Some(format!("json: cannot unmarshal {} into Go value of type {TYPE_META}", go_kind(value)));
    };
    let wrong = |name: &&str| {
        fields.get(*name).filter(|value| !matches!(value, Value::String(_) | Value::Null)).is_some()
    };
    let name = ["apiVersion", "kind"].into_iter().find(wrong)?;
    let found = go_kind(&fields[name]);
    Some(format!("json: cannot unmarshal {found} into Go struct field .{name} of type string"))
}

fn read_value(format: Format, bytes: &[u8], content: Content<'_>) -> Result<Decoded, Status> {
    let bad = |error: &dyn std::fmt::Display| content.refuse(format, bytes, error);
    match format {
        Format::Json => guideway_schema::decode(bytes).map_err(|error| bad(&error)),
        Format::Yaml => {
            // JSON is YAML, and what kubectl applies.
            if let Some(decoded) =
                bytes.trim_ascii_start().starts_with(b"{").then(|| guideway_schema::decode(bytes))
                && let Ok(decoded) = decoded
            {
                return Ok(decoded);
            }
            let text = std::str::from_utf8(bytes).map_err(|error| bad(&error))?;
            let decoded = std::thread::scope(|scope| {
                let parser = std::thread::Builder::new().stack_size(YAML_STACK);
                parser.spawn_scoped(scope, || yaml(text)).map(std::thread::ScopedJoinHandle::join)
            });
            match decoded {
                Ok(Ok(decoded)) => {
                    decoded.map_err(|error| bad(&error.render_with_formatter(&UserMessageFormatter)))
                }
                Ok(Err(_panic)) => Err(bad(&"the parser of YAML failed")),
                Err(error) => Err(Status::internal(error)),
            }
        }
        Format::Protobuf => match guideway_protobuf::decode(bytes) {
            Ok(value) => Ok(Decoded { value, duplicates: Vec::new() }),
            Err(error @ DecodeError::UnknownKind { .. }) => Err(Status::unsupported_body(error.to_string())),
            Err(error) => Err(bad(&error)),
        },
    }
}

/// The parser bounds depth, values and aliases. Of fields that are there twice the last one counts, as in JSON.
fn yaml(text: &str) -> Result<Decoded, serde_saphyr::Error> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_depth: MAX_DEPTH },
        duplicate_keys: DuplicateKeyPolicy::LastWins,
        with_snippet: false,
    };
    serde_saphyr::with_deserializer_from_str_with_options(text, options, |deserializer| {
        guideway_schema::decode_from(deserializer)
    })
}
