//! OpenAPI documents: what `kubectl explain`, `kubectl apply` and generators of clients read.
//!
//! A document of the core group has half a megabyte: make it when it is asked for, and keep it with its hash.

mod definitions;
mod operations;
mod protobuf;
mod two;

use std::fmt::Write as _;

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha512};

use definitions::Definitions;

/// Version that documents name: of Kubernetes' API, as far as this server has it.
const VERSION: &str = "v1.33.0";

/// A kind that is served, as documents need it.
#[derive(Debug, Clone)]
pub struct Resource<'a> {
    /// API group; empty for the core group.
    pub group: &'a str,
    /// Version of the group.
    pub version: &'a str,
    /// Kind, as `Deployment`.
    pub kind: &'a str,
    /// Name in paths, as `deployments`.
    pub plural: &'a str,
    /// Objects live in namespaces.
    pub namespaced: bool,
    /// What may be done: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub verbs: &'a [&'a str],
    /// A deletion answers with the object, instead of a Status.
    pub returns_deleted: bool,
    /// What is below an object's path.
    pub subresources: Vec<Subresource<'a>>,
    /// What a custom kind adds.
    pub custom: Option<Custom<'a>>,
}

/// What a custom kind adds.
#[derive(Debug, Clone)]
pub struct Custom<'a> {
    /// `spec.versions[].schema.openAPIV3Schema`, as it was written.
    pub schema: &'a Value,
    /// Kind of lists, as `IPAddressPoolList`.
    pub list_kind: &'a str,
}

/// A subresource of a kind.
#[derive(Debug, Clone)]
pub struct Subresource<'a> {
    /// Last part of the path, as `scale`.
    pub name: &'a str,
    /// Group, version and kind of what is read and written there.
    pub kind: (&'a str, &'a str, &'a str),
    /// What may be done with it, in the words of [`Resource::verbs`].
    pub verbs: &'a [&'a str],
}

/// A document and what tells it from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// JSON text, or protobuf.
    pub bytes: Vec<u8>,
    /// SHA-512 of the bytes in upper-case hexadecimal digits: for `?hash=` in the index, and for `ETag`.
    pub hash: String,
}

impl Document {
    fn new(bytes: Vec<u8>) -> Self {
        let mut hash = String::with_capacity(128);
        for byte in Sha512::digest(&bytes) {
            // Writing to a String cannot fail.
            let _ = write!(hash, "{byte:02X}");
        }
        Self { bytes, hash }
    }
}

/// The OpenAPI v3 document of a group and version: `/openapi/v3/apis/apps/v1`, `/openapi/v3/api/v1`.
///
/// `resources` are those of the group and version.
pub fn v3(group: &str, version: &str, resources: &[Resource<'_>]) -> Document {
    let mut definitions = Definitions::default();
    let mut paths = Map::new();
    operations::of_group(group, version, &mut paths, &mut definitions);
    for resource in resources {
        operations::of_resource(resource, &mut paths, &mut definitions);
    }
    let token = json!({ "BearerToken": {
        "description": "A token that says who the client is.", "in": "header", "name": "authorization", "type": "apiKey",
    }});
    let head = json!({
        "openapi": "3.0.0",
        "info": { "title": "Kubernetes", "version": VERSION },
        "paths": paths,
    });
    // Definitions are text already, and most of the document.
    let mut text = head.to_string();
    text.pop();
    text.push_str(",\"components\":{\"schemas\":");
    definitions.write(&mut text);
    let _ = write!(text, ",\"securitySchemes\":{token}}}}}");
    Document::new(text.into_bytes())
}

/// The OpenAPI v2 document of everything that is served (`/openapi/v2`), as JSON.
pub fn v2(resources: &[Resource<'_>]) -> Document {
    Document::new(document_v2(resources).to_string().into_bytes())
}

/// The same as protobuf: kubectl before 1.29 reads no other form.
///
/// It asks for `application/com.github.proto-openapi.spec.v2@v1.0+protobuf`, and wants an answer of the type
/// `application/com.github.proto-openapi.spec.v2.v1.0+protobuf`, as `@` has no place in media types.
pub fn v2_protobuf(resources: &[Resource<'_>]) -> Document {
    Document::new(protobuf::document(&document_v2(resources)))
}

fn document_v2(resources: &[Resource<'_>]) -> Value {
    let mut definitions = Definitions::default();
    let mut paths = Map::new();
    for resource in resources {
        operations::of_resource(resource, &mut paths, &mut definitions);
    }
    json!({
        "swagger": "2.0",
        "info": { "title": "Kubernetes", "version": VERSION },
        "paths": two::paths(paths),
        "definitions": two::definitions(definitions),
    })
}

#[cfg(test)]
mod tests;
