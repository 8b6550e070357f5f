//! The core group and events in their other group.

use super::{PROXY, Row, WRITE};
use crate::kind::Scope::{Cluster, Namespaced};
use crate::kind::Verb;
use crate::rules::{core, event, node, pod, service, volume};
use crate::table::{
    core as table, event as event_table, node as node_table, pod as pod_table, volume as volume_table,
};

const V1: &[&str] = &["v1"];
const EVENT_FIELDS: &[super::Field] = &[
    ("involvedObject.kind", "", ""),
    ("involvedObject.namespace", "", ""),
    ("involvedObject.name", "", ""),
    ("involvedObject.uid", "", ""),
    ("involvedObject.apiVersion", "", ""),
    ("involvedObject.resourceVersion", "", ""),
    ("involvedObject.fieldPath", "", ""),
    ("reason", "", ""),
    ("reportingComponent", "", ""),
    ("source", "source.component", ""),
    ("type", "", ""),
];
/// Selectors are held against objects as they are stored, which is the form of the core group.
const EVENT_FIELDS_NEW: &[super::Field] = &[
    ("regarding.kind", "involvedObject.kind", ""),
    ("regarding.namespace", "involvedObject.namespace", ""),
    ("regarding.name", "involvedObject.name", ""),
    ("regarding.uid", "involvedObject.uid", ""),
    ("regarding.apiVersion", "involvedObject.apiVersion", ""),
    ("regarding.resourceVersion", "involvedObject.resourceVersion", ""),
    ("regarding.fieldPath", "involvedObject.fieldPath", ""),
    ("reason", "", ""),
    ("reportingController", "reportingComponent", ""),
    ("type", "", ""),
];

