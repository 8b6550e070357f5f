//! Bodies of requests: bytes within a bound, and the value that they mean.

use axum::body::{Body, Bytes};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use guideway_api::Status;
use guideway_protobuf::DecodeError;
use guideway_schema::Decoded;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
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

/// The value in `bytes`.
pub(crate) fn decode(format: Format, bytes: &[u8]) -> Result<Decoded, Status> {
    let bad = |error: &dyn std::fmt::Display| {
        Status::bad_request(format!("error decoding the body of the request: {error}"))
    };
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
