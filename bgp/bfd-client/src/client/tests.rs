//! The client with an lb-bfd that is played.

use std::path::Path;
use std::time::Duration;

use guideway_bgp_admin::bfd::v1;
use guideway_bgp_admin::bfd::v1::bfd_server::{Bfd, BfdServer};
use tokio::net::UnixListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::{ReceiverStream, UnixListenerStream};
use tonic::{Request, Response, Status as Refused, Streaming};
use v1::{attach_request, attach_response};

use super::*;
use crate::status::{BfdState, Problem};

type Answer = Result<v1::AttachResponse, Refused>;

/// What the client said, and a way to answer.
struct Played(mpsc::Sender<(v1::AttachRequest, mpsc::Sender<Answer>)>);

#[tonic::async_trait]
impl Bfd for Played {
    type AttachStream = ReceiverStream<Answer>;

    async fn attach(
        &self,
        request: Request<Streaming<v1::AttachRequest>>,
    ) -> Result<Response<Self::AttachStream>, Refused> {
        let (answers, stream) = mpsc::channel(16);
        let (mut requests, heard) = (request.into_inner(), self.0.clone());
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    request = requests.message() => {
                        let Ok(Some(request)) = request else { return };
                        let _ = heard.send((request, answers.clone())).await;
                    }
                    // The stage is gone: so is the stream, when the last way to answer goes.
                    () = heard.closed() => return,
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    async fn list_sessions(
        &self,
        _: Request<v1::ListSessionsRequest>,
    ) -> Result<Response<v1::ListSessionsResponse>, Refused> {
        Err(Refused::unimplemented("not played"))
    }
}

struct Stage {
    heard: mpsc::Receiver<(v1::AttachRequest, mpsc::Sender<Answer>)>,
    server: JoinHandle<Result<(), tonic::transport::Error>>,
}

impl Stage {
    fn open(path: &Path) -> Self {
        let _ = std::fs::remove_file(path);
        let listener = UnixListener::bind(path).unwrap();
        let (sender, heard) = mpsc::channel(16);
        let server = tonic::transport::Server::builder().add_service(BfdServer::new(Played(sender)));
        Self { heard, server: tokio::spawn(server.serve_with_incoming(UnixListenerStream::new(listener))) }
    }

    async fn next(&mut self) -> (attach_request::What, mpsc::Sender<Answer>) {
        let next = tokio::time::timeout(Duration::from_secs(20), self.heard.recv()).await;
        let (request, answers) = next.unwrap().unwrap();
        (request.what.unwrap(), answers)
    }

    async fn want(&mut self) -> (v1::Want, mpsc::Sender<Answer>) {
        match self.next().await {
            (attach_request::What::Want(want), answers) => (want, answers),
            (other, _) => panic!("{other:?} in place of a Want"),
        }
    }
}

fn change(id: u64, state: v1::State, diagnostic: u32) -> Answer {
    let change = v1::Change { id, state: state.into(), diagnostic };
    Ok(v1::AttachResponse { what: Some(attach_response::What::Change(change)) })
}

async fn until(status: &mut watch::Receiver<Status>, state: BfdState) -> Status {
    let wait = status.wait_for(|status| status.state == state);
    tokio::time::timeout(Duration::from_secs(20), wait).await.unwrap().unwrap().clone()
}

#[tokio::test]
async fn sessions_are_asked_for_followed_changed_and_released() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bfd.sock");
    let client = Client::new(path.clone(), "test");
    let session = client.session(Spec::new("10.1.1.1".parse().unwrap()));
    let mut status = session.state();
    // Nobody is there yet.
    let problem = |status: &Status| matches!(status.problem, Some(Problem::Unreachable(_)));
    status.wait_for(problem).await.unwrap();

    let mut stage = Stage::open(&path);
    assert!(matches!(stage.next().await.0, attach_request::What::Hello(hello) if hello.client == "test"));
    let (want, answers) = stage.want().await;
    assert_eq!(want.spec.as_ref().unwrap().remote, "10.1.1.1");
    for (state, diagnostic) in
        [(v1::State::Down, 0), (v1::State::Up, 0), (v1::State::Down, 1), (v1::State::Up, 0)]
    {
        answers.send(change(want.id, state, diagnostic)).await.unwrap();
    }
    // However many of them are seen one by one, the failure is counted.
    status.wait_for(|status| status.state == BfdState::Up && status.downs == 1).await.unwrap();

    let faster = Spec { desired_min_tx: Duration::from_millis(50), ..Spec::new("10.1.1.1".parse().unwrap()) };
    session.change(faster.clone());
    let (again, _) = stage.want().await;
    assert_eq!((again.id, again.spec.unwrap().desired_min_tx_us), (want.id, 50_000));
    // The same once more is nothing new: the next that is heard is the second session.
    session.change(faster);
    let second = client.session(Spec::new("10.1.1.3".parse().unwrap()));
    let (other, _) = stage.want().await;
    let refusal = v1::Refusal { id: other.id, reason: "full".to_owned() };
    answers
        .send(Ok(v1::AttachResponse { what: Some(attach_response::What::Refusal(refusal)) }))
        .await
        .unwrap();
    let refused = |status: &Status| status.problem == Some(Problem::Refused("full".into()));
    second.state().wait_for(refused).await.unwrap();

    drop(second);
    assert!(matches!(stage.next().await.0, attach_request::What::Release(release) if release.id == other.id));
    // AdminDown is no failure.
    answers.send(change(want.id, v1::State::AdminDown, 7)).await.unwrap();
    assert_eq!(until(&mut status, BfdState::AdminDown).await.downs, 1);
}

#[tokio::test]
async fn what_is_wanted_is_said_again_to_a_new_lb_bfd() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bfd.sock");
    let mut stage = Stage::open(&path);
    let client = Client::new(path.clone(), "test");
    let session = client.session(Spec::new("10.1.1.1".parse().unwrap()));
    let mut status = session.state();
    stage.next().await;
    let (want, answers) = stage.want().await;
    answers.send(change(want.id, v1::State::Up, 0)).await.unwrap();
    until(&mut status, BfdState::Up).await;
    stage.server.abort();
    drop((stage, answers));
    // Not a failure of the path.
    assert_eq!(until(&mut status, BfdState::Unknown).await.downs, 0);
    let mut stage = Stage::open(&path);
    stage.next().await;
    let (again, answers) = stage.want().await;
    assert_eq!(again.id, want.id);
    answers.send(change(again.id, v1::State::Down, 0)).await.unwrap();
    assert_eq!(until(&mut status, BfdState::Down).await.downs, 0);
}
