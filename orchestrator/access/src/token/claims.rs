use serde::{Deserialize, Serialize};

use crate::service_account_of;

/// The issuer of tokens that secrets hold.
pub(super) const LEGACY_ISSUER: &str = "kubernetes/serviceaccount";

/// What a service-account token says (RFC 7519 section 4.1, and what Kubernetes adds).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Claims {
    #[serde(default, skip_serializing_if = "Audiences::is_empty")]
    pub(super) aud: Audiences,
    /// Seconds since 1970, like the other times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) exp: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) iat: Option<i64>,
    pub(super) iss: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) jti: String,
    #[serde(rename = "kubernetes.io", default, skip_serializing_if = "Option::is_none")]
    pub(super) bound: Option<Bound>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) nbf: Option<i64>,
    pub(super) sub: String,
    #[serde(
        rename = "kubernetes.io/serviceaccount/namespace",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) legacy_namespace: Option<String>,
    #[serde(
        rename = "kubernetes.io/serviceaccount/secret.name",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) legacy_secret: Option<String>,
    #[serde(
        rename = "kubernetes.io/serviceaccount/service-account.name",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) legacy_name: Option<String>,
    #[serde(
        rename = "kubernetes.io/serviceaccount/service-account.uid",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) legacy_uid: Option<String>,
}

/// The account of a token and the object that it lives and dies with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Bound {
    pub(super) namespace: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) node: Option<Reference>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) pod: Option<Reference>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) secret: Option<Reference>,
    pub(super) serviceaccount: Reference,
}

/// An object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Reference {
    pub(super) name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) uid: String,
}

/// One audience as text or several as a list (RFC 7519 section 4.1.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Audiences {
    Several(Vec<String>),
    One(String),
}

impl Default for Audiences {
    fn default() -> Self {
        Self::Several(Vec::new())
    }
}

impl Audiences {
    pub(super) fn as_slice(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Several(several) => several,
        }
    }

    fn is_empty(&self) -> bool {
        self.as_slice().is_empty()
    }
}

impl Claims {
    /// Namespace, name and uid of the account, if the subject says the same.
    pub(super) fn account(&self) -> Option<(&str, &str, &str)> {
        let (namespace, name) = service_account_of(&self.sub)?;
        let uid = if let Some(bound) = &self.bound {
            let account = &bound.serviceaccount;
            (bound.namespace == namespace && account.name == name).then_some(account.uid.as_str())?
        } else {
            let same = self.legacy_namespace.as_deref() == Some(namespace)
                && self.legacy_name.as_deref() == Some(name);
            same.then_some(self.legacy_uid.as_deref()).flatten()?
        };
        Some((namespace, name, uid))
    }
}
