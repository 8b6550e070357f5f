//! LimitRanger: what containers get that ask for nothing, and how much they may ask for.

use guideway_schema::Quantity;
use serde_json::{Value, json};

use super::{Operation, Request, aggregate};
use crate::Status;
use crate::json::{fields, list, set, text};
use crate::resources::{Amounts, amounts, of_pod};

/// Names of resources with amounts, the first of a name counts.
type Defaults = Vec<(String, Value)>;

const ANNOTATION: &str = "kubernetes.io/limit-ranger";

pub(super) fn mutate(request: &Request<'_>, pod: &mut Value) {
    if !request.creates("", "pods") {
        return;
    }
    let (limits, requests) = defaults(request);
    let mut notes: Vec<String> = Vec::new();
    for field in ["containers", "initContainers"] {
        let what = if field == "containers" { "container" } else { "init container" };
        let Some(containers) = pod["spec"].get_mut(field).and_then(Value::as_array_mut) else { continue };
        for container in containers.iter_mut().filter(|container| container.is_object()) {
            let name = text(container, "name").to_owned();
            for (field, defaults) in [("requests", &requests), ("limits", &limits)] {
                let set = fill(container, field, defaults);
                if !set.is_empty() {
                    let kind = field.trim_end_matches('s');
                    notes.push(format!("{} {kind} for {what} {name}", set.join(", ")));
                }
            }
        }
    }
    if !notes.is_empty() {
        let note = format!("LimitRanger plugin set: {}", notes.join("; "));
        set(pod, &["metadata", "annotations", ANNOTATION], json!(note));
    }
}

pub(super) fn validate(request: &Request<'_>, object: &Value) -> Result<(), Status> {
    // The resources of a pod do not change after its creation; those of a claim do.
    let is_pod = request.creates("", "pods");
    let is_claim = request.operation != Operation::Delete && request.is("", "persistentvolumeclaims");
    if !is_pod && !is_claim {
        return Ok(());
    }
    for range in ranges(request) {
        let mut complaints = Vec::new();
        for item in list(&range["spec"]["limits"]) {
            match (text(item, "type"), is_pod) {
                ("Container", true) => {
                    for field in ["containers", "initContainers"] {
                        for container in list(&object["spec"][field]) {
                            let resources = &container["resources"];
                            let (requests, limits) =
                                (amounts(&resources["requests"]), amounts(&resources["limits"]));
                            check(item, &requests, &limits, &mut complaints);
                        }
                    }
                }
                ("Pod", true) => {
                    let (requests, limits) =
                        (of_pod(&object["spec"], "requests"), of_pod(&object["spec"], "limits"));
                    check(item, &requests, &limits, &mut complaints);
                }
                ("PersistentVolumeClaim", false) => {
                    check_claim(item, &amounts(&object["spec"]["resources"]["requests"]), &mut complaints);
                }
                _ => {}
            }
        }
        if !complaints.is_empty() {
            return Err(request.forbid(object, aggregate(complaints)));
        }
    }
    Ok(())
}

fn ranges(request: &Request<'_>) -> Vec<std::sync::Arc<Value>> {
    request.objects.list("", "limitranges", request.namespace)
}

/// Limits and requests for containers that name none. A limit that nobody chose is the highest one that may be; a request
/// is the limit, or else the least that must be.
fn defaults(request: &Request<'_>) -> (Defaults, Defaults) {
    let mut limits = Defaults::new();
    let mut requests = Defaults::new();
    for range in ranges(request) {
        for item in list(&range["spec"]["limits"]).iter().filter(|item| item["type"] == "Container") {
            let own: Vec<(String, Value)> = union(&[&item["default"], &item["max"]]);
            let own_requests =
                union(&[&item["defaultRequest"], &item["default"], &item["max"], &item["min"]]);
            limits.extend(own);
            requests.extend(own_requests);
        }
    }
    (limits, requests)
}

