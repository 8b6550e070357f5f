//! PersistentVolumeClaimResize: a claim grows only where its class can make volumes grow.

use guideway_schema::Quantity;
use serde_json::Value;

use super::{Operation, Request};
use crate::Status;
use crate::json::text;

pub(super) fn validate(request: &Request<'_>, claim: &Value) -> Result<(), Status> {
    let (Operation::Update, Some(old)) = (request.operation, request.old) else { return Ok(()) };
    if !request.is("", "persistentvolumeclaims") {
        return Ok(());
    }
    let size = |claim: &Value| -> Option<Quantity> {
        claim["spec"]["resources"]["requests"]["storage"].as_str()?.parse().ok()
    };
    let (Some(before), Some(after)) = (size(old), size(claim)) else { return Ok(()) };
    if after <= before {
        return Ok(());
    }
    let class = text(&old["spec"], "storageClassName");
    let grows = request
        .objects
        .get("storage.k8s.io", "storageclasses", "", class)
        .is_some_and(|class| class["allowVolumeExpansion"] == true);
    if grows {
        return Ok(());
    }
    let why = "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must \
               support resize";
    Err(request.forbid(claim, why))
}
