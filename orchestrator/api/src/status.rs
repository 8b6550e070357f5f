//! `Status`, the body of every refusal (and of a plain deletion), in the words of Kubernetes.
//!
//! Clients look at `reason`, `code` and `details`, people and scripts at `message`; so each constructor gives the body
//! that a real server gives for the same mistake.

use std::fmt;
use std::ops::{Deref, DerefMut};

use guideway_schema::{Cause, quote};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A `Status` of `v1`. It is as small as a pointer, since it is the error of most calls; its fields are those of
/// [`Body`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Status(Box<Body>);

/// The fields of a [`Status`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Body {
    kind: String,
    api_version: String,
    /// Only a list that expired in the middle has something here: the token to go on with.
    #[serde(default)]
    pub metadata: StatusMeta,
    /// `Success` or `Failure`.
    #[serde(default)]
    pub status: String,
    /// What went wrong, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// One word for programs; empty where Kubernetes gives none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Details>,
    /// The HTTP status code; 0 in a success, which says none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub code: u16,
}

/// The list metadata of a [`Status`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusMeta {
    /// Where an expired list can be continued, with what is there now.
    #[serde(default, rename = "continue", skip_serializing_if = "String::is_empty")]
    pub continue_token: String,
}

/// What a [`Status`] is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Details {
    /// Name of the object.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Its group; empty for the core group.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// The resource (`configmaps`) or, in errors of validation and preconditions, the kind.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// uid of the object.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// Single reasons, one for each field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<StatusCause>,
    /// Seconds after which another attempt makes sense.
    #[serde(skip_serializing_if = "is_zero")]
    pub retry_after_seconds: u16,
}

/// One reason of a [`Status`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StatusCause {
    /// One word, like `FieldValueRequired`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// For people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Path of the field.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub field: String,
}

/// A group with a resource or a kind: what an error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Qualified<'a> {
    /// Empty for the core group.
    pub group: &'a str,
    /// A resource (`deployments`) or a kind (`Deployment`), as the constructor says.
    pub name: &'a str,
}

impl fmt::Display for Qualified<'_> {
    /// `deployments.apps`, or `pods` in the core group.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.group {
            "" => f.write_str(self.name),
            group => write!(f, "{}.{group}", self.name),
        }
    }
}

impl Status {
    /// A failure of any kind, without details.
    pub fn failure(code: u16, reason: &str, message: impl Into<String>) -> Self {
        Self(Box::new(Body {
            kind: "Status".into(),
            api_version: "v1".into(),
            metadata: StatusMeta::default(),
            status: "Failure".into(),
            message: message.into(),
            reason: reason.into(),
            details: None,
            code,
        }))
    }

    /// The answer to the deletion of an object that is gone with it.
    pub fn deleted(resource: Qualified<'_>, name: &str, uid: &str) -> Self {
        let mut status = Self::success(0).about(resource, name);
        status.details_mut().uid = uid.into();
        status
    }

    /// A success that is about nothing, as for a deletion of a collection of reviews or an eviction that has begun
    /// (201) or a binding.
    pub fn success(code: u16) -> Self {
        let mut status = Self::failure(code, "", "");
        status.status = "Success".into();
        status
    }

    /// 409: an object of this name is there.
    pub fn already_exists(resource: Qualified<'_>, name: &str) -> Self {
        Self::failure(409, "AlreadyExists", format!("{resource} {} already exists", quote(name)))
            .about(resource, name)
    }

    /// 409: a generated name was taken; another attempt gives another name.
    pub fn generated_name_taken(resource: Qualified<'_>, generate_name: &str) -> Self {
        let message = format!(
            "{resource} {} already exists, the server was not able to generate a unique name for the object",
            quote(generate_name)
        );
        let mut status = Self::failure(409, "AlreadyExists", message).about(resource, generate_name);
        status.details_mut().retry_after_seconds = 1;
        status
    }

    /// 409: what the client changed is not what is stored any more.
    pub fn conflict(resource: Qualified<'_>, name: &str) -> Self {
        Self::conflict_because(
            resource,
            name,
            "the object has been modified; please apply your changes to the latest version and try again",
        )
    }

