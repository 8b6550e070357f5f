//! Routes of the kernel in the router's namespace, and what happens to them.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use guideway_lab::netns::Netns;
use guideway_lab::process::Process;
use guideway_lab::wait;
use serde_json::Value;

use super::{PATIENCE, Site};

/// The next hops of a route.
pub type Legs = BTreeSet<String>;

/// Those of the route to this very prefix; none when there is no such route.
pub fn legs(netns: &Netns, prefix: &str) -> Result<Legs> {
    let (family, host) = if prefix.contains(':') { (6, "/128") } else { (4, "/32") };
    let wanted = prefix.trim_end_matches(host);
    let routes = routes(netns, family)?.into_iter();
    Ok(routes.filter(|(other, _)| other == wanted).map(|(_, legs)| legs).next().unwrap_or_default())
}

/// Every IPv4 route that a BGP daemon made, with its legs.
pub fn table(netns: &Netns) -> Result<Vec<(String, Legs)>> {
    routes(netns, 4)
}

fn routes(netns: &Netns, family: u8) -> Result<Vec<(String, Legs)>> {
    let text = netns.ip(&format!("-{family} -j route show"))?;
    let routes: Vec<Value> = serde_json::from_str(if text.trim().is_empty() { "[]" } else { &text })
        .context("cannot read `ip -j route`")?;
    let of_bgp = |route: &&Value| matches!(route["protocol"].as_str(), Some("bgp" | "bird"));
    let line = |route: &Value| {
        let hops = route["nexthops"].as_array().cloned().unwrap_or_else(|| vec![route.clone()]);
        let gateway = |hop: &Value| hop["gateway"].as_str().map(str::to_owned);
        (route["dst"].as_str().unwrap_or_default().to_owned(), hops.iter().filter_map(gateway).collect())
    };
    Ok(routes.iter().filter(of_bgp).map(line).collect())
}

/// How many legs lead to this next hop. Quicker than [`table`] where there are tens of thousands.
pub fn count(netns: &Netns, gateway: &str) -> Result<usize> {
    let needle = format!("via {gateway} ");
    Ok(netns.ip("-4 route show")?.matches(&needle).count())
}

/// `ip monitor route` in the router's namespace.
pub struct Monitor {
    process: Process,
    netns: Netns,
}

impl Monitor {
    /// Listens from now on, which a route of its own shows.
    pub fn start(site: &Site) -> Result<Self> {
        let mut command = site.tor.command("ip");
        command.args(["-ts", "-o", "monitor", "route"]);
        let process = Process::spawn_with_output("monitor", command, &site.folder("monitor")?)?;
        let monitor = Self { process, netns: site.tor.clone() };
        monitor.mark("192.0.2.1")?;
        Ok(monitor)
    }

    /// What it has seen since it began, without what the test did itself.
    pub fn events(&self) -> Result<Vec<String>> {
        self.mark("192.0.2.2")?;
        let lines = self.process.stdout();
        Ok(lines
            .lines()
            .filter(|line| !line.contains("192.0.2.") && !line.contains("lladdr"))
            .map(str::to_owned)
            .collect())
    }

    /// Whatever was before this route is in the output once the route is. It is made again and again, because the monitor
    /// may not have begun to listen yet.
    fn mark(&self, address: &str) -> Result<()> {
        wait::until_true("the monitor to see a route", PATIENCE, || {
            self.netns.ip(&format!("route replace blackhole {address}"))?;
            self.netns.ip(&format!("route del blackhole {address}"))?;
            Ok(self.process.stdout().contains(address))
        })
        .map(drop)
    }
}
