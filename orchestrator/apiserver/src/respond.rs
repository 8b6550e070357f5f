//! From a request to its reply.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::Request;
use axum::http::Method;
use axum::response::Response;
use futures_util::FutureExt as _;
use guideway_access::Identity;
use guideway_access::rbac::{Attributes, ResourceAttributes, Target};
use guideway_api::kind::Origin;
use guideway_api::path::{self, ResourceRequest};
use guideway_api::{Kind, Registry, Scope, Status, Verb};
use jiff::Timestamp;

use crate::call::Call;
use crate::flow::Busy;
use crate::negotiate::{self, Wanted};
use crate::reply::{self, Answer};
use crate::serve::peer_of;
use crate::server::ApiServer;
use crate::until_sent::until_sent;
use crate::{compress, read, subresource, write};

impl ApiServer {
    /// The answer to a request. Whatever goes wrong, there is one.
    pub async fn respond(self: &Arc<Self>, request: Request<Body>) -> Response {
        let begun = Instant::now();
        let encoding = negotiate::plain(request.headers(), request.uri()).unwrap_or_default();
        let accepts_gzip = compress::is_accepted(request.headers());
        let is_head = request.method() == Method::HEAD;
        let (verb, resource, answer) = {
            let parsed = path::Request::parse(
                request.method().as_str(),
                request.uri().path(),
                request.uri().query().unwrap_or_default(),
            );
            let names = self.metrics.names(&parsed, &self.catalogue().registry);
            let answer = AssertUnwindSafe(self.answer(request, parsed)).catch_unwind().await;
            (names.0, names.1, answer)
        };
        let response = match answer {
            Ok(Ok(response)) => response,
            Ok(Err(status)) => reply::of_status(&status, encoding),
            Err(_panic) => {
                // The hook of the process has written down where.
                self.metrics.panics.inc();
                reply::of_status(
                    &Status::internal("the request was not finished: a defect of the server"),
                    encoding,
                )
            }
        };
        self.metrics.answered(verb, resource, response.status(), begun.elapsed());
        let response = if accepts_gzip { compress::reply(response) } else { response };
        if is_head { response.map(|_body| Body::empty()) } else { response }
    }

    async fn answer(self: &Arc<Self>, request: Request<Body>, parsed: path::Request) -> Answer {
        let now = Timestamp::now();
        let peer = peer_of(&request);
        if let path::Request::Other { path, .. } = &parsed
            && let Some(answer) = self.health(&request, path)
        {
            return answer;
        }
        let identity = self.authenticate(request.headers(), &peer, now)?;
        match parsed {
            path::Request::Other { verb, path } => {
                let (parts, _body) = request.into_parts();
                let _seat = self.flow.enter(&identity.name).await.map_err(busy)?;
                self.authorize(&identity, &Attributes { verb: &verb, target: Target::Path(&path) })?;
                self.other(&parts, &path)
            }
            path::Request::Resource(path) => self.resource(request, path, identity, now).await,
        }
    }

    async fn resource(
        self: &Arc<Self>,
        request: Request<Body>,
        path: ResourceRequest,
        identity: Arc<Identity>,
        now: Timestamp,
    ) -> Answer {
        let is_long = path.verb == Verb::Watch || subresource::is_stream(&path);
        let seat = if is_long {
            self.flow.enter_long(&identity.name).map_err(busy)?
        } else {
            self.flow.enter(&identity.name).await.map_err(busy)?
        };
        self.authorize(&identity, &attributes(&path))?;
        let catalogue = self.catalogue();
        let found = catalogue.registry.find(&path.group, &path.version, &path.resource);
        let Some(resource) = found.filter(|resource| is_path_of(resource.kind(), &path)) else {
            return not_served(&catalogue.registry, &path.group);
        };
        let wanted = if is_long && path.verb != Verb::Watch {
            // What a node sends is passed on as it is.
            Wanted::default()
        } else {
            negotiate::object(request.headers(), request.uri()).map_err(reply::not_acceptable)?
        };
        let (parts, body) = request.into_parts();
        let warnings = resource.version().deprecation.iter().cloned().collect();
        let call = Call {
            server: Arc::clone(self),
            identity,
            headers: parts.headers,
            uri: parts.uri,
            path,
            resource,
            wanted,
            now,
            warnings,
            whole_list: None,
        };
        if is_long {
            return match call.path.verb {
                Verb::Watch => read::watch(call, seat),
                _ => subresource::stream(call, parts.method, parts.extensions, body, seat).await,
            };
        }
        let limit = self.config.limits.request;
        match tokio::time::timeout(limit, verb(call, body)).await {
            Ok(response) => Ok(until_sent(response, seat)),
            Err(_elapsed) => Err(Status::timeout("request did not complete within the allotted timeout")),
        }
    }
}

