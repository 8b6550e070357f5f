//! What is wrong with security contexts: who processes are, and what they may.

use super::super::field::{Causes, Field};

/// The context of a pod.
pub(super) fn pod(spec: &Field<'_>, causes: &mut Causes) {
    let context = spec.at("securityContext");
    for name in ["runAsUser", "runAsGroup", "fsGroup"] {
        id(&context.at(name), causes);
    }
    for group in context.at("supplementalGroups").items() {
        id(&group, causes);
    }
    if spec.at("shareProcessNamespace").flag() && spec.at("hostPID").flag() {
        let words = "ShareProcessNamespace and HostPID cannot both be enabled";
        let shared = spec.at("shareProcessNamespace");
        causes.push(super::Cause::invalid(
            "spec.securityContext.shareProcessNamespace",
            shared.value(),
            words,
        ));
    }
    context.at("fsGroupChangePolicy").one_of(&["Always", "OnRootMismatch"], causes);
    seccomp(&context.at("seccompProfile"), causes);
    let mut names = Vec::new();
    for sysctl in context.at("sysctls").items() {
        let name = sysctl.at("name");
        if !name.needs(causes) {
            continue;
        }
        if !is_sysctl(name.text()) {
            let words = "must have at most 253 characters and match regex \
                         ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";
            causes.push(name.invalid(words));
        }
        super::unique(&mut names, &name, causes);
    }
}

/// The context of a container.
pub(super) fn container(context: &Field<'_>, causes: &mut Causes) {
    id(&context.at("runAsUser"), causes);
    id(&context.at("runAsGroup"), causes);
    seccomp(&context.at("seccompProfile"), causes);
    context.at("procMount").one_of(&["Default", "Unmasked"], causes);
    if context.at("privileged").flag() && context.at("allowPrivilegeEscalation").value() == false {
        causes
            .push(context.invalid("cannot set `allowPrivilegeEscalation` to false and `privileged` to true"));
    }
}

fn id(field: &Field<'_>, causes: &mut Causes) {
    field.between(0, i64::from(i32::MAX), causes);
}

fn seccomp(profile: &Field<'_>, causes: &mut Causes) {
    if !profile.is_set() {
        return;
    }
    let (kind, file) = (profile.at("type"), profile.at("localhostProfile"));
    match kind.text() {
        "" => causes.push(kind.required("type is required when seccompProfile is set")),
        "Localhost" if !file.is_set() => {
            causes.push(file.required("must be set when seccomp type is Localhost"));
        }
        "Localhost" => (),
        "RuntimeDefault" | "Unconfined" if file.is_set() => {
            causes.push(file.invalid("can only be set when seccomp type is Localhost"));
        }
        _ => kind.one_of(&["Localhost", "RuntimeDefault", "Unconfined"], causes),
    }
}

/// Names as `kernel.shm_rmid_forced` and `net/ipv4/ip_local_port_range`.
fn is_sysctl(name: &str) -> bool {
    let edge = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let part = |part: &str| {
        let bytes = part.as_bytes();
        let ends = [bytes.first(), bytes.last()];
        ends.iter().all(|end| end.is_some_and(|c| edge(*c)))
            && bytes.iter().all(|c| edge(*c) || matches!(c, b'-' | b'_'))
    };
    name.len() <= 253 && name.split(['.', '/']).all(part)
}
