//! One task for each peer: it runs the session core over a TCP connection. A peer that is stuck blocks nobody else.

mod connection;
mod md5;
mod socket;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant, SystemTime};

use guideway_bgp_fsm::{Action, Cause, Event, Jitter, Session, State, Stop};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::sleep_until;
use tracing::{Instrument, debug, info, info_span, warn};

use crate::config::PeerConfig;
use crate::prefixes::Prefixes;
use crate::status::{PeerStatus, Shared};
use connection::{Connection, Input};

/// A running peer.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) config: PeerConfig,
    pub(crate) status: Shared<PeerStatus>,
    stop: oneshot::Sender<Stop>,
    task: JoinHandle<()>,
}

impl Peer {
    /// Starts a task that keeps a session with the peer and announces `prefixes`.
    pub(crate) fn spawn(config: PeerConfig, prefixes: watch::Receiver<Prefixes>) -> Self {
        let status = Shared::new(PeerStatus::new(config.address, config.session.remote_as));
        let (stop, stopped) = oneshot::channel();
        let mut session = Session::new(config.session.clone());
        session.set_prefixes(prefixes.borrow().as_ref().clone());
        let task = Task {
            session,
            connection: Connection::closed(config.clone()),
            status: status.clone(),
            prefixes,
            told: State::Idle,
            last_cause: None,
            malformed_told: false,
        };
        let span = info_span!("peer", address = %config.address, remote_as = config.session.remote_as);
        let task = tokio::spawn(task.run(stopped).instrument(span));
        Self { config, status, stop, task }
    }

    /// Ends the session with a Cease and waits until it is gone (a few seconds at most).
    pub(crate) async fn stop(self, stop: Stop) {
        let _ = self.stop.send(stop);
        if let Err(error) = self.task.await {
            warn!(address = %self.config.address, %error, "the task of a peer ended badly");
        }
    }

    /// True when the task is gone although nobody stopped it, which is a bug.
    pub(crate) fn is_dead(&self) -> bool {
        self.task.is_finished()
    }
}

struct Task {
    session: Session,
    connection: Connection,
    status: Shared<PeerStatus>,
    prefixes: watch::Receiver<Prefixes>,
    /// The state that the status and the log know.
    told: State,
    last_cause: Option<Cause>,
    /// The log knows of a malformed UPDATE of this session.
    malformed_told: bool,
}

impl Task {
    async fn run(mut self, mut stopped: oneshot::Receiver<Stop>) {
        self.put(Event::Start).await;
        loop {
            self.fill();
            let timeout =
                self.session.poll_timeout().unwrap_or_else(|| Instant::now() + Duration::from_secs(3600));
            let hold_time = self.session.negotiated().map(|agreed| agreed.hold_time);
            let input = tokio::select! {
                stop = &mut stopped => {
                    // The sender is dropped only with the whole speaker.
                    let stop = stop.unwrap_or_else(|_| Stop::Shutdown(String::new()));
                    self.put(Event::Stop(stop)).await;
                    return;
                }
                changed = self.prefixes.changed() => {
                    if changed.is_err() {
                        // The source is gone: only a stop is of interest now.
                        let stop = (&mut stopped).await.unwrap_or_else(|_| Stop::Shutdown(String::new()));
                        self.put(Event::Stop(stop)).await;
                        return;
                    }
                    let prefixes = self.prefixes.borrow_and_update().clone();
                    self.session.set_prefixes(prefixes.as_ref().clone());
                    continue;
                }
                () = sleep_until(timeout.into()) => None,
                input = self.connection.next(hold_time) => Some(input),
            };
            match input {
                Some(input) => self.input(input).await,
                None => {
                    // What has arrived counts first: a speaker that was held up must not take the peer for silent.
                    let arrived = tokio::select! {
                        biased;
                        input = self.connection.next(hold_time) => Some(input),
                        () = std::future::ready(()) => None,
                    };
                    if let Some(input) = arrived {
                        self.input(input).await;
                    }
                    self.put(Event::Timeout).await;
                }
            }
        }
    }

    async fn input(&mut self, input: Input) {
        match input {
            Input::Connected(local) => self.put(Event::Connected { local }).await,
            Input::ConnectFailed(why) => self.put(Event::ConnectFailed(why)).await,
            Input::Closed(why) => self.put(Event::Closed(why)).await,
            Input::Progress => {}
            Input::Readable => self.read().await,
        }
    }

    /// Takes every whole message out of the receive buffer.
    async fn read(&mut self) {
        while let Some(event) = self.connection.message(&self.session.context()) {
            if matches!(event, Event::Received(_)) {
                self.status.lock().messages_received += 1;
            }
            self.put(event).await;
        }
    }

    /// Writes UPDATEs while there is room in the send buffer.
    fn fill(&mut self) {
        let mut written = 0;
        while self.connection.has_room() {
            let Some(update) = self.session.poll_update(Instant::now()) else { break };
            self.connection.send(&update, &self.session.context());
            written += 1;
        }
        if written > 0 {
            let mut status = self.status.lock();
            status.messages_sent += written;
            status.advertised = Prefixes::new(self.session.advertised().clone());
        }
    }

    async fn put(&mut self, event: Event) {
        let malformed = if let Event::Malformed(error) = &event { Some(error.to_string()) } else { None };
        let actions = self.session.handle(event, Instant::now(), Jitter(rand::random()));
        if let (Some(error), State::Established) = (malformed, self.session.state()) {
            let text = "malformed UPDATE; its routes are treated as withdrawn (RFC 7606)";
            // A peer that sends nothing else must not fill the disk; the counter has them all.
            if std::mem::replace(&mut self.malformed_told, true) {
                debug!(error, "{text}");
            } else {
                warn!(error, "{text}; further ones of this session are only counted");
            }
        }
        for action in actions {
            match action {
                Action::Connect => self.connection.open(),
                Action::Disconnect => self.connection.close().await,
                Action::Send(message) => {
                    self.status.lock().messages_sent += 1;
                    self.connection.send(&message, &self.session.context());
                }
                Action::Up(agreed) => {
                    let families: Vec<_> = agreed.families.iter().map(|family| family.to_string()).collect();
                    info!(router_id = %agreed.peer_router_id, hold_time = ?agreed.hold_time, ?families, "session established");
                    (self.last_cause, self.malformed_told) = (None, false);
                    let mut status = self.status.lock();
                    status.sessions += 1;
                }
                Action::Down(cause) => self.down(cause),
            }
        }
        self.tell();
    }

    fn down(&mut self, cause: Cause) {
        // A peer that stays away is reported once, not at every attempt.
        if self.last_cause.as_ref() != Some(&cause) {
            match &cause {
                Cause::Stopped(_) => info!("session ended: {cause}"),
                _ => warn!("session down: {cause}"),
            }
        }
        self.status.lock().last_error = cause.to_string();
        self.last_cause = Some(cause);
    }

    /// Brings the status up to date.
    fn tell(&mut self) {
        let state = self.session.state();
        let mut status = self.status.lock();
        status.malformed_updates = self.session.malformed_updates();
        if state == self.told {
            return;
        }
        self.told = state;
        (status.state, status.since) = (state, SystemTime::now());
        let agreed = self.session.negotiated();
        status.hold_time = agreed.map(|agreed| agreed.hold_time).unwrap_or_default();
        status.peer_router_id = agreed.map(|agreed| agreed.peer_router_id);
        status.families = agreed.map(|agreed| agreed.families).unwrap_or_default();
        if self.session.advertised().is_empty() {
            status.advertised = Prefixes::default();
        }
    }
}
