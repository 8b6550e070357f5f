//! The driver with a real server, and forwarders as they are but for their dataplane.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use guideway_controller_core::message::{Cost, Hello, ToForwarder};
use guideway_controller_core::{Budget, Content, Pool, Routing};
use guideway_controller_proto::{Decoder, from_forwarder};
use guideway_controller_rollout::coordinator::Role;
use guideway_controller_rollout::follower::{Action, Event, Found};
use guideway_controller_rollout::{ConnectionId, Follower, FollowerSettings, Stamp};
use guideway_dataplane_config::Seed;
use rustls::ClientConfig;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::*;
use crate::ca::Authority;
use crate::forwarders::tests::{DEADLINE, Site, dial, follow, within};

/// A content of its own for each number.
fn content(number: u8) -> Content {
    let mut content = Content::new(Seed::new([1; 16]), Routing::default());
    let prefix = format!("10.{number}.0.0/16").parse().unwrap();
    content.put_pool(Pool { name: "web".parse().unwrap(), prefixes: vec![prefix] });
    content
}

fn settings(leader: &str) -> Settings {
    let mut settings = Settings::new(leader.to_owned(), Budget::UNLIMITED);
    settings.gather = Duration::from_millis(200);
    settings.retry = Duration::from_millis(100);
    settings.keepalive = Duration::from_millis(200);
    settings.silence = DEADLINE;
    settings
}

struct Controller {
    site: Site,
    driver: Driver,
    task: JoinHandle<()>,
    stop: CancellationToken,
    _guard: DropGuard,
}

impl Controller {
    async fn new(folder: &Path, leader: &str) -> Self {
        let store: Arc<dyn RecordStore> = Arc::new(FileStore::new(folder).unwrap());
        Self::with(folder, settings(leader), store).await
    }

    async fn with(folder: &Path, settings: Settings, store: Arc<dyn RecordStore>) -> Self {
        let (site, links) = Site::of(folder).await;
        let stop = CancellationToken::new();
        let (driver, task) = start(settings, store, links, stop.clone());
        Self { site, driver, task, stop: stop.clone(), _guard: stop.drop_guard() }
    }

    async fn tell(&self, command: Command) {
        self.driver.commands.send(command).await.unwrap();
    }

    async fn wants(&self, content: Content) {
        let desired = Desired { content, seen: Instant::now(), span: tracing::Span::none() };
        self.tell(Command::Desired(desired)).await;
    }

    async fn until(&self, is: impl Fn(&State) -> bool) {
        let mut state = self.driver.state.clone();
        let waiting = state.wait_for(|state| is(state));
        assert!(within(waiting).await.is_ok());
    }

    fn forwarder(&self, name: &str) -> Forwarder {
        Forwarder::new(vec![self.site.address], self.site.forwarder(name))
    }
}

fn authority() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    Authority::init(folder.path(), std::time::SystemTime::now()).unwrap();
    folder
}

/// A forwarder whose dataplane is a table.
struct Forwarder {
    /// What it serves, and whether it announces it.
    serves: watch::Receiver<(Option<Stamp>, bool)>,
    connect: Arc<AtomicBool>,
    addresses: watch::Sender<Vec<SocketAddr>>,
    _guard: DropGuard,
}

impl Forwarder {
    fn new(addresses: Vec<SocketAddr>, tls: Arc<ClientConfig>) -> Self {
        let (show, serves) = watch::channel((None, false));
        let (addresses, dialled) = watch::channel(addresses);
        let connect = Arc::new(AtomicBool::new(true));
        let stop = CancellationToken::new();
        let running = Running { show, dialled, tls, connect: Arc::clone(&connect), kept: BTreeMap::new() };
        tokio::spawn(stop.clone().run_until_cancelled_owned(running.run()));
        Self { serves, connect, addresses, _guard: stop.drop_guard() }
    }

    async fn until_it_serves(&self, content: &Content) {
        let mut serves = self.serves.clone();
        let is = |(stamp, announces): &(Option<Stamp>, bool)| {
            *announces && stamp.is_some_and(|stamp| stamp.digest == content.digest())
        };
        assert!(within(serves.wait_for(is)).await.is_ok());
    }
}

struct Running {
    show: watch::Sender<(Option<Stamp>, bool)>,
    dialled: watch::Receiver<Vec<SocketAddr>>,
    tls: Arc<ClientConfig>,
    connect: Arc<AtomicBool>,
    kept: BTreeMap<Generation, Content>,
}

