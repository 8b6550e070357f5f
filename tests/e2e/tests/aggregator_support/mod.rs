//! bgp-aggregator between many speakers and a real router.
//!
//! ```text
//! fleet (speakers 10.1.0.1, .2, ...) ── fleet0 ┐
//! agg1 10.1.5.2 ───────────────────────  agg1 ─┼ tor: BIRD or FRR, the kernel's routes
//! agg2 10.1.6.2 ───────────────────────  agg2 ┘
//! ```
//!
//! The speakers are light ones, all in the test's own process and in one namespace with many addresses: what a session with
//! bgp-speaker is like is the business of other tests.
#![allow(dead_code, unreachable_pub, missing_docs)]

pub mod aggregator;
pub mod fleet;
pub mod forwarder;
pub mod kernel;
pub mod losses;
pub mod scenarios;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use guideway_lab::netns::{End, Netns, join};
pub use guideway_lab::router::Kind;
use guideway_lab::router::{Neighbour, Remote, Router, Spec, Table};
use guideway_lab::run_folder::RunFolder;
use guideway_lab::sweep::{self, Kept};
use guideway_lab::{LabId, interrupt, wait};

use aggregator::{Aggregator, Plan};
use fleet::Fleet;
use kernel::Legs;

/// How long anything may take that needs a connection first.
pub const PATIENCE: Duration = Duration::from_secs(30);
pub const ROUTER_AS: u32 = 65000;
/// Of the aggregators where they are in another AS than the router.
pub const AGGREGATOR_AS: u32 = 65010;

/// The addresses of aggregator `n` and of the router on their link.
pub fn link(n: u8) -> (String, String) {
    (format!("10.1.{}.2", 4 + n), format!("10.1.{}.1", 4 + n))
}

/// Namespaces and links; everything in them goes when it is dropped. Unless the test [passed](Site::pass), the logs are
/// printed and kept.
pub struct Site {
    pub tor: Netns,
    pub fleet: Netns,
    pub aggregators: Vec<Netns>,
    folder: RunFolder,
    passed: bool,
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
    pub fn build(speakers: u8, aggregators: u8) -> Result<Self> {
        interrupt::take_labs_down_on_signal()?;
        sweep::dead_runs(Kept::Spare);
        let id = LabId::next();
        let guard = Guard(id);
        let folder = RunFolder::create(id)?;
        let tor = Netns::create(&id.namespace("tor"))?;
        tor.sysctl(&["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"])?;
        let fleet = Netns::create(&id.namespace("fleet"))?;
        let addresses = (1..=speakers).flat_map(|n| [format!("10.1.0.{n}/24"), format!("fd00:1::{n}/64")]);
        join_to(&tor, "fleet0", &["10.1.0.254/24", "fd00:1::fe/64"], &fleet, addresses.collect())?;
        fleet.ip("route add default via 10.1.0.254")?;
        let mut nodes = Vec::new();
        for n in 1..=aggregators {
            let (own, router) = link(n);
            let node = Netns::create(&id.namespace(&format!("agg{n}")))?;
            join_to(&tor, &format!("agg{n}"), &[&format!("{router}/24")], &node, vec![format!("{own}/24")])?;
            node.ip(&format!("route add default via {router}"))?;
            nodes.push(node);
        }
        Ok(Self { tor, fleet, aggregators: nodes, folder, passed: false, _guard: guard })
    }

    /// The folder of one program.
    pub fn folder(&self, name: &str) -> Result<PathBuf> {
        self.folder.node(name)
    }
}

fn join_to(tor: &Netns, interface: &str, own: &[&str], node: &Netns, addresses: Vec<String>) -> Result<()> {
    let own = own.iter().map(|&address| address.to_owned()).collect();
    let left = End { netns: tor, interface, addresses: own };
    join(&left, &End { netns: node, interface: "up0", addresses }, 1500)
}

/// How the aggregator is related to the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// One AS for all (RFC 4456).
    Reflector,
    /// An AS for each (RFC 7947).
    RouteServer,
}

/// A whole set-up. The order of the fields is the order of their end.
pub struct Bench {
    pub fleet: Fleet,
    pub aggregators: Vec<Option<Aggregator>>,
    pub router: Option<Router>,
    pub plan: Plan,
    pub site: Site,
}

