//! CertificateApproval, CertificateSigning and CertificateSubjectRestriction: whose certificates may be made by whom.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer;

use super::{Operation, Request};
use crate::json::text;
use crate::rbac::{Attributes, ResourceAttributes, Target};
use crate::review::user_info;
use crate::{MASTERS, Status, authorize};

const GROUP: &str = "certificates.k8s.io";
const RESOURCE: &str = "certificatesigningrequests";

/// Who asks for a certificate is who sends the request, whatever the object says.
pub(super) fn mutate(request: &Request<'_>, object: &mut Value) {
    if request.operation != Operation::Create || !request.is(GROUP, RESOURCE) {
        return;
    }
    let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) else { return };
    for word in ["username", "uid", "groups", "extra"] {
        spec.remove(word);
    }
    if let Value::Object(who) = user_info(request.identity) {
        spec.extend(who);
    }
}

pub(super) fn validate(request: &Request<'_>, object: &Value) -> Result<(), Status> {
    if request.group != GROUP || request.resource != RESOURCE {
        return Ok(());
    }
    let before = request.old.unwrap_or(&Value::Null);
    match (request.operation, request.subresource) {
        (Operation::Update, "approval") => needs(request, object, before, "approve"),
        (Operation::Update, "status")
            if object["status"]["certificate"] != before["status"]["certificate"] =>
        {
            needs(request, object, before, "sign")
        }
        (Operation::Create, "") => not_for_masters(request, object),
        _ => Ok(()),
    }
}

/// The right to use the signer, or all of its domain.
fn needs(request: &Request<'_>, object: &Value, before: &Value, verb: &str) -> Result<(), Status> {
    let signer = text(&before["spec"], "signerName");
    let domain = signer.split_once('/').map(|(domain, _)| format!("{domain}/*")).unwrap_or_default();
    let may = |name: &str| {
        let to = ResourceAttributes {
            group: GROUP,
            version: "*",
            resource: "signers",
            name,
            ..Default::default()
        };
        let attributes = Attributes { verb, target: Target::Resource(to) };
        authorize(request.index, request.objects, request.identity, &attributes).allowed
    };
    if may(signer) || may(&domain) {
        return Ok(());
    }
    Err(request.forbid(object, format!("user not permitted to {verb} requests with signerName {signer:?}")))
}

/// Nobody gets a certificate that is above all roles by asking for a client's.
fn not_for_masters(request: &Request<'_>, object: &Value) -> Result<(), Status> {
    const SIGNER: &str = "kubernetes.io/kube-apiserver-client";
    if object["spec"]["signerName"] != SIGNER {
        return Ok(());
    }
    let asks =
        object["spec"]["request"].as_str().and_then(|pem| STANDARD.decode(pem).ok()).is_some_and(|pem| {
            let Ok((_, pem)) = x509_parser::pem::parse_x509_pem(&pem) else { return false };
            let Ok((_, asked)) = X509CertificationRequest::from_der(&pem.contents) else { return false };
            let subject = &asked.certification_request_info.subject;
            subject.iter_organization().any(|group| group.as_str() == Ok(MASTERS))
        });
    if asks {
        let why = format!("use of {SIGNER} signer with {MASTERS} group is not allowed");
        return Err(request.forbid(object, why));
    }
    Ok(())
}