impl Running {
    async fn run(mut self) {
        let settings = FollowerSettings {
            keepalive: Duration::from_millis(200),
            silence: DEADLINE,
            ..FollowerSettings::default()
        };
        let mut follower = Follower::new(settings, Found::default());
        self.act(follower.handle(Event::Start, Instant::now()), &mut follower, &mut None);
        for number in 0.. {
            if self.connect.load(Ordering::Relaxed) {
                let address = self.dialled.borrow_and_update()[0];
                if let Ok(channel) = dial(address, Arc::clone(&self.tls)).await
                    && let Ok(stream) = follow(channel).await
                {
                    self.follow(&mut follower, ConnectionId(number), stream).await;
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn follow(
        &mut self,
        follower: &mut Follower,
        connection: ConnectionId,
        mut stream: crate::forwarders::tests::Stream,
    ) {
        let mut out = Some(Vec::new());
        let mut decoder = Decoder::<ToForwarder>::new();
        let event = Event::Connected { connection, hello: Hello::default() };
        self.act(follower.handle(event, Instant::now()), follower, &mut out);
        loop {
            for message in out.iter_mut().flat_map(|out| out.drain(..)) {
                for part in from_forwarder(&message) {
                    _ = stream.sender.send(part).await;
                }
            }
            if out.is_none() {
                return;
            }
            let due = follower.poll_timeout().map(tokio::time::Instant::from_std);
            let event = tokio::select! {
                message = stream.receiver.message() => match message {
                    Ok(Some(message)) => match decoder.push(message).unwrap() {
                        Some(message) => Event::Received { connection, message },
                        None => continue,
                    },
                    _ => Event::Disconnected { connection },
                },
                () = async { tokio::time::sleep_until(due.unwrap()).await }, if due.is_some() => Event::Timeout,
                // As if the network were cut.
                _ = self.dialled.changed() => Event::Disconnected { connection },
            };
            let over = matches!(event, Event::Disconnected { .. });
            self.act(follower.handle(event, Instant::now()), follower, &mut out);
            if over {
                return;
            }
        }
    }

    /// Does everything at once; `out` is nothing any more when the connection is to be closed.
    fn act(
        &mut self,
        actions: Vec<Action>,
        follower: &mut Follower,
        out: &mut Option<Vec<guideway_controller_core::message::FromForwarder>>,
    ) {
        for action in actions {
            let event = match action {
                Action::Send { message, .. } => {
                    out.iter_mut().for_each(|out| out.push(message.clone()));
                    continue;
                }
                Action::Disconnect { .. } => {
                    *out = None;
                    continue;
                }
                Action::Prepare { stamp, content } => {
                    self.kept.insert(stamp.generation, content);
                    Event::Prepared { stamp, result: Ok(Cost::default()) }
                }
                Action::Discard { .. } => continue,
                Action::Keep(kept) => Event::Kept { result: Ok(kept) },
                Action::Install { stamp, content } => {
                    self.kept.insert(stamp.generation, content);
                    Event::Installed { stamp, result: Ok(stamp.generation.0 + 1000) }
                }
                Action::Fetch { generation } => {
                    Event::Fetched { generation, content: self.kept.get(&generation).cloned() }
                }
                Action::Announce(stamp) => {
                    self.show.send_replace((Some(stamp), true));
                    continue;
                }
                Action::Withdraw(_) => {
                    self.show.send_modify(|(_, announces)| *announces = false);
                    continue;
                }
                Action::Relays(_) | Action::Past(_) => continue,
            };
            let actions = follower.handle(event, Instant::now());
            self.act(actions, follower, out);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_reaches_every_forwarder() {
    let folder = authority();
    let controller = Controller::new(folder.path(), "a").await;
    let forwarders = ["lb1", "lb2", "lb3"].map(|name| controller.forwarder(name));
    let mut told = controller.driver.told.subscribe();
    controller.tell(Command::Leads).await;
    for number in 1..4 {
        controller.wants(content(number)).await;
        for forwarder in &forwarders {
            forwarder.until_it_serves(&content(number)).await;
        }
    }
    controller.until(|state| state.forwarders.values().filter(|one| one.current).count() == 3).await;
    let mut stages = Vec::new();
    while stages.last() != Some(&Stage::Served) {
        if let Told::Came(stage, _) = within(told.recv()).await.unwrap() {
            stages.push(stage);
        }
    }
    assert_eq!(stages, [Stage::Proposed, Stage::Committed, Stage::Served]);
    // What was committed is at hand.
    let committed = controller.driver.state.borrow().committed.unwrap();
    let (answer, found) = oneshot::channel();
    controller.tell(Command::Content(committed.generation, answer)).await;
    assert_eq!(within(found).await.unwrap().unwrap(), content(3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forwarder_that_was_away_catches_up() {
    let folder = authority();
    let controller = Controller::new(folder.path(), "a").await;
    let (there, away) = (controller.forwarder("there"), controller.forwarder("away"));
    controller.tell(Command::Leads).await;
    controller.wants(content(1)).await;
    away.until_it_serves(&content(1)).await;
    away.connect.store(false, Ordering::Relaxed);
    away.addresses.send_modify(|_| {});
    controller.until(|state| state.forwarders.get("away").is_none_or(|away| !away.connected)).await;
    controller.wants(content(2)).await;
    there.until_it_serves(&content(2)).await;
    // Without a controller it serves what it has.
    assert_eq!(away.serves.borrow().0.unwrap().digest, content(1).digest());
    away.connect.store(true, Ordering::Relaxed);
    away.until_it_serves(&content(2)).await;
}

/// A controller that starts again finds what was committed with the forwarders, and goes on from there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_controller_that_starts_again_goes_on() {
    let folder = authority();
    let first = Controller::new(folder.path(), "a").await;
    let forwarder = first.forwarder("lb1");
    first.tell(Command::Leads).await;
    first.wants(content(1)).await;
    forwarder.until_it_serves(&content(1)).await;
    let before = first.driver.state.borrow().committed.unwrap();
    first.stop.cancel();
    within(first.task).await.unwrap();
    let second = Controller::new(folder.path(), "a2").await;
    forwarder.addresses.send_replace(vec![second.site.address]);
    second.tell(Command::Leads).await;
    second.wants(content(1)).await;
    let is_known = |state: &State| state.committed.is_some();
    second.until(|state| is_known(state) && state.forwarders.values().any(|one| one.current)).await;
    assert_eq!(second.driver.state.borrow().committed, Some(before), "nothing has changed");
    second.wants(content(2)).await;
    forwarder.until_it_serves(&content(2)).await;
}

/// Two believe that they lead: the later one does, and the former one finds out, from the store or from a forwarder.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_leaders_the_later_one_leads() {
    let folder = authority();
    let (first, second) =
        (Controller::new(folder.path(), "a").await, Controller::new(folder.path(), "b").await);
    let forwarder = first.forwarder("lb1");
    let mut told = first.driver.told.subscribe();
    first.tell(Command::Leads).await;
    first.wants(content(1)).await;
    forwarder.until_it_serves(&content(1)).await;
    let Role::Leading(term) = first.driver.state.borrow().role else { panic!() };
    second.tell(Command::Leads).await;
    forwarder.addresses.send_replace(vec![second.site.address]);
    second.wants(content(2)).await;
    forwarder.until_it_serves(&content(2)).await;
    assert!(matches!(second.driver.state.borrow().role, Role::Leading(later) if later > term));
    // The first one does not know yet. Its forwarder comes back to it, and obeys it in nothing.
    forwarder.addresses.send_replace(vec![first.site.address]);
    first.wants(content(3)).await;
    first.until(|state| !matches!(state.role, Role::Leading(led) if led == term)).await;
    loop {
        if let Told::Resign = within(told.recv()).await.unwrap() {
            break;
        }
    }
    forwarder.addresses.send_replace(vec![second.site.address]);
    second.until(|state| state.forwarders.values().any(|one| one.connected && one.current)).await;
    assert_eq!(forwarder.serves.borrow().0.unwrap().digest, content(2).digest());
}

/// A forwarder that is connected and reads nothing is left behind; the others have what is wanted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_read_is_left_behind() {
    let folder = authority();
    let mut settings = settings("a");
    settings.prepare_timeout = Duration::from_secs(1);
    let store = Arc::new(FileStore::new(folder.path()).unwrap());
    let controller = Controller::with(folder.path(), settings, store).await;
    let quick = ["lb1", "lb2", "lb3"].map(|name| controller.forwarder(name));
    let deaf = follow(dial(controller.site.address, controller.site.forwarder("deaf")).await.unwrap());
    let deaf = deaf.await.unwrap();
    deaf.say(&guideway_controller_core::message::FromForwarder::Hello(Hello::default())).await;
    controller.until(|state| state.forwarders.is_empty()).await;
    controller.tell(Command::Leads).await;
    for number in 1..3 {
        controller.wants(content(number)).await;
        for forwarder in &quick {
            forwarder.until_it_serves(&content(number)).await;
        }
    }
}

/// A store that answers when it is told to.
struct SlowStore {
    inner: FileStore,
    gate: tokio::sync::Semaphore,
}

#[async_trait]
impl RecordStore for SlowStore {
    async fn read(&self) -> Result<Stored, String> {
        self.inner.read().await
    }

    async fn history(&self) -> Result<Vec<(Stamp, SystemTime)>, String> {
        self.inner.history().await
    }

    async fn write(&self, record: &Record, expected: Option<&Version>) -> Result<Version, WriteFault> {
        let _pass = self.gate.acquire().await.unwrap();
        self.inner.write(record, expected).await
    }
}

/// Who stands down says so when nothing of it can still be written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn standing_down_waits_for_the_last_write() {
    let folder = authority();
    let inner = FileStore::new(folder.path()).unwrap();
    let store = Arc::new(SlowStore { inner: inner.clone(), gate: tokio::sync::Semaphore::new(0) });
    let gated: Arc<dyn RecordStore> = Arc::<SlowStore>::clone(&store);
    let controller = Controller::with(folder.path(), settings("a"), gated).await;
    controller.tell(Command::Leads).await;
    controller.until(|state| state.role == Role::Claiming).await;
    let (done, mut stood_down) = oneshot::channel();
    controller.tell(Command::LeadsNoMore(done)).await;
    controller.until(|state| state.role == Role::Standby).await;
    let record = inner.read().await.unwrap();
    let early = stood_down.try_recv().is_ok();
    store.gate.add_permits(1);
    if !early {
        assert!(within(stood_down).await.is_ok());
    }
    // Unless it had not begun to write, the write came before the answer.
    assert!(!early || record == inner.read().await.unwrap());
}
