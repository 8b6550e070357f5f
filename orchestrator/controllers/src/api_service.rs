//! APIServices: one for each group and version that this server serves, and the truth about all others.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::action::{Action, Outcome, Propagation};
use crate::conditions::{Condition, merged};
use crate::controller::{Controller, Interest, Observed};
use crate::kinds;
use crate::object::{Object, ObjectRef};
use crate::world::{Change, World};

/// The label of objects that come and go with what is served.
const AUTOMANAGED: &str = "kube-aggregator.kubernetes.io/automanaged";

/// Keeps the APIServices. It has one key.
///
/// An APIService that points to a Service is another server's: requests are not passed on, and it says so. One of
/// these is made for the resource metrics, which `kubectl top` wants and nobody measures.
#[derive(Clone, Copy, Debug, Default)]
pub struct ApiServiceController;

fn key() -> ObjectRef {
    ObjectRef::new(&kinds::api_services().id, "", "")
}

impl Controller for ApiServiceController {
    fn name(&self) -> &'static str {
        "apiservice"
    }

    fn interests(&self) -> Vec<Interest> {
        vec![Interest::Kind(kinds::api_services())]
    }

    fn concerns(&self, _: &World, change: &Change, enqueue: &mut dyn FnMut(ObjectRef)) {
        if change.object().is_some_and(|object| object.resource == kinds::api_services().id) {
            enqueue(key());
        }
    }

    fn discovered(&self, _: &World, enqueue: &mut dyn FnMut(ObjectRef)) {
        enqueue(key());
    }

    fn reconcile(&self, observed: &Observed<'_>, _: &ObjectRef) -> Outcome {
        let discovery = observed.world.discovery();
        if discovery.groups.is_empty() || !discovery.failed.is_empty() {
            return Outcome::done();
        }
        let mut wanted: BTreeMap<String, Value> = BTreeMap::new();
        for (group, versions) in &discovery.groups {
            for (index, version) in versions.iter().enumerate() {
                wanted.insert(format!("{version}.{group}"), local(group, version, index));
            }
        }
        wanted.entry("v1beta1.metrics.k8s.io".to_owned()).or_insert_with(metrics);
        let mut actions = Vec::new();
        for service in observed.world.all(&kinds::api_services().id) {
            let known = wanted.remove(&*service.name).is_some();
            if !known && service.label(AUTOMANAGED).is_some() && is_local(service) {
                actions.push(Action::Delete {
                    target: service.reference(),
                    uid: service.uid.clone(),
                    revision: None,
                    propagation: Propagation::Background,
                });
            } else {
                actions.extend(status(service, known, observed.now));
            }
        }
        let resource = kinds::api_services();
        let created =
            wanted.into_values().map(|object| Action::Create { resource: resource.clone(), object });
        Outcome::act(created.chain(actions).collect())
    }
}

fn is_local(service: &Object) -> bool {
    service.body["spec"]["service"].is_null()
}

fn status(service: &Arc<Object>, served: bool, now: jiff::Timestamp) -> Option<Action> {
    let (status, reason, message) = match (is_local(service), served) {
        (true, true) => ("True", "Local", "Local APIServices are always available".to_owned()),
        (true, false) => ("False", "NotServed", "this server serves no such group and version".to_owned()),
        (false, _) => {
            let target = &service.body["spec"]["service"];
            let name = |field: &str| target[field].as_str().unwrap_or_default().to_owned();
            let message = format!(
                "requests are not passed on to other API servers (here: service/{} in {:?})",
                name("name"),
                name("namespace")
            );
            ("False", "AggregationNotServed", message)
        }
    };
    let condition = Condition { condition: "Available", status, reason, message, generation: None };
    let conditions = merged(&service.body["status"]["conditions"], &[condition], now)?;
    let patch = json!({
        "metadata": { "uid": &*service.uid, "resourceVersion": service.revision.to_string() },
        "status": { "conditions": conditions },
    });
    Some(Action::Patch { target: service.reference(), subresource: Some("status"), patch })
}

fn local(group: &str, version: &str, index: usize) -> Value {
    let (automanaged, minimum) = match group {
        "" => ("onstart", 18_000),
        "apps" => ("onstart", 17_800),
        "autoscaling" | "batch" | "policy" => ("onstart", 17_500),
        group if group.ends_with(".k8s.io") => ("onstart", 16_000),
        _ => ("true", 1_000),
    };
    json!({
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": { "name": format!("{version}.{group}"), "labels": { AUTOMANAGED: automanaged } },
        "spec": {
            "group": group,
            "version": version,
            "groupPriorityMinimum": minimum,
            "versionPriority": 100usize.saturating_sub(index).max(1),
        },
    })
}

fn metrics() -> Value {
    json!({
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": { "name": "v1beta1.metrics.k8s.io" },
        "spec": {
            "group": "metrics.k8s.io",
            "version": "v1beta1",
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "insecureSkipTLSVerify": true,
            "service": { "namespace": "kube-system", "name": "metrics-server", "port": 443 },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{Server, Sim};

    #[test]
    fn what_is_served_is_available_and_the_rest_says_why_not() {
        let resources = vec![kinds::namespaces(), kinds::api_services(), kinds::deployments()];
        let mut sim = Sim::new(Server::new(resources), vec![Box::new(ApiServiceController)]);
        let old = json!({
            "metadata": { "name": "v1.gone.example.com", "labels": { AUTOMANAGED: "true" } },
            "spec": { "group": "gone.example.com", "version": "v1" },
        });
        sim.server.create(&kinds::api_services(), old).unwrap();
        sim.converge();
        let all = sim.server.list(&kinds::api_services().id, "");
        let found: Vec<(&str, &str, &str)> = all
            .iter()
            .map(|service| {
                let condition = &service["status"]["conditions"][0];
                let text = |value: &'_ Value| value.as_str().unwrap_or_default().to_owned().leak() as &str;
                (text(&service["metadata"]["name"]), text(&condition["status"]), text(&condition["reason"]))
            })
            .collect();
        assert_eq!(
            found,
            [
                ("v1.", "True", "Local"),
                ("v1.apiregistration.k8s.io", "True", "Local"),
                ("v1.apps", "True", "Local"),
                ("v1beta1.metrics.k8s.io", "False", "AggregationNotServed"),
            ]
        );
    }
}