    /// 409 for another reason than a resourceVersion.
    pub fn conflict_because(resource: Qualified<'_>, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {resource} {}: {why}", quote(name));
        Self::failure(409, "Conflict", message).about(resource, name)
    }

    /// 409: the uid of an object that is written is not that of the one in the store, in the words of Kubernetes' store.
    pub fn other_uid(resource: Qualified<'_>, name: &str, key: &str, wanted: &str, found: &str) -> Self {
        let why = format!(
            "StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg: \
             Precondition failed: UID in precondition: {wanted}, UID in object meta: {found}"
        );
        Self::conflict_because(resource, name, &why)
    }

    /// 409: the uid of a deletion's precondition is not the object's. `kind`: not the resource.
    pub fn uid_precondition(kind: Qualified<'_>, name: &str, wanted: &str, found: &str) -> Self {
        let why = format!(
            "the UID in the precondition ({wanted}) does not match the UID in record ({found}). The object might \
             have been deleted and then recreated"
        );
        Self::conflict_because(kind, name, &why)
    }

    /// 409: the resourceVersion of a deletion's precondition is not the object's. `kind`: not the resource.
    pub fn version_precondition(kind: Qualified<'_>, name: &str, wanted: &str, found: &str) -> Self {
        let why = format!(
            "the ResourceVersion in the precondition ({wanted}) does not match the ResourceVersion in record \
             ({found}). The object might have been modified"
        );
        Self::conflict_because(kind, name, &why)
    }

    /// 409: fields of an apply belong to other managers. Each conflict: the manager with its version
    /// (`"curl" using v1`) and the field's path.
    pub fn apply_conflict(conflicts: &[(String, String)]) -> Self {
        let causes: Vec<_> = conflicts
            .iter()
            .map(|(manager, field)| StatusCause {
                reason: "FieldManagerConflict".into(),
                message: format!("conflict with {manager}"),
                field: field.clone(),
            })
            .collect();
        let plural = if causes.len() == 1 { "conflict" } else { "conflicts" };
        let mut status = Self::failure(
            409,
            "Conflict",
            format!("Apply failed with {} {plural}: {}", causes.len(), conflict_words(conflicts)),
        );
        status.details_mut().causes = causes;
        status
    }

    /// 404: there is no such object.
    pub fn not_found(resource: Qualified<'_>, name: &str) -> Self {
        Self::failure(404, "NotFound", format!("{resource} {} not found", quote(name))).about(resource, name)
    }

    /// 404: the server has no such resource (a subresource that a kind has not, for example).
    pub fn no_resource() -> Self {
        let mut status = Self::failure(404, "NotFound", "the server could not find the requested resource");
        status.details_mut();
        status
    }

    /// 422: the object's fields are wrong. `kind`: not the resource.
    pub fn invalid(kind: Qualified<'_>, name: &str, causes: &[Cause]) -> Self {
        let causes: Vec<StatusCause> = causes.iter().map(StatusCause::from).collect();
        let mut words: Vec<String> = Vec::with_capacity(causes.len());
        for cause in &causes {
            let text = cause.to_string();
            if !words.contains(&text) {
                words.push(text);
            }
        }
        let words = match words.as_slice() {
            [] => String::new(),
            [one] => format!(": {one}"),
            all => format!(": [{}]", all.join(", ")),
        };
        let message = format!("{kind} {} is invalid{words}", quote(name));
        let mut status = Self::failure(422, "Invalid", message).about(kind, name);
        status.details_mut().causes = causes;
        status
    }

    /// 422 without a word on what: a JSON patch whose `test` fails or whose path is not there.
    pub fn rejected() -> Self {
        let mut status =
            Self::failure(422, "Invalid", "the server rejected our request due to an error in our request");
        status.details_mut();
        status
    }

