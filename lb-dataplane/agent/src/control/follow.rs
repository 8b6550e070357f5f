//! What a controller wants: a content built beside the one in force, then put in its place or forgotten.
//!
//! What is prepared is joined with the node's own part of the file, its backends are probed, and it is planned without
//! being carried out: so it is known to fit, its tables are built, and to install it takes little time. Meanwhile the
//! content in force stays, with its health. Nothing depends on a content having been prepared: one that was not is
//! installed as a file is.
//!
//! Forwarders install it at different moments, and routers may send a connection from one that has to one that has not.
//! So a content is *announced* before it is said to be prepared: the backends to which it gives the slots are candidates
//! from then on, where the backends run the decap agent (decision 7).

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use guideway_controller_core::Content;
use guideway_controller_rollout::Stamp;
use guideway_dataplane_config::{BackendSet, Config, Services};
use guideway_dataplane_plan::{Desired, Installed, Moved, Outcome, TableCache, plan, validate};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::coming::Coming;
use super::past::Source;
use super::reload::{Asked, PATIENCE};
use super::{Clock, Control, Interfaces};
use crate::announce::Announce;
use crate::apply::MapStore;
use crate::controller::services::services;
use crate::desired;
use crate::error::chain;
use crate::health::{Checker, ProbeKey};
use crate::route::Need;

/// What came of a content that was to be prepared.
pub type PrepareAnswer = Result<Moved, Vec<String>>;
/// The dataplane's generation with the content, or why there is none.
pub type InstallAnswer = Result<u64, String>;

/// VIPs that are named in one line of the log.
const SHOWN: usize = 5;

/// A content beside the one in force.
#[derive(Debug)]
pub(super) struct Prepared {
    stamp: Stamp,
    /// That it was joined with.
    node: Arc<Config>,
    config: Arc<Config>,
    announces: Arc<[Announce]>,
    probes: HashSet<ProbeKey>,
    deadline: Instant,
    /// Until it is known whether it fits.
    answer: Option<oneshot::Sender<PrepareAnswer>>,
    /// With its tables.
    cache: TableCache,
    /// What it puts in the place of sets in force, once it is known to fit.
    announced: Option<Coming>,
}

impl Prepared {
    pub(super) const fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// It is to be planned now.
    fn is_due(&self, checker: &Checker, now: Instant) -> bool {
        self.answer.is_some()
            && (now >= self.deadline || self.probes.iter().all(|key| checker.has_looked(key)))
    }
}

/// A content joined with a node.
struct Joined {
    config: Arc<Config>,
    announces: Arc<[Announce]>,
    /// VIPs that get fewer entries of the flow table than they ask for.
    short_of_flows: BTreeSet<String>,
}

impl<F: MapStore + Interfaces + Clock> Control<F> {
    /// Builds `content` beside what is in force, in place of what was prepared before.
    pub(super) async fn prepare(
        &mut self,
        stamp: Stamp,
        content: Content,
        answer: oneshot::Sender<PrepareAnswer>,
    ) {
        if self.prepared.take().is_some() {
            self.run_probes();
        }
        let Some(node) = self.node.clone() else { return };
        let Joined { config, announces, short_of_flows } = match self.join(&node, content).await {
            Ok(joined) => joined,
            Err(errors) => {
                tracing::error!(
                    generation = stamp.generation.0,
                    ?errors,
                    "the controller's generation is refused"
                );
                // The other side may have gone.
                let _gone = answer.send(Err(errors));
                return;
            }
        };
        self.tell_of_flows(short_of_flows);
        let (probes, deadline) = first_looks(&config);
        let (cache, answer, announced) = (TableCache::new(), Some(answer), None);
        let news = self.news_of(&config);
        self.prepared =
            Some(Prepared { stamp, node, config, announces, probes, deadline, answer, cache, announced });
        match news {
            Some(news) => self.want_also(news),
            None => self.run_probes(),
        }
        self.look_in(Duration::ZERO);
    }

    /// Forgets what was prepared, if it is this one.
    pub(super) fn discard(&mut self, stamp: Stamp) {
        if self.prepared.take_if(|prepared| prepared.stamp == stamp).is_some() {
            self.run_probes();
            self.look_in(Duration::ZERO);
        }
    }

