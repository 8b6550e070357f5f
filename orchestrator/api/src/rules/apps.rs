//! Workloads of `apps`, and replication controllers.

use guideway_schema::Cause;
use serde_json::{Map, Value, json};

use super::Rules;
use super::field::{Causes, Field};
use super::pod::{default_template, validate_template};
use crate::json::{Fill, View};
use crate::selector::LabelSelector;

/// Deployments.
pub(crate) struct Deployment;

impl Rules for Deployment {
    fn default(&self, _version: &str, object: &mut Value) {
        let Some(spec) = object.made("spec") else { return };
        spec.or_set("replicas", 1);
        spec.or_set("revisionHistoryLimit", 10);
        spec.or_set("progressDeadlineSeconds", 600);
        if let Some(strategy) = spec.made("strategy") {
            strategy.or_set("type", "RollingUpdate");
            if strategy.text("type") == "RollingUpdate"
                && let Some(rolling) = strategy.made("rollingUpdate")
            {
                rolling.or_set("maxUnavailable", "25%");
                rolling.or_set("maxSurge", "25%");
            }
        }
        if let Some(template) = spec.made("template") {
            default_template(template);
        }
    }

    fn status_keeps(&self) -> &'static [&'static str] {
        &["labels"]
    }

    fn validate(&self, object: &Value) -> Vec<Cause> {
        let mut causes = Vec::new();
        let spec = Field::root(object).at("spec");
        spec.at("replicas").not_negative(&mut causes);
        selects_template(&spec, "deployment", &mut causes);
        always_restarts(&spec.at("template"), &mut causes);
        let strategy = spec.at("strategy");
        strategy.at("type").one_of(&["Recreate", "RollingUpdate"], &mut causes);
        let rolling = strategy.at("rollingUpdate");
        if strategy.at("type").text() == "Recreate" && rolling.is_set() {
            causes.push(rolling.forbidden("may not be specified when strategy `type` is 'Recreate'"));
        } else {
            let (unavailable, surge) = (rolling.at("maxUnavailable"), rolling.at("maxSurge"));
            unavailable.number_or_percent(&mut causes);
            surge.number_or_percent(&mut causes);
            let zero = |field: &Field<'_>| field.int() == Some(0) || field.percent() == Some(0);
            if zero(&unavailable) && zero(&surge) {
                causes.push(unavailable.invalid("may not be 0 when `maxSurge` is 0"));
            }
            if unavailable.percent().is_some_and(|percent| percent > 100) {
                causes.push(unavailable.invalid("must not be greater than 100%"));
            }
        }
        for name in ["minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"] {
            spec.at(name).not_negative(&mut causes);
        }
        let (deadline, ready) = (spec.at("progressDeadlineSeconds"), spec.at("minReadySeconds"));
        if deadline.int().is_some_and(|deadline| deadline <= ready.int().unwrap_or_default()) {
            causes.push(deadline.invalid("must be greater than minReadySeconds"));
        }
        causes
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<Cause> {
        let mut causes = self.validate(new);
        selector_stays(new, old, &mut causes);
        causes
    }

    fn warnings(&self, object: &Value) -> Vec<String> {
        super::pod::warnings(&Field::root(object).at("spec.template.spec"))
    }
}

/// ReplicaSets.
pub(crate) struct ReplicaSet;

impl Rules for ReplicaSet {
    fn default(&self, _version: &str, object: &mut Value) {
        let Some(spec) = object.made("spec") else { return };
        spec.or_set("replicas", 1);
        if let Some(template) = spec.made("template") {
            default_template(template);
        }
    }

    fn prepare_create(&self, object: &mut Value) {
        super::ordinary::prepare_create(true, true, object);
        object.set("status", json!({"replicas": 0}));
    }

    fn validate(&self, object: &Value) -> Vec<Cause> {
        let mut causes = Vec::new();
        let spec = Field::root(object).at("spec");
        spec.at("replicas").not_negative(&mut causes);
        spec.at("minReadySeconds").not_negative(&mut causes);
        selects_template(&spec, "deployment", &mut causes);
        always_restarts(&spec.at("template"), &mut causes);
        causes
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<Cause> {
        let mut causes = self.validate(new);
        selector_stays(new, old, &mut causes);
        causes
    }
}

/// ReplicationControllers.
pub(crate) struct ReplicationController;

impl Rules for ReplicationController {
    fn default(&self, _version: &str, object: &mut Value) {
        let Some(spec) = object.made("spec") else { return };
        spec.or_set("replicas", 1);
        let labels = spec.at("template.metadata.labels").clone();
        if labels.is_object() {
            spec.or_set("selector", labels);
        }
        if let Some(template) = spec.inner("template") {
            default_template(template);
        }
    }

