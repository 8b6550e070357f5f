//! What every namespace has: the service account `default`, and the CA of the API server as a config map.

use serde_json::json;

use crate::action::{Action, Outcome};
use crate::controller::{Controller, Interest, Observed};
use crate::kinds;
use crate::object::ObjectRef;
use crate::resource::GroupResource;
use crate::world::{Change, World};

/// The name of the config map with the CA.
pub const ROOT_CA: &str = "kube-root-ca.crt";
/// The name of the service account that pods get that ask for none.
pub const DEFAULT_ACCOUNT: &str = "default";

/// Creates the service account `default`. Its keys are namespaces.
#[derive(Clone, Copy, Debug, Default)]
pub struct DefaultAccount;

impl Controller for DefaultAccount {
    fn name(&self) -> &'static str {
        "service-account"
    }

    fn interests(&self) -> Vec<Interest> {
        vec![Interest::Kind(kinds::namespaces()), Interest::Kind(kinds::service_accounts())]
    }

    fn concerns(&self, _: &World, change: &Change, enqueue: &mut dyn FnMut(ObjectRef)) {
        namespace_of(change, &kinds::service_accounts().id, DEFAULT_ACCOUNT, enqueue);
    }

    fn reconcile(&self, observed: &Observed<'_>, key: &ObjectRef) -> Outcome {
        let accounts = kinds::service_accounts();
        if !lives(observed.world, key)
            || observed.world.get(&accounts.id, &key.name, DEFAULT_ACCOUNT).is_some()
        {
            return Outcome::done();
        }
        let object = json!({
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": { "name": DEFAULT_ACCOUNT, "namespace": &*key.name },
        });
        Outcome::act(vec![Action::Create { resource: accounts, object }])
    }
}

/// Keeps `kube-root-ca.crt` in every namespace. Its keys are namespaces.
#[derive(Clone, Debug)]
pub struct RootCa {
    /// PEM.
    pub certificates: String,
}

impl Controller for RootCa {
    fn name(&self) -> &'static str {
        "root-ca"
    }

    fn interests(&self) -> Vec<Interest> {
        vec![Interest::Kind(kinds::namespaces()), Interest::Kind(kinds::config_maps())]
    }

    fn concerns(&self, _: &World, change: &Change, enqueue: &mut dyn FnMut(ObjectRef)) {
        namespace_of(change, &kinds::config_maps().id, ROOT_CA, enqueue);
    }

    fn reconcile(&self, observed: &Observed<'_>, key: &ObjectRef) -> Outcome {
        if !lives(observed.world, key) {
            return Outcome::done();
        }
        let maps = kinds::config_maps();
        let data = json!({ "ca.crt": &self.certificates });
        let action = match observed.world.get(&maps.id, &key.name, ROOT_CA) {
            Some(map) if map.body["data"] == data => return Outcome::done(),
            // Nothing but the certificate belongs in it.
            Some(map) => {
                let mut patch =
                    json!({ "metadata": { "uid": &*map.uid }, "data": { "ca.crt": &self.certificates } });
                for name in map.body["data"].as_object().into_iter().flat_map(|data| data.keys()) {
                    if name != "ca.crt" {
                        patch["data"][name] = serde_json::Value::Null;
                    }
                }
                Action::Patch { target: map.reference(), subresource: None, patch }
            }
            None => Action::Create {
                resource: maps,
                object: json!({
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "metadata": {
                        "name": ROOT_CA,
                        "namespace": &*key.name,
                        "annotations": {
                            "kubernetes.io/description": "Certificates that a client in this cluster verifies the API server with.",
                        },
                    },
                    "data": data,
                }),
            },
        };
        Outcome::act(vec![action])
    }
}

/// The namespace that changed, or that lost or changed its object `name`.
fn namespace_of(change: &Change, resource: &GroupResource, name: &str, enqueue: &mut dyn FnMut(ObjectRef)) {
    let Some(object) = change.object() else { return };
    let namespaces = kinds::namespaces().id;
    if object.resource == namespaces {
        enqueue(object.reference());
    } else if object.resource == *resource && *object.name == *name {
        enqueue(ObjectRef::new(&namespaces, "", &object.namespace));
    }
}

fn lives(world: &World, namespace: &ObjectRef) -> bool {
    world.object(namespace).is_some_and(|namespace| namespace.deleting.is_none())
}
