//! What happens to an object between its decoding and the store: plugins that fill in what others set up, and plugins that
//! refuse what must not be.
//!
//! The server calls [`mutate`], then validates against the schema, then calls [`validate`], and last
//! [`quota::charge`](crate::quota::charge), whose quotas it writes together with the object.

use serde_json::Value;

use crate::{Identity, Objects, Refusal};

/// What a request does with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A new object.
    Create,
    /// Another content for one that exists.
    Update,
    /// Its end, whether at once or after finalizers.
    Delete,
}

/// A request as plugins see it.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// What is done.
    pub operation: Operation,
    /// The API group, `""` for the core group.
    pub group: &'a str,
    /// The version of the objects.
    pub version: &'a str,
    /// The plural name of the resource.
    pub resource: &'a str,
    /// For example `status`; empty for the object itself.
    pub subresource: &'a str,
    /// The kind of the object.
    pub kind: &'a str,
    /// The namespace, empty for what is cluster-scoped.
    pub namespace: &'a str,
    /// The name, empty while `metadata.generateName` has not been made into one.
    pub name: &'a str,
    /// Who asks.
    pub identity: &'a Identity,
    /// The object before, for updates and deletions.
    pub old: Option<&'a Value>,
    /// The other objects.
    pub objects: &'a dyn Objects,
    /// Fresh random text of five letters and digits, for names that plugins make up.
    pub random: &'a str,
}

/// Sentences for the client that do not stop the request; each becomes a `Warning` header.
pub type Warnings = Vec<String>;

/// Lets every plugin that changes objects have a look. Not called for deletions.
///
/// # Errors
///
/// What must not be, or what a plugin needs and does not find.
pub fn mutate(_request: &Request<'_>, _object: &mut Value, _warnings: &mut Warnings) -> Result<(), Refusal> {
    Ok(())
}

/// Lets every plugin that refuses objects have a look. `object` is the new state, `None` for a deletion.
///
/// # Errors
///
/// What must not be.
pub fn validate(
    _request: &Request<'_>,
    _object: Option<&Value>,
    _warnings: &mut Warnings,
) -> Result<(), Refusal> {
    Ok(())
}
