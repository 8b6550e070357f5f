//! The rules of the levels: <https://kubernetes.io/docs/concepts/security/pod-security-standards/>.

use std::collections::BTreeSet;

use serde_json::Value;

use super::container::{must, named, names, pod_or};
use super::{Level, containers, of_pod, quoted};
use crate::json::{fields, list, text};

/// Metadata and spec of a pod.
struct Pod<'a> {
    metadata: &'a Value,
    spec: &'a Value,
}

/// A rule: the reason in short, and what breaks it.
struct Check {
    reason: &'static str,
    details: fn(&Pod<'_>) -> Vec<String>,
    /// Does a stricter rule of the next level say the same?
    replaced: bool,
}

const BASELINE: [Check; 11] = [
    Check { reason: "forbidden AppArmor profile", details: app_armor, replaced: false },
    Check { reason: "non-default capabilities", details: capabilities, replaced: true },
    Check { reason: "host namespaces", details: host_namespaces, replaced: false },
    Check { reason: "hostPath volumes", details: host_paths, replaced: true },
    Check { reason: "hostPort", details: host_ports, replaced: false },
    Check { reason: "privileged", details: privileged, replaced: false },
    Check { reason: "procMount", details: proc_mount, replaced: false },
    Check { reason: "seLinuxOptions", details: se_linux, replaced: false },
    Check { reason: "seccompProfile", details: seccomp, replaced: true },
    Check { reason: "forbidden sysctls", details: sysctls, replaced: false },
    Check { reason: "hostProcess", details: host_process, replaced: false },
];

const RESTRICTED: [Check; 6] = [
    Check { reason: "allowPrivilegeEscalation != false", details: escalation, replaced: false },
    Check { reason: "unrestricted capabilities", details: few_capabilities, replaced: false },
    Check { reason: "restricted volume types", details: volume_types, replaced: false },
    Check { reason: "runAsNonRoot != true", details: non_root, replaced: false },
    Check { reason: "runAsUser=0", details: user_zero, replaced: false },
    Check { reason: "seccompProfile", details: some_seccomp, replaced: false },
];

const CAPABILITIES: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];
const SYSCTLS: [&str; 12] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
];
const SE_LINUX_TYPES: [&str; 5] =
    ["", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"];
const VOLUMES: [&str; 8] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
];
const APP_ARMOR: &str = "container.apparmor.security.beta.kubernetes.io/";

/// What of a pod breaks the level: reasons with details.
pub(super) fn violations(level: Level, metadata: &Value, spec: &Value) -> Vec<String> {
    broken(level, &Pod { metadata, spec })
        .into_iter()
        .map(|(reason, details)| format!("{reason} ({})", details.join("; ")))
        .collect()
}

/// The reasons only.
pub(super) fn reasons(level: Level, metadata: &Value, spec: &Value) -> Vec<&'static str> {
    broken(level, &Pod { metadata, spec }).into_iter().map(|(reason, _)| reason).collect()
}

fn broken(level: Level, pod: &Pod<'_>) -> Vec<(&'static str, Vec<String>)> {
    let checks: Vec<&Check> = match level {
        Level::Privileged => Vec::new(),
        Level::Baseline => BASELINE.iter().collect(),
        Level::Restricted => BASELINE.iter().filter(|check| !check.replaced).chain(&RESTRICTED).collect(),
    };
    checks
        .into_iter()
        .map(|check| (check.reason, (check.details)(pod)))
        .filter(|(_, details)| !details.is_empty())
        .collect()
}

fn app_armor(pod: &Pod<'_>) -> Vec<String> {
    let forbidden = |context: &Value| context["appArmorProfile"]["type"] == "Unconfined";
    let mut details = Vec::new();
    if forbidden(&pod.spec["securityContext"]) {
        details.push("pod must not set AppArmor profile type to \"Unconfined\"".to_owned());
    }
    let rule = "must not set AppArmor profile type to \"Unconfined\"";
    details.extend(must(pod.spec, |container| forbidden(&container["securityContext"]), rule));
    let allowed = |profile: &str| {
        profile.is_empty() || profile == "runtime/default" || profile.starts_with("localhost/")
    };
    for (key, profile) in fields(&pod.metadata["annotations"]).filter(|(key, _)| key.starts_with(APP_ARMOR)) {
        let profile = profile.as_str().unwrap_or_default();
        if !allowed(profile) {
            details.push(format!("annotation \"{key}={profile}\""));
        }
    }
    details
}

fn added(container: &Value) -> impl Iterator<Item = &str> {
    list(&container["securityContext"]["capabilities"]["add"]).iter().filter_map(Value::as_str)
}

fn capabilities(pod: &Pod<'_>) -> Vec<String> {
    must_not_add(pod.spec, |capability| CAPABILITIES.contains(&capability)).into_iter().collect()
}