/// Whether objects of the kind can be at the path. Rights were looked up for the namespace and name in it, so these must
/// be those of the objects: a role in one namespace says nothing about objects of the whole cluster.
fn is_path_of(kind: &Kind, path: &ResourceRequest) -> bool {
    let is_of_one = !path.subresource.is_empty()
        || matches!(path.verb, Verb::Get | Verb::Update | Verb::Patch | Verb::Delete)
            && !path.name.is_empty();
    let is_in_place = match kind.scope {
        Scope::Namespaced => !path.namespace.is_empty() || !is_of_one,
        // A namespace is in itself.
        Scope::Cluster => {
            path.namespace.is_empty() || path.resource == "namespaces" && path.namespace == path.name
        }
    };
    // Only proxies have paths of their own behind them.
    let ends = path.rest.is_empty() || path.subresource == "proxy";
    is_in_place && ends && !path.namespace.contains('/') && !path.name.contains('/')
}

/// Whether the verb is one of the path: lists are in the whole cluster, what changes objects is in a namespace.
fn is_verb_of(kind: &Kind, path: &ResourceRequest) -> bool {
    match path.verb {
        Verb::Update | Verb::Patch => !path.name.is_empty(),
        Verb::Create | Verb::DeleteCollection => kind.scope == Scope::Cluster || !path.namespace.is_empty(),
        _ => true,
    }
}

/// What a verb answers, with the warnings that were found until then.
async fn verb(mut call: Call, body: Body) -> Response {
    let answer = of_verb(&mut call, body).await;
    let mut response = answer.unwrap_or_else(|status| reply::of_status(&status, call.wanted.encoding));
    reply::warn(&mut response, &call.warnings);
    until_sent(response, call.whole_list)
}

async fn of_verb(call: &mut Call, body: Body) -> Answer {
    if call.path.subresource.is_empty() {
        if !call.kind().verbs.contains(&call.path.verb) || !is_verb_of(call.kind(), &call.path) {
            return Err(Status::method_not_allowed_here());
        }
        match call.path.verb {
            Verb::Get => read::get(call).await,
            Verb::List => read::list(call).await,
            Verb::Create => write::create(call, body).await,
            Verb::Update => write::update(call, body).await,
            Verb::Patch => write::patch(call, body).await,
            Verb::Delete => write::delete(call, body).await,
            Verb::DeleteCollection => write::delete_collection(call, body).await,
            Verb::Watch => Err(Status::internal("a watch takes another way")),
        }
    } else {
        subresource::verb(call, body).await
    }
}

/// As RBAC sees a request. Connections to a pod's subresources have the verbs `get` and `create` by their method.
fn attributes(path: &ResourceRequest) -> Attributes<'_> {
    Attributes {
        verb: path.verb.as_str(),
        target: Target::Resource(ResourceAttributes {
            group: &path.group,
            version: &path.version,
            resource: &path.resource,
            subresource: &path.subresource,
            namespace: &path.namespace,
            name: &path.name,
        }),
    }
}

/// The reply about a version or resource that a group does not have: a Status where the group is one of the server's own,
/// as with Kubernetes.
pub(crate) fn not_served(registry: &Registry, group: &str) -> Answer {
    let mut kinds = registry.kinds().iter();
    if kinds.any(|kind| kind.origin == Origin::BuiltIn && kind.group == group) {
        return Err(Status::no_resource());
    }
    Ok(not_found())
}

/// The reply about a path or group that there is not: no Status, as with Kubernetes.
pub(crate) fn not_found() -> Response {
    reply::plain(axum::http::StatusCode::NOT_FOUND, "404 page not found\n")
}

pub(crate) fn busy(busy: Busy) -> Status {
    Status::too_many_requests(format!("Too many requests, please try again later: {busy}"), 1)
}
