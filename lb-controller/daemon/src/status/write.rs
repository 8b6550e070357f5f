//! One write.

use std::time::Duration;

use guideway_controller_index::{Condition, FINALIZER, FinalizerChange, ServiceStatus, Severity};
use guideway_events::Recorder;
use jiff::{Timestamp, Unit};
use k8s_openapi::api::core::v1::Service;
use kube::api::{Api, Patch, PatchParams};
use kube::runtime::events::{Event, EventType};
use kube::{Client, Resource as _};
use serde_json::{Value, json};

use crate::sources::is_refusal;

/// Who fields are from.
const MANAGER: &str = "lb-controller";
const TIMEOUT: Duration = Duration::from_secs(10);
/// What an Event is about, for whoever reports.
const ACTION: &str = "Serve";

/// How it went.
pub(super) enum Outcome {
    /// It is written, or the Service is gone.
    Done,
    /// The Service is another one by now.
    Conflict,
    /// The controller may not write.
    Refused(String),
    /// Nothing is known.
    Failed(String),
}

/// Writes: the finalizer before the address, and the address away before the finalizer.
pub(super) async fn write(client: &Client, recorder: &Recorder, status: &ServiceStatus) -> Outcome {
    let services: Api<Service> = Api::namespaced(client.clone(), &status.service.namespace);
    match steps(&services, recorder, status).await {
        Ok(()) => Outcome::Done,
        Err(Fault::Late) => Outcome::Failed(format!("no answer within {TIMEOUT:?}")),
        Err(Fault::Api(error)) => match *error {
            kube::Error::Api(answer) if answer.code == 404 => Outcome::Done,
            kube::Error::Api(answer) if answer.code == 409 => Outcome::Conflict,
            error if is_refusal(&error) => Outcome::Refused(words(error)),
            error => Outcome::Failed(error.to_string()),
        },
    }
}

/// Those of the API server, if it has said some.
fn words(error: kube::Error) -> String {
    match error {
        kube::Error::Api(status) if !status.message.is_empty() => status.message.clone(),
        other => other.to_string(),
    }
}

enum Fault {
    Late,
    Api(Box<kube::Error>),
}

async fn asked<T>(request: impl Future<Output = kube::Result<T>>) -> Result<T, Fault> {
    match tokio::time::timeout(TIMEOUT, request).await {
        Ok(answer) => answer.map_err(|error| Fault::Api(Box::new(error))),
        Err(_) => Err(Fault::Late),
    }
}

async fn steps(services: &Api<Service>, recorder: &Recorder, status: &ServiceStatus) -> Result<(), Fault> {
    let name = &*status.service.name;
    let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
    let mut version = status.resource_version.clone();
    let mut last: Option<Service> = None;
    if status.finalizer == Some(FinalizerChange::Add) {
        let patch = Patch::Strategic(finalizer("finalizers", version.as_deref()));
        let service = asked(services.patch(name, &params, &patch)).await?;
        version.clone_from(&service.metadata.resource_version);
        last = Some(service);
    }
    if status.ingress.is_some() || !status.conditions.is_empty() || !status.void.is_empty() {
        let now = Timestamp::now();
        let now = now.round(Unit::Second).unwrap_or(now).to_string();
        let patch = Patch::Strategic(status_patch(status, version.as_deref(), &now));
        let service = asked(services.patch_status(name, &params, &patch)).await?;
        version.clone_from(&service.metadata.resource_version);
        last = Some(service);
    }
    if status.finalizer == Some(FinalizerChange::Remove) {
        let patch = finalizer("$deleteFromPrimitiveList/finalizers", version.as_deref());
        let service = asked(services.patch(name, &params, &Patch::Strategic(patch))).await?;
        last = Some(service);
    }
    if status.events.is_empty() {
        return Ok(());
    }
    let service = match last {
        Some(service) => service,
        None => asked(services.get(name)).await?,
    };
    let about = service.object_ref(&());
    for event in &status.events {
        let type_ = match event.severity {
            Severity::Normal => EventType::Normal,
            Severity::Warning => EventType::Warning,
        };
        let event = Event {
            type_,
            reason: event.reason.to_owned(),
            note: Some(event.message.clone()),
            action: ACTION.to_owned(),
            secondary: None,
        };
        // What a Service has is said by its conditions; that nobody takes the Event holds nothing up.
        if let Err(Fault::Api(error)) = asked(recorder.publish(&event, &about)).await {
            tracing::warn!(service = %status.service, %error, "the Event is not taken");
        }
    }
    Ok(())
}