    /// 400.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::failure(400, "BadRequest", message)
    }

    /// 400: the body has fields that the kind has not, or a field twice, and the client wants to be told
    /// (`fieldValidation=Strict`). `errors` as in `unknown field "spec.foo"`.
    pub fn strict_decoding(kind: &str, version: &str, errors: &[String]) -> Self {
        Self::cannot_decode(kind, version, &format!("strict decoding error: {}", errors.join(", ")))
    }

    /// 400: the body is not an object of the kind.
    pub fn cannot_decode(kind: &str, version: &str, why: &str) -> Self {
        Self::bad_request(format!(
            "{kind} in version {} cannot be handled as a {kind}: {why}",
            quote(version)
        ))
    }

    /// 422: the same as [`strict_decoding`](Self::strict_decoding) for an object that a patch gives.
    pub fn strict_patch(kind: Qualified<'_>, name: &str, errors: &[String]) -> Self {
        Self::invalid_patch(kind, name, &format!("strict decoding error: {}", errors.join(", ")))
    }

    /// 422: what a patch makes of an object is none of its kind.
    pub fn invalid_patch(kind: Qualified<'_>, name: &str, message: &str) -> Self {
        let words = format!("{kind} {} is invalid: patch: Invalid value: {message}", quote(name));
        let mut status = Self::failure(422, "Invalid", words).about(kind, name);
        status.details_mut().causes = vec![StatusCause {
            reason: "FieldValueInvalid".into(),
            message: format!("Invalid value: {message}"),
            field: "patch".into(),
        }];
        status
    }

    /// 504: a list at a revision that is not there yet.
    pub fn too_large_version(wanted: u64, current: u64) -> Self {
        let message = format!("Timeout: Too large resource version: {wanted}, current: {current}");
        let mut status = Self::failure(504, "Timeout", message);
        let details = status.details_mut();
        details.retry_after_seconds = 1;
        details.causes = vec![StatusCause {
            reason: "ResourceVersionTooLarge".into(),
            message: "Too large resource version".into(),
            field: String::new(),
        }];
        status
    }

    /// 410 of a watch whose revision was compacted. `oldest`: the oldest revision to watch from.
    pub fn too_old_version(wanted: u64, oldest: u64) -> Self {
        Self::failure(410, "Expired", format!("too old resource version: {wanted} ({oldest})"))
    }

    /// 410 of a list at, or continued at, a revision that was compacted. `continue_token` goes on with what is there
    /// now; empty if there is none.
    pub fn expired_list(continue_token: String) -> Self {
        let message = if continue_token.is_empty() {
            "The resourceVersion for the provided list is too old."
        } else {
            "The provided continue parameter is too old to display a consistent list result. You can start a new \
             list without the continue parameter, or use the continue token in this response to retrieve the \
             remainder of the results. Continuing with the provided token results in an inconsistent list - \
             objects that were created, modified, or deleted between the time the first chunk was returned and \
             now may show up in the list."
        };
        let mut status = Self::failure(410, "Expired", message);
        status.metadata.continue_token = continue_token;
        status
    }

    /// 500 of a resourceVersion that is no number, without a reason, as Kubernetes has it.
    pub fn unreadable_version(text: &str) -> Self {
        let text = quote(text);
        let message = format!(
            "resourceVersion: Invalid value: {text}: strconv.ParseUint: parsing {text}: invalid syntax"
        );
        Self::failure(500, "", message)
    }

    /// 403. `why` follows the words that say who may not do what; as in `User "a" cannot get resource ...`.
    pub fn forbidden(resource: Qualified<'_>, name: &str, why: &str) -> Self {
        let subject = if resource.name.is_empty() {
            "forbidden".to_owned()
        } else if name.is_empty() {
            format!("{resource} is forbidden")
        } else {
            format!("{resource} {} is forbidden", quote(name))
        };
        Self::failure(403, "Forbidden", format!("{subject}: {why}")).about(resource, name)
    }

    /// 401.
    pub fn unauthorized() -> Self {
        Self::failure(401, "Unauthorized", "Unauthorized")
    }

    /// 405 of an HTTP method that a path has not.
    pub fn method_not_allowed_here() -> Self {
        let mut status = Self::failure(
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
        );
        status.details_mut();
        status
    }

    /// 406.
    pub fn not_acceptable(available: &[&str]) -> Self {
        let message = format!("406: Not Acceptable\n\nAvailable representations: {}", available.join(", "));
        let mut status = Self::failure(406, "NotAcceptable", message);
        status.details_mut();
        status
    }

    /// 415 of a patch or a body of a type that is not known.
    pub fn unsupported_media_type() -> Self {
        let mut status = Self::failure(415, "UnsupportedMediaType", "415: Unsupported Media Type");
        status.details_mut();
        status
    }

    /// 415 that says which type and why.
    pub fn unsupported_body(message: impl Into<String>) -> Self {
        let mut status = Self::failure(415, "UnsupportedMediaType", message);
        status.details_mut();
        status
    }

    /// 413.
    pub fn too_large(message: impl Into<String>) -> Self {
        Self::failure(413, "RequestEntityTooLarge", message)
    }

    /// 429. `seconds`: when to come back.
    pub fn too_many_requests(message: impl Into<String>, seconds: u16) -> Self {
        let mut status = Self::failure(429, "TooManyRequests", message);
        status.details_mut().retry_after_seconds = seconds;
        status
    }

    /// 429: an eviction that a disruption budget does not allow now.
    pub fn disruption_budget(budget: &str, wanted: i64, have: i64) -> Self {
        let mut status = Self::failure(
            429,
            "TooManyRequests",
            "Cannot evict pod as it would violate the pod's disruption budget.",
        );
        status.details_mut().causes = vec![StatusCause {
            reason: "DisruptionBudget".into(),
            message: format!(
                "The disruption budget {budget} needs {wanted} healthy pods and has {have} currently"
            ),
            field: String::new(),
        }];
        status
    }

    /// 500.
    pub fn internal(why: impl fmt::Display) -> Self {
        let message = why.to_string();
        let mut status = Self::failure(500, "InternalError", format!("Internal error occurred: {message}"));
        status.details_mut().causes = vec![StatusCause { message, ..StatusCause::default() }];
        status
    }

    /// 503.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::failure(503, "ServiceUnavailable", message)
    }

    /// 504: the server did not get it done in time.
    pub fn timeout(message: impl fmt::Display) -> Self {
        Self::failure(504, "Timeout", format!("Timeout: {message}"))
    }

    /// The same with details that name an object.
    #[must_use]
    pub fn about(mut self, subject: Qualified<'_>, name: &str) -> Self {
        self.details = Some(about(subject, name));
        self
    }

    /// The same with one more cause.
    #[must_use]
    pub fn with_cause(mut self, cause: StatusCause) -> Self {
        self.details_mut().causes.push(cause);
        self
    }

    /// The same with an advice when to come back, in seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u16) -> Self {
        self.details_mut().retry_after_seconds = seconds;
        self
    }

    /// The code of the HTTP answer.
    pub fn http_code(&self) -> u16 {
        if self.code == 0 { 200 } else { self.code }
    }

    /// As JSON.
    pub fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    fn details_mut(&mut self) -> &mut Details {
        self.details.get_or_insert_default()
    }
}

