//! Bodies of requests: bytes within a bound, and the value that they mean.

use axum::body::{Body, Bytes};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use guideway_api::Status;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde_json::Value;

mod strict;
#[cfg(test)]
mod tests;

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Yaml,
    Protobuf,
}

/// A body, decoded.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub(crate) value: Value,
    /// Paths of fields that are there twice. The last one counts.
    pub(crate) duplicates: Vec<String>,
}

/// All bytes of a body of at most `limit`.
pub(crate) async fn read(body: Body, limit: usize) -> Result<Bytes, Status> {
    match Limited::new(body, limit).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Status::too_large(format!("Request entity too large: limit is {limit}"))),
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
    match format {
        Format::Json => strict::from_json(bytes)
            .map_err(|error| Status::bad_request(format!("the body of the request is no JSON: {error}"))),
        Format::Yaml => strict::from_yaml(bytes)
            .map_err(|error| Status::bad_request(format!("the body of the request is no YAML: {error}"))),
        Format::Protobuf => Err(Status::unsupported_body("protobuf is not decoded yet")),
    }
}