fn finalizer(field: &str, version: Option<&str>) -> Value {
    let mut patch = json!({ "metadata": { "resourceVersion": version } });
    patch["metadata"][field] = json!([FINALIZER]);
    patch
}

/// The whole of the addresses; of the conditions those that are named, and without those that are void.
fn status_patch(status: &ServiceStatus, version: Option<&str>, now: &str) -> Value {
    let mut patch = json!({ "metadata": { "resourceVersion": version }, "status": {} });
    if let Some(ingress) = &status.ingress {
        let ingress: Vec<Value> = ingress
            .iter()
            .map(|one| json!({ "ip": one.ip.to_string(), "ipMode": one.ip_mode.as_str() }))
            .collect();
        // Of a Service without addresses nothing stays, as Kubernetes has it before there are any.
        patch["status"]["loadBalancer"] =
            if ingress.is_empty() { json!({ "ingress": null }) } else { json!({ "ingress": ingress }) };
    }
    if !status.conditions.is_empty() || !status.void.is_empty() {
        let condition = |condition: &Condition| {
            json!({
                "type": condition.kind.as_str(),
                "status": if condition.holds { "True" } else { "False" },
                "reason": condition.reason,
                "message": condition.message,
                "lastTransitionTime": now,
            })
        };
        let void = status.void.iter().map(|kind| json!({ "type": kind.as_str(), "$patch": "delete" }));
        patch["status"]["conditions"] = status.conditions.iter().map(condition).chain(void).collect();
    }
    patch
}

#[cfg(test)]
mod tests {
    use guideway_controller_index::{ConditionKind, Ingress, IpMode};
    use guideway_controller_ipam::ServiceKey;

    use super::*;

    #[test]
    fn a_patch_names_the_version_and_only_what_is_ours() {
        let mut status = ServiceStatus {
            service: ServiceKey::new("east", "shop", "web"),
            resource_version: Some("7".to_owned()),
            ingress: Some(vec![Ingress { ip: "192.0.2.1".parse().unwrap(), ip_mode: IpMode::Vip }]),
            finalizer: None,
            conditions: vec![Condition {
                kind: ConditionKind::Addresses,
                holds: true,
                reason: "Assigned",
                message: String::new(),
            }],
            void: vec![ConditionKind::Backends],
            events: Vec::new(),
        };
        let patch = status_patch(&status, Some("7"), "2026-01-01T00:00:00Z");
        assert_eq!(patch["metadata"], json!({ "resourceVersion": "7" }));
        assert_eq!(
            patch["status"]["loadBalancer"]["ingress"],
            json!([{ "ip": "192.0.2.1", "ipMode": "VIP" }])
        );
        assert_eq!(patch["status"]["conditions"][0]["type"], "guideway.dev/Addresses");
        assert_eq!(
            patch["status"]["conditions"][1],
            json!({ "type": "guideway.dev/Backends", "$patch": "delete" })
        );
        status.conditions.clear();
        status.void.clear();
        status.ingress = Some(Vec::new());
        let patch = status_patch(&status, Some("7"), "2026-01-01T00:00:00Z");
        assert_eq!(patch["status"], json!({ "loadBalancer": { "ingress": null } }));
        let patch = finalizer("$deleteFromPrimitiveList/finalizers", Some("8"));
        let expected =
            json!({ "resourceVersion": "8", "$deleteFromPrimitiveList/finalizers": ["guideway.dev/vip"] });
        assert_eq!(patch["metadata"], expected);
    }
}
