//! From changes to contents.
//!
//! A projector lives until its controller no longer leads: what it has assigned then counts no more, and the next one reads
//! everything again. Before it leads it only takes note of changes; then it takes over what is served, and projects.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use guideway_controller_core::{Content, Digest, ForwarderName, Generation, Routing};
use guideway_controller_crds::guideway::Rollout;
use guideway_controller_index::{Change, ClusterName, Index, IndexConfig, Severity};
use guideway_controller_rollout::coordinator::{Role, State};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;
use crate::rollout::{Command, Desired, Driver};
use crate::sources::{Feed, Seen};
use crate::state::Question;
use crate::status::Writer;

/// Changes that come within this time of the projection before them are projected together; one that comes after a pause
/// waits for none.
const COALESCE: Duration = Duration::from_millis(5);
/// Changes that are taken at once.
const BATCH: usize = 1024;
/// How long after its start a leader waits for clusters to tell what they have, and meanwhile for the content that is served.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it waits for that content alone, unless all forwarders are there and none has it. Forwarders dial again within a
/// second, and all that is lost without it is how far moves between shards are.
const PATIENCE_WITH_FORWARDERS: Duration = Duration::from_secs(2);
/// How often it looks whether they have.
const LOOK: Duration = Duration::from_millis(100);
/// After this time routers have taken note of what is announced no more.
const ROUTERS: Duration = Duration::from_secs(1);
/// Contents that were wanted and are not served yet. Of more the oldest are forgotten.
const WANTED: usize = 256;

/// Why a projector has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It was stopped.
    Stopped,
    /// Its controller led and does not any more.
    LeadsNoMore,
}

/// What a projector works with.
pub(crate) struct Projector {
    /// Where its content goes.
    pub(crate) driver: Driver,
    /// Who it is, in Events.
    pub(crate) identity: String,
    /// What is counted.
    pub(crate) metrics: Arc<Metrics>,
    /// What the Rollout object says is sent here.
    pub(crate) rollout: watch::Sender<Option<Rollout>>,
    /// Who wants to look.
    pub(crate) questions: mpsc::Receiver<Question>,
}

/// What stays the same while the index is looked at and changed.
struct With {
    driver: Driver,
    identity: String,
    metrics: Arc<Metrics>,
    rollout: watch::Sender<Option<Rollout>>,
}

struct Projecting {
    with: With,
    feed: Feed,
    index: Index,
    /// What was projected last, and when.
    content: Content,
    projected: tokio::time::Instant,
    writers: BTreeMap<ClusterName, Writer>,
    state: watch::Receiver<Arc<State>>,
    live: BTreeSet<ForwarderName>,
    /// Whether everything of the home cluster was told.
    complete: bool,
    leading: Option<Leading>,
    /// Changes that are not projected.
    waiting: Option<Waiting>,
}

/// Changes that wait for a projection.
struct Waiting {
    /// When the oldest one was seen.
    oldest: Instant,
    /// What the first one that was taken is about.
    first: String,
    count: usize,
}

/// Projections of this process, for the names of traces.
static TRACES: AtomicU64 = AtomicU64::new(0);

/// What there is while the controller leads.
struct Leading {
    since: Instant,
    /// Whether what is served was taken over, or cannot be.
    resumed: bool,
    /// Contents that were wanted, the latest last.
    wanted: VecDeque<Content>,
    /// Contents that are served, with the time at which routers know.
    served: VecDeque<(tokio::time::Instant, Content)>,
    /// What was put there last.
    last_served: Option<Digest>,
}

impl Projector {
    /// Projects what comes until `stop`, or until the controller has lost the lead.
    pub(crate) async fn run(
        &mut self,
        config: IndexConfig,
        feed: Feed,
        mut changes: mpsc::Receiver<Seen>,
        stop: CancellationToken,
    ) -> Ended {
        let with = With {
            driver: self.driver.clone(),
            identity: self.identity.clone(),
            metrics: Arc::clone(&self.metrics),
            rollout: self.rollout.clone(),
        };
        let mut projecting = Projecting {
            with,
            feed,
            content: Content::new(config.seed, Routing::default()),
            projected: tokio::time::Instant::now(),
            index: Index::new(config),
            writers: BTreeMap::new(),
            state: self.driver.state.clone(),
            live: BTreeSet::new(),
            complete: false,
            leading: None,
            waiting: None,
        };
        projecting.state.mark_changed();
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let due = projecting.due();
            let timer = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => return Ended::Stopped,
                changed = projecting.state.changed() => {
                    if changed.is_err() {
                        return Ended::Stopped;
                    }
                    if projecting.look_at_state() {
                        return Ended::LeadsNoMore;
                    }
                }
                count = changes.recv_many(&mut batch, BATCH) => {
                    if count == 0 {
                        return Ended::Stopped;
                    }
                    projecting.take(&mut batch);
                    let end = projecting.projected + COALESCE;
                    while tokio::time::Instant::now() < end
                        && let Ok(1..) = timeout_at(end, changes.recv_many(&mut batch, BATCH)).await
                    {
                        projecting.take(&mut batch);
                    }
                }
                Some(question) = self.questions.recv() => {
                    question.answer(&projecting.index, &projecting.content);
                    continue;
                }
                () = timer => {}
            }
            projecting.go_on().await;
        }
    }
}