fn must_not_add(spec: &Value, allowed: impl Fn(&str) -> bool) -> Option<String> {
    let forbidden: BTreeSet<&str> =
        containers(spec).flat_map(added).filter(|capability| !allowed(capability)).collect();
    let names = names(spec, |container| added(container).any(|capability| !allowed(capability)));
    (!names.is_empty()).then(|| {
        format!(
            "{} must not include {} in securityContext.capabilities.add",
            named(&names),
            quoted(forbidden)
        )
    })
}

fn host_namespaces(pod: &Pod<'_>) -> Vec<String> {
    let set: Vec<String> = ["hostNetwork", "hostPID", "hostIPC"]
        .iter()
        .filter(|field| pod.spec[**field] == true)
        .map(|field| format!("{field}=true"))
        .collect();
    if set.is_empty() { Vec::new() } else { vec![set.join(", ")] }
}

fn host_paths(pod: &Pod<'_>) -> Vec<String> {
    let names: Vec<&str> = list(&pod.spec["volumes"])
        .iter()
        .filter(|volume| !volume["hostPath"].is_null())
        .map(|volume| text(volume, "name"))
        .collect();
    let plural = if names.len() == 1 { "" } else { "s" };
    if names.is_empty() { Vec::new() } else { vec![format!("volume{plural} {}", quoted(names))] }
}

fn host_ports(pod: &Pod<'_>) -> Vec<String> {
    let ports = |container: &Value| -> Vec<i64> {
        list(&container["ports"])
            .iter()
            .filter_map(|port| port["hostPort"].as_i64())
            .filter(|port| *port != 0)
            .collect()
    };
    let used: BTreeSet<i64> = containers(pod.spec).flat_map(ports).collect();
    let names = names(pod.spec, |container| !ports(container).is_empty());
    if names.is_empty() {
        return Vec::new();
    }
    let verb = if names.len() == 1 { "uses" } else { "use" };
    let plural = if used.len() == 1 { "" } else { "s" };
    let used: Vec<String> = used.iter().map(i64::to_string).collect();
    vec![format!("{} {verb} hostPort{plural} {}", named(&names), used.join(", "))]
}

fn privileged(pod: &Pod<'_>) -> Vec<String> {
    let rule = "must not set securityContext.privileged=true";
    must(pod.spec, |container| container["securityContext"]["privileged"] == true, rule).into_iter().collect()
}

fn proc_mount(pod: &Pod<'_>) -> Vec<String> {
    let mount = |container: &Value| text(&container["securityContext"], "procMount").to_owned();
    let forbidden = |container: &Value| !matches!(mount(container).as_str(), "" | "Default");
    let found: BTreeSet<String> =
        containers(pod.spec).filter(|container| forbidden(container)).map(mount).collect();
    let found = quoted(found.iter().map(String::as_str));
    must(pod.spec, forbidden, &format!("must not set securityContext.procMount to {found}"))
        .into_iter()
        .collect()
}

fn se_linux(pod: &Pod<'_>) -> Vec<String> {
    let wrong = |options: &Value| -> BTreeSet<String> {
        let mut wrong = BTreeSet::new();
        let kind = text(options, "type");
        if !SE_LINUX_TYPES.contains(&kind) {
            wrong.insert(format!("type {kind:?}"));
        }
        for field in ["user", "role"] {
            if !text(options, field).is_empty() {
                wrong.insert(format!("{field} may not be set"));
            }
        }
        wrong
    };
    let of_container = |container: &Value| wrong(&container["securityContext"]["seLinuxOptions"]);
    let of_the_pod = wrong(of_pod(pod.spec, "seLinuxOptions"));
    let names = names(pod.spec, |container| !of_container(container).is_empty());
    let all: Vec<String> = of_the_pod
        .iter()
        .cloned()
        .chain(containers(pod.spec).flat_map(of_container))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let who = match (of_the_pod.is_empty(), names.is_empty()) {
        (true, true) => return Vec::new(),
        (false, true) => "pod".to_owned(),
        (true, false) => named(&names),
        (false, false) => format!("pod and {}", named(&names)),
    };
    vec![format!("{who} set forbidden securityContext.seLinuxOptions: {}", all.join("; "))]
}

fn seccomp(pod: &Pod<'_>) -> Vec<String> {
    let forbidden = |profile: &Value| profile["type"] == "Unconfined";
    let rule = "must not set securityContext.seccompProfile.type to \"Unconfined\"";
    let mut details = Vec::new();
    if forbidden(of_pod(pod.spec, "seccompProfile")) {
        details.push(format!("pod {rule}"));
    }
    details.extend(must(
        pod.spec,
        |container| forbidden(&container["securityContext"]["seccompProfile"]),
        rule,
    ));
    details
}

fn sysctls(pod: &Pod<'_>) -> Vec<String> {
    let forbidden: Vec<&str> = list(of_pod(pod.spec, "sysctls"))
        .iter()
        .map(|sysctl| text(sysctl, "name"))
        .filter(|name| !SYSCTLS.contains(name))
        .collect();
    if forbidden.is_empty() { Vec::new() } else { vec![forbidden.join(", ")] }
}

