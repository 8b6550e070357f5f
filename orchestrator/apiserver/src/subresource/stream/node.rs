use guideway_api::Status;
use serde_json::Value;

use crate::value::{at, text};

/// Where the agent of a node listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) address: String,
    pub(super) port: u16,
}

impl Node {
    /// What the node says about itself.
    pub(super) fn of(node: &Value) -> Result<Self, Status> {
        let name = text(node, &["metadata", "name"]).to_owned();
        let addresses =
            at(node, &["status", "addresses"]).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let address = ["InternalIP", "ExternalIP", "Hostname", "InternalDNS"].iter().find_map(|kind| {
            addresses
                .iter()
                .find(|address| address["type"] == *kind)
                .map(|address| text(address, &["address"]))
        });
        let port = at(node, &["status", "daemonEndpoints", "kubeletEndpoint", "Port"])
            .and_then(Value::as_u64)
            .and_then(|port| u16::try_from(port).ok())
            .filter(|port| *port > 0);
        match (address, port) {
            (Some(address), Some(port)) => Ok(Self { name, address: address.to_owned(), port }),
            (address, _) => {
                let what = if address.is_none() {
                    "status.addresses"
                } else {
                    "status.daemonEndpoints.kubeletEndpoint"
                };
                Err(Status::unavailable(format!(
                    "the node {name:?} has no agent that can be asked: it says nothing in {what}"
                )))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_node_says_where_its_agent_is() {
        let node = json!({"metadata": {"name": "n1"}, "status": {
            "addresses": [{"type": "Hostname", "address": "h"}, {"type": "InternalIP", "address": "10.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        }});
        let found = Node::of(&node).unwrap();
        assert_eq!((found.address.as_str(), found.port), ("10.0.0.1", 10250));
        let status = Node::of(&json!({"metadata": {"name": "n1"}})).unwrap_err();
        assert_eq!(status.code, 503);
        assert!(status.message.contains("status.addresses"), "{}", status.message);
    }
}