impl Projecting {
    fn take(&mut self, batch: &mut Vec<Seen>) {
        for seen in batch.drain(..) {
            match seen {
                Seen::Change(change, at) => {
                    let subject = self.waiting.is_none().then(|| change.subject());
                    if self.index.apply(change) {
                        let new = || Waiting { oldest: at, first: subject.unwrap_or_default(), count: 0 };
                        let waiting = self.waiting.get_or_insert_with(new);
                        waiting.oldest = waiting.oldest.min(at);
                        waiting.count += 1;
                    }
                }
                Seen::Writable(cluster, Some(client)) => {
                    let writer = Writer::new(client, &self.with.identity, self.feed.clone());
                    if let Some(before) = self.writers.insert(cluster, writer) {
                        let untold = before.abandon();
                        untold.iter().for_each(|(service, events)| self.index.retry(service, events));
                    }
                }
                Seen::Writable(cluster, None) => {
                    self.writers.remove(&cluster);
                }
                Seen::Rollout(rollout) => {
                    self.with.rollout.send_replace(rollout.map(|rollout| *rollout));
                }
                Seen::Complete => self.complete = true,
                Seen::Retry(service, untold) => self.index.retry(&service, &untold),
            }
        }
    }

    /// Whether the lead was lost.
    fn look_at_state(&mut self) -> bool {
        let state = Arc::clone(&self.state.borrow_and_update());
        let connected = |(name, forwarder): (&ForwarderName, &_)| {
            let forwarder: &guideway_controller_rollout::coordinator::ForwarderState = forwarder;
            forwarder.connected.then(|| name.clone())
        };
        let live: BTreeSet<ForwarderName> = state.forwarders.iter().filter_map(connected).collect();
        for name in live.symmetric_difference(&self.live) {
            let change = Change::Live(name.clone(), live.contains(name));
            let first = change.subject();
            if self.index.apply(change) {
                let new = || Waiting { oldest: Instant::now(), first, count: 0 };
                self.waiting.get_or_insert_with(new).count += 1;
            }
        }
        self.live = live;
        match (&state.role, &mut self.leading) {
            (Role::Leading(_), None) => {
                self.leading = Some(Leading {
                    since: Instant::now(),
                    resumed: false,
                    wanted: VecDeque::new(),
                    served: VecDeque::new(),
                    last_served: None,
                });
            }
            (Role::Leading(_), Some(leading)) => leading.look_at(&state),
            (_, Some(_)) => return true,
            (_, None) => {}
        }
        false
    }

    /// When there is something to do without any change.
    fn due(&self) -> Option<tokio::time::Instant> {
        let leading = self.leading.as_ref()?;
        if !leading.resumed {
            return Some(tokio::time::Instant::now() + LOOK);
        }
        leading.served.front().map(|(due, _)| *due)
    }

    async fn go_on(&mut self) {
        self.resume().await;
        let Some(leading) = self.leading.as_mut().filter(|leading| leading.resumed) else { return };
        let now = tokio::time::Instant::now();
        while let Some((_, content)) = leading.served.pop_front_if(|(due, _)| *due <= now) {
            self.index.settled(&content);
        }
        if self.index.is_dirty() || leading.wanted.is_empty() {
            self.project().await;
        }
    }

    /// Takes over what is served, when everything is told that can be.
    async fn resume(&mut self) {
        let Some(leading) = self.leading.as_mut().filter(|leading| !leading.resumed && self.complete) else {
            return;
        };
        let syncing = self.index.awaited().next().is_some();
        let patience = if syncing { PATIENCE } else { PATIENCE_WITH_FORWARDERS };
        let late = leading.since.elapsed() >= patience;
        if syncing && !late {
            return;
        }
        let state = Arc::clone(&self.state.borrow());
        match state.committed {
            Some(stamp) => match content(&self.with.driver, stamp.generation).await {
                Some(content) => self.index.resume(&content),
                None if !late && may_come(&state, self.index.forwarders()) => return,
                None => tracing::warn!(%stamp, "no forwarder has what is committed: it is made anew"),
            },
            // Nothing was ever served.
            None => self.index.resume(&self.content),
        }
        leading.resumed = true;
        // What was seen before it led is not slow.
        self.waiting = None;
    }

