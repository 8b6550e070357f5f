//! What extends the API: custom resources, aggregated APIs, webhooks.

use super::{Row, WRITE};
use crate::kind::Scope::Cluster;
use crate::rules::extension;
use crate::table::extension as table;

const V1: &[&str] = &["v1"];
const CATEGORY: &[&str] = &["api-extensions"];
const ADMISSION: &str = "admissionregistration.k8s.io";

pub(super) const SERVICES: &[Row] =
    &[Row::new("apiregistration.k8s.io", V1, "apiservices", "apiservice", "APIService", Cluster)
        .category(CATEGORY)
        .subs(&[("status", "", WRITE)])
        .table(table::API_SERVICE)
        .rules(&extension::ApiService)];

pub(super) const ROWS: &[Row] = &[
    Row::new(
        ADMISSION,
        V1,
        "mutatingwebhookconfigurations",
        "mutatingwebhookconfiguration",
        "MutatingWebhookConfiguration",
        Cluster,
    )
    .category(CATEGORY)
    .table(table::WEBHOOKS)
    .rules(&extension::Webhooks),
    Row::new(
        ADMISSION,
        V1,
        "validatingwebhookconfigurations",
        "validatingwebhookconfiguration",
        "ValidatingWebhookConfiguration",
        Cluster,
    )
    .category(CATEGORY)
    .table(table::WEBHOOKS)
    .rules(&extension::Webhooks),
    Row::new(
        "apiextensions.k8s.io",
        V1,
        "customresourcedefinitions",
        "customresourcedefinition",
        "CustomResourceDefinition",
        Cluster,
    )
    .short(&["crd", "crds"])
    .category(CATEGORY)
    .subs(&[("status", "", WRITE)])
    .rules(&extension::Definition),
];