fn host_process(pod: &Pod<'_>) -> Vec<String> {
    let set = |context: &Value| context["windowsOptions"]["hostProcess"] == true;
    let rule = "must not set securityContext.windowsOptions.hostProcess=true";
    let mut details = Vec::new();
    if set(&pod.spec["securityContext"]) {
        details.push(format!("pod {rule}"));
    }
    details.extend(must(pod.spec, |container| set(&container["securityContext"]), rule));
    details
}

/// Linux rules do not count for pods that say that they are for Windows.
fn is_windows(pod: &Pod<'_>) -> bool {
    pod.spec["os"]["name"] == "windows"
}

fn escalation(pod: &Pod<'_>) -> Vec<String> {
    if is_windows(pod) {
        return Vec::new();
    }
    let rule = "must set securityContext.allowPrivilegeEscalation=false";
    let breaks = |container: &Value| container["securityContext"]["allowPrivilegeEscalation"] != false;
    must(pod.spec, breaks, rule).into_iter().collect()
}

fn few_capabilities(pod: &Pod<'_>) -> Vec<String> {
    if is_windows(pod) {
        return Vec::new();
    }
    let keeps = |container: &Value| {
        !list(&container["securityContext"]["capabilities"]["drop"])
            .iter()
            .any(|capability| capability == "ALL")
    };
    let drop = must(pod.spec, keeps, "must set securityContext.capabilities.drop=[\"ALL\"]");
    let add = must_not_add(pod.spec, |capability| capability == "NET_BIND_SERVICE");
    drop.into_iter().chain(add).collect()
}

fn volume_types(pod: &Pod<'_>) -> Vec<String> {
    let kind = |volume: &Value| -> Option<String> {
        let mut kinds = fields(volume).map(|(field, _)| field).filter(|field| *field != "name");
        kinds.find(|field| !VOLUMES.contains(field)).map(str::to_owned)
    };
    let wrong: Vec<(&str, String)> = list(&pod.spec["volumes"])
        .iter()
        .filter_map(|volume| Some((text(volume, "name"), kind(volume)?)))
        .collect();
    if wrong.is_empty() {
        return Vec::new();
    }
    let kinds: BTreeSet<&str> = wrong.iter().map(|(_, kind)| kind.as_str()).collect();
    let (plural, verb) = if wrong.len() == 1 { ("", "uses") } else { ("s", "use") };
    let types = if kinds.len() == 1 { "type" } else { "types" };
    let names = quoted(wrong.iter().map(|(name, _)| *name));
    vec![format!("volume{plural} {names} {verb} restricted volume {types} {}", quoted(kinds))]
}

fn non_root(pod: &Pod<'_>) -> Vec<String> {
    let of_the_pod = of_pod(pod.spec, "runAsNonRoot");
    let own = |container: &Value| container["securityContext"]["runAsNonRoot"].as_bool();
    let mut details = Vec::new();
    if *of_the_pod == false {
        details.push("pod must not set securityContext.runAsNonRoot=false".to_owned());
    }
    let rule = "must not set securityContext.runAsNonRoot=false";
    details.extend(must(pod.spec, |container| own(container) == Some(false), rule));
    if details.is_empty() && *of_the_pod != true {
        let rule = "must set securityContext.runAsNonRoot=true";
        details.extend(pod_or(pod.spec, |container| own(container).is_none(), rule));
    }
    details
}

fn user_zero(pod: &Pod<'_>) -> Vec<String> {
    let zero = |context: &Value| context["runAsUser"].as_i64() == Some(0);
    let mut details = Vec::new();
    if zero(&pod.spec["securityContext"]) {
        details.push("pod must not set runAsUser=0".to_owned());
    }
    details.extend(must(
        pod.spec,
        |container| zero(&container["securityContext"]),
        "must not set runAsUser=0",
    ));
    details
}

fn some_seccomp(pod: &Pod<'_>) -> Vec<String> {
    if is_windows(pod) {
        return Vec::new();
    }
    let kind = |profile: &Value| text(profile, "type").to_owned();
    let allowed = |kind: &str| matches!(kind, "RuntimeDefault" | "Localhost");
    let of_the_pod = kind(of_pod(pod.spec, "seccompProfile"));
    let own = |container: &Value| kind(&container["securityContext"]["seccompProfile"]);
    let mut details = Vec::new();
    if !of_the_pod.is_empty() && !allowed(&of_the_pod) {
        details.push(format!("pod must not set securityContext.seccompProfile.type to {of_the_pod:?}"));
    }
    let wrong = |container: &Value| !own(container).is_empty() && !allowed(&own(container));
    let found: BTreeSet<String> =
        containers(pod.spec).filter(|container| wrong(container)).map(own).collect();
    let found = quoted(found.iter().map(String::as_str));
    let rule = format!("must not set securityContext.seccompProfile.type to {found}");
    details.extend(must(pod.spec, wrong, &rule));
    if of_the_pod.is_empty() {
        let rule = "must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\"";
        details.extend(pod_or(pod.spec, |container| own(container).is_empty(), rule));
    }
    details
}
