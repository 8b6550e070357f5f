//! Namespaces: a forwarder and a router, on one link or with a node between.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use guideway_lab::netns::{End, Netns, join};
use guideway_lab::run_folder::RunFolder;
use guideway_lab::sweep::{self, Kept};
use guideway_lab::{LabId, interrupt};

use super::{FAR_V4, FAR_V6, FORWARDER_V4, FORWARDER_V6, ROUTER_V4, ROUTER_V6};

/// What is between forwarder and router.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// `fw1 up0 --- fw1 tor`.
    Link,
    /// `fw1 up0 --- fw1 mid far --- up0 tor`, where `mid` forwards.
    Hop,
}

pub struct Site {
    pub forwarder: Netns,
    pub router: Netns,
    pub way: Way,
    folder: RunFolder,
    passed: bool,
    _mid: Option<Netns>,
    _guard: Guard,
}

struct Guard(LabId);

impl Drop for Guard {
    fn drop(&mut self) {
        sweep::remove(self.0);
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if !self.passed {
            eprint!("{}", self.folder.tails());
            eprintln!("logs are kept in {}", self.folder.keep_logs().display());
        }
    }
}

impl Site {
    pub fn build(way: Way) -> Result<Self> {
        interrupt::take_labs_down_on_signal()?;
        sweep::dead_runs(Kept::Spare);
        let id = LabId::next();
        let guard = Guard(id);
        let folder = RunFolder::create(id)?;
        let forwarder = Netns::create(&id.namespace("fw1"))?;
        let router = Netns::create(&id.namespace("tor"))?;
        let end = |netns, interface, v4: &str, v6: &str| End {
            netns,
            interface,
            addresses: vec![format!("{v4}/24"), format!("{v6}/64")],
        };
        let own = end(&forwarder, "up0", FORWARDER_V4, FORWARDER_V6);
        let mut mid = None;
        match way {
            Way::Link => join(&end(&router, "fw1", ROUTER_V4, ROUTER_V6), &own, 1500)?,
            Way::Hop => {
                let between = Netns::create(&id.namespace("mid"))?;
                between.sysctl(&["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"])?;
                join(&end(&between, "fw1", ROUTER_V4, ROUTER_V6), &own, 1500)?;
                let (near, far) =
                    (end(&between, "far", "10.1.2.2", "fd00:2::2"), end(&router, "up0", FAR_V4, FAR_V6));
                join(&near, &far, 1500)?;
                forwarder.ip(&format!("route add 10.1.2.0/24 via {ROUTER_V4}"))?;
                forwarder.ip(&format!("-6 route add fd00:2::/64 via {ROUTER_V6}"))?;
                router.ip("route add 10.1.1.0/24 via 10.1.2.2")?;
                router.ip("-6 route add fd00:1::/64 via fd00:2::2")?;
                mid = Some(between);
            }
        }
        Ok(Self { forwarder, router, way, folder, passed: false, _mid: mid, _guard: guard })
    }

    pub fn id(&self) -> LabId {
        self._guard.0
    }

    pub fn folder(&self, name: &str) -> Result<PathBuf> {
        self.folder.node(name)
    }

    /// All was as it should be: no log is of interest.
    pub fn pass(&mut self) {
        self.passed = true;
    }

    /// The link-local address of an interface.
    pub fn link_local(netns: &Netns, interface: &str) -> Result<String> {
        let text = netns.ip(&format!("-j -6 addr show dev {interface} scope link"))?;
        let links: serde_json::Value = serde_json::from_str(&text)?;
        let infos = links.as_array().into_iter().flatten().flat_map(|link| link["addr_info"].as_array());
        let address = infos.flatten().find_map(|info| info["local"].as_str().map(str::to_owned));
        address.ok_or_else(|| anyhow::anyhow!("{interface} has no link-local address"))
    }

    /// Both ends drop what arrives: silence in both directions, and no error for the senders. Tells when the forwarder could
    /// still hear the router.
    pub fn cut(&self) -> Result<Instant> {
        let rules = |device| {
            format!(
                "table netdev cut {{\nchain in {{\ntype filter hook ingress device {device} priority 0; policy drop;\n}}\n}}\n"
            )
        };
        let router_side = if self.way == Way::Link { "fw1" } else { "up0" };
        self.router.run("nft", &[&rules(router_side)])?;
        let before = Instant::now();
        self.forwarder.run("nft", &[&rules("up0")])?;
        Ok(before)
    }

    pub fn heal(&self) -> Result<()> {
        for netns in [&self.forwarder, &self.router] {
            netns.run("nft", &["delete table netdev cut"])?;
        }
        Ok(())
    }
}
