//! What is wrong with a container.

use super::super::field::{Causes, Field, port_name_errors};
use super::probe::{self, Successes};
use super::{security, unique};

pub(super) fn validate(container: &Field<'_>, volumes: &[&str], causes: &mut Causes) {
    let name = container.at("name");
    if name.needs(causes) {
        name.dns_label(causes);
    }
    let image = container.at("image");
    if image.needs(causes) && image.text().trim() != image.text() {
        causes.push(image.invalid("must not have leading or trailing whitespace"));
    }
    container.at("imagePullPolicy").needs_one_of(&["Always", "IfNotPresent", "Never"], causes);
    container.at("terminationMessagePolicy").one_of(&["FallbackToLogsOnError", "File"], causes);
    ports(&container.at("ports"), causes);
    for entry in container.at("env").items() {
        environment(&entry, causes);
    }
    for source in container.at("envFrom").items() {
        source_of_many(&source, causes);
    }
    mounts(container, volumes, causes);
    resources(&container.at("resources"), causes);
    probe::probe(&container.at("readinessProbe"), Successes::Any, causes);
    probe::probe(&container.at("livenessProbe"), Successes::One, causes);
    probe::probe(&container.at("startupProbe"), Successes::One, causes);
    for hook in ["lifecycle.postStart", "lifecycle.preStop"] {
        let hook = container.at(hook);
        if hook.is_set() {
            probe::action(&hook, causes);
        }
    }
    security::container(&container.at("securityContext"), causes);
}

/// What a container proper may not have.
pub(super) fn no_init_fields(container: &Field<'_>, causes: &mut Causes) {
    let policy = container.at("restartPolicy");
    if policy.is_set() {
        causes.push(policy.forbidden("may not be set for non-init containers"));
    }
}

/// What is special about init containers: those that do not stay cannot be probed.
pub(super) fn validate_init(container: &Field<'_>, causes: &mut Causes) {
    let policy = container.at("restartPolicy");
    policy.one_of(&["Always"], causes);
    if policy.text() == "Always" {
        return;
    }
    for name in ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] {
        let field = container.at(name);
        if field.is_set() {
            causes.push(field.forbidden("may not be set for init containers without restartPolicy=Always"));
        }
    }
}

fn ports(ports: &Field<'_>, causes: &mut Causes) {
    let mut names = Vec::new();
    for port in ports.items() {
        let name = port.at("name");
        if !name.is_empty() {
            name.all(&port_name_errors(name.text()), causes);
            unique(&mut names, &name, causes);
        }
        let number = port.at("containerPort");
        if number.int().is_none_or(|number| number == 0) {
            causes.push(number.required(""));
        } else {
            number.port(causes);
        }
        let host = port.at("hostPort");
        if host.int() != Some(0) {
            host.port(causes);
        }
        port.at("protocol").needs_one_of(&["SCTP", "TCP", "UDP"], causes);
    }
}

/// A port of the host can be given away once.
pub(super) fn host_ports<'a>(
    container: &Field<'a>,
    taken: &mut Vec<(i64, &'a str, &'a str)>,
    causes: &mut Causes,
) {
    for port in container.at("ports").items() {
        let host = port.at("hostPort");
        let Some(number @ 1..) = host.int() else { continue };
        let key = (number, port.at("protocol").text(), port.at("hostIP").text());
        if taken.contains(&key) {
            let words = format!("{}/{}/{number}", key.2, key.1);
            causes.push(guideway_schema::Cause::duplicate(host.path(), &words.into()));
        } else {
            taken.push(key);
        }
    }
}