    async fn project(&mut self) {
        // Nothing has changed but the time, or everything is new to a leader.
        let new = || Waiting { oldest: Instant::now(), first: "none".to_owned(), count: 0 };
        let Waiting { oldest: seen, first, count } = self.waiting.take().unwrap_or_else(new);
        let trace = format!("{}/{}", self.with.identity, TRACES.fetch_add(1, Ordering::Relaxed));
        let span = tracing::info_span!("change", trace, first, count);
        let projection = span.in_scope(|| self.index.project());
        self.projected = tokio::time::Instant::now();
        self.with.metrics.came("projected", seen.elapsed());
        for status in projection.services {
            if let Some(writer) =
                ClusterName::new(&status.service.cluster).ok().and_then(|name| self.writers.get(&name))
            {
                writer.put(status);
            } else {
                for event in &status.events {
                    let (service, reason) = (&status.service, event.reason);
                    match event.severity {
                        Severity::Normal => tracing::info!(%service, reason, "{}", event.message),
                        Severity::Warning => tracing::warn!(%service, reason, "{}", event.message),
                    }
                }
            }
        }
        let content = projection.content;
        self.content = content.clone();
        let Some(leading) = self.leading.as_mut() else { return };
        if leading.wanted.back().map(Content::digest) == Some(content.digest()) {
            return;
        }
        leading.wanted.push_back(content.clone());
        if leading.wanted.len() > WANTED {
            leading.wanted.pop_front();
        }
        span.in_scope(|| tracing::info!(digest = %content.digest(), "a content is wanted"));
        let desired = Desired { content, seen, span };
        let _ended = self.with.driver.commands.send(Command::Desired(desired)).await;
        leading.look_at(&self.state.borrow());
    }
}

/// Whether a forwarder has the content of what is committed, or may have it: one that is not connected yet.
fn may_come<'a>(state: &State, mut forwarders: impl Iterator<Item = &'a str>) -> bool {
    let is_connected = |name: &str| state.forwarders.get(name).is_some_and(|forwarder| forwarder.connected);
    state.is_forthcoming || forwarders.any(|name| !is_connected(name))
}

async fn content(driver: &Driver, generation: Generation) -> Option<Content> {
    let (answer, answered) = oneshot::channel();
    driver.commands.send(Command::Content(generation, answer)).await.ok()?;
    answered.await.ok().flatten()
}

impl Leading {
    /// Whether one of those that were wanted is served by all. Where nothing was ever committed and no forwarder is connected,
    /// nobody serves anything: what is not wanted any more is gone at once.
    fn look_at(&mut self, state: &State) {
        if state.rollout.is_some() {
            return;
        }
        let is_alone = || state.forwarders.values().all(|forwarder| !forwarder.connected);
        let latest = || self.wanted.back().filter(|_| is_alone()).map(Content::digest);
        let Some(served) = state.committed.map(|stamp| stamp.digest).or_else(latest) else { return };
        let Some(at) = self.wanted.iter().position(|content| content.digest() == served) else {
            return;
        };
        if self.last_served.replace(served) != Some(served) {
            let due = tokio::time::Instant::now() + ROUTERS;
            self.served.push_back((due, self.wanted[at].clone()));
        }
        // The latest stays, to be compared with.
        self.wanted.drain(..at);
    }
}

#[cfg(test)]
mod tests {
    use guideway_controller_rollout::coordinator::ForwarderState;

    use super::*;

    fn state(forwarders: &[(&str, bool)]) -> State {
        let forwarders = forwarders.iter().map(|&(name, connected)| {
            (name.parse().unwrap(), ForwarderState { connected, ..ForwarderState::default() })
        });
        State { forwarders: forwarders.collect(), ..State::default() }
    }

    #[test]
    fn what_nobody_has_is_not_waited_for() {
        let known = || ["a", "b"].into_iter();
        assert!(may_come(&state(&[]), known()), "they are still to come");
        assert!(may_come(&state(&[("a", true)]), known()));
        assert!(may_come(&state(&[("a", true), ("b", false)]), known()), "it was here a moment ago");
        let all = state(&[("a", true), ("b", true)]);
        assert!(!may_come(&all, known()));
        assert!(may_come(&State { is_forthcoming: true, ..all }, known()), "one of them is asked for it");
        assert!(!may_come(&state(&[]), std::iter::empty()), "there are no forwarders");
    }

    fn content(seed: u8) -> Content {
        Content::new(guideway_dataplane_config::Seed::new([seed; 16]), Routing::default())
    }

    #[tokio::test]
    async fn what_is_served_is_what_is_committed_or_anything_where_nobody_ever_served() {
        let stamp = |content: &Content| guideway_controller_rollout::Stamp {
            generation: Generation(3),
            digest: content.digest(),
        };
        let (first, second) = (content(1), content(2));
        let committed = |content, forwarders| State { committed: Some(stamp(content)), ..state(forwarders) };
        for (state, expected) in [
            (committed(&first, &[("a", true)]), Some(&first)),
            (committed(&second, &[]), Some(&second)),
            (committed(&content(3), &[]), None),
            (state(&[]), Some(&second)),
            (state(&[("a", false)]), Some(&second)),
            (state(&[("a", true)]), None),
        ] {
            let mut leading = Leading {
                since: Instant::now(),
                resumed: true,
                wanted: VecDeque::from([first.clone(), second.clone()]),
                served: VecDeque::new(),
                last_served: None,
            };
            leading.look_at(&state);
            leading.look_at(&state);
            let served: Vec<Digest> = leading.served.iter().map(|(_, content)| content.digest()).collect();
            assert_eq!(served, expected.map(Content::digest).into_iter().collect::<Vec<_>>(), "{state:?}");
        }
    }
}
