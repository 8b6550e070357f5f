use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::binding::{Binding, Subject, SubjectKind};
use super::{Attributes, Decision, GROUP, RbacKind, Rule, Target};
use crate::{Identity, Objects};

/// All roles and bindings of the cluster, compiled for lookup by subject.
///
/// A question costs a look-up for the user and one for each of its groups, in the cluster and in the namespace of the
/// request, and the rules of the roles found there; how many bindings there are for others does not matter.
#[derive(Clone, Debug, Default)]
pub struct Index {
    /// By namespace, `""` for the roles of the cluster, and name.
    roles: HashMap<Box<str>, Roles>,
    bindings: HashMap<Key, Arc<Binding>>,
    /// The grants of each namespace; those of the cluster under `""`.
    scopes: HashMap<Box<str>, Scope>,
}

/// Rules by the name of the role.
type Roles = HashMap<Box<str>, Arc<[Rule]>>;

/// Namespace (empty for the kinds of the cluster) and name.
type Key = (Box<str>, Box<str>);

#[derive(Clone, Debug, Default)]
struct Scope {
    users: HashMap<Box<str>, Vec<Grant>>,
    groups: HashMap<Box<str>, Vec<Grant>>,
}

#[derive(Clone, Debug)]
struct Grant {
    binding: Arc<Binding>,
    /// The index of the subject in the binding.
    subject: usize,
}

impl Index {
    /// Everything that `objects` holds.
    #[must_use]
    pub fn from_objects(objects: &dyn Objects) -> Self {
        let mut index = Self::default();
        for kind in RbacKind::ALL {
            for object in objects.list(GROUP, kind.resource(), "") {
                index.put(kind, &object);
            }
        }
        index
    }

    /// One object was added or changed.
    pub fn put(&mut self, kind: RbacKind, object: &Value) {
        let metadata = &object["metadata"];
        let namespace = kind.namespace(metadata["namespace"].as_str().unwrap_or_default());
        let name = metadata["name"].as_str().unwrap_or_default();
        if kind.is_role() {
            self.roles.entry(namespace.into()).or_default().insert(name.into(), Rule::of_role(object).into());
        } else {
            self.remove(kind, namespace, name);
            self.bind(Arc::new(Binding::new(namespace, object)));
        }
    }

    /// One object is gone. `namespace` is `""` for the kinds of the cluster.
    pub fn remove(&mut self, kind: RbacKind, namespace: &str, name: &str) {
        let namespace = kind.namespace(namespace);
        if kind.is_role() {
            if let Some(roles) = self.roles.get_mut(namespace) {
                roles.remove(name);
                if roles.is_empty() {
                    self.roles.remove(namespace);
                }
            }
        } else if let Some(binding) = self.bindings.remove(&(namespace.into(), name.into())) {
            self.unbind(&binding);
        }
    }

    /// May `who` do this, as far as roles say?
    #[must_use]
    pub fn authorize(&self, who: &Identity, attributes: &Attributes<'_>) -> Decision {
        let namespace = match attributes.target {
            Target::Resource(to) => to.namespace,
            Target::Path(_) => "",
        };
        let mut missing: Vec<String> = Vec::new();
        for (binding, subject) in self.grants(who, namespace) {
            match self.rules_of(binding) {
                Some(rules) if rules.iter().any(|rule| rule.allows(attributes)) => {
                    return Decision { allowed: true, reason: binding.reason(subject) };
                }
                Some(_) => {}
                None => {
                    let words = missing_role(binding);
                    if !missing.contains(&words) {
                        missing.push(words);
                    }
                }
            }
        }
        let reason = match missing.as_slice() {
            [] => String::new(),
            [one] => format!("RBAC: {one}"),
            all => format!("RBAC: [{}]", all.join(", ")),
        };
        Decision { allowed: false, reason }
    }

    /// Every rule that `who` has in the namespace, or, with `""`, in the whole cluster.
    pub fn rules<'a>(&'a self, who: &'a Identity, namespace: &'a str) -> impl Iterator<Item = &'a Rule> {
        self.grants(who, namespace).filter_map(|(binding, _)| self.rules_of(binding)).flatten()
    }

    /// The rules of one role; `namespace` is `""` for a cluster role.
    #[must_use]
    pub fn role(&self, namespace: &str, name: &str) -> Option<&[Rule]> {
        self.roles.get(namespace)?.get(name).map(|rules| &**rules)
    }

    /// The bindings of a user: those of the cluster, then those of the namespace.
    fn grants<'a>(
        &'a self,
        who: &'a Identity,
        namespace: &'a str,
    ) -> impl Iterator<Item = (&'a Binding, &'a Subject)> {
        let scopes = [Some(""), (!namespace.is_empty()).then_some(namespace)];
        scopes
            .into_iter()
            .flatten()
            .filter_map(|scope| self.scopes.get(scope))
            .flat_map(|scope| {
                let groups = who.groups.iter().filter_map(|group| scope.groups.get(group.as_str()));
                scope.users.get(who.name.as_str()).into_iter().chain(groups)
            })
            .flatten()
            .map(|grant| (&*grant.binding, &grant.binding.subjects[grant.subject]))
    }

    fn rules_of(&self, binding: &Binding) -> Option<&[Rule]> {
        // Looked up for each question, and not stored in the grant: roles come and go on their own.
        self.role(binding.role_namespace()?, &binding.role.name)
    }

    fn bind(&mut self, binding: Arc<Binding>) {
        let scope = self.scopes.entry(binding.namespace.clone()).or_default();
        for (index, subject) in binding.subjects.iter().enumerate() {
            let grant = Grant { binding: Arc::clone(&binding), subject: index };
            scope.of_mut(subject.kind).entry(subject.who.clone()).or_default().push(grant);
        }
        self.bindings.insert((binding.namespace.clone(), binding.name.clone()), binding);
    }

    fn unbind(&mut self, binding: &Arc<Binding>) {
        let Some(scope) = self.scopes.get_mut(&binding.namespace) else { return };
        for subject in &binding.subjects {
            let grants = scope.of_mut(subject.kind);
            if let Some(own) = grants.get_mut(&subject.who) {
                own.retain(|grant| !Arc::ptr_eq(&grant.binding, binding));
                if own.is_empty() {
                    grants.remove(&subject.who);
                }
            }
        }
        if scope.users.is_empty() && scope.groups.is_empty() {
            self.scopes.remove(&binding.namespace);
        }
    }
}

impl Scope {
    fn of_mut(&mut self, kind: SubjectKind) -> &mut HashMap<Box<str>, Vec<Grant>> {
        match kind {
            SubjectKind::User => &mut self.users,
            SubjectKind::Group => &mut self.groups,
        }
    }
}

/// What Kubernetes says of a binding whose role does not exist.
fn missing_role(binding: &Binding) -> String {
    let role = &binding.role;
    format!("{}.{GROUP} {:?} not found", role.kind.to_lowercase(), role.name)
}

#[cfg(test)]
mod tests;
