//! The API on a Unix socket.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use guideway_bfd::State;
use guideway_bgp_admin::bfd::v1;
use guideway_bgp_admin::bfd::v1::bfd_server::{Bfd, BfdServer};
use tokio::net::UnixListener;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::{ReceiverStream, UnixListenerStream};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};
use v1::{attach_request, attach_response};

use crate::board::Board;
use crate::registry::{Attachment, Registry, Row};
use crate::spec::{Key, Wanted};

/// Answers under way to one client; a client that does not read gets the latest state when it does.
const QUEUE: usize = 64;
/// How often a client is asked whether it lives, and how long it may take to say so.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// The longest name of a client that is kept.
const LONGEST_NAME: usize = 64;

/// Serves until `stop`.
pub(crate) async fn serve(
    listener: UnixListener,
    registry: Arc<Registry>,
    changes: watch::Receiver<u64>,
    stop: CancellationToken,
) -> Result<(), tonic::transport::Error> {
    tonic::transport::Server::builder()
        .http2_keepalive_interval(Some(KEEP_ALIVE))
        .http2_keepalive_timeout(Some(KEEP_ALIVE))
        .add_service(BfdServer::new(Service { registry, changes, stop: stop.clone() }))
        .serve_with_incoming_shutdown(UnixListenerStream::new(listener), stop.cancelled_owned())
        .await
}

struct Service {
    registry: Arc<Registry>,
    changes: watch::Receiver<u64>,
    stop: CancellationToken,
}

#[tonic::async_trait]
impl Bfd for Service {
    type AttachStream = ReceiverStream<Result<v1::AttachResponse, Status>>;

    async fn attach(
        &self,
        request: Request<Streaming<v1::AttachRequest>>,
    ) -> Result<Response<Self::AttachStream>, Status> {
        let (answers, stream) = mpsc::channel(QUEUE);
        let client = Client {
            registry: Arc::clone(&self.registry),
            attachment: self.registry.attach(),
            name: "unnamed".to_owned(),
            sessions: BTreeMap::new(),
            unsaid: BTreeSet::new(),
        };
        let (requests, changes, stop) = (request.into_inner(), self.changes.clone(), self.stop.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = client.run(requests, changes, answers) => {}
                () = stop.cancelled() => {}
            }
        });
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    async fn list_sessions(
        &self,
        _: Request<v1::ListSessionsRequest>,
    ) -> Result<Response<v1::ListSessionsResponse>, Status> {
        Ok(Response::new(v1::ListSessionsResponse {
            sessions: self.registry.rows().into_iter().map(session).collect(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            scheduling: self.registry.engine().scheduling.clone(),
            latest_us: self.registry.engine().totals.latest_us.load(Ordering::Relaxed),
            late: self.registry.engine().totals.late.load(Ordering::Relaxed),
        }))
    }
}

/// One attached client.
struct Client {
    registry: Arc<Registry>,
    attachment: Attachment,
    name: String,
    /// By the client's numbers.
    sessions: BTreeMap<u64, Session>,
    /// Sessions of which there is something to say.
    unsaid: BTreeSet<u64>,
}

struct Session {
    key: Key,
    board: Arc<Board>,
    /// State, diagnostic and count of downs that the client knows.
    said: Option<(State, u8, u64)>,
}

impl Client {
    async fn run(
        mut self,
        mut requests: Streaming<v1::AttachRequest>,
        mut changes: watch::Receiver<u64>,
        answers: mpsc::Sender<Result<v1::AttachResponse, Status>>,
    ) {
        loop {
            tokio::select! {
                request = requests.message() => match request {
                    Ok(Some(v1::AttachRequest { what: Some(what) })) => {
                        if let Some(refusal) = self.take(what)
                            && answers.send(Ok(v1::AttachResponse { what: Some(refusal) })).await.is_err()
                        {
                            return;
                        }
                    }
                    Ok(Some(v1::AttachRequest { what: None })) => {}
                    Ok(None) | Err(_) => return,
                },
                changed = changes.changed() => match changed {
                    Ok(()) => self.unsaid.extend(self.sessions.keys()),
                    Err(_) => return,
                },
                permit = answers.reserve(), if !self.unsaid.is_empty() => match permit {
                    Ok(permit) => {
                        if let Some(change) = self.next_change() {
                            permit.send(Ok(v1::AttachResponse { what: Some(change) }));
                        }
                    }
                    Err(_) => return,
                },
            }
        }
    }

