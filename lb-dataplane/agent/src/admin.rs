//! The admin API: gRPC on a Unix socket.

mod answers;
mod explain;

use std::future::Future;
use std::pin::Pin;
use std::time::Instant;

use futures_util::{Stream, StreamExt};
use guideway_dataplane_admin::v1;
use guideway_dataplane_admin::v1::dataplane_server::{Dataplane, DataplaneServer};
use tokio::net::UnixListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_stream::wrappers::{UnixListenerStream, WatchStream};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use crate::announce::Watch;
use crate::control;
use crate::flows::{self, FlowCounter};
use crate::on_link;
use crate::route::Found;
use crate::view::{Counts, Shared, address_text};

/// What the service answers from.
pub struct Admin {
    /// The latest picture of the agent.
    pub view: Shared,
    /// Counters in the kernel.
    pub counts: std::sync::Arc<dyn Counts>,
    /// Counts flows.
    pub flows: FlowCounter,
    /// The ways to the backends.
    pub ways: watch::Receiver<Found>,
    /// The addresses and prefixes to announce.
    pub announcements: Watch,
    /// How it is on links whose neighbours are answered.
    pub links: watch::Receiver<guideway_l2::Status>,
    /// To the control loop.
    pub requests: mpsc::Sender<control::Request>,
    /// When the agent started.
    pub started: Instant,
    /// Ends the streams.
    pub stop: CancellationToken,
}

/// Serves the API and the standard gRPC health service until `admin.stop`.
///
/// # Errors
///
/// When the socket breaks.
pub fn serve(
    admin: Admin,
    listener: UnixListener,
) -> impl Future<Output = Result<(), tonic::transport::Error>> + Send {
    let stop = admin.stop.clone();
    async move {
        let (reporter, health) = tonic_health::server::health_reporter();
        reporter.set_serving::<DataplaneServer<Admin>>().await;
        tonic::transport::Server::builder()
            .add_service(health)
            .add_service(DataplaneServer::new(admin))
            .serve_with_incoming_shutdown(UnixListenerStream::new(listener), stop.cancelled_owned())
            .await
    }
}

type Announcements = Pin<Box<dyn Stream<Item = Result<v1::Announcements, Status>> + Send>>;

#[tonic::async_trait]
impl Dataplane for Admin {
    async fn status(&self, _: Request<v1::StatusRequest>) -> Result<Response<v1::StatusResponse>, Status> {
        let link_problems = on_link::problems(&self.links.borrow(), self.announcements.borrow().as_ref());
        let status = answers::status(&self.view.load(), self.started.elapsed());
        Ok(Response::new(v1::StatusResponse { link_problems, ..status }))
    }

    async fn list_vips(
        &self,
        _: Request<v1::ListVipsRequest>,
    ) -> Result<Response<v1::ListVipsResponse>, Status> {
        let stats = self.counts.vips().map_err(unreadable)?;
        Ok(Response::new(v1::ListVipsResponse { vips: answers::vips(&self.view.load(), &stats) }))
    }

    async fn list_backends(
        &self,
        request: Request<v1::ListBackendsRequest>,
    ) -> Result<Response<v1::ListBackendsResponse>, Status> {
        let stats = self.counts.backends().map_err(unreadable)?;
        let backends = answers::backends(&self.view.load(), &request.into_inner().vip, &stats)?;
        Ok(Response::new(v1::ListBackendsResponse { backends }))
    }

    async fn list_sets(
        &self,
        _: Request<v1::ListSetsRequest>,
    ) -> Result<Response<v1::ListSetsResponse>, Status> {
        Ok(Response::new(v1::ListSetsResponse { sets: answers::sets(&self.view.load()) }))
    }

    async fn routes(&self, _: Request<v1::RoutesRequest>) -> Result<Response<v1::RoutesResponse>, Status> {
        let found = self.ways.borrow().clone();
        Ok(Response::new(v1::RoutesResponse { routes: answers::routes(&self.view.load(), &found) }))
    }

