//! What a forwarder may call.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use guideway_controller_proto::v1;
use guideway_controller_proto::v1::controller_server::Controller;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};
use tracing::{info, warn};

use super::Peer;
use super::admission::Why;
use super::link::Links;
use crate::ca::{FORWARDER_LIFE, Identity, Tls};

pub(super) struct Service {
    tls: Arc<Tls>,
    links: Links,
}

impl Service {
    pub(super) fn new(tls: Arc<Tls>, links: Links) -> Self {
        Self { tls, links }
    }

    /// Who calls, if it may.
    fn caller<T>(&self, request: &Request<T>) -> Result<(Identity, IpAddr), Status> {
        let peer = request.extensions().get::<Peer>();
        let Some(Peer { address, identity }) = peer else {
            return Err(Status::unauthenticated("it is not known who calls"));
        };
        let admission = self.links.admission();
        let identity = identity.clone().map_err(|reason| {
            warn!(%address, %reason, "a client is refused");
            admission.refused(Why::Certificate, "", address.ip(), &reason, SystemTime::now());
            Status::unauthenticated(reason)
        })?;
        admission.check(&identity.name).map_err(|(why, status)| {
            let (name, reason) = (&identity.name, status.message());
            warn!(%address, forwarder = %name, reason, "a forwarder is refused");
            admission.refused(why, name.as_str(), address.ip(), reason, SystemTime::now());
            status
        })?;
        Ok((identity, address.ip()))
    }
}

#[tonic::async_trait]
impl Controller for Service {
    type FollowStream = ReceiverStream<Result<v1::ToForwarder, Status>>;

    async fn follow(
        &self,
        request: Request<Streaming<v1::FromForwarder>>,
    ) -> Result<Response<Self::FollowStream>, Status> {
        let (identity, address) = self.caller(&request)?;
        let outgoing = self.links.begin(identity, address, request.into_inner())?;
        Ok(Response::new(ReceiverStream::new(outgoing)))
    }

    async fn renew(&self, request: Request<v1::RenewRequest>) -> Result<Response<v1::Credentials>, Status> {
        let (identity, _) = self.caller(&request)?;
        let current = self.tls.current();
        let Some(authority) = &current.authority else {
            let reason =
                "this controller has no authority: bring another certificate in the way of the last one";
            return Err(Status::failed_precondition(reason));
        };
        let request = &request.get_ref().request;
        let certificate = authority
            .grant(request, &identity.name, SystemTime::now(), FORWARDER_LIFE)
            .map_err(|error| Status::invalid_argument(error.to_string()))?;
        info!(forwarder = %identity.name, "a certificate is renewed");
        Ok(Response::new(v1::Credentials { certificate, authorities: authority.authorities().to_owned() }))
    }
}
