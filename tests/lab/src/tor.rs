//! The ToR router: real BIRD or real FRR, which puts the announced VIPs into the kernel's table with one leg for each
//! forwarder that announces them.

mod route;

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::addresses;
use crate::netns::Netns;
use crate::router::{Kind, Neighbour, Remote, Router, Spec, Table};
use crate::wait;

pub use route::{Leg, Route, legs};

/// Which router software the ToR runs: one that puts routes into the kernel's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TorKind {
    /// BIRD 2.
    #[default]
    Bird,
    /// FRRouting: zebra and bgpd.
    Frr,
}

/// The ToR with its router software.
#[derive(Debug)]
pub struct Tor {
    router: Router,
}

/// The ToR's side of the session with forwarder `number`: over IPv4, both families.
#[must_use]
pub fn forwarder(number: u8, remote_as: u32, password: Option<String>) -> Neighbour {
    let leg = addresses::Leg::forwarder(number);
    let name = format!("fw{number}");
    let (node, own): (Ipv4Addr, Ipv4Addr) = (leg.node_v4(), leg.tor_v4());
    let neighbour = Neighbour::new(&name, Remote::Address(node.into()), remote_as, own.into(), &name);
    Neighbour { password, ..neighbour }
}

impl Tor {
    /// Starts the router software in the ToR's namespace.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start(kind: TorKind, netns: &Netns, folder: &Path, neighbours: Vec<Neighbour>) -> Result<Self> {
        let kind = match kind {
            TorKind::Bird => Kind::Bird,
            TorKind::Frr => Kind::Frr,
        };
        let spec = Spec { neighbours, table: Table::Kernel, ..Spec::default() };
        Ok(Self { router: Router::start(kind, netns, folder, &spec)? })
    }

    /// The namespace.
    #[must_use]
    pub fn netns(&self) -> &Netns {
        self.router.netns()
    }

    /// The kernel's route to exactly this host address.
    ///
    /// # Errors
    /// When `ip` fails.
    pub fn route(&self, address: IpAddr) -> Result<Route> {
        route::query(self.netns(), address)
    }

    /// The router software.
    #[must_use]
    pub fn router(&self) -> &Router {
        &self.router
    }

    /// What the router software says about its sessions, for people.
    ///
    /// # Errors
    /// When its control command fails.
    pub fn sessions(&self) -> Result<String> {
        self.router.command(match self.router.kind() {
            Kind::Bird => "show protocols",
            _ => "show bgp summary",
        })
    }

    /// Waits until the kernel's route to `address` goes over exactly these legs (interfaces of the ToR); none means that
    /// there is no route. Returns how long that took.
    ///
    /// # Errors
    /// When the deadline passes first; the text says which legs there were.
    pub fn wait_for_legs(&self, address: IpAddr, legs: &[&str], deadline: Duration) -> Result<Duration> {
        let what = format!("route to {address} over {legs:?}");
        wait::until_true(&what, deadline, || Ok(self.route(address)?.interfaces() == legs)).with_context(
            || {
                let now = self.route(address).map(|route| format!("{:?}", route.interfaces()));
                format!(
                    "the ToR's legs to {address} are {}; sessions:\n{}",
                    now.unwrap_or_else(|error| error.to_string()),
                    self.sessions().unwrap_or_else(|error| error.to_string())
                )
            },
        )
    }
}
