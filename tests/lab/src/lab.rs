//! The lab as a whole.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::addresses::{CLIENT_MTU, FABRIC_MTU, Leg, TOR_AS, UPLINK, vip};
use crate::backend::Backend;
use crate::capture::{Capture, VIP_PACKETS};
use crate::client::Client;
use crate::forwarder::{DataplaneConfig, Forwarder};
use crate::netns::{self, End, LinkState, Netns, add_address, join};
use crate::run_folder::RunFolder;
use crate::sweep::{self, Kept};
use crate::tor::{self, Tor, TorKind};
use crate::{LabId, command};

/// How long routes may take to appear after the daemons are up: the first BGP connection may have to be tried again.
pub const CONVERGENCE: Duration = Duration::from_secs(25);

/// What a lab consists of.
#[derive(Debug, Clone)]
pub struct LabSpec {
    /// Forwarders, 0 to 8.
    pub forwarders: u8,
    /// Backends, 1 to 9.
    pub backends: u8,
    /// Router software of the ToR.
    pub tor: TorKind,
    /// TCP-MD5 password of all BGP sessions.
    pub password: Option<String>,
}

impl Default for LabSpec {
    fn default() -> Self {
        Self { forwarders: 2, backends: 3, tor: TorKind::Bird, password: None }
    }
}

/// A lab that is up; removed when it is dropped.
#[derive(Debug)]
pub struct Lab {
    id: LabId,
    folder: RunFolder,
    /// The client.
    pub client: Client,
    /// The ToR router.
    pub tor: Tor,
    /// The forwarders, fw1 first.
    pub forwarders: Vec<Forwarder>,
    /// The backends, be1 first.
    pub backends: Vec<Backend>,
    _guard: Guard,
}

/// Takes the lab down; the last field of [`Lab`], so that the processes have been ended before.
#[derive(Debug)]
struct Guard {
    id: LabId,
}

impl Drop for Guard {
    fn drop(&mut self) {
        sweep::remove(self.id);
    }
}

impl Lab {
    /// Builds namespaces, legs, router and backends. Leftovers of dead runs are removed first. The forwarders' daemons
    /// are not started yet.
    ///
    /// # Errors
    /// When anything does not come up; what was built so far is removed.
    pub fn build(spec: &LabSpec) -> Result<Self> {
        sweep::dead_runs(Kept::Spare);
        let id = LabId::next();
        let guard = Guard { id };
        mount_bpffs()?;
        let folder = RunFolder::create(id)?;
        let tor_netns = router(id)?;

        let client_netns = node(id, "cl0", Leg::CLIENT, CLIENT_MTU, &tor_netns)?;
        let client = Client::new(client_netns, folder.node("client")?);

        let mut backends = Vec::new();
        for number in 1..=spec.backends {
            let name = format!("be{number}");
            let netns = node(id, &name, Leg::backend(number), FABRIC_MTU, &tor_netns)?;
            // lb-decap hands packets over to other backends.
            netns::wake_on_xdp_tx(&tor_netns, &name, folder.path())?;
            backends.push(Backend::start(id, number, netns, folder.node(&name)?)?);
        }

        let mut forwarders = Vec::new();
        for number in 1..=spec.forwarders {
            let name = format!("fw{number}");
            let netns = node(id, &name, Leg::forwarder(number), FABRIC_MTU, &tor_netns)?;
            // The kernel answers FIB look-ups of a program only where forwarding is on.
            netns.sysctl(&["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"])?;
            netns::wake_on_xdp_tx(&tor_netns, &name, folder.path())?;
            forwarders.push(Forwarder::new(id, number, netns, folder.node(&name)?, spec.password.clone()));
        }

        let neighbours = (1..=spec.forwarders)
            .map(|number| tor::forwarder(number, TOR_AS + u32::from(number), spec.password.clone()))
            .collect();
        let tor = Tor::start(spec.tor, &tor_netns, &folder.node("tor")?, neighbours)?;
        Ok(Self { id, folder, client, tor, forwarders, backends, _guard: guard })
    }

    /// [`Lab::build`], then decap on every backend, the daemons of every forwarder with this configuration, and waits
    /// until the ToR has a leg to every forwarder for every VIP.
    ///
    /// # Errors
    /// When anything does not come up.
    pub fn build_with(spec: &LabSpec, config: &DataplaneConfig) -> Result<Self> {
        let mut lab = Self::build(spec)?;
        lab.start_with(config)?;
        Ok(lab)
    }

    /// Starts what [`Lab::build`] leaves out.
    ///
    /// # Errors
    /// When anything does not come up.
    pub fn start_with(&mut self, config: &DataplaneConfig) -> Result<()> {
        for backend in &self.backends {
            backend.decap_up(&vip::ALL)?;
        }
        for forwarder in &mut self.forwarders {
            forwarder.start(config)?;
        }
        for vip in &config.vips {
            self.wait_for_all_legs(vip.address)?;
        }
        Ok(())
    }