    fn prepare_create(&self, object: &mut Value) {
        super::ordinary::prepare_create(true, true, object);
        object.set("status", json!({"replicas": 0}));
    }

    fn validate(&self, object: &Value) -> Vec<Cause> {
        let mut causes = Vec::new();
        let spec = Field::root(object).at("spec");
        spec.at("replicas").not_negative(&mut causes);
        let selector = spec.at("selector");
        let template = spec.at("template");
        if selector.needs(&mut causes) && template.is_set() {
            let labels = spec.at("template.metadata.labels");
            if !LabelSelector::from_map(selector.value()).matches(labels.value()) {
                causes.push(labels.invalid("`selector` does not match template `labels`"));
            }
        }
        if template.is_set() {
            validate_template(&template, &mut causes);
            always_restarts(&template, &mut causes);
        } else {
            causes.push(template.required(""));
        }
        causes
    }
}

/// StatefulSets.
pub(crate) struct StatefulSet;

impl Rules for StatefulSet {
    fn default(&self, _version: &str, object: &mut Value) {
        let Some(spec) = object.made("spec") else { return };
        spec.or_set("replicas", 1);
        spec.or_set("revisionHistoryLimit", 10);
        spec.or_set("podManagementPolicy", "OrderedReady");
        if let Some(strategy) = spec.made("updateStrategy") {
            strategy.or_set("type", "RollingUpdate");
            if strategy.text("type") == "RollingUpdate"
                && let Some(rolling) = strategy.made("rollingUpdate")
            {
                rolling.or_set("partition", 0);
            }
        }
        if let Some(policy) = spec.made("persistentVolumeClaimRetentionPolicy") {
            policy.or_set("whenDeleted", "Retain");
            policy.or_set("whenScaled", "Retain");
        }
        if let Some(template) = spec.made("template") {
            default_template(template);
        }
        for claim in spec.each("volumeClaimTemplates") {
            claim.or_set("kind", "PersistentVolumeClaim");
            claim.or_set("apiVersion", "v1");
            if let Some(spec) = claim.made("spec") {
                spec.or_set("volumeMode", "Filesystem");
            }
            // Clients in Go send an empty status.
            if let Some(status) = claim.made("status") {
                status.or_set("phase", "Pending");
            }
        }
    }

    fn prepare_create(&self, object: &mut Value) {
        super::ordinary::prepare_create(true, true, object);
        object.set("status", json!({"replicas": 0, "availableReplicas": 0}));
    }

    fn validate(&self, object: &Value) -> Vec<Cause> {
        let mut causes = Vec::new();
        let spec = Field::root(object).at("spec");
        spec.at("podManagementPolicy").needs_one_of(&["OrderedReady", "Parallel"], &mut causes);
        let strategy = spec.at("updateStrategy");
        strategy.at("type").needs_one_of(&["RollingUpdate", "OnDelete"], &mut causes);
        strategy.at("rollingUpdate.partition").not_negative(&mut causes);
        strategy.at("rollingUpdate.maxUnavailable").number_or_percent(&mut causes);
        for name in ["replicas", "minReadySeconds", "ordinals.start"] {
            spec.at(name).not_negative(&mut causes);
        }
        for name in ["whenDeleted", "whenScaled"] {
            let policy = spec.at("persistentVolumeClaimRetentionPolicy").at(name);
            policy.one_of(&["Retain", "Delete"], &mut causes);
        }
        selects_template(&spec, "statefulset", &mut causes);
        always_restarts(&spec.at("template"), &mut causes);
        causes
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<Cause> {
        let mut causes = self.validate(new);
        // What can be changed is made equal; the rest must be.
        let mut rest = new.at("spec").clone();
        for field in [
            "replicas",
            "ordinals",
            "template",
            "updateStrategy",
            "revisionHistoryLimit",
            "persistentVolumeClaimRetentionPolicy",
            "minReadySeconds",
        ] {
            super::ordinary::keep(&mut rest, old.at("spec"), field);
        }
        if rest != *old.at("spec") {
            let words = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', \
                         'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and \
                         'minReadySeconds' are forbidden";
            causes.push(Cause::forbidden("spec", words));
        }
        causes
    }
}

/// DaemonSets.
pub(crate) struct DaemonSet;

impl Rules for DaemonSet {
    fn default(&self, _version: &str, object: &mut Value) {
        let Some(spec) = object.made("spec") else { return };
        spec.or_set("revisionHistoryLimit", 10);
        if let Some(strategy) = spec.made("updateStrategy") {
            strategy.or_set("type", "RollingUpdate");
            if strategy.text("type") == "RollingUpdate"
                && let Some(rolling) = strategy.made("rollingUpdate")
            {
                rolling.or_set("maxUnavailable", 1);
                rolling.or_set("maxSurge", 0);
            }
        }
        if let Some(template) = spec.made("template") {
            default_template(template);
        }
    }

