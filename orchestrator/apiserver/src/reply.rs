//! Replies: bytes, headers, and the Status of what went wrong.

use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, RETRY_AFTER, WARNING};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use guideway_api::Status;
use serde::Serialize;

use crate::negotiate::{Encoding, NotAcceptable};

/// What a verb gives.
pub(crate) type Answer = Result<Response, Status>;

/// Representations that every resource has.
const AVAILABLE: [&str; 2] = ["application/json", "application/yaml"];
/// Of one Warning header. Longer text is cut.
const MAX_WARNING: usize = 1024;
/// Of all of them together.
const MAX_WARNINGS: usize = 4096;

/// 406.
pub(crate) fn not_acceptable(_error: NotAcceptable) -> Status {
    Status::not_acceptable(&AVAILABLE)
}

/// A reply of bytes that are JSON already.
pub(crate) fn json(code: StatusCode, bytes: Bytes) -> Response {
    typed(code, Encoding::Json.content_type(), Body::from(bytes))
}

/// A reply of JSON that is made while it is sent.
pub(crate) fn typed_json(body: Body) -> Response {
    typed(StatusCode::OK, Encoding::Json.content_type(), body)
}

/// A reply with a value.
pub(crate) fn value<T: Serialize>(code: StatusCode, encoding: Encoding, value: &T) -> Response {
    match encode(encoding, value) {
        Ok(bytes) => typed(code, encoding.content_type(), Body::from(bytes)),
        Err(status) => of_status(&status, Encoding::Json),
    }
}

/// 204: all is well, and there is nothing to say.
pub(crate) fn nothing() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    response
}

/// A reply of plain text.
pub(crate) fn plain(code: StatusCode, text: impl Into<Body>) -> Response {
    let mut response = typed(code, "text/plain; charset=utf-8", text.into());
    response
        .headers_mut()
        .insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    response
}

/// The reply that a Status is.
pub(crate) fn of_status(status: &Status, encoding: Encoding) -> Response {
    let code = StatusCode::from_u16(status.http_code()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let bytes = encode(encoding, status).unwrap_or_default();
    let mut response = typed(code, encoding.content_type(), Body::from(bytes));
    let seconds = status.details.as_ref().map_or(0, |details| details.retry_after_seconds);
    if seconds > 0 {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// The bytes of a value.
pub(crate) fn encode<T: Serialize>(encoding: Encoding, value: &T) -> Result<Vec<u8>, Status> {
    match encoding {
        Encoding::Json => serde_json::to_vec(value).map_err(Status::internal),
        Encoding::PrettyJson => serde_json::to_vec_pretty(value).map_err(Status::internal),
        Encoding::Yaml => serde_saphyr::to_string(value).map(String::into_bytes).map_err(Status::internal),
    }
}

/// Puts warnings into the headers of a reply (RFC 7234, 5.5: code 299, no agent).
pub(crate) fn warn(response: &mut Response, warnings: &[String]) {
    let mut total = 0;
    for warning in warnings {
        let mut end = warning.len().min(MAX_WARNING);
        while !warning.is_char_boundary(end) {
            end -= 1;
        }
        total += end;
        if total > MAX_WARNINGS {
            break;
        }
        let quoted: String = warning[..end]
            .chars()
            .flat_map(|c| if matches!(c, '"' | '\\') { vec!['\\', c] } else { vec![c] })
            .filter(|c| !c.is_control())
            .collect();
        if let Ok(header) = HeaderValue::from_bytes(format!("299 - \"{quoted}\"").as_bytes()) {
            response.headers_mut().append(WARNING, header);
        }
    }
}

fn typed(code: StatusCode, content_type: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = code;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    response
}
