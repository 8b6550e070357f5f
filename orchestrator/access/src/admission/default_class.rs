//! DefaultStorageClass and DefaultIngressClass: the class of what names none.

use std::cmp::Reverse;

use serde_json::{Value, json};

use super::{Request, Warnings};
use crate::json::{set, text};

pub(super) fn storage(request: &Request<'_>, claim: &mut Value, warnings: &mut Warnings) {
    let named = |claim: &Value| {
        !claim["spec"]["storageClassName"].is_null()
            || claim["metadata"]["annotations"].get("volume.beta.kubernetes.io/storage-class").is_some()
    };
    if request.creates("", "persistentvolumeclaims") && !named(claim) {
        let annotations = [
            "storageclass.kubernetes.io/is-default-class",
            "storageclass.beta.kubernetes.io/is-default-class",
        ];
        if let Some(class) = default(request, "storage.k8s.io", "storageclasses", &annotations, warnings) {
            set(claim, &["spec", "storageClassName"], json!(class));
        }
    }
}

pub(super) fn ingress(request: &Request<'_>, ingress: &mut Value, warnings: &mut Warnings) {
    let named = |ingress: &Value| {
        !ingress["spec"]["ingressClassName"].is_null()
            || ingress["metadata"]["annotations"].get("kubernetes.io/ingress.class").is_some()
    };
    if request.creates("networking.k8s.io", "ingresses") && !named(ingress) {
        let annotations = ["ingressclass.kubernetes.io/is-default-class"];
        if let Some(class) = default(request, "networking.k8s.io", "ingressclasses", &annotations, warnings) {
            set(ingress, &["spec", "ingressClassName"], json!(class));
        }
    }
}

/// The class that is annotated as the default: of several the youngest, of those of one second the first by name.
fn default(
    request: &Request<'_>,
    group: &str,
    resource: &str,
    annotations: &[&str],
    warnings: &mut Warnings,
) -> Option<String> {
    let classes = request.objects.list(group, resource, "");
    let is_default = |class: &Value| {
        annotations.iter().any(|annotation| class["metadata"]["annotations"][*annotation] == "true")
    };
    let key = |class: &Value| {
        let metadata = &class["metadata"];
        // RFC 3339 in UTC: later is greater as text too.
        (Reverse(text(metadata, "creationTimestamp").to_owned()), text(metadata, "name").to_owned())
    };
    let defaults: Vec<_> = classes.iter().filter(|class| is_default(class)).map(|class| key(class)).collect();
    let count = defaults.len();
    let (_, name) = defaults.into_iter().min()?;
    if count > 1 {
        warnings.push(format!(
            "{count} {resource} are annotated as the default; {name}, the youngest, was taken"
        ));
    }
    Some(name)
}
