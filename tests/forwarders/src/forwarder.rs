//! One forwarder.

use std::collections::{BTreeMap, VecDeque};
use std::sync::PoisonError;
use std::time::{Duration, Instant, SystemTime};

use guideway_controller_core::Content;
use guideway_controller_core::message::{Cost, FromForwarder, Hello};
use guideway_controller_rollout::follower::{Action, Event, Found};
use guideway_controller_rollout::{ConnectionId, Follower, FollowerSettings, Stamp};
use guideway_dataplane::controller::identity::Identity;
use guideway_dataplane::controller::link::{self, Told};
use guideway_dataplane_config::Controller;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::Addresses;
use crate::seen::{Seen, Step};

/// From one attempt to the next.
const PAUSE: Duration = Duration::from_millis(50);
/// Contents that are kept.
const KEPT: usize = 10;

/// Follows whoever leads, until it is stopped.
pub(crate) async fn run(
    number: usize,
    controller: Controller,
    addresses: Addresses,
    seen: Seen,
    stop: CancellationToken,
) {
    let (inbox, mut inputs) = mpsc::channel(64);
    let dialling = tokio::spawn(dial(controller, addresses, inbox));
    let mut machine = Forwarder {
        number,
        seen,
        machine: Follower::new(FollowerSettings::default(), Found::default()),
        contents: BTreeMap::new(),
        link: None,
    };
    machine.happens(Event::Start);
    loop {
        let due = machine.machine.poll_timeout().map(tokio::time::Instant::from_std);
        let timer = async {
            match due {
                Some(due) => tokio::time::sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = stop.cancelled() => break,
            input = inputs.recv() => match input {
                Some(input) => machine.take(input),
                None => break,
            },
            () = timer => machine.happens(Event::Timeout),
        }
    }
    dialling.abort();
}

enum Input {
    Accepted(ConnectionId, mpsc::Sender<FromForwarder>),
    Said(ConnectionId, FromController),
    Over(ConnectionId),
    Revoked(String),
}

type FromController = guideway_controller_core::message::ToForwarder;

/// Tries the controllers one after the other. A link ends when the sender of its messages is dropped.
async fn dial(controller: Controller, addresses: Addresses, inbox: mpsc::Sender<Input>) {
    let mut next = 0;
    loop {
        let known = addresses.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for address in &known {
            next += 1;
            let connection = ConnectionId(next);
            let files = controller.clone();
            let Ok(Ok(identity)) = tokio::task::spawn_blocking(move || Identity::load(&files)).await else {
                continue;
            };
            let Ok((channel, _)) = link::dial(address, &[], identity.tls).await else { continue };
            let (outgoing, waiting) = mpsc::channel(64);
            // The stream stands when the controller has heard the first message.
            if inbox.send(Input::Accepted(connection, outgoing)).await.is_err() {
                return;
            }
            let tell = async |told| match told {
                Told::Accepted(_) => true,
                Told::Message(message) => inbox.send(Input::Said(connection, message)).await.is_ok(),
            };
            let why = link::carry(channel, waiting, tell).await;
            if inbox.send(Input::Over(connection)).await.is_err() {
                return;
            }
            if why.is_revoked() && inbox.send(Input::Revoked(why.to_string())).await.is_err() {
                return;
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

struct Forwarder {
    number: usize,
    seen: Seen,
    machine: Follower,
    contents: BTreeMap<Stamp, Content>,
    link: Option<(ConnectionId, mpsc::Sender<FromForwarder>)>,
}

impl Forwarder {
    fn take(&mut self, input: Input) {
        match input {
            Input::Accepted(connection, outgoing) => {
                self.link = Some((connection, outgoing));
                let kept = self.contents.keys();
                let kept = kept.map(|stamp| (stamp.generation, stamp.digest, SystemTime::UNIX_EPOCH));
                let hello = Hello { kept: kept.collect(), ..Hello::default() };
                self.happens(Event::Connected { connection, hello });
            }
            Input::Said(connection, message) => {
                self.note(Step::Connected);
                Step::of(&message).into_iter().for_each(|step| self.note(step));
                self.happens(Event::Received { connection, message });
            }
            Input::Revoked(reason) => self.happens(Event::Revoked { reason }),
            Input::Over(connection) => {
                self.note(Step::Disconnected);
                self.link.take_if(|(open, _)| *open == connection);
                self.happens(Event::Disconnected { connection });
            }
        }
    }

    fn note(&self, step: Step) {
        self.seen.note(self.number, step);
    }

    fn happens(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            for action in self.machine.handle(event, Instant::now()) {
                events.extend(self.act(action));
            }
        }
    }

    /// Does it at once; what has an answer gives it.
    fn act(&mut self, action: Action) -> Option<Event> {
        match action {
            Action::Send { connection, message } => {
                let (_, outgoing) = self.link.as_ref().filter(|(open, _)| *open == connection)?;
                if let FromForwarder::Prepared { generation, digest, .. } = &message {
                    self.note(Step::Prepared((*generation, *digest).into()));
                }
                if outgoing.try_send(message).is_err() {
                    self.link = None;
                }
                None
            }
            Action::Disconnect { connection, .. } => {
                self.link.take_if(|(open, _)| *open == connection);
                None
            }
            Action::Prepare { stamp, content } => {
                self.seen.check(self.number, stamp, &content);
                self.contents.insert(stamp, content);
                while self.contents.len() > KEPT {
                    self.contents.pop_first();
                }
                Some(Event::Prepared { stamp, result: Ok(Cost::default()) })
            }
            Action::Discard { stamp } => {
                self.contents.remove(&stamp);
                None
            }
            Action::Keep(kept) => Some(Event::Kept { result: Ok(kept) }),
            Action::Install { stamp, content } => {
                self.seen.installs(self.number, stamp, content);
                Some(Event::Installed { stamp, result: Ok(stamp.generation.0) })
            }
            Action::Fetch { generation } => {
                let found = self.contents.iter().find(|(stamp, _)| stamp.generation == generation);
                let content = found.map(|(_, content)| content.clone());
                Some(Event::Fetched { generation, content })
            }
            Action::Announce(stamp) => {
                self.note(Step::Announced(stamp));
                None
            }
            Action::Withdraw(_) => {
                self.note(Step::Withdrawn);
                None
            }
            Action::Relays(_) | Action::Past(_) => None,
        }
    }
}
