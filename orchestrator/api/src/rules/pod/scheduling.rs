//! Where a pod may run: tolerations, spreading, affinity.

use super::super::field::{Causes, Field};

const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

pub(super) fn validate(spec: &Field<'_>, causes: &mut Causes) {
    for toleration in spec.at("tolerations").items() {
        tolerates(&toleration, causes);
    }
    let mut seen: Vec<(&str, &str)> = Vec::new();
    for constraint in spec.at("topologySpreadConstraints").items() {
        let (skew, key) = (constraint.at("maxSkew"), constraint.at("topologyKey"));
        if skew.int().is_none_or(|skew| skew <= 0) {
            causes.push(skew.invalid("must be greater than zero"));
        }
        let minimum = constraint.at("minDomains");
        if minimum.int().is_some_and(|domains| domains <= 0) {
            causes.push(minimum.invalid("must be greater than zero"));
        }
        if key.is_empty() {
            causes.push(key.required("can not be empty"));
        }
        key.qualified(causes);
        let action = constraint.at("whenUnsatisfiable");
        action.needs_one_of(&["DoNotSchedule", "ScheduleAnyway"], causes);
        let pair = (key.text(), action.text());
        if seen.contains(&pair) {
            let words = format!("{{{}, {}}}", pair.0, pair.1);
            let path = format!("{}.{{topologyKey, whenUnsatisfiable}}", constraint.path());
            causes.push(guideway_schema::Cause::duplicate(path, &words.into()));
        }
        seen.push(pair);
        constraint.at("labelSelector").selector(causes);
    }
    let affinity = spec.at("affinity");
    let nodes = affinity.at("nodeAffinity");
    let wanted = nodes.at("requiredDuringSchedulingIgnoredDuringExecution");
    if wanted.is_set() {
        let terms = wanted.at("nodeSelectorTerms");
        if terms.is_empty() {
            causes.push(terms.required("must have at least one node selector term"));
        }
        terms.items().for_each(|term| node_term(&term, causes));
    }
    for preferred in nodes.at("preferredDuringSchedulingIgnoredDuringExecution").items() {
        weight(&preferred, causes);
        node_term(&preferred.at("preference"), causes);
    }
    for kind in ["podAffinity", "podAntiAffinity"] {
        let kind = affinity.at(kind);
        for term in kind.at("requiredDuringSchedulingIgnoredDuringExecution").items() {
            pod_term(&term, causes);
        }
        for preferred in kind.at("preferredDuringSchedulingIgnoredDuringExecution").items() {
            weight(&preferred, causes);
            pod_term(&preferred.at("podAffinityTerm"), causes);
        }
    }
}

fn tolerates(toleration: &Field<'_>, causes: &mut Causes) {
    let (key, operator, value) = (toleration.at("key"), toleration.at("operator"), toleration.at("value"));
    key.qualified(causes);
    match operator.text() {
        "" | "Equal" => {
            if key.is_empty() {
                let words = "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
                causes.push(operator.invalid(words));
            }
            value.all(&crate::meta::label_value_errors(value.text()), causes);
        }
        "Exists" if !value.is_empty() => {
            causes.push(operator.invalid("value must be empty when `operator` is 'Exists'"));
        }
        "Exists" => (),
        _ => causes.push(operator.not_supported(&["Equal", "Exists"])),
    }
    let effect = toleration.at("effect");
    if !effect.is_empty() {
        effect.one_of(&EFFECTS, causes);
    }
    if toleration.at("tolerationSeconds").is_set() && effect.text() != "NoExecute" {
        causes.push(effect.invalid("effect must be 'NoExecute' when `tolerationSeconds` is set"));
    }
}

fn weight(preferred: &Field<'_>, causes: &mut Causes) {
    let weight = preferred.at("weight");
    if weight.int().is_none_or(|weight| !(1..=100).contains(&weight)) {
        causes.push(weight.invalid("must be in the range 1-100"));
    }
}

fn node_term(term: &Field<'_>, causes: &mut Causes) {
    for expression in term.at("matchExpressions").items() {
        let (operator, values) = (expression.at("operator"), expression.at("values"));
        match operator.text() {
            "In" | "NotIn" if values.is_empty() => {
                causes.push(values.required("must be specified when `operator` is 'In' or 'NotIn'"));
            }
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                causes.push(
                    values.forbidden("may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
                );
            }
            "Gt" | "Lt" if values.len() != 1 => {
                causes
                    .push(values.required("must be specified single value when `operator` is 'Lt' or 'Gt'"));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt" => (),
            _ => causes.push(operator.invalid("not a valid selector operator")),
        }
        let key = expression.at("key");
        key.all(&crate::meta::label_key_errors(key.text()), causes);
    }
}

fn pod_term(term: &Field<'_>, causes: &mut Causes) {
    let key = term.at("topologyKey");
    if key.is_empty() {
        causes.push(key.required("can not be empty"));
    }
    key.qualified(causes);
    term.at("labelSelector").selector(causes);
    term.at("namespaceSelector").selector(causes);
    for namespace in term.at("namespaces").items() {
        namespace.dns_label(causes);
    }
}
