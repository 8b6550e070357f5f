use guideway_api::Cause;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Tokens;
use super::claims::{Audiences, Bound, Claims, LEGACY_ISSUER, Reference};
use crate::admission::Warnings;
use crate::json::{text, texts};
use crate::{Identity, Objects, Status, node, refusal};

const KIND: &str = "TokenRequest";
const GROUP: &str = "authentication.k8s.io";
const DEFAULT: SignedDuration = SignedDuration::from_hours(1);
const SHORTEST: SignedDuration = SignedDuration::from_mins(10);
const LONGEST: SignedDuration = SignedDuration::from_secs(1 << 32);

/// A call of the `token` subresource of a service account.
#[derive(Clone, Copy, Debug)]
pub struct TokenRequest<'a> {
    /// The namespace of the account.
    pub namespace: &'a str,
    /// The account.
    pub service_account: &'a str,
    /// The body: a TokenRequest of `authentication.k8s.io/v1`.
    pub body: &'a Value,
    /// Fresh random text, unique for the token (a UUID).
    pub id: &'a str,
    /// Who asks. That they may is settled, but a node gets tokens for its own pods only.
    pub who: &'a Identity,
}

/// What a request may bind a token to: kind, resource.
const BINDABLE: [(&str, &str); 3] = [("Pod", "pods"), ("Secret", "secrets"), ("Node", "nodes")];

impl Tokens {
    /// Issues a token: the body with `status.token` and `status.expirationTimestamp`.
    ///
    /// # Errors
    ///
    /// 403 for a node that asks for others' pods, 404 without the account or the object to bind to, 409 if that is another one of the name, 422 for a time that is
    /// too short or too long, 400 for an object that no token of the account can be bound to.
    pub fn request(
        &self,
        request: TokenRequest<'_>,
        objects: &dyn Objects,
        now: Timestamp,
        warnings: &mut Warnings,
    ) -> Result<Value, Status> {
        let TokenRequest { namespace, service_account, body, id, who } = request;
        let account = objects
            .get("", "serviceaccounts", namespace, service_account)
            .ok_or_else(|| refusal::not_found("", "serviceaccounts", service_account))?;
        for (field, own) in [("name", service_account), ("namespace", namespace)] {
            let said = text(&body["metadata"], field);
            if !said.is_empty() && said != own {
                let words = format!("must match the service account {field} if specified");
                let cause = Cause::invalid(format!("metadata.{field}"), &said.into(), &words);
                return Err(refusal::invalid(GROUP, KIND, service_account, &[cause]));
            }
        }
        let spec = &body["spec"];
        if let Some(node) = who.node() {
            for_own_pod(node, request, objects)?;
        }
        let lifetime = self.lifetime(&spec["expirationSeconds"], warnings)?;
        let audiences = texts(&spec["audiences"]);
        let audiences = if audiences.is_empty() { self.audiences.clone() } else { audiences };
        let mut bound = Bound {
            namespace: namespace.to_owned(),
            serviceaccount: Reference { name: service_account.to_owned(), uid: uid(&account) },
            ..Bound::default()
        };
        bind(&spec["boundObjectRef"], &mut bound, objects)?;
        let issued = now.as_second();
        let expires = issued.saturating_add(lifetime.as_secs());
        let claims = Claims {
            aud: Audiences::Several(audiences.clone()),
            exp: Some(expires),
            iat: Some(issued),
            nbf: Some(issued),
            iss: self.issuer.clone(),
            jti: id.to_owned(),
            sub: format!("system:serviceaccount:{namespace}:{service_account}"),
            bound: Some(bound),
            ..Claims::default()
        };
        let token =
            self.signing.sign(&claims).ok_or_else(|| refusal::bad_request("the token cannot be encoded"))?;
        let time = |second| {
            Timestamp::from_second(second)
                .unwrap_or(Timestamp::MAX)
                .strftime("%Y-%m-%dT%H:%M:%SZ")
                .to_string()
        };
        Ok(json!({
            "apiVersion": "authentication.k8s.io/v1",
            "kind": KIND,
            "metadata": {
                "name": service_account,
                "namespace": namespace,
                "creationTimestamp": time(issued),
            },
            "spec": {
                "audiences": audiences,
                "expirationSeconds": lifetime.as_secs(),
                "boundObjectRef": spec["boundObjectRef"],
            },
            "status": {"token": token, "expirationTimestamp": time(expires)},
        }))
    }