    /// Puts `content` in force, by the way of a file.
    pub(super) async fn bring_content(
        &mut self,
        stamp: Stamp,
        content: Content,
        answer: oneshot::Sender<InstallAnswer>,
        since: Instant,
    ) {
        let Some(node) = self.node.clone() else { return };
        let fits = |prepared: &mut Prepared| prepared.stamp == stamp && Arc::ptr_eq(&prepared.node, &node);
        let prepared = self.prepared.take_if(fits);
        let is_prepared = prepared.is_some();
        let joined = match prepared {
            Some(prepared) => {
                self.cache = prepared.cache;
                let short_of_flows = self.short_of_flows.clone();
                Ok(Joined { config: prepared.config, announces: prepared.announces, short_of_flows })
            }
            None => self.join(&node, content).await,
        };
        match joined {
            Ok(Joined { config, announces, short_of_flows }) => {
                self.tell_of_flows(short_of_flows);
                let source = Source::Controller { stamp, announces };
                let (text, asked) = (Arc::default(), Some(Asked::Install(answer)));
                match is_prepared {
                    // Its probes run, and the ways are known.
                    true => self.set_pending(config, text, source, asked, since),
                    false => self.make_pending(config, text, source, asked, since),
                }
            }
            Err(errors) => {
                tracing::error!(
                    generation = stamp.generation.0,
                    ?errors,
                    "a committed generation does not fit"
                );
                let _gone = answer.send(Err(errors.join("; ")));
            }
        }
    }

    /// Withdraws or announces.
    pub(super) fn set_fence(&mut self, fence: Option<String>) {
        if self.fence != fence {
            self.fence = fence;
            self.publish();
        }
    }

    /// The ways to the backends of the sets that are not in force, unless these ask for probes too.
    fn news_of(&self, config: &Config) -> Option<BTreeMap<IpAddr, Need>> {
        let in_force = self.in_force.as_ref()?;
        let known: HashSet<*const BackendSet> =
            in_force.config.backend_sets().iter().map(Arc::as_ptr).collect();
        let news = || config.backend_sets().iter().filter(|set| !known.contains(&Arc::as_ptr(set)));
        let is_plain = news().all(|set| set.health_check.is_none());
        is_plain.then(|| desired::needs(news().map(AsRef::as_ref)))
    }

    /// Has the ways to these backends kept too.
    fn want_also(&self, news: BTreeMap<IpAddr, Need>) {
        self.outputs.ways.send_if_modified(|current| {
            let is_new = |(address, need): &(IpAddr, Need)| {
                current.backends.get(address).is_none_or(|known| known < need)
            };
            let news: Vec<(IpAddr, Need)> = news.into_iter().filter(is_new).collect();
            if news.is_empty() {
                return false;
            }
            Arc::make_mut(current).backends.extend(news);
            true
        });
    }

    /// Plans what is to be prepared, once its backends have been looked at, and announces it.
    pub(super) async fn try_prepared(&mut self) {
        let now = Instant::now();
        if !self.prepared.as_ref().is_some_and(|prepared| prepared.is_due(&self.checker, now)) {
            return;
        }
        let Some(mut prepared) = self.prepared.take() else { return };
        let Some(answer) = prepared.answer.take() else { return };
        let wanted = self.desired(&prepared.config);
        let (result, cache) = self.rehearse(wanted).await;
        prepared.cache = cache;
        match &result {
            Ok(_) => {
                if let Some(in_force) = &self.in_force {
                    let coming = Coming::new(&in_force.config, &prepared.config);
                    self.cache.learn(&prepared.cache);
                    prepared.announced = Some(coming).filter(|coming| !coming.is_empty());
                }
                self.prepared = Some(prepared);
                if let Some(in_force) = self.in_force.take() {
                    self.follow(in_force).await;
                }
            }
            Err(errors) => {
                let generation = prepared.stamp.generation.0;
                tracing::error!(generation, ?errors, "the controller's generation is refused");
                self.run_probes();
            }
        }
        let _gone = answer.send(result);
    }

    /// Makes those candidates to whom the prepared content gives the slots.
    pub(super) fn announce(&self, wanted: &mut Desired) {
        let Some(coming) = self.prepared.as_ref().and_then(|prepared| prepared.announced.as_ref()) else {
            return;
        };
        for set in &mut wanted.sets {
            // Who answers again will serve in the coming set, too.
            if let Some(upcoming) = coming.of(&set.name, |key| self.checker.outlook(key)) {
                set.upcoming = Some(upcoming);
            }
        }
    }

