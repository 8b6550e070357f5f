//! A stand-in for lb-dataplane: serves WatchAnnouncements on a Unix socket and nothing else.

use std::path::{Path, PathBuf};
use std::pin::Pin;

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
    addresses: watch::Sender<Vec<String>>,
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
        let (sender, receiver) = watch::channel(addresses.to_vec());
        let _ = std::fs::remove_file(socket);
        let listener = {
            let _inside = runtime.enter();
            UnixListener::bind(socket).with_context(|| format!("cannot listen on {}", socket.display()))?
        };
        let service = DataplaneServer::new(Service { addresses: receiver });
        runtime.spawn(
            tonic::transport::Server::builder()
                .add_service(service)
                .serve_with_incoming(UnixListenerStream::new(listener)),
        );
        Ok(Self { addresses: sender, runtime: Some(runtime), socket: socket.to_owned() })
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
        self.addresses.send_replace(addresses.to_vec());
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
    addresses: watch::Receiver<Vec<String>>,
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
        let stream = WatchStream::new(self.addresses.clone());
        Ok(Response::new(Box::pin(stream.map(|addresses| {
            Ok(api::Announcements { generation: 1, addresses, ..api::Announcements::default() })
        }))))
    }

    async fn active_flows(&self, _: Request<api::ActiveFlowsRequest>) -> Answer<api::ActiveFlowsResponse> {
        missing()
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
