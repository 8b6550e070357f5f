//! What is wrong with a pod's spec.

use super::super::field::{Causes, Field};
use super::{container, scheduling, security, unique, volume};

/// A template: labels, annotations and the spec of its pods.
pub(crate) fn validate_template(template: &Field<'_>, causes: &mut Causes) {
    template.at("metadata.labels").labels(causes);
    template.at("metadata.annotations").annotations(causes);
    validate_spec(&template.at("spec"), causes);
    let ephemeral = template.at("spec.ephemeralContainers");
    if !ephemeral.is_empty() {
        causes.push(ephemeral.forbidden("ephemeral containers not allowed in pod template"));
    }
}

/// The spec of a pod.
pub(crate) fn validate_spec(spec: &Field<'_>, causes: &mut Causes) {
    let volumes = volume::validate(&spec.at("volumes"), causes);
    let containers = spec.at("containers");
    if containers.is_empty() {
        causes.push(containers.required(""));
    }
    let mut names = Vec::new();
    let mut host_ports = Vec::new();
    for list in ["containers", "initContainers"] {
        for field in spec.at(list).items() {
            container::validate(&field, &volumes, causes);
            unique(&mut names, &field.at("name"), causes);
            if list == "containers" {
                container::host_ports(&field, &mut host_ports, causes);
                container::no_init_fields(&field, causes);
            } else {
                container::validate_init(&field, causes);
            }
        }
    }
    for field in spec.at("ephemeralContainers").items() {
        container::validate(&field, &volumes, causes);
        unique(&mut names, &field.at("name"), causes);
    }
    if spec.at("hostNetwork").flag() {
        for field in containers.items().flat_map(|one| one.at("ports").items().collect::<Vec<_>>()) {
            let (own, host) = (field.at("containerPort"), field.at("hostPort"));
            if own.int() != host.int() {
                causes.push(own.invalid("must match `hostPort` when `hostNetwork` is true"));
            }
        }
    }
    spec.at("restartPolicy").needs_one_of(&["Always", "OnFailure", "Never"], causes);
    spec.at("dnsPolicy")
        .needs_one_of(&["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"], causes);
    if spec.at("dnsPolicy").text() == "None" && spec.at("dnsConfig.nameservers").is_empty() {
        let words = "must provide at least one DNS nameserver when `dnsPolicy` is None";
        causes.push(spec.at("dnsConfig.nameservers").required(words));
    }
    spec.at("terminationGracePeriodSeconds").not_negative(causes);
    let deadline = spec.at("activeDeadlineSeconds");
    deadline.between(1, i64::from(i32::MAX), causes);
    for name in ["serviceAccountName", "nodeName", "runtimeClassName", "priorityClassName"] {
        spec.at(name).dns_subdomain(causes);
    }
    spec.at("hostname").dns_label(causes);
    spec.at("subdomain").dns_label(causes);
    spec.at("nodeSelector").labels(causes);
    for alias in spec.at("hostAliases").items() {
        alias.at("ip").ip(causes);
        for name in alias.at("hostnames").items() {
            name.dns_subdomain(causes);
        }
    }
    for secret in spec.at("imagePullSecrets").items() {
        if secret.at("name").is_empty() {
            causes.push(secret.at("name").required(""));
        }
    }
    let mut gates = Vec::new();
    for gate in spec.at("schedulingGates").items() {
        gate.at("name").needs(causes);
        gate.at("name").qualified(causes);
        unique(&mut gates, &gate.at("name"), causes);
    }
    for gate in spec.at("readinessGates").items() {
        gate.at("conditionType").qualified(causes);
    }
    spec.at("preemptionPolicy").one_of(&["Never", "PreemptLowerPriority"], causes);
    spec.at("os.name").one_of(&["linux", "windows"], causes);
    security::pod(spec, causes);
    scheduling::validate(spec, causes);
}