    async fn counters(
        &self,
        _: Request<v1::CountersRequest>,
    ) -> Result<Response<v1::CountersResponse>, Status> {
        let packets = self.counts.packets().map_err(unreadable)?;
        Ok(Response::new(v1::CountersResponse { counters: answers::counters(&packets) }))
    }

    async fn explain(
        &self,
        request: Request<v1::ExplainRequest>,
    ) -> Result<Response<v1::ExplainResponse>, Status> {
        let (view, request) = (self.view.load_full(), request.into_inner());
        // A lookup table is built for it, which takes milliseconds.
        tokio::task::spawn_blocking(move || explain::explain(&view, &request))
            .await
            .map_err(|error| Status::internal(error.to_string()))?
            .map(Response::new)
    }

    async fn reload(&self, _: Request<v1::ReloadRequest>) -> Result<Response<v1::ReloadResponse>, Status> {
        let stopping = || Status::unavailable("the agent is stopping");
        let (sender, answer) = oneshot::channel();
        self.requests.send(control::Request::Reload(Some(sender))).await.map_err(|_| stopping())?;
        Ok(Response::new(reload_response(answer.await.map_err(|_| stopping())?)))
    }

    async fn history(&self, _: Request<v1::HistoryRequest>) -> Result<Response<v1::HistoryResponse>, Status> {
        let generations = answers::history(&self.view.load());
        Ok(Response::new(v1::HistoryResponse { generations }))
    }

    async fn rollback(
        &self,
        request: Request<v1::RollbackRequest>,
    ) -> Result<Response<v1::ReloadResponse>, Status> {
        let stopping = || Status::unavailable("the agent is stopping");
        let (sender, answer) = oneshot::channel();
        let request = control::Request::Rollback(request.into_inner().generation, sender);
        self.requests.send(request).await.map_err(|_| stopping())?;
        let answer = answer.await.map_err(|_| stopping())?;
        let answer = answer.map_err(|error| Status::not_found(error.to_string()))?;
        Ok(Response::new(reload_response(answer)))
    }

    async fn active_flows(
        &self,
        request: Request<v1::ActiveFlowsRequest>,
    ) -> Result<Response<v1::ActiveFlowsResponse>, Status> {
        let window = flows::window(request.into_inner().window_ms)?;
        let counted = self.flows.count(window).await.map_err(unreadable)?;
        Ok(Response::new(v1::ActiveFlowsResponse {
            flows: counted.flows,
            packets_per_second: counted.packets_per_second,
        }))
    }

    type WatchAnnouncementsStream = Announcements;

    async fn watch_announcements(
        &self,
        _: Request<v1::WatchAnnouncementsRequest>,
    ) -> Result<Response<Announcements>, Status> {
        let sets = WatchStream::new(self.announcements.clone()).filter_map(async |set| {
            set.map(|set| {
                let addresses = set.prefixes.iter().map(address_text).collect();
                Ok(v1::Announcements {
                    generation: set.generation,
                    addresses,
                    capacity_bytes_per_second: set.capacity.unwrap_or_default(),
                    forwarding_since_unix_ms: set.forwarding_since.map_or(0, answers::unix_ms),
                })
            })
        });
        Ok(Response::new(Box::pin(sets.take_until(self.stop.clone().cancelled_owned()))))
    }
}

fn reload_response(answer: control::ReloadAnswer) -> v1::ReloadResponse {
    let control::ReloadAnswer { errors, generation } = answer;
    v1::ReloadResponse { accepted: errors.is_empty(), generation, errors }
}

#[allow(clippy::needless_pass_by_value)] // for map_err
fn unreadable(error: std::io::Error) -> Status {
    Status::internal(format!("the counters cannot be read: {}", crate::error::chain(&error)))
}

#[cfg(test)]
mod tests;