    fn take(&mut self, what: attach_request::What) -> Option<attach_response::What> {
        match what {
            attach_request::What::Hello(hello) => {
                self.name = hello.client.chars().take(LONGEST_NAME).collect();
                None
            }
            attach_request::What::Want(want) => {
                let id = want.id;
                let outcome = Wanted::parse(want.spec.unwrap_or_default())
                    .map_err(|error| error.to_string())
                    .and_then(|wanted| self.want(id, wanted));
                // What the session was before goes on.
                let reason = outcome.err()?;
                Some(attach_response::What::Refusal(v1::Refusal { id, reason }))
            }
            attach_request::What::Release(release) => {
                self.release(release.id);
                None
            }
        }
    }

    fn want(&mut self, id: u64, wanted: Wanted) -> Result<(), String> {
        let key = wanted.key.clone();
        if self.sessions.iter().any(|(other, session)| *other != id && session.key == key) {
            return Err("the client has this session already, under another number".to_owned());
        }
        if self.sessions.get(&id).is_some_and(|session| session.key != key) {
            self.release(id);
        }
        let wanted = self.registry.want(self.attachment, &self.name, wanted);
        let board = wanted.map_err(|full| full.to_string())?;
        self.sessions.entry(id).or_insert(Session { key, board, said: None });
        self.unsaid.insert(id);
        Ok(())
    }

    fn release(&mut self, id: u64) {
        self.unsaid.remove(&id);
        if let Some(session) = self.sessions.remove(&id) {
            self.registry.release(self.attachment, &session.key);
        }
    }

    /// What is to be said of the first session that has something to say. A time of being Down that is over already is
    /// said too.
    fn next_change(&mut self) -> Option<attach_response::What> {
        while let Some(id) = self.unsaid.pop_first() {
            let Some(session) = self.sessions.get_mut(&id) else { continue };
            let report = session.board.read();
            let mut now = (report.told_state(), report.diagnostic.bits(), report.counts.downs);
            if let Some((State::Up, _, downs)) = session.said
                && now.0 == State::Up
                && downs < now.2
            {
                let why = report.counts.last_down.map_or(0, |(_, diagnostic)| diagnostic.bits());
                now = (State::Down, why, now.2);
                self.unsaid.insert(id);
            }
            if session.said.replace(now) == Some(now) {
                continue;
            }
            let change = v1::Change { id, state: wire(now.0).into(), diagnostic: u32::from(now.1) };
            return Some(attach_response::What::Change(change));
        }
        None
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.registry.detach(self.attachment, &self.name);
    }
}

fn wire(state: State) -> v1::State {
    match state {
        State::AdminDown => v1::State::AdminDown,
        State::Down => v1::State::Down,
        State::Init => v1::State::Init,
        State::Up => v1::State::Up,
    }
}

fn session(row: Row) -> v1::Session {
    let Row { wanted, discriminator, report, owners, held_for, problem } = row;
    let (remote, counts) = (report.remote, report.counts);
    let mut spec = wanted.spec;
    if let Some(authentication) = &mut spec.authentication {
        // Who may look at sessions need not know their secrets.
        authentication.keys.iter_mut().for_each(|key| key.secret.clear());
    }
    let authentication = wanted.config.authentication.as_ref();
    v1::Session {
        remote: wanted.key.remote.to_string(),
        local: spec.local.clone(),
        interface: spec.interface.clone(),
        multihop: wanted.key.multihop,
        state: wire(report.state).into(),
        remote_state: wire(remote.state).into(),
        diagnostic: report.diagnostic.bits().into(),
        remote_diagnostic: remote.diagnostic.bits().into(),
        discriminator,
        remote_discriminator: remote.discriminator,
        transmit_interval_us: report.transmit_interval_us,
        detection_time_us: report.detection_time_us,
        remote_desired_min_tx_us: remote.desired_min_tx.micros(),
        remote_required_min_rx_us: remote.required_min_rx.micros(),
        remote_detect_mult: remote.detect_mult.into(),
        echo_interval_us: report.echo_interval_us,
        authentication: authentication.map(|it| it.kind().to_string()).unwrap_or_default(),
        since_unix_ms: report.since_unix_ms,
        downs: counts.downs,
        packets_sent: counts.sent,
        packets_received: counts.received,
        packets_discarded: counts.discarded,
        last_discard: counts.last_discard.map(|why| why.to_string()).unwrap_or_default(),
        echoes_sent: counts.echoes_sent,
        echoes_received: counts.echoes_received,
        clients: owners,
        held_until_unix_ms: held_for.map_or(0, unix_ms_in),
        spec: Some(spec),
        problem: problem.unwrap_or_default(),
        send_errors: counts.send_errors,
        last_down_unix_ms: counts.last_down.map_or(0, |(at, _)| at),
        last_down_diagnostic: counts.last_down.map_or(0, |(_, diagnostic)| diagnostic.bits().into()),
        echoes_returned: counts.echoes_returned,
    }
}

fn unix_ms_in(time: Duration) -> u64 {
    let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + time;
    u64::try_from(at.as_millis()).unwrap_or(u64::MAX)
}
