//! Why requests are refused: the bodies of the answers.

use std::fmt::Display;

use guideway_api::{Cause, Qualified, Status};

/// 403, in the form `pods "x" is forbidden: why`.
pub(crate) fn forbidden(group: &str, resource: &str, name: &str, why: impl Display) -> Status {
    Status::forbidden(Qualified { group, name: resource }, name, &why.to_string())
}

/// 404, in the form `namespaces "x" not found`.
pub(crate) fn not_found(group: &str, resource: &str, name: &str) -> Status {
    Status::not_found(Qualified { group, name: resource }, name)
}

/// 400.
pub(crate) fn bad_request(message: impl Into<String>) -> Status {
    Status::bad_request(message)
}

/// 409.
pub(crate) fn conflict(group: &str, resource: &str, name: &str, why: &str) -> Status {
    Status::conflict_because(Qualified { group, name: resource }, name, why)
}

/// 422.
pub(crate) fn invalid(group: &str, kind: &str, name: &str, causes: &[Cause]) -> Status {
    Status::invalid(Qualified { group, name: kind }, name, causes)
}

/// 401.
pub(crate) fn unauthorized() -> Status {
    Status::unauthorized()
}
