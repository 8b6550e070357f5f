//! The parts of the speaker and what they do together.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use guideway_bgp_config::PeerConfig;
use guideway_bgp_fsm::{RestartFlags, State as SessionState, Stop};
use guideway_bgp_monitor::{Monitor, MonitorSettings, Own, StationState, Tables};
use guideway_bgp_peer::{PeerStatus, Peers, Settings, Tap};
use guideway_bgp_wire::{Families, Family};
use ipnet::IpNet;
use tokio::sync::watch;
use tokio::time::{Instant as Later, sleep, sleep_until, timeout};
use tracing::{info, warn};

use crate::agent::Word;
use crate::config::{Config, OnStop};
use crate::drain::{Drain, Target, UnixMs, stays};
use crate::drains::{self, Drains, Field};
use crate::restart::{self, Keeper, Start, State, Wait};
use crate::shared::Shared;
use crate::status::{AgentStatus, Reloads};
use crate::table::Table;
use crate::unix_ms;

/// How long a process that did not restart waits for the agent's first word before it tells its peers that there is nothing.
const DEFERRAL: Duration = Duration::from_secs(60);
/// How often the sign of life is written.
const LIFE: Duration = Duration::from_secs(2);

/// Everything that runs.
pub(crate) struct Speaker {
    pub(crate) table: Arc<Table>,
    pub(crate) peers: Peers,
    pub(crate) agent: Shared<AgentStatus>,
    pub(crate) drains: Drains,
    /// Shows the sessions to BMP stations and in MRT files.
    pub(crate) monitor: Arc<Monitor>,
    pub(crate) reloads: Shared<Reloads>,
    config: Shared<Arc<Config>>,
    words: watch::Sender<Word>,
    keeper: Keeper,
    boot_id: String,
    start: Start,
    /// Peers are dialled and listened for.
    open: Shared<bool>,
}

impl Speaker {
    /// Reads what the process before left in `directory`. Nobody is dialled yet.
    pub(crate) fn new(config: Config, directory: PathBuf) -> Arc<Self> {
        let boot_id = restart::boot_id();
        let (left, problem) = match State::load(&directory) {
            Ok(left) => (left, None),
            Err(error) => {
                let source = std::error::Error::source(&error).map(|source| format!(": {source}"));
                let text = format!("{error}{}", source.unwrap_or_default());
                warn!("{text}");
                (None, Some(text))
            }
        };
        let now = unix_ms(SystemTime::now());
        let start = Start::new(left.as_ref(), &boot_id, now, config.restart_time());
        if start != Start::Fresh {
            info!("restarted: peers may hold routes of the process before");
        }
        let table = Arc::new(Table::new(config.router_id, config.node.clone(), config.damping));
        let monitor = Arc::new(Monitor::new(Arc::clone(&table) as Arc<dyn Tables>));
        monitor.apply(&monitoring(&config));
        let settings = Settings {
            name: "bgp-speaker".to_owned(),
            bfd_socket: Some(config.bfd_socket.clone()),
            taps: vec![Arc::clone(&monitor) as Arc<dyn Tap>],
            ..Settings::default()
        };
        let peers = Peers::start(settings, Arc::clone(&table) as Arc<dyn guideway_bgp_peer::Router>);
        let (words, _) = watch::channel(Word::default());
        let speaker = Self {
            table,
            peers,
            agent: Shared::new(AgentStatus::default()),
            monitor,
            drains: Drains::new(left.map(|left| left.drains).unwrap_or_default()),
            reloads: Shared::default(),
            config: Shared::new(Arc::new(config)),
            words,
            keeper: Keeper::start(directory, problem),
            boot_id,
            start,
            open: Shared::new(false),
        };
        // Before anybody is dialled, and before anybody can order another one.
        let left = speaker.drains.list();
        speaker.apply(&left.into_iter().map(|drain| (drain.target, drain)).collect());
        Arc::new(speaker)
    }

