//! The task that owns the coordinator.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use guideway_controller_core::message::ToForwarder;
use guideway_controller_core::{Content, ForwarderName, Generation};
use guideway_controller_rollout::coordinator::{Action, Event, Notice, State};
use guideway_controller_rollout::{
    ConnectionId, Coordinator, RequestId, Settings, Stored, Version, WriteFault,
};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::encoded::Encoded;
use super::latency::Latency;
use super::{Command, Driver, RecordStore, Told};
use crate::forwarders::{Link, LinkEvent, Outgoing};
use crate::state::Sightings;

/// Commands that wait.
const COMMANDS: usize = 64;
/// What a listener may be behind before it loses something.
const TOLD: usize = 256;
/// Events that are taken before the state is shown.
const BATCH: usize = 64;
/// A store that does not answer for this long has not answered.
const STORE: Duration = Duration::from_secs(5);

/// Starts the driver. It ends with `stop`, when nothing more will be written; links end with it.
pub(crate) fn start(
    settings: Settings,
    store: Arc<dyn RecordStore>,
    links: mpsc::Receiver<LinkEvent>,
    stop: CancellationToken,
) -> (Driver, JoinHandle<()>) {
    let (commands, received) = mpsc::channel(COMMANDS);
    let (told, _) = broadcast::channel(TOLD);
    let coordinator = Coordinator::new(settings);
    let (show, state) = watch::channel(Arc::new(coordinator.state()));
    let (answer, answers) = mpsc::channel(COMMANDS);
    let sightings = Sightings::default();
    let driver = Driving {
        coordinator,
        sightings: sightings.clone(),
        store,
        answer,
        asked: 0,
        stepping_down: Vec::new(),
        open: HashMap::new(),
        looks: Vec::new(),
        encoded: Encoded::default(),
        latency: Latency::default(),
        told: told.clone(),
        show,
    };
    let task = tokio::spawn(driver.run(received, links, answers, stop));
    (Driver { commands, told, state, sightings }, task)
}

/// What the store said.
enum Answer {
    Read(RequestId, Result<Stored, String>),
    Written(RequestId, Result<Version, WriteFault>),
}

struct Driving {
    coordinator: Coordinator,
    sightings: Sightings,
    store: Arc<dyn RecordStore>,
    answer: mpsc::Sender<Answer>,
    /// Requests of the store that are not answered.
    asked: usize,
    /// Who waits for the last of them.
    stepping_down: Vec<oneshot::Sender<()>>,
    open: HashMap<ForwarderName, (ConnectionId, Link)>,
    /// Who waits for the content of a generation.
    looks: Vec<(Generation, oneshot::Sender<Option<Content>>)>,
    encoded: Encoded,
    latency: Latency,
    told: broadcast::Sender<Told>,
    show: watch::Sender<Arc<State>>,
}