    fn prepare_create(&self, object: &mut Value) {
        super::ordinary::prepare_create(true, true, object);
        object.set(
            "status",
            json!({
                "currentNumberScheduled": 0, "desiredNumberScheduled": 0, "numberMisscheduled": 0, "numberReady": 0,
            }),
        );
        if let Some(annotations) = object.made("metadata").and_then(|metadata| metadata.made("annotations")) {
            annotations.set("deprecated.daemonset.template.generation", "1");
        }
    }

    fn prepare_update(&self, new: &mut Value, old: &Value) {
        super::ordinary::prepare_update(true, true, new, old);
        let name = "deprecated.daemonset.template.generation";
        let before = old.at("metadata.annotations").get(name).and_then(Value::as_str);
        let before: u64 = before.and_then(|text| text.parse().ok()).unwrap_or(1);
        let changed = new.at("spec.template") != old.at("spec.template");
        let next = if changed { before.saturating_add(1) } else { before };
        if let Some(annotations) = new.made("metadata").and_then(|metadata| metadata.made("annotations")) {
            annotations.set(name, next.to_string());
        }
    }

    fn validate(&self, object: &Value) -> Vec<Cause> {
        let mut causes = Vec::new();
        let spec = Field::root(object).at("spec");
        selects_template(&spec, "daemonset", &mut causes);
        always_restarts(&spec.at("template"), &mut causes);
        spec.at("minReadySeconds").not_negative(&mut causes);
        spec.at("revisionHistoryLimit").not_negative(&mut causes);
        let strategy = spec.at("updateStrategy");
        strategy.at("type").one_of(&["OnDelete", "RollingUpdate"], &mut causes);
        if strategy.at("type").text() == "RollingUpdate" {
            let (unavailable, surge) =
                (strategy.at("rollingUpdate.maxUnavailable"), strategy.at("rollingUpdate.maxSurge"));
            unavailable.number_or_percent(&mut causes);
            surge.number_or_percent(&mut causes);
            let some = |field: &Field<'_>| field.int().or(field.percent()).is_some_and(|number| number > 0);
            match (some(&unavailable), some(&surge)) {
                (true, true) => causes.push(surge.invalid("may not be set when maxUnavailable is non-zero")),
                (false, false) => causes.push(unavailable.required("cannot be 0 when maxSurge is 0")),
                _ => (),
            }
        }
        causes
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<Cause> {
        let mut causes = self.validate(new);
        selector_stays(new, old, &mut causes);
        causes
    }
}

/// ControllerRevisions.
pub(crate) struct ControllerRevision;

impl Rules for ControllerRevision {
    fn has_status(&self) -> bool {
        false
    }

    fn validate(&self, object: &Value) -> Vec<Cause> {
        let mut causes = Vec::new();
        let revision = Field::root(object);
        revision.at("revision").not_negative(&mut causes);
        if !revision.at("data").is_set() {
            causes.push(revision.at("data").required("data is mandatory"));
        }
        causes
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<Cause> {
        let mut causes = self.validate(new);
        Field::root(new).at("data").immutable(&Field::root(old).at("data"), &mut causes);
        causes
    }
}

/// A workload has a selector, and its template the labels that it selects.
fn selects_template(spec: &Field<'_>, kind: &str, causes: &mut Causes) {
    let selector = spec.at("selector");
    if !selector.is_set() {
        causes.push(selector.required(""));
    } else {
        selector.selector(causes);
        if selector.value().as_object().is_none_or(Map::is_empty) {
            causes.push(selector.invalid(&format!("empty selector is invalid for {kind}")));
        }
    }
    let labels = spec.at("template.metadata.labels");
    // An empty selector is blamed above; one that is not there selects nothing.
    let parsed = LabelSelector::from_object(selector.value());
    let fits = parsed.map_or(true, |selector| selector.matches(labels.value()));
    if !selector.is_set() || !selector.is_empty() && !fits {
        let shown = if labels.is_set() { labels.value().clone() } else { json!({}) };
        causes.push(Cause::invalid(labels.path(), &shown, "`selector` does not match template `labels`"));
    }
    validate_template(&spec.at("template"), causes);
}

/// Pods of a controller that replaces them are never done.
fn always_restarts(template: &Field<'_>, causes: &mut Causes) {
    let policy = template.at("spec.restartPolicy");
    if policy.is_set() {
        policy.one_of(&["Always"], causes);
    }
    let deadline = template.at("spec.activeDeadlineSeconds");
    if deadline.is_set() {
        causes.push(deadline.forbidden("activeDeadlineSeconds in ReplicaSet is not Supported"));
    }
}

fn selector_stays(new: &Value, old: &Value, causes: &mut Causes) {
    Field::root(new).at("spec.selector").immutable(&Field::root(old).at("spec.selector"), causes);
}
