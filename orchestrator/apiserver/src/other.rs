//! Paths that are no resources: discovery, OpenAPI, version, health, metrics, OpenID.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, EXPIRES, IF_NONE_MATCH, LOCATION, VARY};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;
use guideway_api::{Status, discovery};
use jiff::fmt::rfc2822::DateTimePrinter;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use crate::catalogue::{Document, OpenApiForm};
use crate::negotiate::{self, Encoding};
use crate::reply::{self, Answer};
use crate::respond::{not_found, not_served};
use crate::server::ApiServer;

/// What `/version` says. The minor version is that of Kubernetes whose kinds are served.
const MINOR: &str = "33";
/// What kubectl before 1.29 reads.
const OPENAPI_V2_PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
/// What it is told that it gets: `@` has no place in media types, and it parses the answer's.
const OPENAPI_V2_PROTOBUF_ANSWER: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/// How long a document that never becomes another one may be kept: HTTP knows no longer time.
const YEAR: SignedDuration = SignedDuration::from_hours(365 * 24);

impl ApiServer {
    /// The reply about a path that is no resource.
    pub(crate) fn other(self: &Arc<Self>, request: &Parts, path: &str) -> Answer {
        let (method, headers) = (&request.method, &request.headers);
        if !matches!(*method, Method::GET | Method::HEAD) {
            return Err(Status::method_not_allowed_here());
        }
        let encoding = || negotiate::plain(headers, &request.uri).map_err(reply::not_acceptable);
        let path = path.trim_matches('/');
        let words: Vec<&str> = path.split('/').collect();
        match words.as_slice() {
            [""] => Ok(reply::value(StatusCode::OK, encoding()?, &self.root())),
            ["version"] => Ok(reply::value(StatusCode::OK, encoding()?, &version())),
            ["metrics"] => {
                let mut response = reply::plain(StatusCode::OK, self.metrics.text(self));
                let text =
                    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
                response.headers_mut().insert(CONTENT_TYPE, text);
                Ok(response)
            }
            ["api"] | ["apis"] => self.roots(request, path == "api"),
            ["api", version] => self.document(headers, encoding()?, "", |server| {
                discovery::resource_list(&server.catalogue().registry, "", version)
            }),
            ["apis", group] => self.document(headers, encoding()?, group, |server| {
                discovery::group(&server.catalogue().registry, group)
            }),
            ["apis", group, version] => self.document(headers, encoding()?, group, |server| {
                discovery::resource_list(&server.catalogue().registry, group, version)
            }),
            ["openapi", "v2"] => {
                let (form, content_type) = if negotiate::accepts(headers, "application/json") {
                    (OpenApiForm::Json, "application/json")
                } else if negotiate::accepts(headers, OPENAPI_V2_PROTOBUF) {
                    (OpenApiForm::Protobuf, OPENAPI_V2_PROTOBUF_ANSWER)
                } else {
                    return Err(reply::not_acceptable(negotiate::NotAcceptable));
                };
                Ok(tagged(headers, &self.catalogue().openapi_v2(form), content_type))
            }
            ["openapi", "v3"] => Ok(reply::value(StatusCode::OK, Encoding::Json, &self.openapi_index())),
            ["openapi", "v3", rest @ ..] => {
                if !negotiate::accepts(headers, "application/json") {
                    return Err(reply::not_acceptable(negotiate::NotAcceptable));
                }
                let path = rest.join("/");
                match self.catalogue().openapi(&path) {
                    Some(document) => Ok(openapi_v3(request, &path, &document, Timestamp::now())),
                    None => Ok(not_found()),
                }
            }
            [".well-known", "openid-configuration"] => {
                let jwks = format!("{}/openid/v1/jwks", self.config.issuer);
                Ok(reply::value(StatusCode::OK, Encoding::Json, &self.tokens.discovery(&jwks)))
            }
            ["openid", "v1", "jwks"] => {
                let mut response = reply::value(StatusCode::OK, Encoding::Json, &self.tokens.jwks());
                response
                    .headers_mut()
                    .insert(CONTENT_TYPE, HeaderValue::from_static("application/jwk-set+json"));
                Ok(response)
            }
            _ => Ok(not_found()),
        }
    }

