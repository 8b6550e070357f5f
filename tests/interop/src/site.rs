//! The namespaces of one test.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use guideway_lab::addresses::{Leg, UPLINK};
use guideway_lab::netns::{End, Netns, join};
use guideway_lab::router::{Neighbour, Remote, Spec};
use guideway_lab::run_folder::RunFolder;
use guideway_lab::sweep::{self, Kept};
use guideway_lab::{LabId, interrupt, wait};

/// Autonomous system of the router.
pub const ROUTER_AS: u32 = guideway_lab::addresses::TOR_AS;

/// Autonomous system of every speaker.
pub const SPEAKER_AS: u32 = 65001;

/// A router and speakers with one leg each. Everything goes when it is dropped; unless it [passed](Site::pass), the logs
/// are printed and kept.
#[derive(Debug)]
pub struct Site {
    /// The router's namespace; its interfaces are `fw1`, `fw2`, ...
    pub router: Netns,
    /// The speakers' namespaces, each with `up0`.
    pub speakers: Vec<Netns>,
    folder: RunFolder,
    passed: bool,
    _guard: Guard,
}

#[derive(Debug)]
struct Guard(LabId);

impl Drop for Guard {
    fn drop(&mut self) {
        sweep::remove(self.0);
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if !self.passed {
            eprint!("{}", self.logs());
            eprintln!("logs are kept in {}", self.folder.keep_logs().display());
        }
    }
}

impl Site {
    /// Removes what dead runs left behind, then builds.
    ///
    /// # Errors
    /// When `ip` fails.
    pub fn build(speakers: u8) -> Result<Self> {
        interrupt::take_labs_down_on_signal()?;
        sweep::dead_runs(Kept::Spare);
        let id = LabId::next();
        let guard = Guard(id);
        let folder = RunFolder::create(id)?;
        let router = Netns::create(&id.namespace("tor"))?;
        router.sysctl(&[
            "net.ipv4.ip_forward=1",
            "net.ipv6.conf.all.forwarding=1",
            "net.ipv4.fib_multipath_hash_policy=1",
            "net.ipv6.fib_multipath_hash_policy=1",
        ])?;
        let mut nodes = Vec::new();
        for number in 1..=speakers {
            let name = format!("fw{number}");
            let leg = Leg::forwarder(number);
            let netns = Netns::create(&id.namespace(&name))?;
            join(
                &End { netns: &router, interface: &name, addresses: leg.tor() },
                &End { netns: &netns, interface: UPLINK, addresses: leg.node() },
                1500,
            )?;
            nodes.push(netns);
        }
        Ok(Self { router, speakers: nodes, folder, passed: false, _guard: guard })
    }

    /// The folder of one program.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn folder(&self, name: &str) -> Result<PathBuf> {
        self.folder.node(name)
    }

    /// Everything was as it should be: no log is of interest.
    pub fn pass(&mut self) {
        self.passed = true;
    }

    /// The last lines of every log.
    #[must_use]
    pub fn logs(&self) -> String {
        self.folder.tails()
    }
}

/// The link-local address of an interface; the kernel gives it a moment after the link is up.
///
/// # Errors
/// When it gets none.
pub fn link_local(netns: &Netns, interface: &str) -> Result<Ipv6Addr> {
    let waited = wait::until("a link-local address", Duration::from_secs(5), || {
        let text = netns.ip(&format!("-6 -j addr show dev {interface} scope link"))?;
        let links: serde_json::Value = serde_json::from_str(&text)?;
        // `ip` leaves an empty object for each interface and each address that the filter takes away.
        let addresses =
            links.as_array().into_iter().flatten().filter_map(|link| link["addr_info"].as_array());
        Ok(addresses.flatten().find_map(|address| address["local"].as_str()?.parse().ok()))
    });
    waited.map(|(address, _)| address).with_context(|| format!("{interface} of {}", netns.name()))
}

/// The protocol that carries a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// Configurations of both sides of the session with speaker `number`; the speaker's first, the router's second. Both
/// may dial, both families are carried.
#[must_use]
pub fn sides(number: u8, over: Over) -> (Spec, Spec) {
    let leg = Leg::forwarder(number);
    let (node, tor) = match over {
        Over::V4 => (leg.node_v4().into(), leg.tor_v4().into()),
        Over::V6 => (leg.node_v6().into(), leg.tor_v6().into()),
    };
    let name = format!("fw{number}");
    let speaker = Neighbour::new("tor", Remote::Address(tor), ROUTER_AS, node, UPLINK);
    let router = Neighbour::new(&name, Remote::Address(node), SPEAKER_AS, tor, &name);
    (
        Spec {
            local_as: SPEAKER_AS,
            router_id: Ipv4Addr::new(10, 255, 1, number),
            neighbours: vec![speaker],
            ..Spec::default()
        },
        Spec { neighbours: vec![router], ..Spec::default() },
    )
}