    /// The configuration in force.
    pub(crate) fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config.lock())
    }

    /// Where the agent's words go.
    pub(crate) fn words(&self) -> watch::Sender<Word> {
        self.words.clone()
    }

    /// Lets the sessions begin; after a restart not before the agent has said what it serves, so that peers are told
    /// everything at once and know whether packets were forwarded all the time.
    pub(crate) async fn begin(&self) {
        if let Some(patience) = self.start.patience(unix_ms(SystemTime::now())) {
            let mut words = self.words.subscribe();
            if timeout(patience, words.wait_for(|word| word.heard)).await.is_err() {
                warn!("the agent says nothing: routers are told that packets may have been lost");
            }
        }
        self.set_flags();
        let config = self.config();
        *self.open.lock() = true;
        self.peers.apply(config.peers.clone());
        self.peers.listen(&config.listen.addresses());
    }

    /// Follows the agent's words and the time, for ever.
    pub(crate) async fn announce(&self) {
        let mut words = self.words.subscribe();
        let deferral = sleep(DEFERRAL);
        tokio::pin!(deferral);
        loop {
            let deadline = self.table.next_deadline();
            let due = async {
                match deadline {
                    Some(deadline) => sleep_until(Later::from_std(deadline)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = words.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let word = words.borrow_and_update().clone();
                    self.take(&word);
                }
                () = due => self.table.expire(Instant::now(), unix_ms(SystemTime::now())),
                () = &mut deferral, if self.table.is_held() => self.table.release(),
            }
        }
    }

    fn take(&self, word: &Word) {
        self.table.set_capacity(word.capacity);
        self.table.serve(&word.prefixes, Instant::now(), unix_ms(SystemTime::now()));
        self.set_flags();
        if word.heard {
            self.table.release();
        }
    }

    /// Says in the next OPENs what is true now.
    fn set_flags(&self) {
        let now = unix_ms(SystemTime::now());
        let since = self.words.borrow().forwarding_since;
        let flags = self.start.flags(since, self.table.oldest_loss(self.remembered(now)), now);
        let all: Families = Family::ALL.into_iter().collect();
        let forwarding = if flags.forwarding { all } else { Families::NONE };
        self.peers.set_restart(RestartFlags { restarting: flags.restarting, forwarding });
    }

    /// Peers have forgotten what they had of sessions that ended before this moment.
    fn remembered(&self, now: UnixMs) -> UnixMs {
        let time = u64::try_from(self.config().restart_time().as_millis()).unwrap_or(u64::MAX);
        now.saturating_sub(time)
    }

    /// Writes signs of life, and keeps the flags true, for ever.
    pub(crate) async fn live(&self) {
        loop {
            // A process that is killed just after its first session leaves routes behind too.
            let _ = timeout(LIFE, self.table.session_changed()).await;
            self.set_flags();
            self.save(unix_ms(SystemTime::now()), &self.drains.list(), Wait::No);
        }
    }

    fn save(&self, alive: UnixMs, drains: &[Drain], wait: Wait) {
        let now = unix_ms(SystemTime::now());
        let (inherited, lost) = (self.start.inherited(now), self.table.oldest_loss(self.remembered(now)));
        let state = State {
            boot_id: self.boot_id.clone(),
            alive,
            kept_since: inherited.into_iter().chain(lost).min().unwrap_or(alive),
            established: inherited.is_some() || lost.is_some() || self.table.is_established(),
            drains: drains.to_vec(),
        };
        self.keeper.save(state, wait);
    }

    /// Takes a configuration over.
    pub(crate) fn reconfigure(&self, config: Config) {
        let config = Arc::new(config);
        *self.config.lock() = Arc::clone(&config);
        let at = unix_ms(SystemTime::now());
        self.monitor.apply(&monitoring(&config));
        self.table.set_node(config.router_id, &config.node, config.damping, Instant::now(), at);
        if !*self.open.lock() {
            return;
        }
        let applied = self.peers.apply(config.peers.clone());
        self.peers.listen(&config.listen.addresses());
        info!(?applied.added, ?applied.removed, ?applied.changed, "peers");
        // A session goes on in another group when only what it is told changed.
        let statuses = self.peers.statuses();
        let configs = statuses.iter().filter_map(|status| Some((status.id, of_status(&config, status)?)));
        for (peer, outlets) in self.table.set_peers(configs) {
            self.peers.set_outlets(peer, outlets);
        }
        self.set_flags();
    }

    /// Ends all sessions as the configuration says.
    pub(crate) async fn stop(&self) {
        match self.config().on_stop {
            OnStop::Withdraw => {
                self.peers.stop(Stop::Shutdown("bgp-speaker is stopped".to_owned())).await;
                self.save(0, &self.drains.list(), Wait::Yes);
            }
            OnStop::Preserve => {
                self.save(unix_ms(SystemTime::now()), &self.drains.list(), Wait::Yes);
                self.peers.stop(Stop::Silent).await;
            }
        }
        self.monitor.stop().await;
    }

    /// What does not work as configured, in words.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems: Vec<String> = self.keeper.problem().into_iter().collect();
        for listener in self.peers.listeners() {
            problems.extend(listener.problems);
        }
        for drain in self.drains.list() {
            if let (Target::Vip(vip), Some(aggregate)) = (drain.target, self.table.covered(drain.target)) {
                problems.push(format!("drain of {vip}: {}", stays(aggregate)));
            }
        }
        for station in self.monitor.stations() {
            if station.state == StationState::Down && !station.last_error.is_empty() {
                problems.push(format!("BMP station {}: {}", station.address, station.last_error));
            }
        }
        if let Some(mrt) = self.monitor.mrt().filter(|mrt| !mrt.last_error.is_empty()) {
            problems.push(format!("MRT files: {}", mrt.last_error));
        }
        if let Some(tables) = self.monitor.tables().filter(|tables| !tables.last_error.is_empty()) {
            problems.push(format!("MRT tables: {}", tables.last_error));
        }
        problems
    }

    /// What peers are told of a restart; empty when they are told of none.
    pub(crate) fn restart(&self) -> &'static str {
        let now = unix_ms(SystemTime::now());
        let since = self.words.borrow().forwarding_since;
        let flags = self.start.flags(since, self.table.oldest_loss(self.remembered(now)), now);
        match (flags.restarting, flags.forwarding) {
            (false, _) => "",
            (true, true) => "restarting, forwarding kept",
            (true, false) => "restarting, forwarding lost",
        }
    }

    /// Why the speaker is not of use at the moment; empty when it is.
    pub(crate) fn not_ready(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        let agent = self.agent.lock();
        if !agent.connected || !agent.heard {
            reasons.push(format!("agent: {}", agent.text));
        }
        drop(agent);
        if !self.peers.statuses().iter().any(|peer| peer.state == SessionState::Established) {
            reasons.push("no session is established".to_owned());
        }
        reasons
    }
}

