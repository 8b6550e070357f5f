//! Follows the controllers: carries out what the follower decides.
//!
//! ```text
//!  controllers ⇄ dial (one link at a time) ─┐               ┌─▶ control loop: prepare, install, announce
//!  control loop: prepared, installed ───────┼─▶ Follower ───┼─▶ store: contents and standing, flushed
//!  store: kept, fetched ────────────────────┤               ├─▶ the link: answers, reports
//!  its timers ──────────────────────────────┘               └─▶ the file of bgp-speaker
//! ```
//!
//! [`Follower`] decides everything and does nothing; this does everything and decides nothing.

mod dial;
mod report;
mod store;

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use guideway_controller_core::Content;
use guideway_controller_core::message::{Cost, FromForwarder, Hello, Room};
use guideway_controller_rollout::follower::{Action, Event, Follower, Found};
use guideway_controller_rollout::{ConnectionId, FollowerSettings, Stamp};
use guideway_dataplane_config::{Controller, ControllerAddress};
use guideway_dataplane_plan::Moved;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::kept::Folder;
use super::{bgp, relay, relays};
use crate::control::Request;
use crate::error::chain;
use crate::flows::FlowCounter;
use crate::metrics::Metrics;
use crate::view::{ControllerView, Counts, Shared, SharedController};
use dial::{Input, Link};
use report::Reporter;
use store::Store;

/// How often the controller is told what this forwarder sees, if it has changed.
const REPORT: Duration = Duration::from_secs(1);
/// How often flows are counted, and for how long: what a change would put at risk is told from it.
const COUNT: Duration = Duration::from_secs(30);
const COUNTED: Duration = Duration::from_millis(100);
/// How often it is looked whether the certificate is old.
const RENEW: Duration = Duration::from_secs(60);
/// What waits for the loop.
const INBOX: usize = 64;

/// What the loop works with.
pub struct Follow {
    /// Where controllers are, and who this forwarder is to them.
    pub controller: Controller,
    /// To the control loop.
    pub requests: mpsc::Sender<Request>,
    /// The agent's latest picture, for reports.
    pub view: Shared,
    /// Counters in the kernel, for reports.
    pub counts: Arc<dyn Counts>,
    /// Counts flows.
    pub flows: FlowCounter,
    /// By which others reach this forwarder.
    pub addresses: Vec<IpAddr>,
    /// Where relays are remembered.
    pub relays: PathBuf,
    /// What the maps have room for.
    pub room: Room,
    /// Counts of what happened.
    pub metrics: Metrics,
    /// What is shown of it.
    pub shown: SharedController,
    /// How patient the follower is.
    pub settings: FollowerSettings,
}

/// How things are with the controller before anything has happened.
#[must_use]
pub fn first_view(controller: &Controller, found: &Found) -> ControllerView {
    let nothing = || "nothing has come from a controller yet, and nothing is kept from before".to_owned();
    ControllerView {
        name: controller.name.clone(),
        problem: "not connected yet".to_owned(),
        term: found.kept.highest_term.0,
        fence: found.committed.is_none().then(nothing),
        ..ControllerView::default()
    }
}

/// What an earlier agent has left.
pub struct Left {
    /// Where it is, and contents are kept.
    pub folder: Folder,
    /// What it is.
    pub found: Found,
    /// What of it cannot be used.
    pub problems: Vec<String>,
}

