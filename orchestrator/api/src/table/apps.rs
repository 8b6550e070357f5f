//! Workloads of `apps`, and replication controllers.

use jiff::Timestamp;
use serde_json::Value;

use super::text::{NONE, containers, labels, or, selector};
use super::{BuiltIn, aged, name};
use crate::json::View;

pub(crate) const DEPLOYMENT: BuiltIn = BuiltIn {
    columns: &[
        ("Name", "string", 0),
        ("Ready", "string", 0),
        ("Up-to-date", "string", 0),
        ("Available", "string", 0),
        ("Age", "string", 0),
        ("Containers", "string", 1),
        ("Images", "string", 1),
        ("Selector", "string", 1),
    ],
    cells: |object, now| {
        let (names, images) = containers(object.at("spec.template.spec"));
        vec![
            name(object),
            ratio(object).into(),
            object.int("status.updatedReplicas").into(),
            object.int("status.availableReplicas").into(),
            aged(object, now),
            names,
            images,
            selector(object.at("spec.selector")).into(),
        ]
    },
};

const REPLICA_COLUMNS: &[(&str, &str, i32)] = &[
    ("Name", "string", 0),
    ("Desired", "integer", 0),
    ("Current", "integer", 0),
    ("Ready", "integer", 0),
    ("Age", "string", 0),
    ("Containers", "string", 1),
    ("Images", "string", 1),
    ("Selector", "string", 1),
];

pub(crate) const REPLICA_SET: BuiltIn = BuiltIn {
    columns: REPLICA_COLUMNS,
    cells: |object, now| replicas(object, selector(object.at("spec.selector")), now),
};

pub(crate) const REPLICATION_CONTROLLER: BuiltIn = BuiltIn {
    columns: REPLICA_COLUMNS,
    cells: |object, now| replicas(object, labels(object.at("spec.selector")), now),
};

pub(crate) const STATEFUL_SET: BuiltIn = BuiltIn {
    columns: &[
        ("Name", "string", 0),
        ("Ready", "string", 0),
        ("Age", "string", 0),
        ("Containers", "string", 1),
        ("Images", "string", 1),
    ],
    cells: |object, now| {
        let (names, images) = containers(object.at("spec.template.spec"));
        vec![name(object), ratio(object).into(), aged(object, now), names, images]
    },
};

pub(crate) const DAEMON_SET: BuiltIn = BuiltIn {
    columns: &[
        ("Name", "string", 0),
        ("Desired", "integer", 0),
        ("Current", "integer", 0),
        ("Ready", "integer", 0),
        ("Up-to-date", "integer", 0),
        ("Available", "integer", 0),
        ("Node Selector", "string", 0),
        ("Age", "string", 0),
        ("Containers", "string", 1),
        ("Images", "string", 1),
        ("Selector", "string", 1),
    ],
    cells: |object, now| {
        let (names, images) = containers(object.at("spec.template.spec"));
        vec![
            name(object),
            object.int("status.desiredNumberScheduled").into(),
            object.int("status.currentNumberScheduled").into(),
            object.int("status.numberReady").into(),
            object.int("status.updatedNumberScheduled").into(),
            object.int("status.numberAvailable").into(),
            labels(object.at("spec.template.spec.nodeSelector")).into(),
            aged(object, now),
            names,
            images,
            selector(object.at("spec.selector")).into(),
        ]
    },
};

pub(crate) const CONTROLLER_REVISION: BuiltIn = BuiltIn {
    columns: &[
        ("Name", "string", 0),
        ("Controller", "string", 0),
        ("Revision", "string", 0),
        ("Age", "string", 0),
    ],
    cells: |object, now| {
        vec![name(object), controller(object).into(), object.int("revision").into(), aged(object, now)]
    },
};

/// Ready replicas of those wanted.
fn ratio(object: &Value) -> String {
    format!("{}/{}", object.int("status.readyReplicas"), object.int("spec.replicas"))
}

fn replicas(object: &Value, selector: String, now: Timestamp) -> Vec<Value> {
    let (names, images) = containers(object.at("spec.template.spec"));
    vec![
        name(object),
        object.int("spec.replicas").into(),
        object.int("status.replicas").into(),
        object.int("status.readyReplicas").into(),
        aged(object, now),
        names,
        images,
        selector.into(),
    ]
}

/// The owner that controls the object, as in `statefulset.apps/web`.
fn controller(object: &Value) -> String {
    let owner = object.list("metadata.ownerReferences").iter().find(|owner| owner.flag("controller"));
    let Some(owner) = owner else { return NONE.to_owned() };
    let kind = owner.text("kind").to_lowercase();
    let group = owner.text("apiVersion").split_once('/').map_or("", |(group, _)| group);
    let kind = if group.is_empty() { kind } else { format!("{kind}.{group}") };
    format!("{kind}/{}", or(owner.text("name"), NONE))
}
