//! The admin API on a Unix socket.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use guideway_bgp_admin::v1::speaker_server::{Speaker, SpeakerServer};
use guideway_bgp_admin::v1::{
    ListPeersRequest, ListPeersResponse, ListRoutesRequest, ListRoutesResponse, Peer, Route,
};
use thiserror::Error;
use tokio::net::{UnixListener, UnixStream};
use tokio_stream::wrappers::UnixListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use crate::status::{PeerStatus, SpeakerStatus};

/// Why the socket cannot be served.
#[derive(Debug, Error)]
pub enum BindError {
    /// Another process answers on it.
    #[error("{}: another bgp-speaker answers there; stop it or configure another admin.socket", .0.display())]
    InUse(PathBuf),
    /// The file or its folder cannot be made.
    #[error("{}: cannot listen", path.display())]
    Io {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Listens on `path`. A socket that nobody answers on is the rest of a dead process and is replaced.
pub(crate) async fn bind(path: &Path) -> Result<UnixListener, BindError> {
    let failed = |source| BindError::Io { path: path.to_owned(), source };
    match UnixStream::connect(path).await {
        // A full queue of connections (EAGAIN) has a live process behind it too.
        Ok(_) => return Err(BindError::InUse(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            return Err(BindError::InUse(path.to_owned()));
        }
        Err(_) => {}
    }
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    match std::fs::symlink_metadata(path) {
        Ok(found) if std::os::unix::fs::FileTypeExt::is_socket(&found.file_type()) => {
            std::fs::remove_file(path).map_err(failed)?;
        }
        Ok(_) => return Err(failed(io::Error::other("something else than a socket stands there"))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    let listener = UnixListener::bind(path).map_err(failed)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660)).map_err(failed)?;
    Ok(listener)
}

/// Serves until `stop`.
pub(crate) async fn serve(
    listener: UnixListener,
    status: SpeakerStatus,
    stop: CancellationToken,
) -> Result<(), tonic::transport::Error> {
    tonic::transport::Server::builder()
        .add_service(SpeakerServer::new(Service { status }))
        .serve_with_incoming_shutdown(UnixListenerStream::new(listener), stop.cancelled_owned())
        .await
}

struct Service {
    status: SpeakerStatus,
}

#[tonic::async_trait]
impl Speaker for Service {
    async fn list_peers(&self, _: Request<ListPeersRequest>) -> Result<Response<ListPeersResponse>, Status> {
        let view = self.status.view();
        Ok(Response::new(ListPeersResponse {
            local_as: view.local_as,
            router_id: view.router_id.to_string(),
            agent: self.status.agent.lock().text.clone(),
            peers: self.status.peers().into_iter().map(peer).collect(),
        }))
    }

    async fn list_routes(
        &self,
        _: Request<ListRoutesRequest>,
    ) -> Result<Response<ListRoutesResponse>, Status> {
        let prefixes = self.status.agent.lock().prefixes.clone();
        let mut routes: BTreeMap<_, Vec<String>> =
            prefixes.iter().map(|prefix| (*prefix, Vec::new())).collect();
        for peer in self.status.peers() {
            for prefix in peer.advertised.iter() {
                routes.entry(*prefix).or_default().push(peer.address.to_string());
            }
        }
        let route =
            |(prefix, advertised_to): (ipnet::IpNet, _)| Route { prefix: prefix.to_string(), advertised_to };
        Ok(Response::new(ListRoutesResponse { routes: routes.into_iter().map(route).collect() }))
    }
}

fn peer(status: PeerStatus) -> Peer {
    Peer {
        address: status.address.to_string(),
        remote_as: status.remote_as,
        state: status.state.to_string(),
        since_unix_ms: unix_ms(status.since),
        last_error: status.last_error,
        hold_time_seconds: u32::try_from(status.hold_time.as_secs()).unwrap_or(u32::MAX),
        peer_router_id: status.peer_router_id.map(|id| id.to_string()).unwrap_or_default(),
        families: status.families.iter().map(|family| family.to_string()).collect(),
        messages_received: status.messages_received,
        messages_sent: status.messages_sent,
        prefixes_advertised: status.advertised.len() as u64,
        sessions: status.sessions,
    }
}

fn unix_ms(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/bgp.sock");
        let first = bind(&path).await.unwrap();
        assert!(matches!(bind(&path).await, Err(BindError::InUse(_))));
        drop(first);
        let _second = bind(&path).await.unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "keep me").unwrap();
        assert!(matches!(bind(&file).await, Err(BindError::Io { .. })));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "keep me");
    }
}