/// Follows until `stop`; what is in force stays in force then.
pub async fn follow(follow: Follow, left: Left, stop: CancellationToken) {
    let Left { folder, found, problems } = left;
    let (inbox, mut inputs) = mpsc::channel(INBOX);
    let mut tasks = JoinSet::new();
    let (relays, known) = watch::channel(relays::load(&follow.relays));
    tasks.spawn(dial::keep_dialling(follow.controller.clone(), known, inbox.clone()));
    let (followed, leader) = watch::channel(None);
    if let Some(listen) = follow.controller.relay {
        let ways = relay::Ways { controllers: follow.controller.addresses.clone(), leader };
        tasks.spawn(relay::serve(listen, ways, stop.clone()));
    }
    let shown = ControllerView { faults: problems, ..first_view(&follow.controller, &found) };
    let mut run = Run {
        store: Store::start(folder, inbox.clone(), &mut tasks),
        follower: Follower::new(follow.settings, found),
        reporter: Reporter::default(),
        follow,
        inbox,
        tasks,
        relays,
        followed,
        link: None,
        installing: None,
        shown,
        flows: 0,
    };
    run.happened(Event::Start).await;
    let every = |period| {
        let mut ticks = tokio::time::interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks
    };
    let (mut reports, mut counts, mut renewals) = (every(REPORT), every(COUNT), every(RENEW));
    loop {
        let due = run.follower.poll_timeout();
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            // Before the timers: what has come in the meantime was no silence.
            Some(input) = inputs.recv() => run.take(input).await,
            () = at(due), if due.is_some() => run.happened(Event::Timeout).await,
            _ = reports.tick() => run.report(),
            _ = counts.tick() => run.count_flows(),
            _ = renewals.tick() => run.renew_if_old(),
            // Those that have ended are let go.
            Some(_) = run.tasks.join_next() => {}
        }
    }
}

async fn at(due: Option<Instant>) {
    if let Some(due) = due {
        tokio::time::sleep_until(due.into()).await;
    }
}

struct Run {
    follow: Follow,
    follower: Follower,
    inbox: mpsc::Sender<Input>,
    /// Ends with this.
    tasks: JoinSet<()>,
    store: Store,
    relays: watch::Sender<BTreeSet<SocketAddr>>,
    /// The leader, for others that come through here.
    followed: watch::Sender<Option<ControllerAddress>>,
    link: Option<Link>,
    /// Until it is known how that ended.
    installing: Option<(Stamp, Content)>,
    shown: ControllerView,
    reporter: Reporter,
    /// Counted last.
    flows: u64,
}

impl Run {
    async fn take(&mut self, input: Input) {
        match input {
            Input::Happened(event) => self.happened(event).await,
            Input::Dialled(link) => {
                let connection = link.connection;
                self.link = Some(link);
                let hello = self.hello();
                self.happened(Event::Connected { connection, hello }).await;
            }
            Input::Accepted { connection, client } => {
                let Some(link) = self.link.as_mut().filter(|link| link.connection == connection) else {
                    return;
                };
                tracing::info!(controller = %link, "following this controller");
                link.client = Some(client);
                self.shown.leader = Some(link.to_string());
                self.shown.is_relayed = link.relay.is_some();
                self.followed.send_replace(link.relay.is_none().then(|| link.address.clone()));
                self.shown.problem.clear();
                self.reporter.forget();
                self.show();
                self.renew_if_old();
            }
            Input::Over { connection, reason } => {
                if let Some(link) = self.link.take_if(|link| link.connection == connection) {
                    self.not_connected(&format!("{link}: {reason}"));
                    self.happened(Event::Disconnected { connection }).await;
                }
            }
            Input::Revoked(reason) => self.happened(Event::Revoked { reason }).await,
            Input::NotConnected(reason) => {
                self.not_connected(&reason);
                self.show();
            }
            Input::Renewed(result) => {
                self.fault("certificate", result.err().into_iter().collect());
                self.show();
            }
            Input::Flows(flows) => self.flows = flows,
            Input::Written(notes) => {
                self.fault("bgp_config", notes);
                self.show();
            }
        }
    }

    fn not_connected(&mut self, reason: &str) {
        if self.shown.leader.take().is_some() || self.shown.problem != reason {
            tracing::warn!(reason, "no connection to a controller; the committed generation stays in force");
        }
        reason.clone_into(&mut self.shown.problem);
        self.shown.is_relayed = false;
        self.followed.send_replace(None);
    }

