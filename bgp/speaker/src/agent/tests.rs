use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use guideway_dataplane_admin::v1 as api;
use guideway_dataplane_admin::v1::dataplane_server::{Dataplane, DataplaneServer};
use tokio::net::UnixListener;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::{UnixListenerStream, WatchStream};
use tokio_stream::{Stream, StreamExt};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use super::*;

const PATIENCE: Duration = Duration::from_secs(10);

/// An agent that serves announcements only.
struct Agent {
    addresses: watch::Sender<Vec<String>>,
    stop: CancellationToken,
    server: JoinHandle<()>,
    /// Streams that were opened.
    opened: Arc<AtomicUsize>,
}

/// What becomes of a stream.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// It gives every set.
    Speaks,
    /// It stays open and gives nothing.
    Silent,
    /// It ends at once.
    HangsUp,
}

impl Agent {
    fn start(socket: &Path, addresses: &[&str]) -> Self {
        Self::start_as(Manner::Speaks, socket, addresses)
    }

    fn start_as(manner: Manner, socket: &Path, addresses: &[&str]) -> Self {
        let _ = std::fs::remove_file(socket);
        let listener = UnixListener::bind(socket).unwrap();
        let (sender, receiver) = watch::channel(owned(addresses));
        let stop = CancellationToken::new();
        let opened = Arc::new(AtomicUsize::new(0));
        let service = Service { addresses: receiver, stop: stop.clone(), manner, opened: opened.clone() };
        let service = DataplaneServer::new(service);
        let server = tonic::transport::Server::builder()
            .add_service(service)
            .serve_with_incoming_shutdown(UnixListenerStream::new(listener), stop.clone().cancelled_owned());
        let server = tokio::spawn(async move { server.await.unwrap() });
        Self { addresses: sender, stop, server, opened }
    }

    fn set(&self, addresses: &[&str]) {
        self.addresses.send_replace(owned(addresses));
    }

    async fn stop(self) {
        self.stop.cancel();
        self.server.await.unwrap();
    }
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

struct Service {
    addresses: watch::Receiver<Vec<String>>,
    stop: CancellationToken,
    manner: Manner,
    opened: Arc<AtomicUsize>,
}

type Answer<T> = Result<Response<T>, Status>;

fn missing<T>() -> Answer<T> {
    Err(Status::unimplemented("a stand-in"))
}

#[tonic::async_trait]
impl Dataplane for Service {
    type WatchAnnouncementsStream = Pin<Box<dyn Stream<Item = Result<Announcements, Status>> + Send>>;

