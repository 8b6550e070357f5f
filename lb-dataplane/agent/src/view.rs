//! What the agent shows of itself: an immutable picture that the control loop publishes after every change, read by
//! the admin API and by the metrics without asking the loop.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use guideway_abi::{Counter, TrafficStats};
use guideway_dataplane_config::Ports;
use guideway_dataplane_plan::{Desired, Installed};
use ipnet::IpNet;
use tokio::sync::watch;

use crate::announce::Announce;
use crate::health::{Health, ProbeStatus};

/// The picture. Everything in it belongs to one generation.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The configuration file.
    pub config_path: String,
    /// Where programs, maps and links are pinned.
    pub pin_root: String,
    /// The installed generation; 0 when none is.
    pub generation: u64,
    /// Digest of the installed generation.
    pub digest: u64,
    /// Tag of the loaded program, in hexadecimal.
    pub program_tag: String,
    /// Configured interfaces.
    pub interfaces: Vec<InterfaceView>,
    /// The last attempt to load a configuration.
    pub last_reload: Option<Reload>,
    /// Why the last plan could not be installed; none when it was.
    pub apply_error: Option<String>,
    /// Of the installed configuration.
    pub vips: Vec<VipView>,
    /// Backend sets of the installed configuration that a VIP uses.
    pub sets: Vec<SetView>,
    /// Backends that may have flows and of which nobody knows any more in which set they were.
    pub leaving: Vec<BackendView>,
    /// How full the maps are.
    pub limits: Vec<LimitView>,
    /// The first plan of this agent has been carried out.
    pub started: bool,
    /// What is installed, to explain flows with.
    pub installed: Option<(Arc<Desired>, Installed)>,
    /// The last configurations, latest first.
    pub history: Vec<PastView>,
    /// The generation of the history whose configuration is in force in place of the file's.
    pub rolled_back_to: Option<u64>,
    /// The controller that the services come from; none when they are the file's. It changes by itself.
    pub controller: Option<SharedController>,
    /// Why the controller or its absence keeps VIPs from being announced; none when they are.
    pub fence: Option<String>,
}

/// What the agent knows of its controller, and has from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ControllerView {
    /// What this forwarder is called.
    pub name: String,
    /// Where the leader is that it follows; none while there is no connection.
    pub leader: Option<String>,
    /// It is reached through another forwarder.
    pub is_relayed: bool,
    /// Why there is no connection; empty while there is one.
    pub problem: String,
    /// The highest term of a leader that was seen; 0 when none was.
    pub term: u64,
    /// The controller's number of what is in force, and its digest.
    pub committed: Option<(u64, String)>,
    /// The controller's number of what waits beside it, and its digest.
    pub prepared: Option<(u64, String)>,
    /// Why nothing is announced, or is about to be; none when VIPs are.
    pub fence: Option<String>,
    /// What else is out of order: contents that cannot be kept, a certificate that ends soon.
    pub faults: Vec<String>,
}

/// A configuration that was in force, or is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastView {
    /// That it came into force with.
    pub generation: u64,
    /// Of that generation.
    pub digest: u64,
    /// When, in milliseconds of Unix time.
    pub at_unix_ms: u64,
    /// In a line.
    pub summary: String,
    /// It is in force now.
    pub in_force: bool,
}

/// An attempt to load a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reload {
    /// When.
    pub at: SystemTime,
    /// Why it was refused, one a line; empty when it was accepted.
    pub errors: Vec<String>,
}

impl Reload {
    /// Whether the configuration is in force.
    #[must_use]
    pub fn accepted(&self) -> bool {
        self.errors.is_empty()
    }
}

/// An interface of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceView {
    /// Name.
    pub name: String,
    /// Index in the kernel; 0 when there is no such interface.
    pub ifindex: u32,
    /// "native" or "generic".
    pub mode: &'static str,
    /// The program is attached.
    pub attached: bool,
    /// Since when it has had a program without a break.
    pub since: Option<SystemTime>,
    /// What it can carry now, in octets per second.
    pub capacity: Option<u64>,
    /// Why packets that come in by it are not balanced; none when they are.
    pub problem: Option<String>,
}