    async fn happened(&mut self, event: Event) {
        if let Event::Installed { stamp, result } = &event {
            let content = self.installing.take_if(|(of, _)| of == stamp);
            if let (Ok(_), Some((_, content))) = (result, content) {
                self.write_routing(content);
            }
        }
        if let Event::Kept { result } = &event {
            self.fault("state", result.as_ref().err().cloned().into_iter().collect());
        }
        let now = tokio::time::Instant::now().into_std();
        for action in self.follower.handle(event, now) {
            self.act(action).await;
        }
        self.show();
    }

    async fn act(&mut self, action: Action) {
        match action {
            Action::Send { connection, message } => self.send(connection, message),
            Action::Disconnect { connection, reason } => {
                // What was said last still goes out: nothing more can be said from here on, and so the link ends.
                if let Some(link) = self.link.take_if(|link| link.connection == connection) {
                    self.not_connected(&format!("{link}: {reason}"));
                }
            }
            Action::Prepare { stamp, content } => self.prepare(stamp, content).await,
            Action::Discard { stamp } => {
                self.store.discard(stamp).await;
                self.ask(Request::Discard(stamp)).await;
            }
            Action::Keep(kept) => self.store.keep(kept).await,
            Action::Install { stamp, content } => self.install(stamp, content).await,
            Action::Fetch { generation } => self.store.fetch(generation).await,
            Action::Announce(_) => self.fence(None).await,
            Action::Withdraw(reason) => {
                tracing::warn!(reason, "the VIPs are withdrawn");
                self.follow.metrics.fenced();
                self.fence(Some(reason)).await;
            }
            Action::Relays(relays) => self.know_relays(relays),
            Action::Past(sets) => self.ask(Request::Past(sets)).await,
        }
    }

    fn know_relays(&mut self, relays: BTreeSet<SocketAddr>) {
        let path = self.follow.relays.clone();
        let saved = relays.clone();
        if self.relays.send_replace(relays) != saved {
            self.tasks.spawn_blocking(move || {
                if let Err(error) = relays::save(&path, &saved) {
                    tracing::warn!(path = %path.display(), %error, "relays are forgotten with the next restart");
                }
            });
        }
    }

    async fn fence(&mut self, fence: Option<String>) {
        if self.shown.fence != fence {
            self.shown.fence.clone_from(&fence);
            self.ask(Request::Fence(fence)).await;
        }
    }

    fn send(&mut self, connection: ConnectionId, message: FromForwarder) {
        let Some(link) = self.link.as_ref().filter(|link| link.connection == connection) else { return };
        // A controller that takes nothing for so long is none.
        if link.outgoing.try_send(message).is_err() {
            link.cut.cancel();
        }
    }

    /// Has it built and written at the same time.
    async fn prepare(&mut self, stamp: Stamp, content: Content) {
        let started = Instant::now();
        let written = self.store.write(stamp, content.clone()).await;
        let (answer, answered) = oneshot::channel();
        self.ask(Request::Prepare(stamp, content, answer)).await;
        let (inbox, flows, metrics) = (self.inbox.clone(), self.flows, self.follow.metrics.clone());
        self.tasks.spawn(async move {
            // One that was replaced by another has no answer.
            let Ok(answer) = answered.await else { return };
            let result = match written.await {
                Ok(Err(error)) => Err(vec![error]),
                _ => answer.map(|moved| cost(moved, flows)),
            };
            metrics.prepared(started.elapsed(), result.is_ok());
            let _stopping = inbox.send(Input::Happened(Event::Prepared { stamp, result })).await;
        });
    }

    async fn install(&mut self, stamp: Stamp, content: Content) {
        let (answer, answered) = oneshot::channel();
        self.installing = Some((stamp, content.clone()));
        self.ask(Request::Install(stamp, content, answer)).await;
        let inbox = self.inbox.clone();
        self.tasks.spawn(async move {
            let result = answered.await.unwrap_or_else(|_| Err("another one took its place".to_owned()));
            let _stopping = inbox.send(Input::Happened(Event::Installed { stamp, result })).await;
        });
    }