impl Bench {
    /// Speakers that announce nothing yet, aggregators, and a router that takes all from them.
    pub fn start(kind: Kind, plan: Plan) -> Result<Self> {
        let site = Site::build(plan.speakers, plan.aggregators)?;
        let spec = router_spec(&plan);
        let router = Some(Router::start(kind, &site.tor, &site.folder("router")?, &spec)?);
        let fleet = Fleet::start(&site.fleet, &plan)?;
        let mut bench = Self { fleet, aggregators: Vec::new(), router, plan, site };
        for n in 1..=bench.plan.aggregators {
            let aggregator = Aggregator::start(&bench.site, n, &bench.plan)?;
            bench.aggregators.push(Some(aggregator));
        }
        Ok(bench)
    }

    pub fn aggregator(&mut self, n: u8) -> Result<&mut Aggregator> {
        let slot = self.aggregators.get_mut(usize::from(n) - 1).and_then(Option::as_mut);
        slot.with_context(|| format!("aggregator {n} was stopped"))
    }

    /// The router.
    pub fn router(&self) -> Result<&Router> {
        self.router.as_ref().context("the router was stopped")
    }

    /// The router ends, and another one of its kind comes.
    pub fn restart_router(&mut self) -> Result<()> {
        let router = self.router.take().context("the router was stopped")?;
        let kind = router.kind();
        router.stop()?;
        let folder = self.site.folder("router")?;
        self.router = Some(Router::start(kind, &self.site.tor, &folder, &router_spec(&self.plan))?);
        Ok(())
    }

    /// SIGKILL.
    pub fn kill(&mut self, n: u8) -> Result<()> {
        match self.aggregators[usize::from(n) - 1].take() {
            Some(aggregator) => aggregator.process.kill_hard(),
            None => Ok(()),
        }
    }

    pub fn restart(&mut self, n: u8) -> Result<()> {
        let aggregator = Aggregator::start(&self.site, n, &self.plan)?;
        self.aggregators[usize::from(n) - 1] = Some(aggregator);
        Ok(())
    }

    /// Waits until the kernel has exactly these legs to a prefix; returns how long that took.
    pub fn wait_legs(&self, prefix: &str, speakers: &[u8]) -> Result<Duration> {
        let net = if prefix.contains(':') { "fd00:1::" } else { "10.1.0." };
        let wanted: Legs = speakers.iter().map(|n| format!("{net}{n}")).collect();
        self.wait_kernel(prefix, &wanted)
    }

    fn wait_kernel(&self, prefix: &str, wanted: &Legs) -> Result<Duration> {
        let what = format!("{prefix} by {wanted:?}");
        wait::until_true(&what, PATIENCE, || Ok(kernel::legs(&self.site.tor, prefix)? == *wanted))
            .with_context(|| {
                let legs = kernel::legs(&self.site.tor, prefix);
                let peers = self.aggregators.iter().flatten().map(Aggregator::describe).collect::<String>();
                format!(
                    "it has {legs:?}; the router says:\n{}\naggregators:\n{peers}",
                    self.router.as_ref().map(Router::describe).unwrap_or_default()
                )
            })
    }

    /// The end of a test in which everything was right.
    pub fn pass(mut self) -> Result<()> {
        self.site.passed = true;
        Ok(())
    }
}

fn router_spec(plan: &Plan) -> Spec {
    let neighbour = |n: u8| {
        let (own, router) = link(n);
        let remote = Remote::Address(own.parse().expect("an address"));
        let local = router.parse().expect("an address");
        let remote_as = if plan.style == Style::Reflector { ROUTER_AS } else { AGGREGATOR_AS };
        let mut neighbour = Neighbour::new(&format!("agg{n}"), remote, remote_as, local, &format!("agg{n}"));
        neighbour.add_path = plan.add_path;
        neighbour.passes_on = true;
        neighbour.graceful_restart = Some(Duration::from_secs(120));
        neighbour.long_lived = plan.router_long_lived.map(Duration::from_secs);
        neighbour.extended_next_hop = plan.v4_over_v6;
        neighbour
    };
    Spec {
        local_as: ROUTER_AS,
        neighbours: (1..=plan.aggregators).map(neighbour).collect(),
        table: Table::Kernel,
        ..Spec::default()
    }
}
