//! What happens in sessions, on its way to stations and files.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use crate::bmp::{self, Counts, DownReason};
use crate::files::{Dump, MrtStatus};
use crate::mrt;
use crate::mrt::table::Path;
use crate::queue::Queue;
use crate::settings::MonitorSettings;
use crate::station::{Station, StationStatus};
use crate::tables::{TableFiles, TableStatus};
use crate::view::{Direction, PeerNumber, View};

/// Octet of a BGP message that has its type, and the type UPDATE (RFC 4271 section 4.1).
const UPDATE_TYPE: (usize, u8) = (18, 2);

/// The routes of all sessions, which a station is told when it connects.
pub trait Tables: Send + Sync + 'static {
    /// UPDATEs, whole messages, that give what the peer announces, written as the peer writes them.
    fn adj_rib_in(&self, view: &View) -> Vec<Vec<u8>>;
    /// UPDATEs that give what the peer was told.
    fn adj_rib_out(&self, view: &View) -> Vec<Vec<u8>>;
    /// How many routes both are.
    fn counts(&self, view: &View) -> Counts;
    /// What the peer announces, for a file of whole tables.
    fn received(&self, view: &View) -> Vec<Path>;
    /// The own routes, each as often as peers are told different things of it.
    fn announced(&self) -> Vec<Path>;
}

/// Passes on what sessions do. Dropping it ends everything without a farewell; see [`Monitor::stop`].
pub struct Monitor {
    hub: Arc<Hub>,
    running: Mutex<Running>,
}

/// Sessions and who wants to know of them.
pub(crate) struct Hub {
    state: Mutex<State>,
    pub(crate) tables: Arc<dyn Tables>,
}

#[derive(Default)]
struct State {
    views: BTreeMap<PeerNumber, Arc<View>>,
    listeners: Vec<Listener>,
    mrt: Option<Arc<Queue>>,
}

/// A station as the hub sees it.
struct Listener {
    queue: Arc<Queue>,
    adj_rib_in: bool,
    adj_rib_out: bool,
}

#[derive(Default)]
struct Running {
    settings: MonitorSettings,
    stations: Vec<Station>,
    dump: Option<Dump>,
    tables: Option<TableFiles>,
}

impl Monitor {
    /// Nothing is shown to anybody yet. `tables` is asked by whoever connects.
    #[must_use]
    pub fn new(tables: Arc<dyn Tables>) -> Self {
        Self { hub: Arc::new(Hub { state: Mutex::default(), tables }), running: Mutex::default() }
    }

    /// Begins, ends and changes what has to be; what stays as it was is not touched. To be called in a tokio runtime.
    pub fn apply(&self, settings: &MonitorSettings) {
        let mut running = lock(&self.running);
        let names = |settings: &MonitorSettings| (settings.system_name.clone(), settings.description.clone());
        let renamed = names(&running.settings) != names(settings);
        let stays = |station: &Station| !renamed && settings.stations.contains(station.settings());
        let (kept, gone): (Vec<_>, Vec<_>) = running.stations.drain(..).partition(stays);
        gone.iter().for_each(Station::end);
        running.stations = kept;
        for wanted in &settings.stations {
            if !running.stations.iter().any(|station| station.settings() == wanted) {
                let initiation = bmp::initiation(&settings.system_name, &settings.description);
                running.stations.push(Station::start(wanted.clone(), initiation, self.hub.clone()));
            }
        }
        if running.settings.mrt != settings.mrt {
            running.dump.iter().for_each(Dump::end);
            running.dump = settings.mrt.clone().map(Dump::start);
        }
        if (&running.settings.mrt, running.settings.own) != (&settings.mrt, settings.own) {
            let mrt = settings.mrt.as_ref();
            running.tables = mrt.and_then(|mrt| TableFiles::start(mrt, settings.own, &self.hub));
        }
        running.settings = settings.clone();
        let mut state = lock(&self.hub.state);
        state.mrt = running.dump.as_ref().map(|dump| dump.queue().clone());
        let listener = |station: &Station| Listener {
            queue: station.queue().clone(),
            adj_rib_in: station.settings().adj_rib_in,
            adj_rib_out: station.settings().adj_rib_out,
        };
        state.listeners = running.stations.iter().map(listener).collect();
    }