    async fn watch_announcements(
        &self,
        _: Request<WatchAnnouncementsRequest>,
    ) -> Answer<Self::WatchAnnouncementsStream> {
        let sets = WatchStream::new(self.addresses.clone());
        let sets =
            sets.map(|addresses| Ok(Announcements { generation: 1, addresses, ..Announcements::default() }));
        let (sender, receiver) = tokio::sync::mpsc::channel(1);
        let (stop, manner) = (self.stop.clone(), self.manner);
        self.opened.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(async move {
            tokio::pin!(sets);
            match manner {
                Manner::Speaks => {}
                Manner::Silent => stop.cancelled().await,
                Manner::HangsUp => return,
            }
            while let Some(Some(set)) = stop.run_until_cancelled(sets.next()).await {
                if sender.send(set).await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(Box::pin(tokio_stream::wrappers::ReceiverStream::new(receiver))))
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

    async fn counters(&self, _: Request<api::CountersRequest>) -> Answer<api::CountersResponse> {
        missing()
    }

    async fn explain(&self, _: Request<api::ExplainRequest>) -> Answer<api::ExplainResponse> {
        missing()
    }

    async fn reload(&self, _: Request<api::ReloadRequest>) -> Answer<api::ReloadResponse> {
        missing()
    }

    async fn active_flows(&self, _: Request<api::ActiveFlowsRequest>) -> Answer<api::ActiveFlowsResponse> {
        missing()
    }
}

struct Bench {
    socket: PathBuf,
    status: Shared<AgentStatus>,
    words: watch::Sender<Word>,
    follower: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.follower.abort();
    }
}

impl Bench {
    fn start(hold: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("agent.sock");
        let status = Shared::new(AgentStatus::default());
        let (words, _) = watch::channel(Word::default());
        let follow = follow(AgentConfig { socket: socket.clone(), hold }, status.clone(), words.clone());
        let follower = tokio::spawn(follow);
        Self { socket, status, words, follower, _folder: folder }
    }

    async fn wait(&self, expected: &[&str]) {
        let mut receiver = self.words.subscribe();
        let matches =
            |word: &Word| word.prefixes.iter().map(ToString::to_string).eq(expected.iter().copied());
        timeout(PATIENCE, receiver.wait_for(matches)).await.expect("the set in time").unwrap();
    }
}

#[tokio::test]
async fn every_set_is_passed_on_and_rubbish_is_left_out_and_counted() {
    let bench = Bench::start(Duration::from_secs(60));
    // The agent may come later than the speaker.
    let agent = Agent::start(&bench.socket, &["203.0.113.10", "nonsense"]);
    bench.wait(&["203.0.113.10/32"]).await;
    agent.set(&["203.0.113.10", "203.0.113.128/25", "2001:db8::10"]);
    bench.wait(&["203.0.113.10/32", "203.0.113.128/25", "2001:db8::10/128"]).await;
    agent.set(&[]);
    bench.wait(&[]).await;
    let status = bench.status.lock().clone();
    assert_eq!((status.connected, status.text.as_str(), status.refused), (true, "connected", 1));
}

#[tokio::test]
async fn the_last_set_is_kept_for_the_hold_time_and_then_withdrawn() {
    let hold = Duration::from_millis(400);
    let bench = Bench::start(hold);
    let agent = Agent::start(&bench.socket, &["203.0.113.10"]);
    bench.wait(&["203.0.113.10/32"]).await;
    let lost = Instant::now();
    agent.stop().await;
    bench.wait(&[]).await;
    assert!(lost.elapsed() >= hold, "withdrawn after {:?}", lost.elapsed());
    assert!(!bench.status.lock().connected);
    let _agent = Agent::start(&bench.socket, &["203.0.113.10"]);
    bench.wait(&["203.0.113.10/32"]).await;
}

#[tokio::test]
async fn an_agent_that_is_back_in_time_is_no_event() {
    let bench = Bench::start(Duration::from_secs(60));
    let agent = Agent::start(&bench.socket, &["203.0.113.10"]);
    bench.wait(&["203.0.113.10/32"]).await;
    let mut changes = bench.words.subscribe();
    changes.mark_unchanged();
    agent.stop().await;
    let updates = bench.status.lock().updates;
    let _agent = Agent::start(&bench.socket, &["203.0.113.10"]);
    let heard_again = async {
        while bench.status.lock().updates == updates {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, heard_again).await.unwrap();
    assert!(!changes.has_changed().unwrap());
}

/// A new agent opens the stream and does not know yet what it serves: the last word of the old one still runs out.
#[tokio::test]
async fn a_stream_without_a_word_is_not_ready_and_holds_nothing() {
    let bench = Bench::start(Duration::from_millis(400));
    let agent = Agent::start(&bench.socket, &["203.0.113.10"]);
    bench.wait(&["203.0.113.10/32"]).await;
    assert!(bench.status.lock().heard);
    agent.stop().await;
    let silent = Agent::start_as(Manner::Silent, &bench.socket, &["203.0.113.10"]);
    bench.wait(&[]).await;
    let opened = async {
        while !bench.status.lock().connected {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, opened).await.unwrap();
    let status = bench.status.lock().clone();
    assert!(!status.heard && status.text.contains("has not said yet"), "{status:?}");
    silent.stop().await;
}

#[tokio::test]
async fn an_agent_that_hangs_up_is_not_pestered() {
    let bench = Bench::start(Duration::from_secs(60));
    let start = Instant::now();
    let agent = Agent::start_as(Manner::HangsUp, &bench.socket, &[]);
    let four = async {
        while agent.opened.load(Ordering::Relaxed) < 4 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, four).await.unwrap();
    // The waits between four streams are at least RETRY_MIN, twice and four times as long; jitter only adds to them.
    let took = start.elapsed();
    assert!(took >= 7 * RETRY_MIN, "four streams within {took:?}");
}
