//! A stand-in for lb-dataplane: serves what the speaker asks for on a Unix socket and nothing else.

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use guideway_dataplane_admin::v1 as api;
use guideway_dataplane_admin::v1::dataplane_server::{Dataplane, DataplaneServer};
use tokio::net::UnixListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio_stream::wrappers::{UnixListenerStream, WatchStream};
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status};

type Answer<T> = Result<Response<T>, Status>;

/// A running stand-in. It dies abruptly, streams and all, when it is dropped.
#[derive(Debug)]
pub struct Agent {
    said: watch::Sender<api::Announcements>,
    flows: Arc<AtomicU64>,
    // A runtime of its own, so that dropping it ends every stream at once, as a killed agent would.
    runtime: Option<Runtime>,
    socket: PathBuf,
}

impl Agent {
    /// Serves on this socket, with these addresses to be announced.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub fn start(socket: &Path, addresses: &[String]) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let (said, heard) = watch::channel(announcements(addresses));
        let flows = Arc::new(AtomicU64::new(0));
        let _ = std::fs::remove_file(socket);
        let listener = {
            let _inside = runtime.enter();
            UnixListener::bind(socket).with_context(|| format!("cannot listen on {}", socket.display()))?
        };
        let service = DataplaneServer::new(Service { heard, flows: Arc::clone(&flows) });
        runtime.spawn(
            tonic::transport::Server::builder()
                .add_service(service)
                .serve_with_incoming(UnixListenerStream::new(listener)),
        );
        Ok(Self { said, flows, runtime: Some(runtime), socket: socket.to_owned() })
    }

    /// Stops to answer without closing anything, as a process that hangs.
    pub fn freeze(&self) {
        if let Some(runtime) = &self.runtime {
            // It has one worker.
            runtime.spawn(async { std::thread::park() });
        }
    }

    /// Other addresses from now on.
    pub fn set(&self, addresses: &[String]) {
        self.said.send_modify(|said| said.addresses = addresses.to_vec());
    }

    /// What the forwarder can carry from now on, in octets per second; 0 when that is not known.
    pub fn set_capacity(&self, octets_per_second: u64) {
        self.said.send_modify(|said| said.capacity_bytes_per_second = octets_per_second);
    }

    /// How many flows it counts from now on.
    pub fn set_flows(&self, flows: u64) {
        self.flows.store(flows, Ordering::Relaxed);
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
        let _ = std::fs::remove_file(&self.socket);
    }
}

struct Service {
    heard: watch::Receiver<api::Announcements>,
    flows: Arc<AtomicU64>,
}

/// The program has forwarded since long before any test began.
fn announcements(addresses: &[String]) -> api::Announcements {
    api::Announcements {
        generation: 1,
        addresses: addresses.to_vec(),
        capacity_bytes_per_second: 0,
        forwarding_since_unix_ms: 1_700_000_000_000,
    }
}

fn missing<T>() -> Answer<T> {
    Err(Status::unimplemented("a stand-in"))
}

#[tonic::async_trait]
impl Dataplane for Service {
    type WatchAnnouncementsStream = Pin<Box<dyn Stream<Item = Result<api::Announcements, Status>> + Send>>;

    async fn watch_announcements(
        &self,
        _: Request<api::WatchAnnouncementsRequest>,
    ) -> Answer<Self::WatchAnnouncementsStream> {
        Ok(Response::new(Box::pin(WatchStream::new(self.heard.clone()).map(Ok))))
    }

    async fn active_flows(&self, _: Request<api::ActiveFlowsRequest>) -> Answer<api::ActiveFlowsResponse> {
        let flows = self.flows.load(Ordering::Relaxed);
        Ok(Response::new(api::ActiveFlowsResponse { flows, packets_per_second: flows }))
    }

    async fn status(&self, _: Request<api::StatusRequest>) -> Answer<api::StatusResponse> {
        missing()
    }

    async fn list_vips(&self, _: Request<api::ListVipsRequest>) -> Answer<api::ListVipsResponse> {
        missing()
    }

    async fn list_backends(&self, _: Request<api::ListBackendsRequest>) -> Answer<api::ListBackendsResponse> {
        missing()
    }

    async fn counters(&self, _: Request<api::CountersRequest>) -> Answer<api::CountersResponse> {
        missing()
    }

    async fn explain(&self, _: Request<api::ExplainRequest>) -> Answer<api::ExplainResponse> {
        missing()
    }

    async fn reload(&self, _: Request<api::ReloadRequest>) -> Answer<api::ReloadResponse> {
        missing()
    }

    async fn list_sets(&self, _: Request<api::ListSetsRequest>) -> Answer<api::ListSetsResponse> {
        missing()
    }

    async fn routes(&self, _: Request<api::RoutesRequest>) -> Answer<api::RoutesResponse> {
        missing()
    }

    async fn history(&self, _: Request<api::HistoryRequest>) -> Answer<api::HistoryResponse> {
        missing()
    }

    async fn rollback(&self, _: Request<api::RollbackRequest>) -> Answer<api::ReloadResponse> {
        missing()
    }
}
