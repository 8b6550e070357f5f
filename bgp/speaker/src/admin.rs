//! The admin API on a Unix socket.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use guideway_bgp_admin::v1;
use guideway_bgp_admin::v1::speaker_server::SpeakerServer;
use guideway_bgp_fsm::Stop;
use guideway_bgp_peer::{PeerStatus, admin as to_message};
use guideway_bgp_rib::Freshness;
use ipnet::IpNet;
use tokio::net::UnixListener;
use tokio::sync::{broadcast, mpsc};
use tokio_stream::Stream;
use tokio_stream::wrappers::{ReceiverStream, UnixListenerStream};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use crate::drain::{Order, Target};
use crate::drains::{self, OrderError, Step};
use crate::speaker::Speaker;
use crate::table::{Asked, Listed};
use crate::unix_ms;

/// Serves until `stop`.
pub(crate) async fn serve(
    listener: UnixListener,
    speaker: Arc<Speaker>,
    stop: CancellationToken,
) -> Result<(), tonic::transport::Error> {
    tonic::transport::Server::builder()
        .add_service(SpeakerServer::new(Service { speaker }))
        .serve_with_incoming_shutdown(UnixListenerStream::new(listener), stop.cancelled_owned())
        .await
}

struct Service {
    speaker: Arc<Speaker>,
}

type Answer<T> = Result<Response<T>, Status>;
type Parts<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Paths in one part of an answer.
const PART: usize = 500;

#[tonic::async_trait]
impl v1::speaker_server::Speaker for Service {
    type AdjRibInStream = Parts<v1::Paths>;
    type AdjRibOutStream = Parts<v1::Paths>;
    type DrainStream = Parts<v1::DrainProgress>;

    async fn list_peers(&self, _: Request<v1::ListPeersRequest>) -> Answer<v1::ListPeersResponse> {
        let (speaker, config) = (&self.speaker, self.speaker.config());
        let peer = |status: &PeerStatus| {
            let mut peer = to_message::peer(status);
            peer.problems.extend(speaker.table.problem(status.id));
            peer
        };
        Ok(Response::new(v1::ListPeersResponse {
            local_as: config.local_as,
            router_id: config.router_id.to_string(),
            agent: speaker.agent.lock().text.clone(),
            peers: speaker.peers.statuses().iter().map(peer).collect(),
            drains: speaker.drains.list().iter().map(drains::message).collect(),
            problems: speaker.problems(),
            restart: speaker.restart().to_owned(),
            ranges: speaker.peers.ranges().iter().map(to_message::range).collect(),
        }))
    }

    async fn list_routes(&self, _: Request<v1::ListRoutesRequest>) -> Answer<v1::ListRoutesResponse> {
        let mut told: HashMap<IpNet, Vec<String>> = HashMap::new();
        for status in self.speaker.peers.statuses() {
            for (nlri, _) in self.speaker.peers.told(&status.config.name).unwrap_or_default() {
                told.entry(nlri.prefix).or_default().push(status.config.name.clone());
            }
        }
        let route = |listed: Listed| v1::Route {
            prefix: listed.prefix.to_string(),
            advertised_to: told.remove(&listed.prefix).unwrap_or_default(),
            state: listed.state.to_owned(),
            since_unix_ms: listed.since,
        };
        Ok(Response::new(v1::ListRoutesResponse {
            routes: self.speaker.table.list().into_iter().map(route).collect(),
        }))
    }

    async fn adj_rib_in(&self, request: Request<v1::AdjRibRequest>) -> Answer<Self::AdjRibInStream> {
        let (status, filter) = self.asked(&request.into_inner())?;
        let received = self.speaker.table.received(status.id);
        let paths =
            received.into_iter().filter(|(nlri, _)| filter.is_none_or(|asked| asked.matches(&nlri.prefix)));
        let paths = paths.map(|(nlri, received)| v1::Path {
            stale: received.freshness == Freshness::Stale,
            since_unix_ms: unix_ms(received.since),
            ..to_message::path(&nlri, &received.route)
        });
        Ok(Response::new(parts(paths.collect())))
    }

    async fn adj_rib_out(&self, request: Request<v1::AdjRibRequest>) -> Answer<Self::AdjRibOutStream> {
        let (status, filter) = self.asked(&request.into_inner())?;
        let told = self.speaker.peers.told(&status.config.name).unwrap_or_default();
        let paths =
            told.into_iter().filter(|(nlri, _)| filter.is_none_or(|asked| asked.matches(&nlri.prefix)));
        Ok(Response::new(parts(paths.map(|(nlri, route)| to_message::path(&nlri, &route)).collect())))
    }

    async fn explain(&self, request: Request<v1::ExplainRequest>) -> Answer<v1::ExplainResponse> {
        let asked = request.into_inner().target.parse().map_err(Status::invalid_argument)?;
        let agent = self.speaker.agent.lock().clone();
        let silent = (!agent.heard).then_some(agent.text.as_str());
        let statuses = self.speaker.peers.statuses();
        Ok(Response::new(self.speaker.table.explain(asked, &statuses, silent, Instant::now())))
    }

