//! `log`, `exec`, `attach`, `portforward` and `proxy`: what the node of a pod answers.

use axum::body::Body;
use axum::http::{Extensions, Method, Uri};
use guideway_api::Status;
use guideway_api::path::ResourceRequest;

use crate::call::Call;
use crate::flow::Seat;
use crate::reply::Answer;

/// Whether a request is passed on to a node.
pub(crate) fn is_stream(path: &ResourceRequest, _uri: &Uri) -> bool {
    matches!(path.subresource.as_str(), "log" | "exec" | "attach" | "portforward" | "proxy")
}

/// Passes a request on.
pub(crate) async fn stream(
    call: Call,
    _method: Method,
    _extensions: Extensions,
    _body: Body,
    _seat: Seat,
) -> Answer {
    let _ = call.current().await?;
    Err(Status::unavailable("no node"))
}