    fn roots(&self, request: &Parts, is_core: bool) -> Answer {
        let catalogue = self.catalogue();
        let registry = &catalogue.registry;
        let aggregated = negotiate::discovery(&request.headers).map_err(reply::not_acceptable)?;
        let Some(version) = aggregated else {
            let host = request.headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
            let value = if is_core { discovery::api_versions(host) } else { discovery::group_list(registry) };
            let encoding = negotiate::plain(&request.headers, &request.uri).map_err(reply::not_acceptable)?;
            return Ok(vary(etag(&request.headers, encoding, &value)?));
        };
        let root = if is_core { discovery::Root::Core } else { discovery::Root::Groups };
        let mut response =
            etag(&request.headers, Encoding::Json, &discovery::aggregated(registry, root, version))?;
        let content_type =
            format!("application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList");
        if let Ok(content_type) = HeaderValue::from_str(&content_type) {
            response.headers_mut().insert(CONTENT_TYPE, content_type);
        }
        Ok(vary(response))
    }

    fn document(
        &self,
        headers: &HeaderMap,
        encoding: Encoding,
        group: &str,
        make: impl FnOnce(&Self) -> Option<Value>,
    ) -> Answer {
        match make(self) {
            Some(value) => etag(headers, encoding, &value),
            None => not_served(&self.catalogue().registry, group),
        }
    }

    fn openapi_index(&self) -> Value {
        let catalogue = self.catalogue();
        let mut paths = Map::new();
        for (_, _, path) in catalogue.paths() {
            let Some(document) = catalogue.openapi(&path) else { continue };
            let url = openapi_url(&path, &document.hash);
            paths.insert(path, json!({"serverRelativeURL": url}));
        }
        json!({"paths": paths})
    }

    fn root(&self) -> Value {
        let mut paths: Vec<String> = [
            "/api",
            "/apis",
            "/healthz",
            "/livez",
            "/metrics",
            "/openapi/v2",
            "/openapi/v3",
            "/readyz",
            "/version",
        ]
        .map(str::to_owned)
        .to_vec();
        paths.extend(self.catalogue().paths().into_iter().map(|(_, _, path)| format!("/{path}")));
        paths.sort();
        json!({"paths": paths})
    }
}

/// As `kubectl version` shows it.
fn version() -> Value {
    json!({
        "major": "1",
        "minor": MINOR,
        "emulationMajor": "1",
        "emulationMinor": MINOR,
        "minCompatibilityMajor": "1",
        "minCompatibilityMinor": "32",
        "gitVersion": format!("v1.{MINOR}.0+guideway"),
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "rustc",
        "platform": format!("{}/{}", std::env::consts::OS, architecture()),
    })
}

fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn etag(headers: &HeaderMap, encoding: Encoding, value: &Value) -> Answer {
    let bytes = Bytes::from(reply::encode(encoding, value)?);
    let document = Document { hash: hash(&bytes).into(), bytes };
    Ok(tagged(headers, &document, encoding.content_type()))
}

fn openapi_url(path: &str, hash: &str) -> String {
    format!("/openapi/v3/{path}?hash={hash}")
}

/// A document that never becomes another one when it is asked for by its hash: clients keep it and do not ask again. Whoever
/// asks for another one, which was there before, is told where the present one is.
fn openapi_v3(request: &Parts, path: &str, document: &Document, now: Timestamp) -> Response {
    let mut query = form_urlencoded::parse(request.uri.query().unwrap_or_default().as_bytes());
    match query.find(|(name, value)| name == "hash" && !value.is_empty()) {
        Some((_, wanted)) if *wanted != *document.hash => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::MOVED_PERMANENTLY;
            if let Ok(url) = HeaderValue::from_str(&openapi_url(path, &document.hash)) {
                response.headers_mut().insert(LOCATION, url);
            }
            response
        }
        Some(_) => {
            let mut response = vary(tagged(&request.headers, document, "application/json"));
            let headers = response.headers_mut();
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, immutable"));
            let expires = now
                .saturating_add(YEAR)
                .and_then(|at| DateTimePrinter::new().timestamp_to_rfc9110_string(&at));
            if let Some(expires) = expires.ok().and_then(|expires| HeaderValue::from_str(&expires).ok()) {
                headers.insert(EXPIRES, expires);
            }
            response
        }
        None => tagged(&request.headers, document, "application/json"),
    }
}

/// A document, or 304 when the client has it.
fn tagged(headers: &HeaderMap, document: &Document, content_type: &'static str) -> Response {
    let tag = format!("\"{}\"", document.hash);
    let is_known =
        headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok()).any(|value| {
            value.split(',').map(str::trim).any(|known| known == "*" || known.trim_start_matches("W/") == tag)
        });
    let mut response = if is_known {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        let mut response = reply::json(StatusCode::OK, document.bytes.clone());
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        response
    };
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}

fn vary(mut response: Response) -> Response {
    response.headers_mut().insert(VARY, HeaderValue::from_static("Accept"));
    response
}

/// SHA-256 in hexadecimal digits.
fn hash(bytes: &[u8]) -> String {
    use sha2::{Digest as _, Sha256};
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02X}")).collect()
}