impl InterfaceView {
    /// Whether nothing differs but what it can carry.
    #[must_use]
    pub fn serves_as(&self, other: &Self) -> bool {
        Self { capacity: None, ..self.clone() } == Self { capacity: None, ..other.clone() }
    }
}

/// A VIP.
#[derive(Clone, Debug)]
pub struct VipView {
    /// Name.
    pub name: String,
    /// Addresses that clients dial.
    pub address: IpNet,
    /// Ports that clients dial.
    pub ports: Ports,
    /// "tcp" or "udp".
    pub protocol: &'static str,
    /// "none", "flow" or "client_ip".
    pub affinity: &'static str,
    /// Silence after which a flow or client is forgotten.
    pub affinity_timeout: Option<Duration>,
    /// Entries of the flow table that it has for itself.
    pub flow_entries: u32,
    /// Who may dial it; empty: everybody.
    pub sources: Vec<IpNet>,
    /// Index into [`View::sets`].
    pub set: usize,
    /// Index of its counters in the kernel, once installed.
    pub index: Option<u32>,
    /// It has a table in the kernel.
    pub served: bool,
    /// The speaker is told to announce its address or prefix, or it is answered for on a link.
    pub announced: bool,
    /// How it is to be announced.
    pub announce: Announce,
}

/// An address, or a prefix in CIDR notation.
#[must_use]
pub fn address_text(prefix: &IpNet) -> String {
    if prefix.prefix_len() == prefix.max_prefix_len() {
        prefix.addr().to_string()
    } else {
        prefix.to_string()
    }
}

impl VipView {
    /// Why the VIP is not served or not announced; empty when it is both.
    #[must_use]
    pub fn reason(&self, set: &SetView) -> String {
        if self.served && self.announced {
            return String::new();
        }
        if self.served && !self.announce.is_any() {
            return self.announce.why_not.clone();
        }
        if self.served && set.recovers {
            return "its backends are coming back: announced when each has been checked".to_owned();
        }
        if self.served {
            return "not every interface can serve, see the status".to_owned();
        }
        match (set.backends.len(), set.backends.iter().filter(|backend| backend.is_checking()).count()) {
            (0, _) => format!("the backend set {:?} is empty", set.name),
            (_, 0) => "no backend is healthy".to_owned(),
            (_, checking) => format!("no backend is healthy, {checking} not yet checked"),
        }
    }
}

/// A backend set.
#[derive(Clone, Debug, Default)]
pub struct SetView {
    /// Name.
    pub name: String,
    /// Slots of its table.
    pub table_size: u32,
    /// "ipip", "gue", "gre" or "l2".
    pub encapsulation: &'static str,
    /// The backends run the decap agent.
    pub second_hop: bool,
    /// How long flows on earlier backends are looked after.
    pub drain_window: Duration,
    /// It has a table in the kernel.
    pub served: bool,
    /// It had no healthy backend, and is waited for the others now that it has.
    pub recovers: bool,
    /// Slots of which a live flow may be on an earlier backend.
    pub unsettled: u32,
    /// Slots that keep their backend for now although another one is due; part of the unsettled ones.
    pub held: u32,
    /// Slots whose established flows the installed generation has moved, as it could not do otherwise.
    pub at_risk: u32,
    /// When it will have settled if nothing else changes; none when it has.
    pub settles_at: Option<SystemTime>,
    /// In the order of the configuration.
    pub backends: Vec<BackendView>,
    /// Backends that the configuration no longer has and that may have flows.
    pub leaving: Vec<BackendView>,
}

impl SetView {
    /// Backends that may get traffic.
    #[must_use]
    pub fn healthy(&self) -> usize {
        self.backends.iter().filter(|backend| backend.is_healthy()).count()
    }
}

/// A backend of a set.
#[derive(Clone, Debug)]
pub struct BackendView {
    /// Name.
    pub name: String,
    /// Where its packets go.
    pub address: IpAddr,
    /// Share of the slots.
    pub weight: u16,
    /// Its probe; none when the set is not checked.
    pub probe: Option<watch::Receiver<ProbeStatus>>,
    /// Index of its counters in the kernel, once installed.
    pub index: Option<u32>,
    /// Slots of the set's table that hold it.
    pub slots: u32,
    /// The configuration no longer has it.
    pub leaving: bool,
}

