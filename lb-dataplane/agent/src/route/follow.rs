//! The follower: one task that keeps [`Ways`] as the kernel's tables say.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Interval, MissedTickBehavior};

use super::Wanted;
use super::fib::{Need, NextHop, Problem, Route, Way};
use super::message::Heard;
use super::netlink::{AskError, Kernel, Notifications, refresh, route};
use super::table::{Event, Table};
use super::ways::Ways;
use crate::error::chain;

/// The legs are declared valid this often, and for [`VALIDITY`] each time.
const RENEWAL: Duration = Duration::from_secs(1);
/// In seconds.
const VALIDITY: u64 = 3;
/// A route that may have changed counts for this long until the FIB has answered.
const PATIENCE: Duration = Duration::from_secs(2);
/// Neighbour entries are marked as used this often. The kernel gives up on a neighbour that does not answer after three
/// seconds by default, so that one that comes up late is found within two periods.
const REFRESH: Duration = Duration::from_secs(3);
/// Everything is asked for anew this often, whatever has been told.
const RESYNC: Duration = Duration::from_secs(30);
/// After a failure, and between two times that everything is asked for because notifications were lost.
const PAUSE: Duration = Duration::from_secs(1);
/// After so many failures in a row the follower begins again, with new sockets.
const FAILURES: u32 = 3;
/// Questions to the FIB under way at the same time: their answers have to fit into a socket's buffer.
const QUESTIONS: usize = 16;

/// What the follower has found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The way to every backend that is wanted.
    pub ways: Arc<BTreeMap<IpAddr, Way>>,
    /// Names of the interfaces that the ways lead by, by index.
    pub interfaces: Arc<BTreeMap<u32, String>>,
    /// Neighbour entries that the ways lead by.
    pub next_hops: usize,
    /// The legs are valid, and the program goes by them.
    pub is_current: bool,
}

impl Found {
    /// Backends to which there is no leg.
    #[must_use]
    pub fn unresolved(&self) -> usize {
        self.ways.values().filter(|way| !way.is_known()).count()
    }

    /// Backends to which the kernel has no route.
    #[must_use]
    pub fn without_route(&self) -> usize {
        let no_route = [Some(Problem::NoRoute), Some(Problem::Local)];
        self.ways.values().filter(|way| no_route.contains(&way.problem)).count()
    }
}

/// Follows the kernel until `wants` closes; begins again after a failure.
pub async fn follow(mut wants: watch::Receiver<Arc<Wanted>>, ways: Ways, found: watch::Sender<Found>) {
    loop {
        match Follower::start(ways.clone(), found.clone()).await {
            Ok(mut follower) => match follower.run(&mut wants).await {
                Ok(()) => return,
                Err(error) => {
                    tracing::error!(%error, "the kernel's routes cannot be followed, beginning again");
                }
            },
            Err(error) => tracing::error!(%error, "the kernel's routes cannot be followed, trying again"),
        }
        found.send_modify(|found| found.is_current = false);
        tokio::time::sleep(PAUSE).await;
    }
}

type Answer = (IpAddr, Result<Route, AskError>);

struct Follower {
    kernel: Kernel,
    notifications: Notifications,
    table: Table,
    ways: Ways,
    found: watch::Sender<Found>,
    questions: FuturesUnordered<BoxFuture<'static, Answer>>,
    /// Every wanted backend has been looked up once, so that the legs in the maps are this follower's.
    is_ready: bool,
    /// What is shown is not what is known.
    is_stale: bool,
    /// Something has changed that nobody told, or may have.
    is_unclear: bool,
    /// Notifications were lost: their socket is to be replaced.
    is_deaf: bool,
    /// Of reading everything, in a row.
    failures: u32,
    last_resync: Instant,
    /// A question failed; the next ones are put at the next renewal.
    is_pausing: bool,
    /// Backends whose legs could not be written.
    failed: BTreeSet<IpAddr>,
    /// Neighbour entries that are being refreshed.
    refreshing: Option<JoinHandle<()>>,
    /// A next hop may have lost its entry since that began.
    is_refresh_due: bool,
    /// As far as the log knows.
    told: BTreeMap<IpAddr, Problem>,
    /// The validity that was written last has no end.
    is_for_ever: bool,
}

impl Follower {
    async fn start(ways: Ways, found: watch::Sender<Found>) -> io::Result<Self> {
        // Notifications first, so that nothing falls between them and what is read.
        let notifications = Notifications::open()?;
        let is_for_ever = ways.store().valid_until() == u64::MAX;
        let mut follower = Self {
            kernel: Kernel::open()?,
            notifications,
            table: Table::default(),
            ways,
            found,
            questions: FuturesUnordered::new(),
            is_ready: false,
            is_stale: true,
            is_unclear: false,
            is_deaf: false,
            failures: 0,
            last_resync: Instant::now(),
            is_pausing: false,
            failed: BTreeSet::new(),
            refreshing: None,
            is_refresh_due: false,
            told: BTreeMap::new(),
            is_for_ever,
        };
        follower.resync().await.map_err(io::Error::other)?;
        Ok(follower)
    }

