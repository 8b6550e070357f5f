//! What a request asks for, from its method and path: who routes and who authorizes must see the same.

use crate::kind::Verb;

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// For a resource or a part of it.
    Resource(ResourceRequest),
    /// For anything else: discovery, versions, health.
    Other {
        /// The method in lower case, RBAC's verb of such paths.
        verb: String,
        /// The path as it came.
        path: String,
    },
}

/// A request for a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceRequest {
    /// What is to be done.
    pub verb: Verb,
    /// Empty for the core group.
    pub group: String,
    /// As in `v1`.
    pub version: String,
    /// As in `pods`.
    pub resource: String,
    /// As in `log`; empty if the request is for the whole object. What follows it is in `rest`.
    pub subresource: String,
    /// Empty if the request is for the whole cluster or a resource without namespaces.
    pub namespace: String,
    /// Empty in requests for lists, and in POST.
    pub name: String,
    /// What follows a subresource, as in `proxy/index.html`.
    pub rest: String,
}

impl Request {
    /// Reads a request. `query` is the raw query string; it can make a list a watch, and name the one object that a
    /// list is for.
    pub fn parse(method: &str, path: &str, query: &str) -> Self {
        resource(method, path, query).map_or_else(
            || Self::Other { verb: method.to_ascii_lowercase(), path: path.to_owned() },
            Self::Resource,
        )
    }
}

/// The request for a resource, if the path is one.
fn resource(method: &str, path: &str, query: &str) -> Option<ResourceRequest> {
    let mut words: Vec<String> = Vec::new();
    for word in path.trim_matches('/').split('/') {
        words.push(percent_encoding::percent_decode_str(word).decode_utf8().ok()?.into_owned());
    }
    let mut words = words.into_iter();
    let (group, version) = match words.next()?.as_str() {
        "api" => (String::new(), words.next()?),
        "apis" => (words.next()?, words.next()?),
        _ => return None,
    };
    let mut words: Vec<String> = words.collect();
    // The old form of watches: /api/v1/watch/pods.
    let watched = words.first().is_some_and(|word| word == "watch") && words.len() > 1;
    if watched {
        words.remove(0);
    }
    let mut namespace = String::new();
    if words.first()? == "namespaces" && words.len() > 1 {
        namespace.clone_from(&words[1]);
        // `status` and `finalize` belong to the namespace itself; every other third word is a resource in it.
        let of_namespace = |word: &String| matches!(word.as_str(), "status" | "finalize");
        if words.len() > 2 && !of_namespace(&words[2]) {
            words.drain(..2);
        }
    }
    let mut words = words.into_iter();
    let resource = words.next()?;
    let mut name = words.next().unwrap_or_default();
    let subresource = words.next().unwrap_or_default();
    let rest = words.collect::<Vec<_>>().join("/");
    let one = !name.is_empty();
    let verb = match method {
        "GET" | "HEAD" if watched || !one && asks_to_watch(query) => Verb::Watch,
        "GET" | "HEAD" if one => Verb::Get,
        "GET" | "HEAD" => Verb::List,
        "POST" => Verb::Create,
        "PUT" => Verb::Update,
        "PATCH" => Verb::Patch,
        "DELETE" if one => Verb::Delete,
        "DELETE" => Verb::DeleteCollection,
        _ => return None,
    };
    if !one && matches!(verb, Verb::List | Verb::Watch | Verb::DeleteCollection) {
        name = named_by_selector(query).unwrap_or_default();
    }
    Some(ResourceRequest { verb, group, version, resource, subresource, namespace, name, rest })
}

/// `watch` in the query, in one of the ways to say yes.
fn asks_to_watch(query: &str) -> bool {
    form_urlencoded::parse(query.as_bytes())
        .find(|(key, _)| key == "watch")
        .is_some_and(|(_, value)| !matches!(value.as_ref(), "0" | "false"))
}

/// The name in `fieldSelector=metadata.name=...`: whoever may watch one object may watch it this way too.
fn named_by_selector(query: &str) -> Option<String> {
    let (_, selector) = form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "fieldSelector")?;
    let name = selector.split(',').find_map(|part| part.strip_prefix("metadata.name="))?;
    let name = name.strip_prefix('=').unwrap_or(name);
    (!name.is_empty() && !name.contains(['/', '%', '\\'])).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(method: &str, path: &str, query: &str) -> String {
        match Request::parse(method, path, query) {
            Request::Other { verb, path } => format!("{verb} {path}"),
            Request::Resource(one) => format!(
                "{} {}/{} {} {} {} {} {}",
                one.verb.as_str(),
                one.group,
                one.version,
                one.namespace,
                one.resource,
                one.name,
                one.subresource,
                one.rest
            ),
        }
    }

    #[test]
    fn requests_are_what_their_paths_say() {
        let cases = [
            ("GET", "/version", "", "get /version"),
            ("GET", "/api/v1", "", "get /api/v1"),
            ("GET", "/apis/apps", "", "get /apis/apps"),
            ("OPTIONS", "/api/v1/pods", "", "options /api/v1/pods"),
            ("GET", "/api/v1/pods", "limit=5", "list /v1  pods   "),
            ("GET", "/api/v1/pods", "watch=1", "watch /v1  pods   "),
            ("GET", "/api/v1/pods", "watch=false", "list /v1  pods   "),
            ("GET", "/api/v1/namespaces/a/pods/p", "watch=1", "get /v1 a pods p  "),
            ("GET", "/api/v1/watch/namespaces/a/pods/p", "", "watch /v1 a pods p  "),
            ("POST", "/apis/apps/v1/namespaces/a/deployments", "", "create apps/v1 a deployments   "),
            (
                "PATCH",
                "/apis/apps/v1/namespaces/a/deployments/d/scale",
                "",
                "patch apps/v1 a deployments d scale ",
            ),
            ("DELETE", "/api/v1/namespaces/a/pods", "", "deletecollection /v1 a pods   "),
            ("DELETE", "/api/v1/namespaces/a", "", "delete /v1 a namespaces a  "),
            ("PUT", "/api/v1/namespaces/a/finalize", "", "update /v1 a namespaces a finalize "),
            ("GET", "/api/v1/namespaces", "", "list /v1  namespaces   "),
            ("GET", "/api/v1/nodes/n/proxy/a/b", "", "get /v1  nodes n proxy a/b"),
            ("GET", "/api/v1/namespaces/a/pods", "fieldSelector=metadata.name%3Dp", "list /v1 a pods p  "),
            ("GET", "/api/v1/namespaces/a/pods/%C3%A4/log", "", "get /v1 a pods ä log "),
            ("GET", "/", "", "get /"),
        ];
        for (method, path, query, wanted) in cases {
            assert_eq!(words(method, path, query), wanted, "{method} {path}?{query}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(path in ".{0,60}", query in ".{0,60}") {
            Request::parse("GET", &path, &query);
            Request::parse("DELETE", &format!("/api/v1/{path}"), &query);
        }
    }
}