/// The fields of all maps, of each name that of the first map that has it.
fn union(maps: &[&Value]) -> Defaults {
    let mut union = Defaults::new();
    for (name, amount) in maps.iter().flat_map(|map| fields(map)) {
        if !union.iter().any(|(known, _)| known == name) {
            union.push((name.to_owned(), amount.clone()));
        }
    }
    union
}

/// Sets what the container does not name itself; gives the names of what was set, in order.
fn fill(container: &mut Value, field: &str, defaults: &[(String, Value)]) -> Vec<String> {
    let mut filled: Vec<String> = Vec::new();
    for (name, amount) in defaults {
        if container["resources"][field].get(name).is_none() {
            set(container, &["resources", field, name], amount.clone());
            filled.push(name.clone());
        }
    }
    filled.sort();
    filled
}

fn check(item: &Value, requests: &Amounts, limits: &Amounts, complaints: &mut Vec<String>) {
    let of = text(item, "type");
    for (name, least) in amounts(&item["min"]) {
        let rule = format!("minimum {name} usage per {of} is {least}");
        match (requests.get(&name), limits.get(&name)) {
            (None, _) => complaints.push(format!("{rule}.  No request is specified")),
            (Some(request), _) if *request < least => {
                complaints.push(format!("{rule}, but request is {request}"));
            }
            (_, Some(limit)) if *limit < least => complaints.push(format!("{rule}, but limit is {limit}")),
            _ => {}
        }
    }
    for (name, most) in amounts(&item["max"]) {
        let rule = format!("maximum {name} usage per {of} is {most}");
        match (requests.get(&name), limits.get(&name)) {
            (_, None) => complaints.push(format!("{rule}.  No limit is specified")),
            (_, Some(limit)) if *limit > most => complaints.push(format!("{rule}, but limit is {limit}")),
            (Some(request), _) if *request > most => {
                complaints.push(format!("{rule}, but request is {request}"));
            }
            _ => {}
        }
    }
    for (name, most) in amounts(&item["maxLimitRequestRatio"]) {
        let rule = format!("{name} max limit to request ratio per {of} is {most}");
        let given = |amounts: &Amounts| amounts.get(&name).copied().filter(|amount| !amount.is_zero());
        match (given(requests), given(limits)) {
            (None, _) => complaints.push(format!("{rule}, but no request is specified or request is 0")),
            (_, None) => complaints.push(format!("{rule}, but no limit is specified or limit is 0")),
            (Some(request), Some(limit)) if exceeds(limit, request, most) => {
                complaints.push(format!("{rule}, but provided ratio is {:.6}", ratio(limit, request)));
            }
            _ => {}
        }
    }
}

fn check_claim(item: &Value, requests: &Amounts, complaints: &mut Vec<String>) {
    for (name, least) in amounts(&item["min"]) {
        let rule = format!("minimum {name} usage per PersistentVolumeClaim is {least}");
        match requests.get(&name) {
            None => complaints.push(format!("{rule}.  No request is specified")),
            Some(request) if *request < least => complaints.push(format!("{rule}, but request is {request}")),
            Some(_) => {}
        }
    }
    for (name, most) in amounts(&item["max"]) {
        let rule = format!("maximum {name} usage per PersistentVolumeClaim is {most}");
        match requests.get(&name) {
            None => complaints.push(format!("{rule}.  No request is specified")),
            Some(request) if *request > most => complaints.push(format!("{rule}, but request is {request}")),
            Some(_) => {}
        }
    }
}

/// Is `limit / request` more than `most`? In whole thousandths, so that nothing is lost.
fn exceeds(limit: Quantity, request: Quantity, most: Quantity) -> bool {
    limit.millis().saturating_mul(1000) > request.millis().saturating_mul(most.millis())
}

/// For people to read.
fn ratio(limit: Quantity, request: Quantity) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "six digits are shown")]
    let [limit, request] = [limit, request].map(|amount| amount.millis() as f64);
    limit / request
}

#[cfg(test)]
mod tests;