    async fn run(&mut self, wants: &mut watch::Receiver<Arc<Wanted>>) -> io::Result<()> {
        let (mut renewal, mut refresh, mut resync) = (every(RENEWAL), every(REFRESH), every(RESYNC));
        resync.reset();
        let first = wants.borrow_and_update().clone();
        self.want(&first);
        loop {
            tokio::select! {
                biased;
                heard = self.notifications.next() => self.hear(heard?),
                changed = wants.changed() => match changed {
                    Ok(()) => {
                        let wanted = wants.borrow_and_update().clone();
                        self.want(&wanted);
                    }
                    Err(_) => return Ok(()),
                },
                _ = renewal.tick() => {
                    self.is_pausing = false;
                    self.renew();
                }
                _ = refresh.tick() => {
                    self.refresh(|_| true);
                    self.tell();
                }
                _ = resync.tick() => {
                    self.is_unclear = true;
                    std::mem::take(&mut self.failed).into_iter().for_each(|address| self.table.touch(address));
                }
                Some((address, answer)) = self.questions.next() => self.answered(address, answer),
                () = ended(&mut self.refreshing), if self.is_refresh_due => self.refresh_unresolved(),
            }
            if self.is_unclear && self.last_resync.elapsed() > PAUSE {
                self.resync_again().await?;
            }
            self.store();
            self.ask();
            self.settle();
        }
    }

    fn want(&mut self, wanted: &Wanted) {
        if wanted.fixed.is_none() && self.is_for_ever {
            // Until the first renewal the program asks the kernel.
            self.ways.store().set_valid_until(0);
            self.is_for_ever = false;
            self.is_ready = false;
        }
        let mut wanted = wanted.clone();
        if !wanted.is_whole {
            for address in self.ways.addresses() {
                wanted.backends.entry(address).or_insert(Need::Any);
            }
        }
        self.table.want(wanted, Instant::now());
        self.is_stale = true;
    }

    fn hear(&mut self, heard: Vec<Heard>) {
        for heard in heard {
            match heard {
                Heard::Event(event) => self.table.take(event, Instant::now()),
                Heard::Unclear => self.is_unclear = true,
                Heard::Lost => (self.is_unclear, self.is_deaf) = (true, true),
            }
        }
    }

    fn answered(&mut self, address: IpAddr, answer: Result<Route, AskError>) {
        let event = match answer {
            Ok(route) => Event::Answer(address, route),
            Err(error) => {
                tracing::debug!(%address, error = chain(&error), "the FIB could not be asked");
                self.is_pausing = true;
                Event::NoAnswer(address)
            }
        };
        self.table.take(event, Instant::now());
    }

    /// As [`resync`](Self::resync); an error when it has failed too often.
    async fn resync_again(&mut self) -> io::Result<()> {
        match self.resync().await {
            Ok(()) => {
                self.failures = 0;
                // When this comes often, the renewals would meet the time before it.
                self.renew();
            }
            Err(error) => {
                self.failures += 1;
                if self.failures >= FAILURES {
                    return Err(io::Error::other(chain(&error)));
                }
                tracing::warn!(error = chain(&error), "the kernel's tables cannot be read, trying again");
                self.last_resync = Instant::now();
            }
        }
        Ok(())
    }

    /// Reads interfaces and neighbours, and has all routes asked for.
    async fn resync(&mut self) -> Result<(), AskError> {
        if self.is_deaf {
            // What is still in the old one is older than what is read now, and has gaps.
            self.notifications = Notifications::open().map_err(AskError::Notifications)?;
            self.is_deaf = false;
        }
        let (interfaces, neighbours) = (self.kernel.interfaces().await?, self.kernel.neighbours().await?);
        self.is_unclear = false;
        let now = Instant::now();
        self.table.take(Event::Interfaces(interfaces), now);
        self.table.take(Event::Neighbours(neighbours), now);
        self.table.take(Event::AllRoutes, now);
        self.last_resync = now;
        Ok(())
    }

    fn store(&mut self) {
        let touched = self.table.touched();
        self.is_stale |= !touched.is_empty();
        let before = self.failed.len();
        let mut last = None;
        for address in touched {
            let way = self.table.way(address);
            match self.ways.set(address, way.as_ref()) {
                Ok(()) => {
                    self.failed.remove(&address);
                }
                Err(error) => {
                    self.failed.insert(address);
                    last = Some(error);
                }
            }
        }
        if let Some(error) = last.filter(|_| self.failed.len() > before) {
            let backends = self.failed.len();
            tracing::error!(backends, error = chain(&error), "the ways to backends are left to the kernel");
        }
    }

