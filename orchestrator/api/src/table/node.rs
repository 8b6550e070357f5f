//! Nodes.

use serde_json::Value;

use super::text::{NONE, condition, field, or};
use super::{BuiltIn, aged, name};
use crate::json::View;

const ROLE: &str = "node-role.kubernetes.io/";

pub(crate) const NODE: BuiltIn = BuiltIn {
    columns: &[
        ("Name", "string", 0),
        ("Status", "string", 0),
        ("Roles", "string", 0),
        ("Age", "string", 0),
        ("Version", "string", 0),
        ("Internal-IP", "string", 1),
        ("External-IP", "string", 1),
        ("OS-Image", "string", 1),
        ("Kernel-Version", "string", 1),
        ("Container-Runtime", "string", 1),
    ],
    cells: |node, now| {
        vec![
            name(node),
            status(node).into(),
            roles(node).into(),
            aged(node, now),
            node.text("status.nodeInfo.kubeletVersion").into(),
            address(node, "InternalIP").into(),
            address(node, "ExternalIP").into(),
            field(node, "status.nodeInfo.osImage", "<unknown>"),
            field(node, "status.nodeInfo.kernelVersion", "<unknown>"),
            field(node, "status.nodeInfo.containerRuntimeVersion", "<unknown>"),
        ]
    },
};

fn status(node: &Value) -> String {
    let mut words = vec![match condition(node, "Ready") {
        Some("True") => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    }];
    if node.flag("spec.unschedulable") {
        words.push("SchedulingDisabled");
    }
    words.join(",")
}

fn roles(node: &Value) -> String {
    let mut roles = std::collections::BTreeSet::new();
    for (label, value) in node.entries("metadata.labels") {
        let role = match label.strip_prefix(ROLE) {
            Some(role) => role,
            None if label == "kubernetes.io/role" => value.as_str().unwrap_or_default(),
            None => "",
        };
        if !role.is_empty() {
            roles.insert(role);
        }
    }
    or(&roles.into_iter().collect::<Vec<_>>().join(","), NONE).to_owned()
}

fn address<'a>(node: &'a Value, kind: &str) -> &'a str {
    let found = node.list("status.addresses").iter().find(|one| one.text("type") == kind);
    found.map_or(NONE, |one| one.text("address"))
}