impl BackendView {
    /// What it is sent: "serving" (everything), "draining" (flows that it has) or "dead" (nothing).
    #[must_use]
    pub fn state(&self) -> &'static str {
        match (self.leaving, self.is_healthy(), self.is_checking()) {
            (true, _, true) | (true, true, _) => "draining",
            (false, true, _) if self.weight == 0 => "draining",
            (false, true, _) => "serving",
            _ => "dead",
        }
    }

    /// The probe's status; none when the set is not checked.
    #[must_use]
    pub fn status(&self) -> Option<ProbeStatus> {
        self.probe.as_ref().map(|probe| probe.borrow().clone())
    }

    /// "healthy", "unhealthy", "unchecked" or "checking".
    #[must_use]
    pub fn health(&self) -> &'static str {
        match &self.probe {
            None => "unchecked",
            Some(probe) => probe.borrow().health.map_or("checking", Health::name),
        }
    }

    pub(crate) fn is_healthy(&self) -> bool {
        self.probe.as_ref().is_none_or(|probe| probe.borrow().health == Some(Health::Healthy))
    }

    fn is_checking(&self) -> bool {
        self.probe.as_ref().is_some_and(|probe| probe.borrow().health.is_none())
    }
}

/// How full a map is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitView {
    /// As in the configuration's `limits`.
    pub name: &'static str,
    /// Elements that the installed generation uses.
    pub used: u64,
    /// Elements that there are.
    pub capacity: u64,
}

impl View {
    /// The agent has installed a generation, or found that the installed one is right, and every interface can serve.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.started
            && self.fence.is_none()
            && !self.interfaces.is_empty()
            && self.interfaces.iter().all(|interface| interface.problem.is_none())
    }

    /// What is known of the controller now.
    #[must_use]
    pub fn controller(&self) -> Option<Arc<ControllerView>> {
        self.controller.as_ref().map(|controller| controller.load_full())
    }

    /// Packets for a VIP are balanced, whichever interface they come in by. One that is configured and does not exist
    /// brings no packets.
    #[must_use]
    pub fn can_announce(&self) -> bool {
        let mut attached = self.interfaces.iter().map(|interface| interface.problem.is_none());
        let stranded =
            self.interfaces.iter().any(|interface| interface.problem.is_some() && interface.ifindex != 0);
        attached.any(|attached| attached) && !stranded
    }

    /// Sets with unsettled slots.
    pub fn unsettled_sets(&self) -> impl Iterator<Item = &SetView> {
        self.sets.iter().filter(|set| set.unsettled > 0)
    }

    /// Backends by set and name, healthy ones, each backend of a set counted once.
    #[must_use]
    pub fn backend_totals(&self) -> (usize, usize) {
        self.sets
            .iter()
            .fold((0, 0), |(all, healthy), set| (all + set.backends.len(), healthy + set.healthy()))
    }
}

/// What is known of the controller at the moment: written by whoever follows it, without asking the loop, so that news of a
/// rollout do not make a whole picture anew.
pub type SharedController = Arc<ArcSwap<ControllerView>>;

/// The latest picture.
pub type Shared = Arc<ArcSwap<View>>;

/// Counters in the kernel, summed over the CPUs.
pub trait Counts: fmt::Debug + Send + Sync {
    /// Of the VIPs, by index.
    ///
    /// # Errors
    ///
    /// When the map cannot be read.
    fn vips(&self) -> io::Result<Vec<TrafficStats>>;

    /// Of the backends, by index.
    ///
    /// # Errors
    ///
    /// When the map cannot be read.
    fn backends(&self) -> io::Result<Vec<TrafficStats>>;

    /// Packets by what became of them, and events.
    ///
    /// # Errors
    ///
    /// When the map cannot be read.
    fn packets(&self) -> io::Result<Vec<(Counter, u64)>>;

    /// Begins to mark flows, with no mark made, or ends it.
    fn mark_flows(&self, on: bool);

    /// Marks that were made.
    fn flow_marks(&self) -> u32;
}

#[cfg(test)]
pub(crate) mod tests;
