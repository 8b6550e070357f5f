//! Cluster roles that gather the rules of others.

use guideway_access::rbac::{Aggregation, aggregate};
use serde_json::json;

use crate::action::{Action, Outcome};
use crate::controller::{Controller, Interest, Observed};
use crate::kinds;
use crate::object::ObjectRef;
use crate::world::{Change, World};

/// Writes the rules of aggregated cluster roles. Its keys are cluster roles.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClusterRoleController;

impl Controller for ClusterRoleController {
    fn name(&self) -> &'static str {
        "clusterrole-aggregation"
    }

    fn interests(&self) -> Vec<Interest> {
        vec![Interest::Kind(kinds::cluster_roles())]
    }

    fn concerns(&self, world: &World, change: &Change, enqueue: &mut dyn FnMut(ObjectRef)) {
        let roles = kinds::cluster_roles().id;
        if change.object().is_some_and(|role| role.resource == roles) {
            for role in world.all(&roles).filter(|role| role.body["aggregationRule"].is_object()) {
                enqueue(role.reference());
            }
        }
    }

    fn reconcile(&self, observed: &Observed<'_>, key: &ObjectRef) -> Outcome {
        let Some(role) = observed.world.object(key).filter(|role| role.deleting.is_none()) else {
            return Outcome::done();
        };
        let all = observed.world.all(&key.resource).map(|role| &role.body);
        match aggregate(&role.body, all) {
            Aggregation::Settled => Outcome::done(),
            Aggregation::Rules(rules) => {
                let patch = json!({
                    "metadata": { "uid": &*role.uid, "resourceVersion": role.revision.to_string() },
                    "rules": rules,
                });
                Outcome::act(vec![Action::Patch { target: key.clone(), subresource: None, patch }])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{Server, Sim};

    #[test]
    fn a_role_gathers_the_rules_of_others() {
        let resources = vec![kinds::cluster_roles()];
        let mut sim = Sim::new(Server::new(resources), vec![Box::new(ClusterRoleController)]);
        let all = json!({
            "metadata": { "name": "all" },
            "aggregationRule": { "clusterRoleSelectors": [{ "matchLabels": { "to": "all" } }] },
        });
        sim.server.create(&kinds::cluster_roles(), all).unwrap();
        let rule = json!({ "apiGroups": [""], "resources": ["pods"], "verbs": ["get"] });
        let part = json!({ "metadata": { "name": "part", "labels": { "to": "all" } }, "rules": [rule] });
        sim.server.create(&kinds::cluster_roles(), part).unwrap();
        sim.converge();
        let all = ObjectRef::new(&kinds::cluster_roles().id, "", "all");
        assert_eq!(sim.object(&all).unwrap()["rules"], json!([rule]));
        let part = ObjectRef::new(&kinds::cluster_roles().id, "", "part");
        sim.server.delete(&part, crate::Propagation::Background).unwrap();
        sim.converge();
        assert_eq!(sim.object(&all).unwrap()["rules"], json!([]));
    }
}