    fn ask(&mut self) {
        while self.questions.len() < QUESTIONS && !self.is_pausing {
            let Some(address) = self.table.next_ask() else { break };
            let handle = self.kernel.handle();
            self.questions.push(Box::pin(async move { (address, route(handle, address).await) }));
        }
    }

    /// When nothing is open: legs count from now on, next hops that nobody asked for are asked for, and what is known is
    /// shown.
    fn settle(&mut self) {
        if !self.table.is_settled() || !self.is_stale {
            return;
        }
        self.is_stale = false;
        if !self.is_ready {
            self.is_ready = true;
            let wanted = self.table.wanted().clone();
            self.ways.drop_others(|address| wanted.backends.contains_key(&address));
            self.renew();
        }
        self.refresh_unresolved();
        self.show();
    }

    /// Declares the legs valid, if they are: while something is unclear, what was declared before runs out.
    fn renew(&mut self) {
        let store = self.ways.store();
        let is_overdue = self.table.is_overdue(Instant::now(), PATIENCE);
        let is_current = self.is_ready && !self.is_unclear && !is_overdue;
        if is_current && self.table.wanted().fixed.is_some() {
            store.set_valid_until(u64::MAX);
            self.is_for_ever = true;
        } else if is_current {
            match store.jiffies() {
                Ok(now) => store.set_valid_until(now + VALIDITY * u64::from(store.ticks_per_second())),
                Err(error) => {
                    tracing::error!(%error, "the kernel's clock cannot be read; routes are left to it");
                }
            }
        }
        self.found
            .send_if_modified(|found| std::mem::replace(&mut found.is_current, is_current) != is_current);
    }

    /// Keeps neighbour entries resolved, those that `which` says by whether they are now. It goes on beside the rest: with
    /// many entries it takes its time.
    fn refresh(&mut self, which: impl Fn(bool) -> bool) {
        if self.refreshing.as_ref().is_some_and(|task| !task.is_finished()) {
            return;
        }
        let next_hops: Vec<NextHop> =
            self.table.next_hops().filter(|next_hop| which(self.table.is_resolved(next_hop))).collect();
        let handle = self.kernel.handle();
        self.refreshing = Some(tokio::spawn(async move {
            for next_hop in next_hops {
                if let Err(error) = refresh(&handle, next_hop).await {
                    tracing::warn!(
                        ?next_hop,
                        error = chain(&error),
                        "the neighbour entry cannot be refreshed"
                    );
                }
            }
        }));
    }

    /// Has those resolved that are not: now, or when what is under way has ended, which may have come by them before they
    /// were lost.
    fn refresh_unresolved(&mut self) {
        self.is_refresh_due = self.refreshing.as_ref().is_some_and(|task| !task.is_finished());
        self.refresh(|is_resolved| !is_resolved);
    }

    fn show(&self) {
        let ways: BTreeMap<IpAddr, Way> = self
            .table
            .wanted()
            .backends
            .keys()
            .filter_map(|address| {
                let way = self.table.way(*address)?;
                let is_written = !self.failed.contains(address);
                Some((*address, if is_written { way } else { Way::unknown(Problem::NotWritten) }))
            })
            .collect();
        let indexes: BTreeSet<u32> =
            ways.values().flat_map(|way| way.legs).flatten().map(|hop| hop.link.ifindex).collect();
        let names = indexes.into_iter().filter_map(|index| Some((index, self.table.name(index)?.to_owned())));
        let (interfaces, next_hops) = (Arc::new(names.collect()), self.table.next_hop_count());
        self.found.send_modify(|found| {
            *found = Found { ways: Arc::new(ways), interfaces, next_hops, is_current: found.is_current };
        });
    }

    /// Says in the log which ways have or lost a problem. Called from time to time, so that what passes by itself, as the
    /// first ARP request of a neighbour, is not told.
    fn tell(&mut self) {
        let found = self.found.borrow().ways.clone();
        let now: BTreeMap<IpAddr, Problem> =
            found.iter().filter_map(|(address, way)| Some((*address, way.problem?))).collect();
        for (backend, problem) in
            now.iter().filter(|(backend, problem)| self.told.get(backend) != Some(problem))
        {
            tracing::warn!(%backend, %problem, "the way to the backend is not known, or not every path of it");
        }
        for backend in self.told.keys().filter(|backend| !now.contains_key(backend)) {
            tracing::info!(%backend, "the way to the backend is known");
        }
        self.told = now;
    }
}

fn every(period: Duration) -> Interval {
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Waits for the end of a task, if there is one.
async fn ended(task: &mut Option<JoinHandle<()>>) {
    if let Some(running) = task {
        // Its errors are in the log already.
        let _ended = running.await;
        *task = None;
    }
}
