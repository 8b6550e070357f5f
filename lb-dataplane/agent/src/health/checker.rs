//! Runs the probes.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior};

use super::probe::{self, Failure, Passed, Probe};
use super::schedule::{self, Fraction};
use super::state::{Health, ProbeResult, State, Thresholds};

/// What is probed, how and how often. Backends that agree in all of it share one probe.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ProbeKey {
    /// Of the backend.
    pub address: IpAddr,
    /// Port that is probed.
    pub port: u16,
    /// What a probe does.
    pub probe: Probe,
    /// Start of a probe to start of the next.
    pub interval: Duration,
    /// The longest that a probe may take.
    pub timeout: Duration,
    /// When the health changes.
    pub thresholds: Thresholds,
}

/// What is known of a target.
#[derive(Clone, Debug, Default)]
pub struct ProbeStatus {
    /// None until the first probe ended, unless something was known of the backend before.
    pub health: Option<Health>,
    /// What it will be if probes go on as the last ones ended.
    pub outlook: Option<Health>,
    /// When the health was last changed or first decided.
    pub since: Option<SystemTime>,
    /// The last probe's result in words; empty before it.
    pub detail: String,
}

/// A probe that ended, for whoever counts.
#[derive(Clone, Copy, Debug)]
pub struct ProbeOutcome {
    /// How.
    pub result: ProbeResult,
    /// From start to end.
    pub took: Duration,
}

/// Called after every probe.
pub type Observer = Arc<dyn Fn(ProbeOutcome) + Send + Sync>;

/// Does one probe. [`by_socket`] is the real one.
pub type Prober = Arc<dyn Fn(ProbeKey) -> Probing + Send + Sync>;

/// A probe under way.
pub type Probing = Pin<Box<dyn Future<Output = Result<Passed, Failure>> + Send>>;

/// Probes over the network.
#[must_use]
pub fn by_socket() -> Prober {
    Arc::new(|key| {
        Box::pin(
            async move { probe::run(&key.probe, SocketAddr::new(key.address, key.port), key.timeout).await },
        )
    })
}

/// The running probes. Dropping it ends them.
pub struct Checker {
    running: HashMap<ProbeKey, Running>,
    changed: Arc<Notify>,
    observer: Observer,
    prober: Prober,
}

