//! Secrets with a token of a service account, as they were made before tokens had to be asked for.

use serde_json::json;

use crate::action::{Action, Outcome, Propagation};
use crate::controller::{Answer, Controller, Interest, Observed, Question};
use crate::kinds;
use crate::object::{Object, ObjectRef};
use crate::world::{Change, World};

const TYPE: &str = "kubernetes.io/service-account-token";
const NAME: &str = "kubernetes.io/service-account.name";
const UID: &str = "kubernetes.io/service-account.uid";

/// Fills secrets of type `kubernetes.io/service-account-token`, and deletes them with their account. Its keys are
/// secrets. No secret is made for an account on its own account.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokenSecrets;

impl Controller for TokenSecrets {
    fn name(&self) -> &'static str {
        "service-account-token"
    }

    fn interests(&self) -> Vec<Interest> {
        vec![Interest::Kind(kinds::secrets()), Interest::Kind(kinds::service_accounts())]
    }

    fn concerns(&self, world: &World, change: &Change, enqueue: &mut dyn FnMut(ObjectRef)) {
        let Some(object) = change.object() else { return };
        if object.resource == kinds::secrets().id {
            if change.new.is_some() && is_token(object) {
                enqueue(object.reference());
            }
        } else if object.resource == kinds::service_accounts().id {
            for secret in world.within(&kinds::secrets().id, &object.namespace) {
                if is_token(secret) && secret.annotation(NAME) == Some(&object.name) {
                    enqueue(secret.reference());
                }
            }
        }
    }

    fn reconcile(&self, observed: &Observed<'_>, key: &ObjectRef) -> Outcome {
        let Some(secret) =
            observed.world.object(key).filter(|secret| is_token(secret) && secret.deleting.is_none())
        else {
            return Outcome::done();
        };
        let Some(name) = secret.annotation(NAME) else { return Outcome::done() };
        let named = secret.annotation(UID);
        let account = observed.world.get(&kinds::service_accounts().id, &key.namespace, name);
        match account.filter(|account| named.is_none_or(|uid| *uid == *account.uid)) {
            Some(account) => {
                let data = &secret.body["data"];
                let filled = ["token", "ca.crt", "namespace"].iter().all(|field| !data[*field].is_null());
                if filled && named.is_some() {
                    return Outcome::done();
                }
                Outcome::act(vec![Action::FillTokenSecret {
                    secret: secret.clone(),
                    account: account.clone(),
                }])
            }
            None => {
                let place = ObjectRef::new(&kinds::service_accounts().id, &key.namespace, name);
                let question = Question::Get(place);
                match observed.answers.get(&question) {
                    None => Outcome::ask(vec![question]),
                    // Its creation will be seen.
                    Some(Answer::Object(account))
                        if named.is_none_or(|uid| account["metadata"]["uid"] == *uid) =>
                    {
                        Outcome::done()
                    }
                    Some(Answer::Object(_) | Answer::Absent) => Outcome::act(vec![Action::Delete {
                        target: key.clone(),
                        uid: secret.uid.clone(),
                        revision: Some(secret.revision),
                        propagation: Propagation::Background,
                    }]),
                    Some(_) => Outcome::done().again(std::time::Duration::from_secs(10)),
                }
            }
        }
    }
}

fn is_token(secret: &Object) -> bool {
    secret.body["type"] == TYPE
}

/// The patch that puts `token` (a JWT) and `certificates` (PEM) into the secret.
pub fn filled(secret: &Object, account: &Object, token: &str, certificates: &str) -> serde_json::Value {
    use base64::Engine as _;
    let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    json!({
        "metadata": {
            "uid": &*secret.uid,
            "resourceVersion": secret.revision.to_string(),
            "annotations": { UID: &*account.uid },
        },
        "data": {
            "token": encode(token),
            "ca.crt": encode(certificates),
            "namespace": encode(&secret.namespace),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{Server, Sim};

    fn sim() -> Sim {
        let resources = vec![kinds::namespaces(), kinds::secrets(), kinds::service_accounts()];
        let mut sim = Sim::new(Server::new(resources), vec![Box::new(TokenSecrets)]);
        sim.server.create(&kinds::namespaces(), json!({ "metadata": { "name": "default" } })).unwrap();
        let account = json!({ "metadata": { "name": "robot", "namespace": "default" } });
        sim.server.create(&kinds::service_accounts(), account).unwrap();
        sim
    }

    fn secret(sim: &mut Sim, name: &str, account: &str) -> ObjectRef {
        let meta = json!({ "name": name, "namespace": "default", "annotations": { NAME: account } });
        sim.server.create(&kinds::secrets(), json!({ "metadata": meta, "type": TYPE })).unwrap();
        ObjectRef::new(&kinds::secrets().id, "default", name)
    }

    #[test]
    fn secrets_are_filled_and_go_with_their_account() {
        let mut sim = sim();
        let good = secret(&mut sim, "good", "robot");
        let stray = secret(&mut sim, "stray", "nobody");
        sim.converge();
        assert!(sim.object(&stray).is_none());
        let filled = sim.object(&good).unwrap();
        assert_eq!(filled["data"]["namespace"], "ZGVmYXVsdA==");
        assert!(!filled["metadata"]["annotations"][UID].is_null());
        let account = ObjectRef::new(&kinds::service_accounts().id, "default", "robot");
        sim.server.delete(&account, Propagation::Background).unwrap();
        // Another account of the name is another account.
        let again = json!({ "metadata": { "name": "robot", "namespace": "default" } });
        sim.server.create(&kinds::service_accounts(), again).unwrap();
        sim.converge();
        assert!(sim.object(&good).is_none());
    }
}
