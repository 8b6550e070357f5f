//! `log`, `exec`, `attach`, `portforward` and `proxy`: what the agent of a pod's node answers, passed on as it is.
//!
//! The agent has the API of a kubelet. A connection that is upgraded (WebSocket, SPDY) is passed on byte for byte: what is
//! spoken over it is between the client and the agent.

use axum::body::Body;
use axum::http::{Extensions, HeaderMap, Method};
use guideway_api::Status;
use guideway_api::path::ResourceRequest;
use serde_json::Value;

use crate::call::Call;
use crate::flow::Seat;
use crate::reply::{self, Answer};
use crate::value::text;

mod log;
mod node;
mod splice;
mod target;

use node::Node;
use target::{Proxied, Target};

/// Whether a request is passed on to a node.
pub(crate) fn is_stream(path: &ResourceRequest) -> bool {
    matches!(path.subresource.as_str(), "log" | "exec" | "attach" | "portforward" | "proxy")
}

/// Passes a request on.
pub(crate) async fn stream(
    mut call: Call,
    method: Method,
    mut extensions: Extensions,
    body: Body,
    seat: Seat,
) -> Answer {
    if call.version().subresource(&call.path.subresource).is_none() {
        return Err(Status::no_resource());
    }
    let proxied = (call.path.subresource == "proxy").then(|| Proxied::of(&mut call.path.name));
    let current = call.current().await?;
    let object = current.value();
    let target = if call.kind().plural == "nodes" {
        let node = Node::of(&object)?;
        Target::agent(node, proxied_path(&call.path.rest, call.uri.query()))
    } else if let Some(proxied) = &proxied {
        target::proxied(&call, &object, proxied)?
    } else {
        if call.path.subresource == "log" {
            log::check(call.query(), &call.path.name)?;
        }
        let path = agent_path(&call, &object)?;
        let node = text(&object, &["spec", "nodeName"]);
        if node.is_empty() {
            // Nothing has run yet, so there is nothing to read; that is not the client's fault.
            return match call.path.subresource.as_str() {
                "log" => Ok(reply::nothing()),
                _ => {
                    Err(Status::bad_request(format!("pod {} does not have a host assigned", call.path.name)))
                }
            };
        }
        let objects = call.objects();
        let found = guideway_access::Objects::get(&objects, "", "nodes", "", node);
        let Some(found) = found else {
            return Err(Status::failure(
                500,
                "InternalError",
                format!("the pod is on the node {node:?}, which does not exist (any more)"),
            ));
        };
        Target::agent(Node::of(&found)?, path)
    };
    let upgrade = extensions.remove::<hyper::upgrade::OnUpgrade>();
    let request = splice::Passed { method, headers: headers(&call.headers), body, upgrade };
    splice::pass(&call.server, target, request, seat).await
}

/// The path at the agent for a pod's subresource.
fn agent_path(call: &Call, pod: &Value) -> Result<String, Status> {
    let (namespace, name) = (&call.path.namespace, &call.path.name);
    let query = call.uri.query().unwrap_or_default();
    let container = match call.path.subresource.as_str() {
        "portforward" => return Ok(with_query(&format!("/portForward/{namespace}/{name}"), query)),
        _ => container(call, pod, query)?,
    };
    let (base, query) = match call.path.subresource.as_str() {
        "log" => ("containerLogs", without(query, "container")),
        "exec" => ("exec", streams(query)),
        _ => ("attach", streams(query)),
    };
    Ok(with_query(&format!("/{base}/{namespace}/{name}/{container}"), &query))
}

/// The container that the query names, or the only one.
fn container(call: &Call, pod: &Value, query: &str) -> Result<String, Status> {
    let named = target::parameter(query, "container").unwrap_or_default();
    let all: Vec<&str> = ["initContainers", "containers", "ephemeralContainers"]
        .iter()
        .flat_map(|list| pod["spec"][list].as_array().into_iter().flatten())
        .map(|container| text(container, &["name"]))
        .collect();
    if named.is_empty() {
        let default = text(pod, &["metadata", "annotations", "kubectl.kubernetes.io/default-container"]);
        if all.contains(&default) {
            return Ok(default.to_owned());
        }
        let own = pod["spec"]["containers"].as_array().map_or(0, Vec::len);
        return match own {
            1 => Ok(text(&pod["spec"]["containers"][0], &["name"]).to_owned()),
            _ => Err(Status::bad_request(format!(
                "a container name must be specified for pod {}, choose one of: [{}]",
                call.path.name,
                all.join(" ")
            ))),
        };
    }
    if all.contains(&named.as_str()) {
        Ok(named)
    } else {
        Err(Status::bad_request(format!("container {named} is not valid for pod {}", call.path.name)))
    }
}

/// The streams in the words of the agent: `stdin` is its `input`.
fn streams(query: &str) -> String {
    let renamed = query.split('&').filter(|pair| !pair.is_empty()).filter_map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let is_on = matches!(value, "true" | "1");
        match name {
            "stdin" => is_on.then(|| "input=1".to_owned()),
            "stdout" => is_on.then(|| "output=1".to_owned()),
            "stderr" => is_on.then(|| "error=1".to_owned()),
            "tty" => is_on.then(|| "tty=1".to_owned()),
            "container" => None,
            _ => Some(pair.to_owned()),
        }
    });
    renamed.collect::<Vec<_>>().join("&")
}

fn without(query: &str, name: &str) -> String {
    let kept = query.split('&').filter(|pair| pair.split('=').next() != Some(name));
    kept.collect::<Vec<_>>().join("&")
}

fn with_query(path: &str, query: &str) -> String {
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

fn proxied_path(rest: &str, query: Option<&str>) -> String {
    with_query(&format!("/{rest}"), query.unwrap_or_default())
}

/// What is passed on of the headers: neither who the client is, nor what is about its own connection.
fn headers(headers: &HeaderMap) -> HeaderMap {
    let mut passed = headers.clone();
    for name in ["authorization", "host", "content-length", "accept-encoding", "keep-alive", "te", "trailer"]
    {
        passed.remove(name);
    }
    let impersonating: Vec<_> =
        passed.keys().filter(|name| name.as_str().starts_with("impersonate-")).cloned().collect();
    for name in impersonating {
        passed.remove(name);
    }
    passed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_the_agent() {
        assert_eq!(
            streams("command=sh&command=-c&container=a&stdin=true&stdout=true&stderr=false&tty=1"),
            "command=sh&command=-c&input=1&output=1&tty=1"
        );
        assert_eq!(without("follow=true&container=a&tailLines=3", "container"), "follow=true&tailLines=3");
    }
}
