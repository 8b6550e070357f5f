//! BFD as a played lb-bfd tells it.

use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use guideway_bgp_admin::bfd::v1::bfd_server::{Bfd, BfdServer};
use guideway_bgp_admin::bfd::v1::{
    AttachRequest, AttachResponse, Change, ListSessionsRequest, ListSessionsResponse, Spec, State as Word,
    attach_request, attach_response,
};
use guideway_bgp_config::BfdSettings;
use guideway_bgp_fsm::{State, Stop};
use guideway_bgp_peer::{Peers, Router, Settings, admin};
use tokio::net::UnixListener;
use tokio::sync::watch;
use tokio_stream::wrappers::UnixListenerStream;
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status, Streaming};

use crate::lab::{Node, Recorder, until};

/// Tells every session the same state.
struct Played {
    word: watch::Receiver<Word>,
    specs: Arc<std::sync::Mutex<Vec<Spec>>>,
}

type Answers = Pin<Box<dyn Stream<Item = Result<AttachResponse, Status>> + Send>>;

#[tonic::async_trait]
impl Bfd for Played {
    type AttachStream = Answers;

    async fn attach(&self, request: Request<Streaming<AttachRequest>>) -> Result<Response<Answers>, Status> {
        let mut requests = request.into_inner();
        let (specs, mut word) = (Arc::clone(&self.specs), self.word.clone());
        let (sender, receiver) = tokio::sync::mpsc::channel(16);
        tokio::spawn(async move {
            let mut ids = Vec::new();
            loop {
                tokio::select! {
                    request = requests.next() => match request {
                        Some(Ok(AttachRequest { what: Some(attach_request::What::Want(want)) })) => {
                            specs.lock().unwrap().extend(want.spec);
                            ids.push(want.id);
                        }
                        Some(Ok(_)) => {}
                        _ => return,
                    },
                    changed = word.changed() => if changed.is_err() { return },
                }
                let state = *word.borrow_and_update();
                for id in &ids {
                    let change =
                        Change { id: *id, state: state.into(), diagnostic: u32::from(state == Word::Down) };
                    let what = Some(attach_response::What::Change(change));
                    if sender.send(Ok(AttachResponse { what })).await.is_err() {
                        return;
                    }
                }
            }
        });
        Ok(Response::new(Box::pin(tokio_stream::wrappers::ReceiverStream::new(receiver))))
    }

    async fn list_sessions(
        &self,
        _: Request<ListSessionsRequest>,
    ) -> Result<Response<ListSessionsResponse>, Status> {
        Ok(Response::new(ListSessionsResponse::default()))
    }
}

type Specs = Arc<std::sync::Mutex<Vec<Spec>>>;

fn serve(socket: &Path) -> (watch::Sender<Word>, Specs) {
    let (sender, word) = watch::channel(Word::Down);
    let specs = Specs::default();
    let served = Played { word, specs: Arc::clone(&specs) };
    let listener = UnixListener::bind(socket).unwrap();
    tokio::spawn(
        tonic::transport::Server::builder()
            .add_service(BfdServer::new(served))
            .serve_with_incoming(UnixListenerStream::new(listener)),
    );
    (sender, specs)
}

fn settings(strict: bool) -> BfdSettings {
    BfdSettings {
        interval: Duration::from_millis(50),
        receive: Duration::from_millis(60),
        multiplier: 3,
        authentication: None,
        echo: None,
        strict,
        passive: false,
        min_ttl: None,
    }
}

/// A node without listener that has lb-bfd at `socket`.
fn with_bfd(socket: &Path, other: &Node) -> Node {
    let router = Recorder::announcing(2);
    let settings =
        Settings { name: "test".to_owned(), bfd_socket: Some(socket.to_owned()), ..Settings::default() };
    let peers = Peers::start(settings, Arc::clone(&router) as Arc<dyn Router>);
    let address = std::net::Ipv4Addr::from(u32::from_be_bytes([127, 0, 1, 1])).into();
    let _ = other;
    Node { peers, router, address, asn: 65001, port: 1 }
}

#[tokio::test]
async fn down_ends_the_session_and_up_begins_it_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("bfd.sock");
    let (word, specs) = serve(&socket);
    let two = Node::start(140, 0).await;
    let one = with_bfd(&socket, &two);
    let mut config = one.config_of(&two);
    config.bfd = Some(settings(false));
    // Only BFD makes it dial soon.
    config.session.connect_retry = Duration::from_secs(600);
    one.apply(&config);
    two.apply(&two.config_of(&one));
    // Without strict nothing waits for BFD.
    one.established(two.address).await;
    word.send_replace(Word::Up);
    until("BFD up", || (admin::peer(&one.status(two.address)).bfd == "up").then_some(())).await;
    let spec = specs.lock().unwrap()[0].clone();
    assert_eq!((spec.remote.as_str(), spec.multihop, spec.detect_mult), ("127.0.0.140", false, 3));
    assert_eq!((spec.desired_min_tx_us, spec.required_min_rx_us), (50_000, 60_000));
    // What says nothing of the path changes nothing.
    word.send_replace(Word::AdminDown);
    until("BFD down by an operator", || {
        (admin::peer(&one.status(two.address)).bfd == "admin-down").then_some(())
    })
    .await;
    assert_eq!(one.status(two.address).flaps, 0);
    word.send_replace(Word::Up);
    until("BFD up", || (admin::peer(&one.status(two.address)).bfd == "up").then_some(())).await;

    word.send_replace(Word::Down);
    let status = one.error(two.address, "BFD is down").await;
    assert_eq!(status.flaps, 1);
    two.error(one.address, "(6/10)").await;
    assert_eq!(admin::peer(&status).bfd, "down");
    word.send_replace(Word::Up);
    until("a new session", || (one.status(two.address).sessions == 2).then_some(())).await;
}

#[tokio::test]
async fn strict_waits_for_bfd() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("bfd.sock");
    let two = Node::start(142, 0).await;
    let one = with_bfd(&socket, &two);
    let mut config = one.config_of(&two);
    config.bfd = Some(settings(true));
    one.apply(&config);
    two.apply(&two.config_of(&one));
    // Nobody answers at the socket.
    until("the reason", || {
        let problems = one.status(two.address).problems;
        problems.iter().any(|problem| problem.contains("lb-bfd cannot be reached")).then_some(())
    })
    .await;
    let (word, _) = serve(&socket);
    until("the other reason", || {
        let problems = one.status(two.address).problems;
        problems.iter().any(|problem| problem.contains("which is Down")).then_some(())
    })
    .await;
    assert_eq!(one.status(two.address).state, State::Idle);
    word.send_replace(Word::Up);
    one.established(two.address).await;
    assert_eq!(one.status(two.address).problems, Vec::<String>::new());
    word.send_replace(Word::Down);
    one.error(two.address, "BFD is down").await;
    until("rest", || (one.status(two.address).state == State::Idle).then_some(())).await;
    word.send_replace(Word::Up);
    until("a new session", || (one.status(two.address).sessions == 2).then_some(())).await;
    // What says nothing of the path ends no session, but lets none begin.
    word.send_replace(Word::AdminDown);
    until("BFD down by an operator", || {
        (admin::peer(&one.status(two.address)).bfd == "admin-down").then_some(())
    })
    .await;
    assert_eq!(one.status(two.address).state, State::Established);
    two.peers.reset(&one.address.to_string(), Stop::Reset(String::new())).unwrap();
    until("rest", || (one.status(two.address).state == State::Idle).then_some(())).await;
}