impl Driving {
    async fn run(
        mut self,
        mut commands: mpsc::Receiver<Command>,
        mut links: mpsc::Receiver<LinkEvent>,
        mut answers: mpsc::Receiver<Answer>,
        stop: CancellationToken,
    ) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let due = self.coordinator.poll_timeout().map(tokio::time::Instant::from_std);
            let timer = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(answer) = answers.recv() => self.answered(answer),
                Some(command) = commands.recv() => self.command(command),
                _ = links.recv_many(&mut batch, BATCH) => {
                    if batch.is_empty() {
                        // Nobody can connect any more.
                        break;
                    }
                    batch.drain(..).for_each(|event| self.link(event));
                }
                () = timer => self.handle(Event::Timeout),
            }
            self.finish_stepping_down();
            self.show.send_replace(Arc::new(self.coordinator.state()));
        }
        self.handle(Event::LostLeadership);
        while self.asked > 0
            && let Some(answer) = answers.recv().await
        {
            self.answered(answer);
        }
        self.finish_stepping_down();
        self.open.values().for_each(|(_, link)| link.close("the controller stops"));
        self.show.send_replace(Arc::new(self.coordinator.state()));
    }

    fn finish_stepping_down(&mut self) {
        if self.asked == 0 {
            self.stepping_down.drain(..).for_each(|waiting| _ = waiting.send(()));
        }
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Leads => self.handle(Event::BecameLeader),
            Command::LeadsNoMore(done) => {
                self.stepping_down.push(done);
                self.handle(Event::LostLeadership);
            }
            Command::Desired(desired) => {
                let content = self.latency.wants(desired);
                self.handle(Event::Desired(content));
            }
            Command::Settings(settings) => {
                self.coordinator.set_settings(settings);
                self.handle(Event::Timeout);
            }
            Command::Approve(generation) => self.handle(Event::Approve { generation }),
            Command::Rollback(generation) => self.handle(Event::Rollback { generation }),
            Command::Resume => self.handle(Event::Resume),
            Command::Content(generation, answer) => {
                // Who asked may be gone.
                _ = answer.send(self.coordinator.content(generation).cloned());
            }
            Command::Look(generation, answer) => {
                self.looks.push((generation, answer));
                self.handle(Event::Look { generation });
            }
        }
    }

    fn answered(&mut self, answer: Answer) {
        self.asked -= 1;
        self.handle(match answer {
            Answer::Read(request, result) => Event::RecordRead { request, result },
            Answer::Written(request, result) => Event::RecordWritten { request, result },
        });
    }

    fn link(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Connected { forwarder, connection, hello, link } => {
                // A former link is closed by what the coordinator says of it.
                if let Some((_, former)) = self.open.insert(forwarder.clone(), (connection, link)) {
                    former.close("the forwarder has connected anew");
                }
                self.sightings.connected(&forwarder, &hello, SystemTime::now());
                let time_of_day = SystemTime::now();
                self.handle(Event::Connected { forwarder, connection, hello, time_of_day });
            }
            LinkEvent::Received { forwarder, connection, message, place } => {
                self.sightings.heard(&forwarder, &message, SystemTime::now());
                self.handle(Event::Received { forwarder, connection, message });
                drop(place);
            }
            LinkEvent::Disconnected { forwarder, connection } => {
                self.take_link(&forwarder, connection);
                self.handle(Event::Disconnected { forwarder, connection });
            }
        }
    }

    fn take_link(&mut self, forwarder: &ForwarderName, connection: ConnectionId) -> Option<Link> {
        self.open.get(forwarder).filter(|(open, _)| *open == connection)?;
        self.open.remove(forwarder).map(|(_, link)| link)
    }

    fn handle(&mut self, event: Event) {
        for action in self.coordinator.handle(event, Instant::now()) {
            self.act(action);
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::ReadRecord { request } => {
                let store = Arc::clone(&self.store);
                self.ask(async move {
                    let answer = tokio::time::timeout(STORE, store.read()).await;
                    Answer::Read(request, answer.unwrap_or_else(|_| Err(no_answer())))
                });
            }
            Action::WriteRecord { request, record, expected } => {
                let store = Arc::clone(&self.store);
                self.ask(async move {
                    let answer = tokio::time::timeout(STORE, store.write(&record, expected.as_ref())).await;
                    Answer::Written(request, answer.unwrap_or_else(|_| Err(WriteFault::Unknown(no_answer()))))
                });
            }
            Action::Send { forwarder, connection, message } => self.send(&forwarder, connection, message),
            Action::Disconnect { forwarder, connection, reason } => {
                if let Some(link) = self.take_link(&forwarder, connection) {
                    link.close(&reason);
                }
            }
            Action::Resign => self.tell(Told::Resign),
            Action::Found { generation, content } => {
                for (_, answer) in self.looks.extract_if(.., |(waits, _)| *waits == generation) {
                    _ = answer.send(content.clone());
                }
            }
            Action::Notice(notice) => {
                self.notice(&notice);
                self.tell(Told::Notice(notice));
            }
        }
    }

    fn ask(&mut self, asking: impl Future<Output = Answer> + Send + 'static) {
        self.asked += 1;
        let answer = self.answer.clone();
        tokio::spawn(async move {
            // The driver waits for every answer.
            _ = answer.send(asking.await).await;
        });
    }

    /// A link that does not take it ends, which its reader reports.
    fn send(&mut self, forwarder: &ForwarderName, connection: ConnectionId, message: ToForwarder) {
        let Some((open, link)) = self.open.get(forwarder) else { return };
        if *open != connection {
            return;
        }
        let outgoing = match message {
            ToForwarder::Prepare { term, generation, delta } => {
                Outgoing::Prepare(term, generation, self.encoded.of(&delta))
            }
            message => Outgoing::Message(message),
        };
        _ = link.send(outgoing);
    }

    fn notice(&mut self, notice: &Notice) {
        if let Some((stage, time)) = self.latency.hears(notice) {
            self.tell(Told::Came(stage, time));
        }
    }

    /// Whether anybody listens is their business.
    fn tell(&self, told: Told) {
        _ = self.told.send(told);
    }
}

fn no_answer() -> String {
    format!("no answer in {STORE:?}")
}