struct Running {
    status: watch::Receiver<ProbeStatus>,
    task: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Checker {
    /// With no probes. `changed` is notified after every change of a target's health or outlook.
    #[must_use]
    pub fn new(prober: Prober, changed: Arc<Notify>, observer: Observer) -> Self {
        Self { running: HashMap::new(), changed, observer, prober }
    }

    /// Makes `keys` the set of running probes: starts what is missing, ends what is not in it, leaves the rest alone. `first`
    /// says what is known of a new one.
    pub fn run_exactly(
        &mut self,
        keys: &HashSet<ProbeKey>,
        first: impl Fn(&ProbeKey, SystemTime) -> State<SystemTime>,
    ) {
        self.running.retain(|key, _| keys.contains(key));
        for key in keys {
            if !self.running.contains_key(key) {
                let state = first(key, SystemTime::now());
                let (sender, status) = watch::channel(status(&state, String::new()));
                let jitter = (Fraction(rand::random()), Fraction(rand::random()));
                let outputs =
                    Outputs { sender, changed: self.changed.clone(), observer: self.observer.clone() };
                let work = repeat(self.prober.clone(), key.clone(), state, jitter, outputs);
                self.running.insert(key.clone(), Running { status, task: tokio::spawn(work) });
            }
        }
    }

    /// The keys of the running probes.
    pub fn keys(&self) -> impl Iterator<Item = &ProbeKey> {
        self.running.keys()
    }

    /// The target has a verdict, and a probe of it has ended.
    #[must_use]
    pub fn has_looked(&self, key: &ProbeKey) -> bool {
        self.running.get(key).is_some_and(|running| {
            let status = running.status.borrow();
            status.health.is_some() && !status.detail.is_empty()
        })
    }

    /// The health of a target; none before its first verdict and when it is not probed.
    #[must_use]
    pub fn health(&self, key: &ProbeKey) -> Option<Health> {
        self.running.get(key)?.status.borrow().health
    }

    /// What the health of a target will be if probes go on as the last ones ended; none as for [`health`](Self::health).
    #[must_use]
    pub fn outlook(&self, key: &ProbeKey) -> Option<Health> {
        self.running.get(key)?.status.borrow().outlook
    }

    /// A view of a target that stays up to date by itself.
    #[must_use]
    pub fn watch(&self, key: &ProbeKey) -> Option<watch::Receiver<ProbeStatus>> {
        Some(self.running.get(key)?.status.clone())
    }
}

/// Where a probe's results go.
struct Outputs {
    sender: watch::Sender<ProbeStatus>,
    changed: Arc<Notify>,
    observer: Observer,
}

async fn repeat(
    prober: Prober,
    key: ProbeKey,
    mut state: State<SystemTime>,
    (first, second): (Fraction, Fraction),
    outputs: Outputs,
) {
    let backend = SocketAddr::new(key.address, key.port);
    let start = Instant::now() + schedule::first_delay(key.interval, first);
    tokio::time::sleep_until(start).await;
    let mut ticks = tokio::time::interval_at(start + schedule::phase(key.interval, second), key.interval);
    // A probe that outlasts the interval swallows the starts that it covers.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut hindered = false;
    loop {
        let began = Instant::now();
        let outcome = prober(key.clone()).await;
        let is_local = outcome.as_ref().is_err_and(Failure::is_local);
        let (result, detail) = match outcome {
            Ok(passed) => (ProbeResult::Passed, passed.to_string()),
            Err(failure) => (ProbeResult::Failed, failure.to_string()),
        };
        (outputs.observer)(ProbeOutcome { result, took: began.elapsed() });
        if is_local && !hindered {
            tracing::error!(%backend, detail, "this machine cannot probe; the backend's health stays as it was");
        }
        hindered = is_local;
        let outlook = state.outlook();
        let change = if is_local { None } else { state.observe(key.thresholds, result, SystemTime::now()) };
        if let Some(change) = change {
            log_change(backend, change, &detail);
        }
        let is_first = outputs.sender.borrow().detail.is_empty();
        outputs.sender.send_replace(status(&state, detail));
        if change.is_some() || state.outlook() != outlook || is_first {
            outputs.changed.notify_one();
        }
        ticks.tick().await;
    }
}

fn status(state: &State<SystemTime>, detail: String) -> ProbeStatus {
    ProbeStatus { health: state.health(), outlook: state.outlook(), since: state.since(), detail }
}

fn log_change(backend: SocketAddr, change: super::state::Change, detail: &str) {
    let from = change.from.map_or("unknown", Health::name);
    match change.to {
        Health::Healthy => tracing::info!(%backend, from, detail, "the backend is healthy"),
        Health::Unhealthy => tracing::warn!(%backend, from, detail, "the backend is unhealthy"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU16;
    use std::sync::atomic::{AtomicU32, Ordering};
    use tokio::net::TcpListener;

    fn key(address: SocketAddr) -> ProbeKey {
        let one = NonZeroU16::new(1).unwrap();
        ProbeKey {
            address: address.ip(),
            port: address.port(),
            probe: Probe::Tcp,
            interval: Duration::from_millis(20),
            timeout: Duration::from_secs(2),
            thresholds: Thresholds { rise: one, fall: one },
        }
    }

    /// A probe that nobody could make is no verdict: a shortage here must not withdraw every backend.
    #[tokio::test]
    async fn a_shortage_on_this_machine_is_no_verdict() {
        let key = key("192.0.2.1:80".parse().unwrap());
        let probes = Arc::new(AtomicU32::new(0));
        let seen = probes.clone();
        let prober: Prober = Arc::new(move |_| {
            let probe = seen.fetch_add(1, Ordering::Relaxed);
            Box::pin(async move {
                match probe {
                    0 => Ok(Passed::Connected(Duration::ZERO)),
                    1..5 => Err(Failure::Connect(std::io::Error::from_raw_os_error(libc::EMFILE))),
                    _ => Err(Failure::Connect(std::io::ErrorKind::ConnectionRefused.into())),
                }
            })
        });
        let changed = Arc::new(Notify::new());
        let mut checker = Checker::new(prober, changed.clone(), Arc::new(|_| {}));
        checker.run_exactly(&HashSet::from([key.clone()]), |_, _| State::default());
        changed.notified().await;
        assert_eq!(checker.health(&key), Some(Health::Healthy));
        changed.notified().await;
        assert_eq!(checker.health(&key), Some(Health::Unhealthy));
        assert!(probes.load(Ordering::Relaxed) >= 6, "the shortage alone has decided");
    }

    /// Who asks for it is woken when it answers again, before it is healthy.
    #[tokio::test]
    async fn one_that_answers_again_will_be_healthy() {
        let mut key = key("192.0.2.1:80".parse().unwrap());
        key.thresholds.rise = NonZeroU16::new(3).unwrap();
        let probes = Arc::new(AtomicU32::new(0));
        // Each waits until it is asked for.
        let (gate, opens) = (Arc::new(tokio::sync::Semaphore::new(0)), Arc::new(Notify::new()));
        let (gate_of_probe, seen) = (gate.clone(), probes.clone());
        let prober: Prober = Arc::new(move |_| {
            let (gate, seen) = (gate_of_probe.clone(), seen.clone());
            Box::pin(async move {
                gate.acquire().await.unwrap().forget();
                match seen.fetch_add(1, Ordering::Relaxed) {
                    0 | 2 => Err(Failure::Connect(std::io::ErrorKind::ConnectionRefused.into())),
                    _ => Ok(Passed::Connected(Duration::ZERO)),
                }
            })
        });
        let mut checker = Checker::new(prober, opens.clone(), Arc::new(|_| {}));
        checker.run_exactly(&HashSet::from([key.clone()]), |_, _| State::default());
        assert_eq!(checker.outlook(&key), None);
        let (bad, good) = (Some(Health::Unhealthy), Some(Health::Healthy));
        // Failed, passed, failed, passed twice, passed; the fifth changes nothing that anybody asks for.
        for (more, health, outlook) in
            [(1, bad, bad), (1, bad, good), (1, bad, bad), (1, bad, good), (2, good, good)]
        {
            gate.add_permits(more);
            tokio::time::timeout(Duration::from_secs(10), opens.notified()).await.unwrap();
            assert_eq!((checker.health(&key), checker.outlook(&key)), (health, outlook));
        }
        assert_eq!(probes.load(Ordering::Relaxed), 6);
    }

    #[tokio::test]
    async fn follows_the_backend_and_ends_with_it() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let key = key(listener.local_addr().unwrap());
        let probes = Arc::new(AtomicU32::new(0));
        let seen = probes.clone();
        let observer = Arc::new(move |_: ProbeOutcome| {
            seen.fetch_add(1, Ordering::Relaxed);
        });
        let changed = Arc::new(Notify::new());
        let mut checker = Checker::new(by_socket(), changed.clone(), observer);
        checker.run_exactly(&HashSet::from([key.clone()]), |_, _| State::default());
        assert_eq!(checker.health(&key), None);
        changed.notified().await;
        assert_eq!(checker.health(&key), Some(Health::Healthy));
        // The same set again does not start anew.
        checker.run_exactly(&HashSet::from([key.clone()]), |_, _| State::default());
        assert_eq!(checker.health(&key), Some(Health::Healthy));
        let mut watch = checker.watch(&key).unwrap();
        drop(listener);
        changed.notified().await;
        let status = watch.borrow_and_update().clone();
        assert_eq!((status.health, status.detail.as_str()), (Some(Health::Unhealthy), "connection refused"));
        assert!(probes.load(Ordering::Relaxed) >= 2);
        checker.run_exactly(&HashSet::new(), |_, _| State::default());
        assert!(watch.changed().await.is_err() || checker.health(&key).is_none());
        assert_eq!(checker.keys().count(), 0);
    }
}
