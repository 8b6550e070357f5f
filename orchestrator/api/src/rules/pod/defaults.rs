//! What a pod has when nobody says otherwise.

use serde_json::{Map, Value};

use crate::json::{Fill, View};

/// Defaults of a template: of its pods, without what only a pod itself gets.
pub(crate) fn default_template(template: &mut Value) {
    if let Some(spec) = template.made("spec") {
        default_spec(spec);
    }
}

/// Defaults of a pod's spec.
pub(crate) fn default_spec(spec: &mut Value) {
    spec.or_set("dnsPolicy", "ClusterFirst");
    spec.or_set("restartPolicy", "Always");
    spec.or_set("securityContext", Map::new());
    spec.or_set("terminationGracePeriodSeconds", 30);
    spec.or_set("schedulerName", "default-scheduler");
    // The old name of the field is kept beside the new one.
    let (new, old) = (spec.text("serviceAccountName").to_owned(), spec.text("serviceAccount").to_owned());
    if !new.is_empty() {
        spec.set("serviceAccount", new);
    } else if !old.is_empty() {
        spec.set("serviceAccountName", old);
    }
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        for container in spec.each(list) {
            default_container(container);
        }
    }
    if spec.flag("hostNetwork") {
        for list in ["initContainers", "containers"] {
            for container in spec.each(list) {
                for port in container.each("ports") {
                    let number = port.at("containerPort").clone();
                    port.or_set("hostPort", number);
                }
            }
        }
    }
    for volume in spec.each("volumes") {
        default_volume(volume);
    }
}

fn default_container(container: &mut Value) {
    container.or_set("terminationMessagePath", "/dev/termination-log");
    container.or_set("terminationMessagePolicy", "File");
    container.or_set("resources", Map::new());
    let policy = pull_policy(container.text("image"));
    container.or_set("imagePullPolicy", policy);
    for port in container.each("ports") {
        port.or_set("protocol", "TCP");
    }
    for entry in container.each("env") {
        if let Some(reference) = entry.inner("valueFrom").and_then(|from| from.inner("fieldRef")) {
            reference.or_set("apiVersion", "v1");
        }
    }
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        let Some(probe) = container.inner(name) else { continue };
        probe.or_set_number("timeoutSeconds", 1);
        probe.or_set_number("periodSeconds", 10);
        probe.or_set_number("successThreshold", 1);
        probe.or_set_number("failureThreshold", 3);
        default_action(probe);
        if let Some(call) = probe.inner("grpc") {
            call.or_set("service", "");
        }
    }
    if let Some(lifecycle) = container.inner("lifecycle") {
        for name in ["postStart", "preStop"] {
            if let Some(action) = lifecycle.inner(name) {
                default_action(action);
            }
        }
    }
}

fn default_action(action: &mut Value) {
    if let Some(get) = action.inner("httpGet") {
        if get.text("path").is_empty() {
            get.set("path", "/");
        }
        get.or_set("scheme", "HTTP");
    }
}

/// An image of the tag `latest`, or of none, may be another one tomorrow.
fn pull_policy(image: &str) -> &'static str {
    let name = image.rsplit('/').next().unwrap_or_default();
    let is_fixed = image.contains('@') || name.split_once(':').is_some_and(|(_, tag)| tag != "latest");
    if is_fixed { "IfNotPresent" } else { "Always" }
}

fn default_volume(volume: &mut Value) {
    for source in ["secret", "configMap", "downwardAPI", "projected"] {
        let Some(source) = volume.inner(source) else { continue };
        source.or_set("defaultMode", 420);
        for item in source.each("items") {
            default_field(item);
        }
        for part in source.each("sources") {
            if let Some(token) = part.inner("serviceAccountToken") {
                token.or_set("expirationSeconds", 3600);
            }
            if let Some(downward) = part.inner("downwardAPI") {
                downward.each("items").for_each(default_field);
            }
        }
    }
    if let Some(path) = volume.inner("hostPath") {
        path.or_set("type", "");
    }
    for (source, field, value) in [
        ("iscsi", "iscsiInterface", "default"),
        ("rbd", "pool", "rbd"),
        ("rbd", "user", "admin"),
        ("rbd", "keyring", "/etc/ceph/keyring"),
        ("azureDisk", "cachingMode", "ReadWrite"),
        ("azureDisk", "fsType", "ext4"),
        ("azureDisk", "kind", "Shared"),
        ("scaleIO", "storageMode", "ThinProvisioned"),
        ("scaleIO", "fsType", "xfs"),
    ] {
        if let Some(source) = volume.inner(source) {
            source.or_set(field, value);
        }
    }
    if let Some(claim) = volume.inner("ephemeral").and_then(|one| one.inner("volumeClaimTemplate"))
        && let Some(spec) = claim.inner("spec")
    {
        spec.or_set("volumeMode", "Filesystem");
    }
    let has_source = volume.as_object().is_some_and(|volume| volume.keys().any(|key| key != "name"));
    if !has_source {
        volume.or_set("emptyDir", Map::new());
    }
}

fn default_field(item: &mut Value) {
    if let Some(reference) = item.inner("fieldRef") {
        reference.or_set("apiVersion", "v1");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_fixed_images_are_not_pulled_again() {
        let cases = [
            ("nginx", "Always"),
            ("nginx:latest", "Always"),
            ("nginx:1.25", "IfNotPresent"),
            ("registry:5000/nginx", "Always"),
            ("registry:5000/nginx:1", "IfNotPresent"),
            ("nginx@sha256:00", "IfNotPresent"),
        ];
        for (image, policy) in cases {
            assert_eq!(pull_policy(image), policy, "{image}");
        }
    }
}
