//! The admin API on a Unix socket: that of the speaker, so that `lbctl` needs to know but one.

mod answers;

pub(crate) use answers::problems;

use std::pin::Pin;

use guideway_bgp_admin::v1;
use guideway_bgp_admin::v1::speaker_server::SpeakerServer;
use guideway_bgp_fsm::Stop;
use guideway_bgp_peer::{PeerStatus, admin as to_message};
use ipnet::IpNet;
use tokio::net::UnixListener;
use tokio_stream::Stream;
use tokio_stream::wrappers::UnixListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use crate::core::target;
use crate::daemon::Shared;

/// Serves until `stop`.
pub(crate) async fn serve(
    listener: UnixListener,
    shared: Shared,
    stop: CancellationToken,
) -> Result<(), tonic::transport::Error> {
    tonic::transport::Server::builder()
        .add_service(SpeakerServer::new(Service { shared }))
        .serve_with_incoming_shutdown(UnixListenerStream::new(listener), stop.cancelled_owned())
        .await
}

struct Service {
    shared: Shared,
}

type Answer<T> = Result<Response<T>, Status>;
type Parts<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Paths in one part of an answer.
const PART: usize = 500;
/// RFC 9003 section 2.
const MAX_REASON: usize = 255;

#[tonic::async_trait]
impl v1::speaker_server::Speaker for Service {
    type AdjRibInStream = Parts<v1::Paths>;
    type AdjRibOutStream = Parts<v1::Paths>;
    type DrainStream = Parts<v1::DrainProgress>;

    async fn list_peers(&self, _: Request<v1::ListPeersRequest>) -> Answer<v1::ListPeersResponse> {
        Ok(Response::new(answers::peers(&self.shared)))
    }

    async fn list_routes(&self, _: Request<v1::ListRoutesRequest>) -> Answer<v1::ListRoutesResponse> {
        Ok(Response::new(answers::routes(&self.shared)))
    }

    async fn adj_rib_in(&self, request: Request<v1::AdjRibRequest>) -> Answer<Self::AdjRibInStream> {
        let (status, filter) = self.asked(&request.into_inner())?;
        Ok(Response::new(parts(answers::adj_rib_in(&self.shared, status.id, filter))))
    }

    async fn adj_rib_out(&self, request: Request<v1::AdjRibRequest>) -> Answer<Self::AdjRibOutStream> {
        let (status, filter) = self.asked(&request.into_inner())?;
        let told = self.shared.peers.told(&status.config.name).unwrap_or_default();
        let told = told.iter().filter(|(nlri, _)| answers::is_asked(filter.as_ref(), &nlri.prefix));
        Ok(Response::new(parts(told.map(|(nlri, route)| to_message::path(nlri, route)).collect())))
    }

    async fn explain(&self, request: Request<v1::ExplainRequest>) -> Answer<v1::ExplainResponse> {
        let asked = target(&request.into_inner().target).map_err(Status::invalid_argument)?;
        Ok(Response::new(answers::explain(&self.shared, asked)))
    }

    async fn session_history(
        &self,
        request: Request<v1::SessionHistoryRequest>,
    ) -> Answer<v1::SessionHistoryResponse> {
        let peer = request.into_inner().peer;
        let events = self.shared.peers.history(&peer).ok_or_else(|| self.unknown(&peer))?;
        let events = events.iter().map(to_message::event).collect();
        Ok(Response::new(v1::SessionHistoryResponse { events }))
    }

    async fn drain(&self, _: Request<v1::DrainRequest>) -> Answer<Self::DrainStream> {
        Err(drains())
    }

    async fn undrain(&self, _: Request<v1::UndrainRequest>) -> Answer<v1::UndrainResponse> {
        Err(drains())
    }

    async fn reset_peer(&self, request: Request<v1::ResetPeerRequest>) -> Answer<v1::ResetPeerResponse> {
        let v1::ResetPeerRequest { peer, soft, reason } = request.into_inner();
        if reason.len() > MAX_REASON {
            return Err(Status::invalid_argument("the reason has more than 255 octets (RFC 9003)"));
        }
        let outcome = match soft {
            true => self.shared.peers.refresh(&peer),
            false => self.shared.peers.reset(&peer, Stop::Reset(reason)),
        };
        outcome.map_err(|error| Status::not_found(error.to_string()))?;
        Ok(Response::new(v1::ResetPeerResponse {}))
    }
}

impl Service {
    fn asked(&self, request: &v1::AdjRibRequest) -> Result<(PeerStatus, Option<IpNet>), Status> {
        let status = self.shared.peers.status(&request.peer).ok_or_else(|| self.unknown(&request.peer))?;
        let filter = match request.prefix.as_str() {
            "" => None,
            prefix => Some(target(prefix).map_err(Status::invalid_argument)?),
        };
        Ok((status, filter))
    }

    fn unknown(&self, peer: &str) -> Status {
        Status::not_found(self.shared.peers.unknown(peer).to_string())
    }
}

fn drains() -> Status {
    Status::failed_precondition(
        "an aggregator forwards nothing, so there is nothing to drain: drain the forwarder, at its own bgp-speaker",
    )
}

fn parts(paths: Vec<v1::Path>) -> Parts<v1::Paths> {
    let parts: Vec<_> = paths.chunks(PART).map(|paths| Ok(v1::Paths { paths: paths.to_vec() })).collect();
    Box::pin(tokio_stream::iter(parts))
}
