//! Probes and hooks.

use super::super::field::{Causes, Field};

/// How successes of a probe are counted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Successes {
    /// One is enough, always.
    One,
    /// As many as it says.
    Any,
}

pub(super) fn probe(probe: &Field<'_>, successes: Successes, causes: &mut Causes) {
    if !probe.is_set() {
        return;
    }
    action(probe, causes);
    for name in
        ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"]
    {
        probe.at(name).not_negative(causes);
    }
    probe.at("terminationGracePeriodSeconds").positive(causes);
    let threshold = probe.at("successThreshold");
    if successes == Successes::One && threshold.int().is_some_and(|count| count != 1) {
        causes.push(threshold.invalid("must be 1"));
    }
}

/// One way to ask a container something.
pub(super) fn action(owner: &Field<'_>, causes: &mut Causes) {
    let mut found = 0;
    for name in ["exec", "httpGet", "tcpSocket", "grpc", "sleep"] {
        let field = owner.at(name);
        if !field.is_set() {
            continue;
        }
        found += 1;
        if found > 1 {
            causes.push(field.forbidden("may not specify more than 1 handler type"));
            continue;
        }
        match name {
            "exec" => {
                field.at("command").needs(causes);
            }
            "httpGet" => {
                field.at("path").needs(causes);
                field.at("port").port_or_name(causes);
                field.at("scheme").one_of(&["HTTP", "HTTPS"], causes);
                for header in field.at("httpHeaders").items() {
                    header.at("name").needs(causes);
                }
            }
            "tcpSocket" => field.at("port").port_or_name(causes),
            "grpc" => field.at("port").port(causes),
            _ => field.at("seconds").not_negative(causes),
        }
    }
    if found == 0 {
        causes.push(owner.required("must specify a handler type"));
    }
}
