//! Who asks: by a token of the request, else by the certificate of the connection.

use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use guideway_access::Identity;
use guideway_access::rbac::Attributes;
use guideway_api::Status;
use jiff::Timestamp;

use crate::impersonate::Impersonation;
use crate::objects::CachedObjects;
use crate::peer::Peer;
use crate::server::ApiServer;

impl ApiServer {
    /// The identity of a request.
    pub(crate) fn authenticate(
        &self,
        headers: &HeaderMap,
        peer: &Peer,
        now: Timestamp,
    ) -> Result<Arc<Identity>, Status> {
        let identity = match bearer(headers)? {
            // A certificate goes before a token, as with Kubernetes.
            _ if peer.identity.is_some() => peer.identity.clone().unwrap_or_default(),
            Some(token) => {
                let objects = CachedObjects { server: self };
                let authenticated = self.tokens.authenticate(token, &[], &objects, now);
                Arc::new(authenticated?.identity)
            }
            None => Arc::clone(&self.anonymous),
        };
        if let Some(asked) = Impersonation::of(headers)? {
            return self.impersonate(&identity, asked).map(Arc::new);
        }
        Ok(identity)
    }

    /// Refuses what roles do not allow.
    pub(crate) fn authorize(&self, who: &Identity, attributes: &Attributes<'_>) -> Result<(), Status> {
        let objects = CachedObjects { server: self };
        guideway_access::require(&self.rbac.load(), &objects, who, attributes)
    }
}

fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Status> {
    let Some(value) = headers.get(AUTHORIZATION) else { return Ok(None) };
    let value = value.to_str().map_err(|_| Status::unauthorized())?;
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty() => {
            Ok(Some(token.trim()))
        }
        // There are no passwords.
        _ => Err(Status::unauthorized()),
    }
}
