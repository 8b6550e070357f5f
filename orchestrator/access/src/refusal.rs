use std::fmt;

/// Why a request is refused: enough for the body of the answer, which the server makes.
///
/// `group` and `resource` name what the request is about, `message` is the whole sentence that a client sees.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// Which answer it is.
    pub reason: RefusalReason,
    /// The API group, `""` for the core group.
    pub group: String,
    /// The plural name of the resource, or the kind for [`RefusalReason::Invalid`]. Empty for paths that are no resources.
    pub resource: String,
    /// The object's name, empty when there is none.
    pub name: String,
    /// What to tell the client.
    pub message: String,
    /// What is wrong with which field, for [`RefusalReason::Invalid`].
    pub causes: Vec<FieldCause>,
}

/// The kinds of refusals, in the words of Kubernetes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalReason {
    /// 401: the credentials prove nothing.
    Unauthorized,
    /// 403: it is known who asks, and the answer is no.
    Forbidden,
    /// 404: something that the request needs does not exist.
    NotFound,
    /// 409: another request was first; try again.
    Conflict,
    /// 422: the object says something that it must not say.
    Invalid,
    /// 400: the request makes no sense.
    BadRequest,
}

/// One field that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldCause {
    /// Kubernetes' word, for example `FieldValueInvalid`.
    pub reason: &'static str,
    /// For example `Invalid value: "x": must be positive`.
    pub message: String,
    /// The path of the field.
    pub field: String,
}

impl RefusalReason {
    /// The HTTP status.
    #[must_use]
    pub fn code(self) -> u16 {
        match self {
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::Conflict => 409,
            Self::Invalid => 422,
            Self::BadRequest => 400,
        }
    }
}

impl fmt::Display for RefusalReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl Refusal {
    /// 403, in the form `pods "x" is forbidden: why`.
    #[must_use]
    pub fn forbidden(group: &str, resource: &str, name: &str, why: impl fmt::Display) -> Self {
        let qualified = qualified(group, resource);
        let message = match (qualified.is_empty(), name.is_empty()) {
            (true, _) => format!("forbidden: {why}"),
            (false, true) => format!("{qualified} is forbidden: {why}"),
            (false, false) => format!("{qualified} {name:?} is forbidden: {why}"),
        };
        Self::new(RefusalReason::Forbidden, group, resource, name, message)
    }

    /// 404, in the form `namespaces "x" not found`.
    #[must_use]
    pub fn not_found(group: &str, resource: &str, name: &str) -> Self {
        let message = format!("{} {name:?} not found", qualified(group, resource));
        Self::new(RefusalReason::NotFound, group, resource, name, message)
    }

    /// 401.
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::new(RefusalReason::Unauthorized, "", "", "", "Unauthorized".to_owned())
    }

    /// 400.
    #[must_use]
    pub fn bad_request(message: impl fmt::Display) -> Self {
        Self::new(RefusalReason::BadRequest, "", "", "", message.to_string())
    }

    /// 409, in the form `Operation cannot be fulfilled on pods "x": why`.
    #[must_use]
    pub fn conflict(group: &str, resource: &str, name: &str, why: impl fmt::Display) -> Self {
        let message =
            format!("Operation cannot be fulfilled on {} {name:?}: {why}", qualified(group, resource));
        Self::new(RefusalReason::Conflict, group, resource, name, message)
    }

    /// 422, in the form `Pod "x" is invalid: field: message`.
    #[must_use]
    pub fn invalid(group: &str, kind: &str, name: &str, causes: Vec<FieldCause>) -> Self {
        let mut fields: Vec<String> =
            causes.iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect();
        let list = match fields.len() {
            1 => fields.remove(0),
            _ => format!("[{}]", fields.join(", ")),
        };
        let message = format!("{} {name:?} is invalid: {list}", qualified(group, kind));
        Self { causes, ..Self::new(RefusalReason::Invalid, group, kind, name, message) }
    }

    fn new(reason: RefusalReason, group: &str, resource: &str, name: &str, message: String) -> Self {
        Self {
            reason,
            group: group.to_owned(),
            resource: resource.to_owned(),
            name: name.to_owned(),
            message,
            causes: Vec::new(),
        }
    }
}

/// `deployments.apps`, `pods`.
pub(crate) fn qualified(group: &str, resource: &str) -> String {
    if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") }
}