    /// The token of a secret of type `kubernetes.io/service-account-token`. It does not expire: it counts as long as the
    /// secret holds it.
    #[must_use]
    pub fn secret_token(
        &self,
        namespace: &str,
        service_account: &str,
        uid: &str,
        secret: &str,
    ) -> Option<String> {
        self.signing.sign(&Claims {
            iss: LEGACY_ISSUER.to_owned(),
            sub: format!("system:serviceaccount:{namespace}:{service_account}"),
            legacy_namespace: Some(namespace.to_owned()),
            legacy_secret: Some(secret.to_owned()),
            legacy_name: Some(service_account.to_owned()),
            legacy_uid: Some(uid.to_owned()),
            ..Claims::default()
        })
    }

    fn lifetime(&self, wanted: &Value, warnings: &mut Warnings) -> Result<SignedDuration, Status> {
        let field = "spec.expirationSeconds";
        let wrong =
            |detail: &str| Err(refusal::invalid(GROUP, KIND, "", &[Cause::invalid(field, wanted, detail)]));
        let seconds = match wanted {
            Value::Null => DEFAULT.as_secs(),
            other => match other.as_i64() {
                Some(seconds) => seconds,
                None => return wrong("must be a whole number of seconds"),
            },
        };
        let lifetime = SignedDuration::from_secs(seconds);
        if lifetime < SHORTEST {
            return wrong("may not specify a duration less than 10 minutes");
        }
        if lifetime > LONGEST {
            return wrong("may not specify a duration larger than 2^32 seconds");
        }
        match self.longest {
            Some(longest) if lifetime > longest => {
                let longest_seconds = longest.as_secs();
                warnings.push(format!(
                    "requested expiration of {seconds} seconds shortened to {longest_seconds} seconds"
                ));
                Ok(longest)
            }
            _ => Ok(lifetime),
        }
    }
}

/// A node asks for tokens that live no longer than one of its pods.
fn for_own_pod(node: &str, request: TokenRequest<'_>, objects: &dyn Objects) -> Result<(), Status> {
    let reference = &request.body["spec"]["boundObjectRef"];
    let (name, uid) = (text(reference, "name"), text(reference, "uid"));
    let why = if reference["kind"] != "Pod" || reference["apiVersion"] != "v1" || name.is_empty() {
        "node requested token not bound to a pod"
    } else if uid.is_empty() {
        "node requested token with a pod binding without a uid"
    } else {
        let pod = objects
            .get("", "pods", request.namespace, name)
            .ok_or_else(|| refusal::not_found("", "pods", name))?;
        if node::runs_on(&pod, node) {
            return Ok(());
        }
        "node requested token bound to a pod scheduled on a different node"
    };
    Err(refusal::forbidden("", "serviceaccounts", request.service_account, why))
}

fn bind(reference: &Value, bound: &mut Bound, objects: &dyn Objects) -> Result<(), Status> {
    if reference.is_null() {
        return Ok(());
    }
    let (kind, version, name) =
        (text(reference, "kind"), text(reference, "apiVersion"), text(reference, "name"));
    let Some((_, resource)) = BINDABLE.iter().find(|(known, _)| *known == kind).filter(|_| version == "v1")
    else {
        let (group, version) = version.split_once('/').unwrap_or(("", version));
        return Err(refusal::bad_request(format!(
            "cannot bind token to object of type {group}/{version}, Kind={kind}"
        )));
    };
    let namespace = if kind == "Node" { "" } else { bound.namespace.as_str() };
    let object =
        objects.get("", resource, namespace, name).ok_or_else(|| refusal::not_found("", resource, name))?;
    let wanted = text(reference, "uid");
    if !wanted.is_empty() && object["metadata"]["uid"] != wanted {
        let why = format!(
            "the UID in the bound object reference ({wanted}) does not match the UID in record. The object might have \
             been deleted and then recreated"
        );
        return Err(refusal::conflict("", resource, name, &why));
    }
    let own = Reference { name: name.to_owned(), uid: uid(&object) };
    match kind {
        "Pod" => {
            if object["spec"]["serviceAccountName"] != bound.serviceaccount.name.as_str() {
                return Err(refusal::bad_request(format!(
                    "cannot bind token for serviceaccount {:?} to pod running with different serviceaccount name.",
                    bound.serviceaccount.name
                )));
            }
            if let Some(node) = object["spec"]["nodeName"].as_str() {
                let uid = objects.get("", "nodes", "", node).map(|node| uid(&node)).unwrap_or_default();
                bound.node = Some(Reference { name: node.to_owned(), uid });
            }
            bound.pod = Some(own);
        }
        "Secret" => bound.secret = Some(own),
        _ => bound.node = Some(own),
    }
    Ok(())
}

fn uid(object: &Value) -> String {
    text(&object["metadata"], "uid").to_owned()
}