pub(super) const ROWS: &[Row] = &[
    Row::new("", V1, "bindings", "binding", "Binding", Namespaced).verbs(&[Verb::Create]),
    Row::new("", V1, "componentstatuses", "componentstatus", "ComponentStatus", Cluster)
        .short(&["cs"])
        .verbs(&[Verb::Get, Verb::List])
        .table(table::COMPONENT_STATUS),
    Row::new("", V1, "configmaps", "configmap", "ConfigMap", Namespaced)
        .short(&["cm"])
        .table(table::CONFIG_MAP)
        .rules(&core::ConfigMap),
    Row::new("", V1, "endpoints", "endpoints", "Endpoints", Namespaced)
        .short(&["ep"])
        .table(table::ENDPOINTS)
        .rules(&service::Endpoints),
    Row::new("", V1, "events", "event", "Event", Namespaced)
        .short(&["ev"])
        .fields(EVENT_FIELDS)
        .table(event_table::EVENT)
        .rules(&event::Event),
    Row::new("", V1, "limitranges", "limitrange", "LimitRange", Namespaced)
        .short(&["limits"])
        .rules(&core::LimitRange),
    Row::new("", V1, "namespaces", "namespace", "Namespace", Cluster)
        .short(&["ns"])
        .verbs(&[Verb::Create, Verb::Delete, Verb::Get, Verb::List, Verb::Patch, Verb::Update, Verb::Watch])
        .subs(&[("finalize", "", &[Verb::Update]), ("status", "", WRITE)])
        .fields(&[("status.phase", "", "")])
        .table(table::NAMESPACE)
        .rules(&core::Namespace),
    Row::new("", V1, "nodes", "node", "Node", Cluster)
        .short(&["no"])
        .subs(&[("proxy", "/v1/NodeProxyOptions", PROXY), ("status", "", WRITE)])
        .fields(&[("spec.unschedulable", "", "false")])
        .table(node_table::NODE)
        .rules(&node::Node),
    Row::new("", V1, "persistentvolumeclaims", "persistentvolumeclaim", "PersistentVolumeClaim", Namespaced)
        .returned_when_deleted()
        .short(&["pvc"])
        .subs(&[("status", "", WRITE)])
        .table(volume_table::CLAIM)
        .rules(&volume::Claim),
    Row::new("", V1, "persistentvolumes", "persistentvolume", "PersistentVolume", Cluster)
        .returned_when_deleted()
        .short(&["pv"])
        .subs(&[("status", "", WRITE)])
        .table(volume_table::VOLUME)
        .rules(&volume::Volume),
    Row::new("", V1, "pods", "pod", "Pod", Namespaced)
        .returned_when_deleted()
        .short(&["po"])
        .category(&["all"])
        .subs(&[
            ("attach", "/v1/PodAttachOptions", &[Verb::Create, Verb::Get]),
            ("binding", "/v1/Binding", &[Verb::Create]),
            ("ephemeralcontainers", "", WRITE),
            ("eviction", "policy/v1/Eviction", &[Verb::Create]),
            ("exec", "/v1/PodExecOptions", &[Verb::Create, Verb::Get]),
            ("log", "", &[Verb::Get]),
            ("portforward", "/v1/PodPortForwardOptions", &[Verb::Create, Verb::Get]),
            ("proxy", "/v1/PodProxyOptions", PROXY),
            ("resize", "", WRITE),
            ("status", "", WRITE),
        ])
        .fields(&[
            ("spec.nodeName", "", ""),
            ("spec.restartPolicy", "", ""),
            ("spec.schedulerName", "", ""),
            ("spec.serviceAccountName", "", ""),
            ("spec.hostNetwork", "", "false"),
            ("status.phase", "", ""),
            ("status.podIP", "", ""),
            ("status.podIPs", "", ""),
            ("status.nominatedNodeName", "", ""),
            ("spec.host", "spec.nodeName", ""),
        ])
        .table(pod_table::POD)
        .rules(&pod::Pod),
    Row::new("", V1, "podtemplates", "podtemplate", "PodTemplate", Namespaced)
        .returned_when_deleted()
        .table(table::POD_TEMPLATE)
        .rules(&pod::PodTemplate),
    Row::new("", V1, "replicationcontrollers", "replicationcontroller", "ReplicationController", Namespaced)
        .short(&["rc"])
        .category(&["all"])
        .subs(&[("scale", super::SCALE, WRITE), ("status", "", WRITE)])
        .fields(&[("status.replicas", "", "0")])
        .table(crate::table::apps::REPLICATION_CONTROLLER)
        .rules(&crate::rules::apps::ReplicationController),
    Row::new("", V1, "resourcequotas", "resourcequota", "ResourceQuota", Namespaced)
        .returned_when_deleted()
        .short(&["quota"])
        .subs(&[("status", "", WRITE)])
        .table(table::RESOURCE_QUOTA)
        .rules(&core::ResourceQuota),
    Row::new("", V1, "secrets", "secret", "Secret", Namespaced)
        .fields(&[("type", "", "")])
        .table(table::SECRET)
        .rules(&core::Secret),
    Row::new("", V1, "serviceaccounts", "serviceaccount", "ServiceAccount", Namespaced)
        .returned_when_deleted()
        .short(&["sa"])
        .subs(&[("token", "authentication.k8s.io/v1/TokenRequest", &[Verb::Create])])
        .table(table::SERVICE_ACCOUNT)
        .rules(&core::ServiceAccount),
    Row::new("", V1, "services", "service", "Service", Namespaced)
        .returned_when_deleted()
        .short(&["svc"])
        .category(&["all"])
        .subs(&[("proxy", "/v1/ServiceProxyOptions", PROXY), ("status", "", WRITE)])
        .fields(&[("spec.clusterIP", "", ""), ("spec.type", "", "")])
        .table(table::SERVICE)
        .rules(&service::Service),
    Row::new("events.k8s.io", V1, "events", "event", "Event", Namespaced)
        .short(&["ev"])
        .fields(EVENT_FIELDS_NEW)
        .stored_as("", "v1")
        .table(event_table::NEW_EVENT)
        .rules(&event::NewEvent),
];