    /// Says farewell to the stations, closes the file, and waits for both, a few seconds at most.
    pub async fn stop(&self) {
        let Running { stations, dump, tables, .. } = std::mem::take(&mut *lock(&self.running));
        drop(tables);
        *lock(&self.hub.state) = State::default();
        stations.iter().for_each(Station::end);
        dump.iter().for_each(Dump::end);
        for station in stations {
            station.finished().await;
        }
        if let Some(dump) = dump {
            dump.finished().await;
        }
    }

    /// How the stations are, in the order of the settings.
    #[must_use]
    pub fn stations(&self) -> Vec<StationStatus> {
        lock(&self.running).stations.iter().map(Station::status).collect()
    }

    /// How the files are; `None` when none are written.
    #[must_use]
    pub fn mrt(&self) -> Option<MrtStatus> {
        lock(&self.running).dump.as_ref().map(Dump::status)
    }

    /// How the files of whole tables are; `None` when none are written.
    #[must_use]
    pub fn tables(&self) -> Option<TableStatus> {
        lock(&self.running).tables.as_ref().map(TableFiles::status)
    }

    /// A session is established.
    pub fn up(&self, view: View) {
        let now = SystemTime::now();
        let view = Arc::new(view);
        let mut state = lock(&self.hub.state);
        state.tell(|| bmp::peer_up(&view, now));
        state.record(|| mrt::state_change(&view, mrt::State::OpenConfirm, mrt::State::Established, now));
        state.views.insert(view.peer, view);
    }

    /// It is over.
    pub fn down(&self, peer: PeerNumber, reason: &DownReason) {
        let now = SystemTime::now();
        let mut state = lock(&self.hub.state);
        let Some(view) = state.views.remove(&peer) else { return };
        state.tell(|| bmp::peer_down(&view, reason, now));
        state.record(|| mrt::state_change(&view, mrt::State::Established, mrt::State::Idle, now));
    }

    /// A whole message came from the peer or goes there. What is no UPDATE is not of interest.
    pub fn message(&self, peer: PeerNumber, direction: Direction, message: &[u8]) {
        let (place, update) = UPDATE_TYPE;
        if message.get(place) != Some(&update) {
            return;
        }
        let now = SystemTime::now();
        let state = lock(&self.hub.state);
        let Some(view) = state.views.get(&peer) else { return };
        state.show(direction, || bmp::route_monitoring(view, direction, message, now));
        state.record(|| mrt::message(view, direction, message, now));
    }
}

impl Hub {
    /// From now on a station's queue has what happens; the sessions at this moment.
    pub(crate) fn open(&self, queue: &Queue) -> Vec<Arc<View>> {
        let state = lock(&self.state);
        queue.open();
        state.views.values().cloned().collect()
    }

    /// The sessions now.
    pub(crate) fn views(&self) -> Vec<Arc<View>> {
        lock(&self.state).views.values().cloned().collect()
    }
}

impl State {
    /// Something for all stations.
    fn tell(&self, bytes: impl FnOnce() -> Vec<u8>) {
        send(self.listeners.iter(), bytes);
    }

    /// Something for those who want routes of this direction.
    fn show(&self, direction: Direction, bytes: impl FnOnce() -> Vec<u8>) {
        let wants = |listener: &&Listener| match direction {
            Direction::Received => listener.adj_rib_in,
            Direction::Sent => listener.adj_rib_out,
        };
        send(self.listeners.iter().filter(wants), bytes);
    }

    /// Something for the file.
    fn record(&self, bytes: impl FnOnce() -> Vec<u8>) {
        if let Some(queue) = &self.mrt {
            queue.push(bytes().into());
        }
    }
}

/// Encoded once for all, and not at all for nobody.
fn send<'a>(listeners: impl Iterator<Item = &'a Listener>, bytes: impl FnOnce() -> Vec<u8>) {
    let mut listeners = listeners.peekable();
    if listeners.peek().is_some() {
        let bytes: Arc<[u8]> = bytes().into();
        listeners.for_each(|listener| listener.queue.push(bytes.clone()));
    }
}

/// Nobody panics with one of the locks held.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
