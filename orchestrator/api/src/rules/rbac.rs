//! Roles and bindings.

use guideway_schema::Cause;
use serde_json::Value;

use super::Rules;
use super::field::{Causes, Field};
use crate::json::{Fill, View};
use crate::meta::NameRule;

const GROUP: &str = "rbac.authorization.k8s.io";

/// Roles.
pub(crate) struct Role;

impl Rules for Role {
    fn has_status(&self) -> bool {
        false
    }

    fn name_rule(&self) -> NameRule {
        NameRule::PathSegment
    }

    fn creates_on_update(&self) -> bool {
        true
    }

    fn validate(&self, object: &Value) -> Vec<Cause> {
        let mut causes = Vec::new();
        for rule in Field::root(object).at("rules").items() {
            check_rule(&rule, Paths::Forbidden, &mut causes);
        }
        causes
    }
}

/// ClusterRoles.
pub(crate) struct ClusterRole;

impl Rules for ClusterRole {
    fn has_status(&self) -> bool {
        false
    }

    fn name_rule(&self) -> NameRule {
        NameRule::PathSegment
    }

    fn creates_on_update(&self) -> bool {
        true
    }

    fn validate(&self, object: &Value) -> Vec<Cause> {
        let mut causes = Vec::new();
        let role = Field::root(object);
        for rule in role.at("rules").items() {
            check_rule(&rule, Paths::Allowed, &mut causes);
        }
        let selectors = role.at("aggregationRule.clusterRoleSelectors");
        if role.at("aggregationRule").is_set() && selectors.is_empty() {
            causes.push(
                selectors.required("at least one clusterRoleSelector required if aggregationRule is non-nil"),
            );
        }
        for selector in selectors.items() {
            selector.selector(&mut causes);
        }
        causes
    }
}

/// Whether rules may be for paths that are no resources.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Paths {
    Allowed,
    Forbidden,
}

fn check_rule(rule: &Field<'_>, paths: Paths, causes: &mut Causes) {
    if rule.at("verbs").is_empty() {
        causes.push(rule.at("verbs").required("verbs must contain at least one value"));
    }
    let urls = rule.at("nonResourceURLs");
    let (groups, resources) = (rule.at("apiGroups"), rule.at("resources"));
    if !urls.is_empty() {
        if paths == Paths::Forbidden {
            causes.push(urls.invalid("namespaced rules cannot apply to non-resource URLs"));
        }
        if !groups.is_empty() || !resources.is_empty() || !rule.at("resourceNames").is_empty() {
            causes.push(urls.invalid("rules cannot apply to both regular resources and non-resource URLs"));
        }
        return;
    }
    if groups.is_empty() {
        causes.push(groups.required("resource rules must supply at least one api group"));
    }
    if resources.is_empty() {
        causes.push(resources.required("resource rules must supply at least one resource"));
    }
}

/// RoleBindings.
pub(crate) struct RoleBinding;

impl Rules for RoleBinding {
    fn has_status(&self) -> bool {
        false
    }

    fn name_rule(&self) -> NameRule {
        NameRule::PathSegment
    }

    fn creates_on_update(&self) -> bool {
        true
    }

    fn default(&self, _version: &str, object: &mut Value) {
        default_binding(object);
    }

    fn validate(&self, object: &Value) -> Vec<Cause> {
        binding(object, &["ClusterRole", "Role"])
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<Cause> {
        let mut causes = self.validate(new);
        role_stays(new, old, &mut causes);
        causes
    }
}

/// ClusterRoleBindings.
pub(crate) struct ClusterRoleBinding;

impl Rules for ClusterRoleBinding {
    fn has_status(&self) -> bool {
        false
    }

    fn name_rule(&self) -> NameRule {
        NameRule::PathSegment
    }

    fn creates_on_update(&self) -> bool {
        true
    }

    fn default(&self, _version: &str, object: &mut Value) {
        default_binding(object);
    }

    fn validate(&self, object: &Value) -> Vec<Cause> {
        binding(object, &["ClusterRole"])
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<Cause> {
        let mut causes = self.validate(new);
        role_stays(new, old, &mut causes);
        causes
    }
}

fn default_binding(object: &mut Value) {
    if let Some(role) = object.inner("roleRef")
        && role.text("apiGroup").is_empty()
    {
        role.set("apiGroup", GROUP);
    }
    for subject in object.each("subjects") {
        if subject.text("apiGroup").is_empty() && matches!(subject.text("kind"), "User" | "Group") {
            subject.set("apiGroup", GROUP);
        }
    }
}

fn binding(object: &Value, kinds: &[&str]) -> Vec<Cause> {
    let mut causes = Vec::new();
    let role = Field::root(object).at("roleRef");
    let group = role.at("apiGroup");
    if group.text() != GROUP {
        causes.push(group.not_supported(&[GROUP]));
    }
    let kind = role.at("kind");
    if !kinds.contains(&kind.text()) {
        causes.push(kind.not_supported(kinds));
    }
    let name = role.at("name");
    if name.needs(&mut causes) {
        name.all(&NameRule::PathSegment.errors(name.text()), &mut causes);
    }
    for subject in Field::root(object).at("subjects").items() {
        subject.at("name").needs(&mut causes);
        let (kind, group) = (subject.at("kind"), subject.at("apiGroup"));
        match kind.text() {
            "ServiceAccount" => {
                let name = subject.at("name");
                name.dns_subdomain(&mut causes);
                if !group.is_empty() {
                    causes.push(group.not_supported(&[""]));
                }
                if subject.at("namespace").is_empty() {
                    causes.push(subject.at("namespace").required(""));
                }
            }
            "User" | "Group" => {
                if group.text() != GROUP {
                    causes.push(group.not_supported(&[GROUP]));
                }
            }
            _ => causes.push(kind.not_supported(&["ServiceAccount", "User", "Group"])),
        }
    }
    causes
}

fn role_stays(new: &Value, old: &Value, causes: &mut Causes) {
    let after = Field::root(new).at("roleRef");
    if after.value() != old.at("roleRef") {
        causes.push(after.invalid("cannot change roleRef"));
    }
}