    /// The identity.
    #[must_use]
    pub fn id(&self) -> LabId {
        self.id
    }

    /// The folder with configurations and logs.
    #[must_use]
    pub fn folder(&self) -> &RunFolder {
        &self.folder
    }

    /// Waits until the ToR has a leg to every forwarder for this VIP.
    ///
    /// # Errors
    /// When it does not in [`CONVERGENCE`].
    pub fn wait_for_all_legs(&self, vip: IpAddr) -> Result<Duration> {
        let legs: Vec<&str> = self.forwarders.iter().map(Forwarder::name).collect();
        self.tor.wait_for_legs(vip, &legs, CONVERGENCE)
    }

    /// Captures what belongs to VIPs on all legs of the ToR.
    ///
    /// # Errors
    /// When tcpdump does not come up.
    pub fn capture(&self, name: &str) -> Result<Capture> {
        Capture::start(self.tor.netns(), &self.folder.node("tor")?, name, VIP_PACKETS)
    }

    /// Leaves the lab up when this program ends. Returns its identity, by which [`sweep::remove`] takes it down.
    ///
    /// # Errors
    /// When the mark cannot be written.
    pub fn keep(self) -> Result<LabId> {
        self.folder.mark_kept()?;
        let id = self.id;
        // Neither processes nor namespaces may be ended by their owners' Drop.
        std::mem::forget(self);
        Ok(id)
    }

    /// For a run that failed: the last lines of all logs, which stay in a folder that the text names.
    #[must_use]
    pub fn diagnose(self) -> String {
        let mut text = self.folder.tails();
        if let Ok(sessions) = self.tor.sessions() {
            text.push_str(&format!("--- the ToR's sessions\n{sessions}"));
        }
        for family in ["-4", "-6"] {
            if let Ok(routes) = self.tor.netns().ip(&format!("{family} route show")) {
                text.push_str(&format!("--- the ToR's routes\n{routes}"));
            }
        }
        let folder = self.folder.clone();
        let kept = folder.keep_logs();
        drop(self);
        text.push_str(&format!("--- all logs: {}\n", kept.display()));
        text
    }
}

/// Port 80 of an address.
#[must_use]
pub fn http(address: IpAddr) -> SocketAddr {
    SocketAddr::new(address, 80)
}

pub(crate) fn set_uplink(netns: &Netns, leg: Leg, state: LinkState) -> Result<()> {
    netns.link(UPLINK, state)?;
    if state == LinkState::Up {
        for address in leg.node() {
            add_address(netns, UPLINK, &address)?;
        }
        default_routes(netns, leg)?;
    }
    Ok(())
}

/// The ToR's namespace: forwards both families and spreads flows by their ports.
fn router(id: LabId) -> Result<Netns> {
    let netns = Netns::create(&id.namespace("tor"))?;
    netns.sysctl(&[
        "net.ipv4.ip_forward=1",
        "net.ipv6.conf.all.forwarding=1",
        "net.ipv4.fib_multipath_hash_policy=1",
        "net.ipv6.fib_multipath_hash_policy=1",
    ])?;
    Ok(netns)
}

/// A node's namespace with its leg to the ToR and default routes over it. The ToR's end is called like the node.
fn node(id: LabId, name: &str, leg: Leg, mtu: u32, tor: &Netns) -> Result<Netns> {
    let netns = Netns::create(&id.namespace(name))?;
    let inner = End { netns: &netns, interface: UPLINK, addresses: leg.node() };
    let outer = End { netns: tor, interface: name, addresses: leg.tor() };
    join(&inner, &outer, mtu)?;
    default_routes(&netns, leg)?;
    Ok(netns)
}

fn default_routes(netns: &Netns, leg: Leg) -> Result<()> {
    netns.ip(&format!("-4 route replace default via {}", leg.tor_v4()))?;
    netns.ip(&format!("-6 route replace default via {}", leg.tor_v6())).map(drop)
}

/// A bpffs is where programs outlive their loader; not every machine mounts it by itself.
fn mount_bpffs() -> Result<PathBuf> {
    let path = Path::new(sweep::BPFFS);
    let mounts = fs::read_to_string("/proc/self/mounts").context("cannot read the mounts")?;
    let mounted = mounts.lines().any(|line| {
        let mut words = line.split(' ').skip(1);
        words.next() == path.to_str() && words.next() == Some("bpf")
    });
    if !mounted {
        command::run("mount", &["-t", "bpf", "bpf", sweep::BPFFS])
            .context("a bpffs is needed at /sys/fs/bpf (as root: mount -t bpf bpf /sys/fs/bpf)")?;
    }
    Ok(path.to_path_buf())
}
