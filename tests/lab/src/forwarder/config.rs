//! Configuration of lb-dataplane and bgp-speaker as the lab writes it.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use crate::addresses::{Leg, TOR_AS, UPLINK, vip};

/// Health checks of the lab: quick, yet patient enough for a busy machine.
const INTERVAL: Duration = Duration::from_millis(400);
const TIMEOUT: Duration = Duration::from_millis(400);
const RISE: u32 = 2;
const FALL: u32 = 3;

/// The longest time from a backend's death until it is out of the tables, by the configured health check: the last good
/// probe was sent just before it died, then `fall` probes in turn must fail, the last one by its timeout; and half a
/// second to install the new tables on a busy machine and to see that.
pub const DETECTION: Duration =
    INTERVAL.saturating_mul(FALL).saturating_add(TIMEOUT).saturating_add(Duration::from_millis(500));

/// The part of lb-dataplane's configuration that tests change. Equal on every forwarder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataplaneConfig {
    /// The backend sets.
    pub sets: Vec<BackendSet>,
    /// The VIPs.
    pub vips: Vec<Vip>,
}

/// Backends that serve the same VIPs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackendSet {
    /// Its name.
    pub name: String,
    /// The backends.
    pub backends: Vec<Backend>,
    /// How packets travel to them.
    pub encapsulation: Encapsulation,
    /// Whether packets of slots in doubt carry the other backends that they may be for.
    pub second_hop: bool,
    /// How long flows on their earlier backends are looked after.
    pub drain_window: Duration,
    /// Slots of its table.
    pub table_size: u32,
    /// Between two probes of a backend, of which two in a row bring it back.
    pub interval: Duration,
}

/// How packets travel to the backends of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encapsulation {
    /// IP in IP.
    IpIp,
    /// Generic UDP Encapsulation.
    Gue,
    /// Generic Routing Encapsulation.
    Gre,
}

impl Encapsulation {
    fn name(self) -> &'static str {
        match self {
            Self::IpIp => "ipip",
            Self::Gue => "gue",
            Self::Gre => "gre",
        }
    }
}

/// One backend of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backend {
    /// Its stable name.
    pub name: String,
    /// Where packets for it go.
    pub address: IpAddr,
    /// Its weight.
    pub weight: u16,
}

/// One VIP, TCP port 80.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vip {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: IpAddr,
    /// The set of its backends.
    pub set: String,
}

impl DataplaneConfig {
    /// The usual configuration: one set with IPv4 and one with IPv6 backends `be1..=count`, and a VIP for each mix.
    #[must_use]
    pub fn usual(count: u8) -> Self {
        Self {
            sets: vec![BackendSet::of("web-v4", 1..=count, true), BackendSet::of("web-v6", 1..=count, false)],
            vips: vec![
                Vip::new("v4", vip::V4, "web-v4"),
                Vip::new("v6", vip::V6, "web-v6"),
                Vip::new("v4-over-v6", vip::V4_OVER_V6, "web-v6"),
                Vip::new("v6-over-v4", vip::V6_OVER_V4, "web-v4"),
            ],
        }
    }

    /// The set with this name.
    ///
    /// # Panics
    /// When there is none: a mistake in the test.
    pub fn set(&mut self, name: &str) -> &mut BackendSet {
        self.sets.iter_mut().find(|set| set.name == name).expect("the test names a set that exists")
    }

    pub(super) fn yaml(&self, folder: &Path) -> String {
        let mut text = format!(
            "seed: 6775696465776179206c616220736565
interfaces:
  - {{name: {UPLINK}, mode: native}}
next_hop: {{type: fib}}
admin: {{socket: {}}}
metrics: {{listen: \"127.0.0.1:9470\"}}
backend_sets:
",
            folder.join("dataplane.sock").display()
        );
        for set in &self.sets {
            let _ = write!(
                text,
                "  - name: {}\n    encapsulation: {}\n    second_hop: {}\n    drain_window: {}s\n    table_size: {}\n    health_check: {{type: http, port: 80, path: /, interval: {}ms, timeout: {}ms, \
                 rise: {RISE}, fall: {FALL}}}\n    backends:\n",
                set.name,
                set.encapsulation.name(),
                set.second_hop,
                set.drain_window.as_secs(),
                set.table_size,
                set.interval.as_millis(),
                TIMEOUT.as_millis()
            );
            for Backend { name, address, weight } in &set.backends {
                let _ = writeln!(text, "      - {{name: {name}, address: \"{address}\", weight: {weight}}}");
            }
        }
        text.push_str("vips:\n");
        for Vip { name, address, set } in &self.vips {
            let _ = writeln!(
                text,
                "  - {{name: {name}, address: \"{address}\", port: 80, protocol: tcp, backend_set: {set}}}"
            );
        }
        text
    }
}

impl BackendSet {
    /// A set of the lab's backends with these numbers, by their IPv4 or their IPv6 addresses, all of weight 1.
    #[must_use]
    pub fn of(name: &str, numbers: impl IntoIterator<Item = u8>, v4: bool) -> Self {
        let backends = numbers.into_iter().map(|number| Backend::of(number, v4)).collect();
        Self {
            name: name.to_owned(),
            backends,
            encapsulation: Encapsulation::IpIp,
            second_hop: true,
            drain_window: Duration::from_secs(600),
            table_size: 65_537,
            interval: INTERVAL,
        }
    }
}

impl Backend {
    /// One of the lab's backends with weight 1.
    #[must_use]
    pub fn of(number: u8, v4: bool) -> Self {
        let leg = Leg::backend(number);
        let address = if v4 { leg.node_v4().into() } else { leg.node_v6().into() };
        Self { name: format!("be{number}"), address, weight: 1 }
    }
}

impl Vip {
    /// A VIP on TCP port 80.
    #[must_use]
    pub fn new(name: &str, address: IpAddr, set: &str) -> Self {
        Self { name: name.to_owned(), address, set: set.to_owned() }
    }
}

/// bgp-speaker's configuration of forwarder `number`: one session over IPv4 that carries both families.
/// Without graceful restart: a forwarder whose speaker is killed is one that goes, which is what scenarios want.
pub(super) fn speaker_yaml(number: u8, password: Option<&str>, folder: &Path) -> String {
    let leg = Leg::forwarder(number);
    let password = password.map(|word| format!("    password: {word}\n")).unwrap_or_default();
    format!(
        "local_as: {}
router_id: 10.255.1.{number}
agent: {{socket: {}, hold: 60s}}
admin: {{socket: {}}}
metrics: {{listen: \"127.0.0.1:9471\"}}
peers:
  - address: {}
    remote_as: {TOR_AS}
    local_address: {}
{password}    hold_time: 9s
    connect_retry: 1s
    graceful_restart: off
    families: [ipv4, ipv6]
    next_hop_v4: {}
    next_hop_v6: \"{}\"
",
        TOR_AS + u32::from(number),
        folder.join("dataplane.sock").display(),
        folder.join("bgp.sock").display(),
        leg.tor_v4(),
        leg.node_v4(),
        leg.node_v4(),
        leg.node_v6(),
    )
}