impl Deref for Status {
    type Target = Body;

    fn deref(&self) -> &Body {
        &self.0
    }
}

impl DerefMut for Status {
    fn deref_mut(&mut self) -> &mut Body {
        &mut self.0
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Status {}

impl From<&Cause> for StatusCause {
    fn from(cause: &Cause) -> Self {
        Self { reason: cause.reason.to_string(), message: cause.message.clone(), field: cause.field.clone() }
    }
}

impl fmt::Display for StatusCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field.as_str() {
            "" => f.write_str(&self.message),
            field => write!(f, "{field}: {}", self.message),
        }
    }
}

fn about(subject: Qualified<'_>, name: &str) -> Details {
    Details {
        name: name.into(),
        group: subject.group.into(),
        kind: subject.name.into(),
        ..Details::default()
    }
}

/// One conflict in a line; several are listed by manager.
fn conflict_words(conflicts: &[(String, String)]) -> String {
    if let [(manager, field)] = conflicts {
        return format!("conflict with {manager}: {field}");
    }
    let mut managers: Vec<(&str, Vec<&str>)> = Vec::new();
    for (manager, field) in conflicts {
        match managers.iter_mut().find(|(known, _)| known == manager) {
            Some((_, fields)) => fields.push(field),
            None => managers.push((manager, vec![field])),
        }
    }
    let lines = managers
        .iter()
        .map(|(manager, fields)| format!("conflicts with {manager}:\n- {}", fields.join("\n- ")));
    lines.collect::<Vec<_>>().join("\n")
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde wants a reference")]
fn is_zero(number: &u16) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests;
