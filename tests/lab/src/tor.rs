//! The ToR router: real BIRD or real FRR, which puts the announced VIPs into the kernel's table with one leg for each
//! forwarder that announces them.

mod bird;
mod frr;
mod route;

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::netns::Netns;
use crate::wait;

pub use route::{Route, legs};

/// Which router software the ToR runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TorKind {
    /// BIRD 2.
    #[default]
    Bird,
    /// FRRouting: zebra and bgpd.
    Frr,
}

/// One BGP neighbour of the ToR.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// Name of the node.
    pub name: String,
    /// Its address.
    pub address: Ipv4Addr,
    /// Its autonomous system.
    pub remote_as: u32,
    /// TCP-MD5 password.
    pub password: Option<String>,
}

/// The ToR with its router software.
#[derive(Debug)]
pub struct Tor {
    netns: Netns,
    software: Software,
}

#[derive(Debug)]
enum Software {
    Bird(bird::Bird),
    Frr(frr::Frr),
}

impl Tor {
    /// Starts the router software in the ToR's namespace.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start(kind: TorKind, netns: Netns, folder: &Path, neighbours: &[Neighbour]) -> Result<Self> {
        let software = match kind {
            TorKind::Bird => Software::Bird(bird::Bird::start(&netns, folder, neighbours)?),
            TorKind::Frr => Software::Frr(frr::Frr::start(&netns, folder, neighbours)?),
        };
        Ok(Self { netns, software })
    }

    /// The namespace.
    #[must_use]
    pub fn netns(&self) -> &Netns {
        &self.netns
    }

    /// The kernel's route to exactly this host address.
    ///
    /// # Errors
    /// When `ip` fails.
    pub fn route(&self, address: IpAddr) -> Result<Route> {
        route::query(&self.netns, address)
    }

    /// What the router software says about its sessions, for people.
    ///
    /// # Errors
    /// When its control command fails.
    pub fn sessions(&self) -> Result<String> {
        match &self.software {
            Software::Bird(bird) => bird.command("show protocols"),
            Software::Frr(frr) => frr.command("show bgp summary"),
        }
    }

    /// What the router software has learnt, for people.
    ///
    /// # Errors
    /// When its control command fails.
    pub fn routes(&self) -> Result<String> {
        match &self.software {
            Software::Bird(bird) => bird.command("show route all"),
            Software::Frr(frr) => {
                Ok(frr.command("show bgp ipv4 unicast")? + &frr.command("show bgp ipv6 unicast")?)
            }
        }
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
