//! First certificates.

use std::sync::Arc;
use std::time::SystemTime;

use guideway_controller_proto::v1;
use guideway_controller_proto::v1::enrolment_server::Enrolment;
use tonic::{Request, Response, Status};
use tracing::{info, warn};

use super::Peer;
use super::admission::{Admission, Why};
use crate::ca::{Authority, CaError, FORWARDER_LIFE, Tls, Token, Tokens};

/// A token and a request for a certificate are much shorter.
pub(super) const MAX_JOIN_BYTES: usize = 32 << 10;

pub(super) struct Service {
    tls: Arc<Tls>,
    tokens: Tokens,
    admission: Admission,
}

impl Service {
    pub(super) fn new(tls: Arc<Tls>, tokens: Tokens, admission: Admission) -> Self {
        Self { tls, tokens, admission }
    }
}

#[tonic::async_trait]
impl Enrolment for Service {
    async fn join(&self, request: Request<v1::JoinRequest>) -> Result<Response<v1::Credentials>, Status> {
        let Some(Peer { address, .. }) = request.extensions().get::<Peer>().cloned() else {
            return Err(Status::unauthenticated("it is not known who calls"));
        };
        let v1::JoinRequest { token, request, name } = request.into_inner();
        let current = self.tls.current();
        let Some(authority) = &current.authority else {
            let reason = "this controller has no authority: bring the certificate of the forwarder";
            return Err(Status::failed_precondition(reason));
        };
        let refused = |error: CaError| {
            warn!(%address, %error, "a forwarder cannot join");
            if matches!(error, CaError::Token | CaError::NameOfToken(_)) {
                let reason = error.to_string();
                self.admission.refused(Why::Token, "", address.ip(), &reason, SystemTime::now());
            }
            match error {
                CaError::Token | CaError::NameOfToken(_) => Status::permission_denied(error.to_string()),
                CaError::Request(_) => Status::invalid_argument(error.to_string()),
                _ => Status::internal("the controller cannot give certificates now: see its log"),
            }
        };
        let now = SystemTime::now();
        let token: Token = token.parse().map_err(refused)?;
        // What is of no use does not cost the token.
        Authority::check_request(&request).map_err(refused)?;
        let wanted = Some(name.as_str()).filter(|name| !name.is_empty());
        let name = self.tokens.take(&token, wanted, now).map_err(refused)?;
        let certificate = authority.grant(&request, &name, now, FORWARDER_LIFE).map_err(refused)?;
        info!(%address, forwarder = %name, "a forwarder has joined");
        Ok(Response::new(v1::Credentials { certificate, authorities: authority.authorities().to_owned() }))
    }
}