    async fn ask(&self, request: Request) {
        // The loop is gone only when the agent stops.
        let _stopping = self.follow.requests.send(request).await;
    }

    /// Shows what has changed.
    fn show(&mut self) {
        let standing = self.follower.standing();
        let pair = |(generation, digest): (
            guideway_controller_core::Generation,
            guideway_controller_core::Digest,
        )| { (generation.0, digest.short()) };
        self.shown.term = standing.highest_term.0;
        self.shown.committed = standing.committed.map(pair);
        self.shown.prepared = standing.prepared.map(pair);
        if **self.follow.shown.load() != self.shown {
            self.follow.shown.store(Arc::new(self.shown.clone()));
        }
    }

    /// Shows what is out of order in one respect, or that it is in order again.
    fn fault(&mut self, what: &str, faults: Vec<String>) {
        let prefix = format!("{what}: ");
        self.shown.faults.retain(|known| !known.starts_with(&prefix));
        for fault in faults {
            tracing::error!(what, fault, "not everything is in order with the controller");
            self.shown.faults.push(format!("{prefix}{fault}"));
        }
    }

    fn hello(&self) -> Hello {
        let Controller { labels, zone, .. } = &self.follow.controller;
        Hello {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            kept: self.store.list(),
            labels: labels.clone(),
            zone: zone.clone(),
            addresses: self.follow.addresses.iter().copied().collect(),
            relays: self.follow.controller.relay.map_or_else(BTreeSet::new, |listen| {
                relay::seen_from_outside(listen, &self.follow.addresses)
            }),
            room: self.follow.room,
            ..Hello::default()
        }
    }

    fn report(&mut self) {
        let Some(link) = self.link.as_ref().filter(|link| link.client.is_some()) else { return };
        let view = self.follow.view.load_full();
        if let Some(report) = self.reporter.report(&view, &*self.follow.counts, self.flows) {
            self.send(link.connection, FromForwarder::Report(report));
        }
    }

    fn count_flows(&mut self) {
        if self.link.is_none() {
            return;
        }
        let (flows, inbox) = (self.follow.flows.clone(), self.inbox.clone());
        self.tasks.spawn(async move {
            if let Ok(counted) = flows.count(COUNTED).await {
                let _stopping = inbox.send(Input::Flows(counted.flows)).await;
            }
        });
    }

    fn renew_if_old(&mut self) {
        let Some(link) = &mut self.link else { return };
        let Some(client) = link.client.clone() else { return };
        if link.is_renewing || !link.identity.is_old(SystemTime::now()) {
            return;
        }
        link.is_renewing = true;
        self.tasks.spawn(dial::renew(client, self.follow.controller.clone(), self.inbox.clone()));
    }

    /// For the speaker on this node.
    fn write_routing(&mut self, content: Content) {
        let Some(path) = self.follow.controller.bgp_config.clone() else { return };
        let (name, inbox) = (self.follow.controller.name.clone(), self.inbox.clone());
        self.tasks.spawn(async move {
            let write =
                move || bgp::write(&path, &content, &name).unwrap_or_else(|error| vec![chain(&error)]);
            let Ok(notes) = tokio::task::spawn_blocking(write).await else { return };
            let _stopping = inbox.send(Input::Written(notes)).await;
        });
    }
}

/// In the words of the controller. Flows are taken to be spread evenly over all slots.
fn cost(Moved { slots, live, of }: Moved, flows: u64) -> Cost {
    let share = u128::from(flows) * u128::from(live) / u128::from(of.max(1));
    Cost { moved: slots, at_risk: live, flows_at_risk: u64::try_from(share).unwrap_or(u64::MAX) }
}

#[cfg(test)]
mod tests;