/// What stations and files are told of this system beside the sessions.
fn monitoring(config: &Config) -> MonitorSettings {
    MonitorSettings {
        system_name: format!("bgp-speaker {}", config.router_id),
        description: concat!("Guideway bgp-speaker ", env!("CARGO_PKG_VERSION")).to_owned(),
        own: Own { router_id: config.router_id, asn: config.local_as },
        ..config.monitoring.clone()
    }
}

/// The settings of a peer in a new configuration.
fn of_status(config: &Config, status: &PeerStatus) -> Option<Arc<PeerConfig>> {
    let name = status.dynamic.as_ref().unwrap_or(&status.config.name);
    let found = config.peers.iter().find(|peer| peer.name == *name)?;
    // That of a dynamic peer has its own name and address.
    let (name, remote) = (status.config.name.clone(), status.config.remote.clone());
    Some(Arc::new(PeerConfig { name, remote, ..found.clone() }))
}

impl Field for Speaker {
    fn apply(&self, drains: &BTreeMap<Target, Drain>) {
        self.table.set_drains(drains::effects(drains), Instant::now(), unix_ms(SystemTime::now()));
        self.peers.shut(drains::shut(drains));
        let list: Vec<Drain> = drains.values().cloned().collect();
        self.save(unix_ms(SystemTime::now()), &list, Wait::Yes);
    }

    fn alone(&self, target: Target) -> Vec<IpNet> {
        self.table.alone(target)
    }

    fn covered(&self, target: Target) -> Option<IpNet> {
        self.table.covered(target)
    }

    fn is_settled(&self) -> bool {
        self.peers.is_settled()
    }

    fn agent_socket(&self) -> PathBuf {
        self.config().agent.socket.clone()
    }
}