fn environment(entry: &Field<'_>, causes: &mut Causes) {
    let name = entry.at("name");
    if name.needs(causes) && !name.text().bytes().all(|c| (0x20..0x7f).contains(&c) && c != b'=') {
        let words = "a valid environment variable name must consist only of printable ASCII characters other than '='";
        causes.push(name.invalid(words));
    }
    let from = entry.at("valueFrom");
    if !from.is_set() {
        return;
    }
    let kinds = ["fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef"];
    let found = kinds.iter().filter(|kind| from.at(kind).is_set()).count();
    match found {
        0 => {
            let words =
                "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`";
            causes.push(from.invalid(words));
        }
        _ if !entry.at("value").is_empty() => {
            causes.push(from.invalid("may not be specified when `value` is not empty"));
        }
        1 => (),
        _ => causes.push(from.invalid("may not have more than one field specified at a time")),
    }
    if from.at("fieldRef").is_set() {
        from.at("fieldRef.fieldPath").needs(causes);
    }
    for kind in ["configMapKeyRef", "secretKeyRef"] {
        if from.at(kind).is_set() {
            from.at(kind).at("name").needs(causes);
            from.at(kind).at("key").needs(causes);
        }
    }
    if from.at("resourceFieldRef").is_set() {
        from.at("resourceFieldRef.resource").needs(causes);
    }
}

fn source_of_many(source: &Field<'_>, causes: &mut Causes) {
    let kinds = ["configMapRef", "secretRef"].map(|kind| source.at(kind));
    match kinds.iter().filter(|kind| kind.is_set()).count() {
        0 => causes.push(source.invalid("must specify one of: `configMapRef` or `secretRef`")),
        1 => (),
        _ => causes.push(source.invalid("may not have more than one field specified at a time")),
    }
    for kind in kinds.iter().filter(|kind| kind.is_set()) {
        kind.at("name").needs(causes);
    }
}

fn mounts(container: &Field<'_>, volumes: &[&str], causes: &mut Causes) {
    let mut paths: Vec<&str> = Vec::new();
    for mount in container.at("volumeMounts").items() {
        let (name, path) = (mount.at("name"), mount.at("mountPath"));
        if name.needs(causes) && !volumes.contains(&name.text()) {
            causes.push(name.not_found());
        }
        if path.needs(causes) {
            if paths.contains(&path.text()) {
                causes.push(path.invalid("must be unique"));
            }
            paths.push(path.text());
        }
        let below = mount.at("subPath");
        if below.text().starts_with('/') {
            causes.push(below.invalid("must be a relative path"));
        }
        if below.text().split('/').any(|part| part == "..") {
            causes.push(below.invalid("must not contain '..'"));
        }
        mount.at("mountPropagation").one_of(&["Bidirectional", "HostToContainer", "None"], causes);
    }
    for device in container.at("volumeDevices").items() {
        let (name, path) = (device.at("name"), device.at("devicePath"));
        if name.needs(causes) && !volumes.contains(&name.text()) {
            causes.push(name.not_found());
        }
        path.needs(causes);
    }
}

fn resources(resources: &Field<'_>, causes: &mut Causes) {
    let (limits, requests) = (resources.at("limits"), resources.at("requests"));
    for list in [&limits, &requests] {
        for (name, amount) in list.entries() {
            let standard =
                matches!(name, "cpu" | "memory" | "ephemeral-storage") || name.starts_with("hugepages-");
            if !standard && !name.contains('/') {
                let path = amount.path().to_owned();
                let words = "must be a standard resource for containers";
                causes.push(guideway_schema::Cause::invalid(path, &name.into(), words));
            }
            if amount.quantity().is_none() {
                causes.push(amount.invalid("must be a quantity, as in 500m or 1Gi"));
            }
            amount.amount(causes);
        }
    }
    for (name, request) in requests.entries() {
        let limit = limits.entries().find(|(limited, _)| *limited == name).map(|(_, limit)| limit);
        let extended = name.contains('/') && !name.starts_with("requests.") || name.starts_with("hugepages-");
        match (request.quantity(), limit.and_then(|limit| limit.quantity())) {
            (Some(request), Some(limit)) if extended && request != limit => {
                let words = format!("must be equal to {name} limit of {limit}");
                causes.push(guideway_schema::Cause::invalid(
                    requests.path(),
                    &request.to_string().into(),
                    &words,
                ));
            }
            (Some(request), Some(limit)) if request > limit => {
                let words = format!("must be less than or equal to {name} limit of {limit}");
                causes.push(guideway_schema::Cause::invalid(
                    requests.path(),
                    &request.to_string().into(),
                    &words,
                ));
            }
            (Some(_), None) if extended => {
                causes.push(limits.required("Limit must be set for non overcommitable resources"));
            }
            _ => (),
        }
    }
}