    async fn session_history(
        &self,
        request: Request<v1::SessionHistoryRequest>,
    ) -> Answer<v1::SessionHistoryResponse> {
        let peer = request.into_inner().peer;
        let events = self.speaker.peers.history(&peer).ok_or_else(|| self.unknown(&peer))?;
        Ok(Response::new(v1::SessionHistoryResponse {
            events: events.iter().map(to_message::event).collect(),
        }))
    }

    async fn drain(&self, request: Request<v1::DrainRequest>) -> Answer<Self::DrainStream> {
        let request = request.into_inner();
        let target = self.target(&request.vip)?;
        if let Target::Vip(vip) = target
            && !self.speaker.table.serves(&vip)
        {
            return Err(Status::not_found(format!("lb-dataplane does not serve {vip}")));
        }
        let config = self.speaker.config().drain;
        let order = Order {
            target,
            below: request.below_flows.or(config.below),
            timeout: match request.timeout_ms {
                0 => config.timeout,
                milliseconds => Duration::from_millis(milliseconds),
            },
            evidence_wait: config.evidence_wait,
            force: request.force,
            reason: short(&request.reason)?,
        };
        let steps = self.speaker.drains.begin(order, &*self.speaker).map_err(|error| match error {
            OrderError::Exists(_) => Status::already_exists(error.to_string()),
            OrderError::TooMany => Status::resource_exhausted(error.to_string()),
        })?;
        let (sender, receiver) = mpsc::channel(4);
        let speaker = Arc::clone(&self.speaker);
        tokio::spawn(async move { tell(&speaker, target, steps, sender).await });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn undrain(&self, request: Request<v1::UndrainRequest>) -> Answer<v1::UndrainResponse> {
        let target = self.target(&request.into_inner().vip)?;
        if self.speaker.drains.end(target, &*self.speaker) {
            return Ok(Response::new(v1::UndrainResponse {}));
        }
        Err(Status::not_found(match target {
            Target::Node => "the node is not drained".to_owned(),
            Target::Vip(vip) => format!("{vip} is not drained"),
        }))
    }

    async fn reset_peer(&self, request: Request<v1::ResetPeerRequest>) -> Answer<v1::ResetPeerResponse> {
        let request = request.into_inner();
        let peers = &self.speaker.peers;
        let outcome = match request.soft {
            true => peers.refresh(&request.peer),
            false => peers.reset(&request.peer, Stop::Reset(short(&request.reason)?)),
        };
        outcome.map_err(|error| Status::not_found(error.to_string()))?;
        Ok(Response::new(v1::ResetPeerResponse {}))
    }
}

impl Service {
    fn asked(&self, request: &v1::AdjRibRequest) -> Result<(PeerStatus, Option<Asked>), Status> {
        let status = self.speaker.peers.status(&request.peer).ok_or_else(|| self.unknown(&request.peer))?;
        let filter = match request.prefix.as_str() {
            "" => None,
            prefix => Some(prefix.parse().map_err(Status::invalid_argument)?),
        };
        Ok((status, filter))
    }

    fn unknown(&self, peer: &str) -> Status {
        Status::not_found(self.speaker.peers.unknown(peer).to_string())
    }

    /// The whole node when it is empty; an address stands for its host prefix.
    fn target(&self, vip: &str) -> Result<Target, Status> {
        if vip.is_empty() {
            return Ok(Target::Node);
        }
        let asked: Asked = vip.parse().map_err(Status::invalid_argument)?;
        Ok(Target::Vip(asked.prefix()))
    }
}

/// Passes the steps of one drain on until it is over, or nobody listens any more.
async fn tell(
    speaker: &Speaker,
    target: Target,
    mut steps: broadcast::Receiver<Step>,
    listener: mpsc::Sender<Result<v1::DrainProgress, Status>>,
) {
    loop {
        let (drain, text) = match steps.recv().await {
            Ok(step) if step.0.target == target => step,
            Ok(_) => continue,
            Err(broadcast::error::RecvError::Closed) => return,
            // Steps were missed: the state says where it is.
            Err(broadcast::error::RecvError::Lagged(_)) => {
                let now = speaker.drains.list().into_iter().find(|drain| drain.target == target);
                let Some(drain) = now else { return };
                let text = drain.phase.name().to_owned();
                (drain, text)
            }
        };
        let progress = v1::DrainProgress { drain: Some(drains::message(&drain)), text };
        if listener.send(Ok(progress)).await.is_err() || drain.is_over() {
            return;
        }
    }
}

/// What routers are told has at most 255 octets (RFC 9003).
fn short(text: &str) -> Result<String, Status> {
    if text.len() > 255 {
        return Err(Status::invalid_argument("the reason has more than 255 octets (RFC 9003)"));
    }
    Ok(text.to_owned())
}

fn parts(paths: Vec<v1::Path>) -> Parts<v1::Paths> {
    let parts: Vec<_> = paths.chunks(PART).map(|paths| Ok(v1::Paths { paths: paths.to_vec() })).collect();
    Box::pin(tokio_stream::iter(parts))
}
