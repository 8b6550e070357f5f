//! `eviction`: the end of a pod, if the budgets of those that belong together allow it now.

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use guideway_api::kind::Origin;
use guideway_api::options::{DeleteOptions, DryRun, WriteOptions};
use guideway_api::selector::LabelSelector;
use guideway_api::status::StatusCause;
use guideway_api::{GroupVersionKind, Status};
use guideway_cache::Object;
use guideway_schema::Schema;
use guideway_store::{Txn, TxnOutcome};
use serde_json::{Value, json};

use crate::call::Call;
use crate::reply::{self, Answer};
use crate::value::{is_terminating, metadata, text};
use crate::write::{Expected, delete_object, incoming};

/// How often a budget that changed meanwhile is looked at again.
const ATTEMPTS: usize = 16;

/// What clients before 1.22 send.
const OLDER: [&str; 1] = ["policy/v1beta1"];

/// POST to `pods/NAME/eviction`.
pub(super) async fn evict(call: &mut Call, body: Body) -> Answer {
    let options = WriteOptions::create(call.query())?;
    let schema = Schema::builtin("policy", "v1", "Eviction");
    let kind = GroupVersionKind { group: "policy".into(), version: "v1".into(), kind: "Eviction".into() };
    let expected = Expected { kind, schema: schema.as_ref(), origin: Origin::BuiltIn, older: &OLDER };
    let mut warnings = Vec::new();
    let eviction = incoming(call, body, &expected, options.field_validation, &mut warnings).await?;
    let name = call.path.name.clone();
    let own = text(&eviction, &["metadata", "name"]);
    if !own.is_empty() && own != name {
        return Err(Status::bad_request(format!(
            "name in URL does not match name in Eviction object: {own}"
        )));
    }
    let mut how = DeleteOptions::parse("", &eviction["deleteOptions"])?;
    if options.dry_run == DryRun::All {
        how.dry_run = DryRun::All;
    }
    let pod = call.current().await?;
    let pod_value = pod.value();
    if needs_budget(&pod_value) {
        take_from_budget(call, &pod, &pod_value, how.dry_run == DryRun::All).await?;
    }
    if how.preconditions.uid.is_none() {
        how.preconditions.uid = pod.uid().map(str::to_owned);
    }
    delete_object(call, &name, &how).await?;
    Ok(reply::value(StatusCode::CREATED, call.wanted.encoding, &Status::success(201)))
}

/// A pod that does not run disturbs nobody by its end.
fn needs_budget(pod: &Value) -> bool {
    !is_terminating(pod) && !matches!(text(pod, &["status", "phase"]), "Succeeded" | "Failed" | "Pending")
}

/// Takes one disruption from the budget of the pod, in a transaction that no other eviction can be in too.
async fn take_from_budget(call: &Call, pod: &Object, pod_value: &Value, is_dry: bool) -> Result<(), Status> {
    for _ in 0..ATTEMPTS {
        let Some(found) = budget_of(call, pod)? else { return Ok(()) };
        let mut budget = found.value();
        if is_exempt(pod_value, &budget) {
            return Ok(());
        }
        check(&budget)?;
        let left = budget["status"]["disruptionsAllowed"].as_i64().unwrap_or(0) - 1;
        if is_dry {
            return Ok(());
        }
        budget["status"]["disruptionsAllowed"] = Value::from(left);
        if !budget["status"]["disruptedPods"].is_object() {
            budget["status"]["disruptedPods"] = json!({});
        }
        budget["status"]["disruptedPods"][pod.name()] = Value::from(call.time());
        metadata(&mut budget).remove("resourceVersion");
        let bytes = serde_json::to_vec(&budget).map_err(Status::internal)?;
        let txn = Txn::update(found.key.clone(), found.revision, Bytes::from(bytes));
        match call.server.store.txn(txn).await.map_err(|error| call.server.store_failed(&error))? {
            TxnOutcome::Committed(_) => return Ok(()),
            TxnOutcome::Refused { revision, .. } => call.server.reach(revision).await?,
        }
    }
    Err(Status::too_many_requests("the disruption budget changes too fast; please try again", 1))
}

/// The one budget that counts the pod.
fn budget_of(call: &Call, pod: &Object) -> Result<Option<std::sync::Arc<Object>>, Status> {
    let prefix = format!("/registry/policy/poddisruptionbudgets/{}/", call.path.namespace);
    let (_, budgets) = call.server.cache.list(&prefix);
    let mut matching = budgets.into_iter().filter(|budget| {
        let value = budget.value();
        let selector = &value["spec"]["selector"];
        !selector.is_null()
            && LabelSelector::from_object(selector)
                .is_ok_and(|selector| selector.matches_with(|name| pod.label(name)))
    });
    let found = matching.next();
    if matching.next().is_some() {
        return Err(Status::failure(
            500,
            "InternalError",
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
        ));
    }
    Ok(found)
}

/// Whether a pod that is not ready may go whatever the budget says.
fn is_exempt(pod: &Value, budget: &Value) -> bool {
    let is_ready = pod["status"]["conditions"].as_array().is_some_and(|conditions| {
        conditions.iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
    });
    if is_ready {
        return false;
    }
    if text(budget, &["spec", "unhealthyPodEvictionPolicy"]) == "AlwaysAllow" {
        return true;
    }
    let number = |name: &str| budget["status"][name].as_i64().unwrap_or(0);
    number("desiredHealthy") > 0 && number("currentHealthy") >= number("desiredHealthy")
}

fn check(budget: &Value) -> Result<(), Status> {
    let name = text(budget, &["metadata", "name"]);
    let number = |name: &str| budget["status"][name].as_i64().unwrap_or(0);
    if number("observedGeneration") < budget["metadata"]["generation"].as_i64().unwrap_or(0) {
        let message = "Cannot evict pod as it would violate the pod's disruption budget.";
        let cause = StatusCause {
            reason: "DisruptionBudget".to_owned(),
            message: format!("The disruption budget {name} is still being processed by the server."),
            field: String::new(),
        };
        return Err(Status::too_many_requests(message, 10).with_cause(cause));
    }
    if number("disruptionsAllowed") <= 0 {
        return Err(Status::disruption_budget(name, number("desiredHealthy"), number("currentHealthy")));
    }
    Ok(())
}
