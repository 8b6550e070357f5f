//! The admin API: gRPC on a Unix socket.

mod answers;

use std::future::Future;
use std::pin::Pin;
use std::time::Instant;

use futures_util::{Stream, StreamExt};
use guideway_dataplane_admin::v1;
use guideway_dataplane_admin::v1::dataplane_server::{Dataplane, DataplaneServer};
use tokio::net::UnixListener;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::{UnixListenerStream, WatchStream};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use crate::announce::Watch;
use crate::control;
use crate::view::{Counts, Shared};

/// What the service answers from.
pub struct Admin {
    /// The latest picture of the agent.
    pub view: Shared,
    /// Counters in the kernel.
    pub counts: std::sync::Arc<dyn Counts>,
    /// The addresses to announce.
    pub announcements: Watch,
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
        Ok(Response::new(answers::status(&self.view.load(), self.started.elapsed())))
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
        tokio::task::spawn_blocking(move || answers::explain(&view, &request))
            .await
            .map_err(|error| Status::internal(error.to_string()))?
            .map(Response::new)
    }

    async fn reload(&self, _: Request<v1::ReloadRequest>) -> Result<Response<v1::ReloadResponse>, Status> {
        let stopping = || Status::unavailable("the agent is stopping");
        let (sender, answer) = oneshot::channel();
        self.requests.send(control::Request::Reload(Some(sender))).await.map_err(|_| stopping())?;
        let control::ReloadAnswer { errors, generation } = answer.await.map_err(|_| stopping())?;
        Ok(Response::new(v1::ReloadResponse { accepted: errors.is_empty(), generation, errors }))
    }

    type WatchAnnouncementsStream = Announcements;

    async fn watch_announcements(
        &self,
        _: Request<v1::WatchAnnouncementsRequest>,
    ) -> Result<Response<Announcements>, Status> {
        let sets = WatchStream::new(self.announcements.clone()).filter_map(async |set| {
            set.map(|set| {
                let addresses = set.addresses.iter().map(ToString::to_string).collect();
                Ok(v1::Announcements { generation: set.generation, addresses })
            })
        });
        Ok(Response::new(Box::pin(sets.take_until(self.stop.clone().cancelled_owned()))))
    }
}

#[allow(clippy::needless_pass_by_value)] // for map_err
fn unreadable(error: std::io::Error) -> Status {
    Status::internal(format!("the counters cannot be read: {}", crate::error::chain(&error)))
}

#[cfg(test)]
mod tests;
