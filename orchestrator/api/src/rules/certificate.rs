//! Requests for certificates.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use guideway_schema::Cause;
use serde_json::Value;

use super::Rules;
use super::field::Field;
use crate::json::{Fill, View};
use crate::meta::NameRule;

/// CertificateSigningRequests. Who asks (`spec.username`, `uid`, `groups`, `extra`) is set by the server, from the
/// identity of the client. Whether `spec.request` is signed is looked at by the caller, with a library that is not pure.
pub(crate) struct Request;

const USAGES: [&str; 23] = [
    "any",
    "cert sign",
    "client auth",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "digital signature",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "key encipherment",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "server auth",
    "signing",
    "timestamping",
];

impl Rules for Request {
    fn name_rule(&self) -> NameRule {
        NameRule::PathSegment
    }

    fn has_generation(&self) -> bool {
        false
    }

    fn validate(&self, object: &Value) -> Vec<Cause> {
        let mut causes = Vec::new();
        let spec = Field::root(object).at("spec");
        let usages = spec.at("usages");
        usages.needs(&mut causes);
        let mut seen: Vec<&str> = Vec::new();
        for usage in usages.items() {
            usage.one_of(&USAGES, &mut causes);
            if seen.contains(&usage.text()) {
                causes.push(usage.duplicate());
            }
            seen.push(usage.text());
        }
        let signer = spec.at("signerName");
        if signer.needs(&mut causes) {
            match signer.text().split_once('/') {
                Some((domain, path)) if !path.is_empty() => {
                    signer.all(&crate::meta::dns_subdomain_errors(domain), &mut causes);
                }
                _ => causes.push(signer.invalid(
                    "must be a fully qualified domain and path of the form 'example.com/signer-name'",
                )),
            }
        }
        let seconds = spec.at("expirationSeconds");
        if seconds.int().is_some_and(|seconds| seconds < 600) {
            causes.push(seconds.invalid("may not specify a duration less than 600 seconds (10 minutes)"));
        }
        causes
    }

    /// The spec is what was approved; it does not change.
    fn prepare_update(&self, new: &mut Value, old: &Value) {
        super::ordinary::keep(new, old, "spec");
        super::ordinary::keep(new, old, "status");
    }

    fn prepare_status(&self, new: &mut Value, old: &Value) {
        super::ordinary::prepare_status(self.status_keeps(), new, old);
        // Whether it is approved is said through another subresource.
        let verdicts = |object: &Value| -> Vec<Value> {
            let all = object.list("status.conditions").iter();
            all.filter(|one| matches!(one.text("type"), "Approved" | "Denied")).cloned().collect()
        };
        let kept = verdicts(old);
        if let Some(status) = new.made("status") {
            let others = status.list("conditions").iter();
            let others = others.filter(|one| !matches!(one.text("type"), "Approved" | "Denied")).cloned();
            let all: Vec<Value> = kept.into_iter().chain(others).collect();
            if !all.is_empty() {
                status.set("conditions", all);
            }
        }
    }

    fn stamp(&self, new: &mut Value, old: &Value, now: &str) {
        let Some(Value::Array(conditions)) =
            new.get_mut("status").and_then(|status| status.get_mut("conditions"))
        else {
            return;
        };
        for condition in conditions {
            let before = old.list("status.conditions").iter().find(|before| {
                ["type", "status"].iter().all(|field| before.text(field) == condition.text(field))
            });
            let since =
                before.map(|before| before.text("lastTransitionTime")).filter(|time| !time.is_empty());
            let since = since.unwrap_or(now).to_owned();
            condition.or_set("lastUpdateTime", now);
            condition.or_set("lastTransitionTime", since);
        }
    }

    fn validate_update(&self, new: &Value, old: &Value) -> Vec<Cause> {
        let mut causes = self.validate(new);
        causes.extend(self.validate_status(new, old));
        causes
    }

    fn validate_part(&self, new: &Value, old: &Value) -> Vec<Cause> {
        let mut causes = self.validate_status(new, old);
        // Who has decided has decided.
        for kind in ["Approved", "Denied"] {
            let has =
                |object: &Value| object.list("status.conditions").iter().any(|one| one.text("type") == kind);
            if has(old) && !has(new) {
                let words = format!("updates may not remove a condition of type {kind:?}");
                causes.push(Field::root(new).at("status.conditions").forbidden(&words));
            }
        }
        causes
    }

    fn validate_status(&self, new: &Value, old: &Value) -> Vec<Cause> {
        let mut causes = Vec::new();
        let status = Field::root(new).at("status");
        let mut types = Vec::new();
        for condition in status.at("conditions").items() {
            let (kind, state) = (condition.at("type"), condition.at("status"));
            kind.needs(&mut causes);
            // A decision is there or not: nobody takes it back.
            let is_decision = matches!(kind.text(), "Approved" | "Denied" | "Failed");
            if state.needs(&mut causes) {
                state
                    .one_of(if is_decision { &["True"] } else { &["False", "True", "Unknown"] }, &mut causes);
            }
            let opposite = match kind.text() {
                "Approved" => "Denied",
                "Denied" => "Approved",
                _ => "",
            };
            if !opposite.is_empty() && types.contains(&opposite) {
                causes.push(kind.invalid("Approved and Denied conditions are mutually exclusive"));
            }
            if types.contains(&kind.text()) {
                causes.push(kind.duplicate());
            }
            types.push(kind.text());
        }
        let certificate = STANDARD.decode(status.at("certificate").text()).unwrap_or_default();
        let is_certificate = String::from_utf8_lossy(&certificate).contains("-----BEGIN CERTIFICATE-----");
        if !certificate.is_empty() && !is_certificate {
            // Kubernetes does not repeat it.
            let shown = Value::from("<certificate data>");
            let words = "must contain at least one CERTIFICATE PEM block";
            causes.push(Cause::invalid("status.certificate", &shown, words));
        }
        let before = old.text("status.certificate");
        if !before.is_empty() && status.at("certificate").text() != before {
            causes.push(status.at("certificate").invalid(
                "updates may not set certificate content if existing certificate content is not empty",
            ));
        }
        causes
    }
}
