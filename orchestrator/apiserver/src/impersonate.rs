//! Requests in the name of somebody else (`kubectl --as`).

use std::collections::BTreeMap;

use axum::http::HeaderMap;
use guideway_access::rbac::{Attributes, ResourceAttributes, Target};
use guideway_access::{ANONYMOUS, AUTHENTICATED, Identity, UNAUTHENTICATED, service_account_of};
use guideway_api::Status;

use crate::server::ApiServer;

/// Whom the `Impersonate-…` headers ask to be.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Impersonation {
    user: String,
    uid: String,
    groups: Vec<String>,
    extra: BTreeMap<String, Vec<String>>,
}

impl Impersonation {
    /// None when the client wants to be itself.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Option<Self>, Status> {
        let mut asked = Self::default();
        for (name, value) in headers {
            let Some(part) = name.as_str().strip_prefix("impersonate-") else { continue };
            let value = value
                .to_str()
                .map_err(|_| Status::bad_request(format!("header {name} is no text")))?
                .to_owned();
            match part {
                "user" => asked.user = value,
                "uid" => asked.uid = value,
                "group" => asked.groups.push(value),
                _ => match part.strip_prefix("extra-") {
                    Some(key) => {
                        // What may not stand in the name of a header is written %2F.
                        let key = percent_encoding::percent_decode_str(key).decode_utf8_lossy().into_owned();
                        asked.extra.entry(key).or_default().push(value);
                    }
                    None => return Err(Status::bad_request(format!("header {name} is not known"))),
                },
            }
        }
        if asked == Self::default() {
            return Ok(None);
        }
        if asked.user.is_empty() {
            return Err(Status::bad_request(
                "impersonation of groups, a uid or extra fields needs a user: set Impersonate-User (kubectl: --as) too",
            ));
        }
        Ok(Some(asked))
    }
}

impl ApiServer {
    /// The identity that a request goes on with, if `who` may be each part of it.
    pub(crate) fn impersonate(&self, who: &Identity, asked: Impersonation) -> Result<Identity, Status> {
        let Impersonation { user, uid, groups, extra } = asked;
        let mut identity = match service_account_of(&user) {
            Some((namespace, name)) => {
                self.may_be(who, ("", "serviceaccounts", ""), namespace, name)?;
                Identity::service_account(namespace, name, "")
            }
            None => {
                self.may_be(who, ("", "users", ""), "", &user)?;
                Identity { name: user.clone(), ..Identity::default() }
            }
        };
        if !groups.is_empty() {
            identity.groups.clear();
        }
        for group in groups {
            self.may_be(who, ("", "groups", ""), "", &group)?;
            identity.groups.push(group);
        }
        if !uid.is_empty() {
            self.may_be(who, ("authentication.k8s.io", "uids", ""), "", &uid)?;
            identity.uid = uid;
        }
        for (key, values) in &extra {
            for value in values {
                self.may_be(who, ("authentication.k8s.io", "userextras", key), "", value)?;
            }
        }
        identity.extra = extra;
        let own = if user == ANONYMOUS { UNAUTHENTICATED } else { AUTHENTICATED };
        if !identity.is_in(AUTHENTICATED) && !identity.is_in(UNAUTHENTICATED) {
            identity.groups.push(own.to_owned());
        }
        Ok(identity)
    }

    fn may_be(
        &self,
        who: &Identity,
        kind: (&str, &str, &str),
        namespace: &str,
        name: &str,
    ) -> Result<(), Status> {
        let (group, resource, subresource) = kind;
        let to = ResourceAttributes { group, version: "", resource, subresource, namespace, name };
        self.authorize(who, &Attributes { verb: "impersonate", target: Target::Resource(to) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(headers: &[(&'static str, &'static str)]) -> Result<Option<Impersonation>, Status> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        Impersonation::of(&map)
    }

    #[test]
    fn headers_say_whom() {
        assert_eq!(of(&[("accept", "x")]), Ok(None));
        let asked = of(&[
            ("Impersonate-User", "alice"),
            ("Impersonate-Group", "a"),
            ("Impersonate-Group", "b"),
            ("Impersonate-Extra-Scopes", "view"),
        ]);
        let asked = asked.unwrap().unwrap();
        assert_eq!((asked.user.as_str(), asked.groups.len()), ("alice", 2));
        assert_eq!(asked.extra["scopes"], ["view"]);
        assert_eq!(of(&[("Impersonate-Group", "a")]).unwrap_err().code, 400);
        assert_eq!(of(&[("Impersonate-Else", "a")]).unwrap_err().code, 400);
    }
}