    /// Leaves the announcement be, as it does not fit; whether there was one.
    pub(super) fn forgo_announcement(&mut self) -> bool {
        self.prepared.as_mut().is_some_and(|prepared| prepared.announced.take().is_some())
    }

    /// What the services in force, or on their way into it, are with another `node`; nothing while there are none.
    pub(super) fn with_node(&self, node: &Config) -> Option<(Result<Config, Vec<String>>, Source)> {
        let pending = self.pending.as_ref().map(|pending| (pending.config(), pending.source()));
        let pending = pending.filter(|(_, source)| matches!(source, Source::Controller { .. }));
        let in_force = self.in_force.as_ref().map(|in_force| (&in_force.config, &in_force.source));
        let (config, source) = pending.or(in_force)?;
        let services = Services {
            seed: *config.seed(),
            backend_sets: config.backend_sets().to_vec(),
            vips: config.vips().to_vec(),
            pools: config.pools().to_vec(),
        };
        let joined = node.with_services(services);
        Some((joined.map_err(|errors| errors.iter().map(ToString::to_string).collect()), source.clone()))
    }

    async fn join(&self, node: &Arc<Config>, content: Content) -> Result<Joined, Vec<String>> {
        // Sets that are in force already have been checked.
        let checked = self.in_force.as_ref().map(|in_force| &in_force.config);
        let base = checked.filter(|config| config.is_node_of(node)).unwrap_or(node).clone();
        let name = self.forwarder_name();
        let work = move || {
            let (mut services, announces) = services(&content, &name)?;
            let short_of_flows = services.fit_flows(base.limits().flows);
            let config = base.with_services(services);
            let config =
                config.map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>())?;
            Ok::<_, Vec<String>>(Joined { config: Arc::new(config), announces, short_of_flows })
        };
        let joined = super::read_back(work).await?;
        let config = &joined.config;
        match self.check_prefixes(config).and_then(|()| self.check_next_hop(config)) {
            Ok(()) => Ok(joined),
            Err(error) => Err(vec![chain(&error)]),
        }
    }

    fn tell_of_flows(&mut self, short_of: BTreeSet<String>) {
        if !short_of.is_empty() && short_of != self.short_of_flows {
            let (first, more) =
                (short_of.iter().take(SHOWN).collect::<Vec<_>>(), short_of.len().saturating_sub(SHOWN));
            tracing::warn!(vips = ?first, more, "VIPs get fewer flow entries than they ask for: limits.flows is too small");
        }
        self.short_of_flows = short_of;
    }

    /// What this forwarder is called, as long as it runs.
    fn forwarder_name(&self) -> String {
        self.controller.as_ref().map(|controller| controller.load().name.clone()).unwrap_or_default()
    }

    /// Plans and carries nothing out.
    async fn rehearse(&self, desired: Desired) -> (PrepareAnswer, TableCache) {
        let (store, installed, now) = (self.forwarder.clone(), self.installed.clone(), self.now());
        let mut cache = self.cache.clone();
        let work = move || {
            let result = rehearse(&*store, &desired, installed, now, &mut cache);
            (result, cache)
        };
        super::read_back(work).await
    }
}

/// The probes of `config`, and when they have had the time for a first verdict.
pub(super) fn first_looks(config: &Config) -> (HashSet<ProbeKey>, Instant) {
    let probes = desired::probes(config);
    let longest = probes.iter().map(|key| key.timeout).max().unwrap_or_default();
    let deadline = Instant::now() + longest + PATIENCE;
    (probes, deadline)
}

fn rehearse(
    store: &dyn MapStore,
    desired: &Desired,
    installed: Option<Installed>,
    now: guideway_dataplane_plan::BootTime,
    cache: &mut TableCache,
) -> PrepareAnswer {
    let installed = match installed.map_or_else(|| super::install::reread(store), Ok) {
        Ok(installed) => installed,
        Err(error) => return Err(vec![chain(&error)]),
    };
    match plan(desired, &installed, now, cache) {
        Ok(Outcome::Unchanged(_)) => Ok(Moved::default()),
        Ok(Outcome::Plan(plan)) => Ok(installed.moved_to(&plan.installed)),
        Err(error) => {
            let all: Vec<String> =
                validate(desired, &store.capacities()).iter().map(|error| chain(error)).collect();
            Err(if all.is_empty() { vec![chain(&error)] } else { all })
        }
    }
}
