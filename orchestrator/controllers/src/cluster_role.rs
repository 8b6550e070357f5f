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
