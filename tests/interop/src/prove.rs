//! The proof of one cell of the matrix.

mod collision;
mod restart;

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use guideway_bgp_admin::v1::Peer;
use guideway_lab::addresses::Leg;
use guideway_lab::router::{Kind, Router, Spec};
use guideway_lab::wait;

use crate::matrix::{self, Cell, Feature};
use crate::{Agent, PATIENCE, Site, Speaker, SpeakerConfig, prefixes};

use collision::Collision;

const V4: &str = "203.0.113.10";
const V6: &str = "2001:db8::10";

/// What every route carries, so that each daemon shows how it reads each kind of attribute.
const ANNOUNCE: &str = "announce: {communities: [\"65001:100\"], large_communities: [\"65001:1:2\"], med: 50, \
                        link_bandwidth: 1G}";

/// Proves a cell of the matrix; prints why the daemon cannot where the matrix says so.
///
/// # Errors
/// When it is not as the matrix says.
pub fn prove(kind: Kind, feature: Feature) -> Result<()> {
    let cell = matrix::cell(kind, feature);
    match cell {
        Cell::Works => {}
        Cell::Instead { because, proved } => {
            println!("{kind}, {}: not as others: {because}; proved: {proved}", feature.title());
        }
        Cell::Cannot(reason) => {
            println!("{kind}, {}: cannot: {reason}", feature.title());
            return Ok(());
        }
    }
    let site = Site::build(1)?;
    let (ours, theirs) = matrix::sides(&site, feature)?;
    let config =
        SpeakerConfig { document: vec!["damping: off".into(), ANNOUNCE.into()], ..SpeakerConfig::new(ours) };
    let agent = Speaker::agent(&site, 1, &addresses(&[V4, V6]))?;
    let collides = matches!(feature, Feature::CollisionOurs | Feature::CollisionTheirs);
    let collision = if cell == Cell::Works { Collision::OfOpens } else { Collision::OfHandshakes };
    if collides {
        collision.prepare(&site)?;
    }
    // Who is dialled comes first.
    let (speaker, router);
    if feature == Feature::DynamicThere {
        router = start_router(kind, &site, &theirs)?;
        speaker = Speaker::start(&site, 1, &config)?;
    } else {
        speaker = Speaker::start(&site, 1, &config)?;
        router = start_router(kind, &site, &theirs)?;
    }
    let mut case = Case { speaker, agent, router, config, feature, site };
    if collides {
        collision.happen(&case)?;
    }
    case.check_session()?;
    case.check_routes()?;
    match (feature, cell) {
        (Feature::CollisionOurs | Feature::CollisionTheirs, _) => collision.check(&case)?,
        (Feature::Refresh, _) => {
            if kind != Kind::GoBgp {
                case.check_their_refresh()?;
            }
            if kind != Kind::OpenBgpd {
                case.check_our_refresh()?;
            }
        }
        (Feature::GracefulRestart, Cell::Works) => case = restart::check(case)?,
        (Feature::GracefulRestart, _) => case = restart::check_open(case)?,
        _ => {}
    }
    case.check_changes()?;
    case.site.pass();
    Ok(())
}

fn start_router(kind: Kind, site: &Site, spec: &Spec) -> Result<Router> {
    Router::start(kind, &site.router, &site.folder("router")?, spec)
}

fn addresses(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

/// Both sides of a cell at work. The order of the fields is the order of their end.
#[derive(Debug)]
struct Case {
    speaker: Speaker,
    agent: Agent,
    router: Router,
    config: SpeakerConfig,
    feature: Feature,
    site: Site,
}

impl Case {
    /// The peer as it is now; a dynamic one has a name that the speaker chose.
    fn peer(&self) -> Result<Peer> {
        self.speaker.wait_established()
    }

    fn check_session(&self) -> Result<()> {
        let peer = self.peer().with_context(|| self.router.describe())?;
        wait::until_true("the session at the daemon", PATIENCE, || self.router.is_established())
            .with_context(|| self.router.describe())?;
        ensure!(peer.remote_as == 65000 && peer.peer_router_id == "10.255.0.1", "another peer: {peer:#?}");
        ensure!(
            peer.hold_time_seconds == 9 && peer.families == ["ipv4", "ipv6"],
            "agreed on else: {peer:#?}"
        );
        match self.feature {
            Feature::Md5 => ensure!(peer.authentication == "md5", "not signed: {peer:#?}"),
            Feature::DynamicThere => ensure!(peer.direction == "outgoing", "who dialled? {peer:#?}"),
            Feature::DynamicHere => {
                let range = &self.config.spec.neighbours[0].name;
                ensure!(
                    peer.direction == "incoming" && peer.dynamic == *range,
                    "not of the range: {peer:#?}"
                );
            }
            _ => {}
        }
        Ok(())
    }

    /// Both addresses arrive with everything that they should carry, and the daemon's own prefix is in the Adj-RIB-In.
    fn check_routes(&self) -> Result<()> {
        self.router.wait_prefixes(&prefixes(&[V4, V6]), PATIENCE)?;
        let (leg, kind) = (Leg::forwarder(1), self.router.kind());
        let local = self.config.spec.neighbours[0].local;
        let (v4, v6): (IpAddr, IpAddr) = match self.feature {
            Feature::V4OverV6 => (leg.node_v6().into(), leg.node_v6().into()),
            // The global address of the link is beside it; some show only that.
            Feature::LinkLocal if kind == Kind::GoBgp => (leg.node_v6().into(), leg.node_v6().into()),
            Feature::LinkLocal => (local, local),
            _ => (leg.node_v4().into(), leg.node_v6().into()),
        };
        for (address, next_hop) in [(V4, v4), (V6, v6)] {
            let prefix = prefixes(&[address]).into_iter().collect::<String>();
            let paths = self.router.learnt(&prefix)?;
            let [path] = &paths[..] else { anyhow::bail!("not one path to {prefix}: {paths:#?}") };
            ensure!(
                path.next_hops.contains(&next_hop),
                "{prefix} has not the next hop {next_hop}: {path:#?}"
            );
            ensure!(path.as_path == [65001], "{prefix} has another AS path: {path:#?}");
            ensure!(path.med == Some(50), "{prefix} has another MED: {path:#?}");
            ensure!(path.communities.contains("65001:100"), "{prefix} has other communities: {path:#?}");
            ensure!(
                path.large_communities.contains("65001:1:2"),
                "{prefix} has no large community: {path:#?}"
            );
            ensure!(path.link_bandwidth == Some(125_000_000), "{prefix} has no link bandwidth: {path:#?}");
        }
        let nobody = self.router.learnt("203.0.113.99/32")?;
        ensure!(nobody.is_empty(), "nobody announces this prefix: {nobody:#?}");
        let announced = matrix::announced_by_daemon(self.feature);
        let name = self.peer()?.name;
        let waited = wait::until_true("the daemon's route in the Adj-RIB-In", PATIENCE, || {
            Ok(self.speaker.adj_rib_in(&name)?.iter().any(|path| path.prefix == announced))
        });
        waited.with_context(|| format!("it has {:#?}", self.speaker.adj_rib_in(&name)))?;
        Ok(())
    }

    /// An address goes and comes back; no session is touched by that.
    fn check_changes(&self) -> Result<()> {
        let before = self.peer()?;
        self.agent.set(&addresses(&[V6]));
        self.router.wait_prefixes(&prefixes(&[V6]), PATIENCE)?;
        self.agent.set(&addresses(&[V4, V6]));
        self.router.wait_prefixes(&prefixes(&[V4, V6]), PATIENCE)?;
        let after = self.peer()?;
        ensure!(
            (before.sessions, before.since_unix_ms) == (after.sessions, after.since_unix_ms),
            "the session did not last: {before:#?} {after:#?}"
        );
        Ok(())
    }

    /// The daemon asks for everything.
    fn check_their_refresh(&self) -> Result<()> {
        let before = self.peer()?;
        self.router.refresh()?;
        let families = 2;
        let after = self.speaker.wait_any("the routes to be sent again", |peer| {
            peer.refreshes_received >= before.refreshes_received + families
                && peer.updates_sent >= before.updates_sent + families
        })?;
        ensure!(after.sessions == before.sessions, "the session did not last: {after:#?}");
        self.check_routes()
    }

    /// The speaker asks for everything. The daemon's route was there before and is there after.
    fn check_our_refresh(&self) -> Result<()> {
        let before = self.peer()?;
        self.speaker.refresh(&before.name)?;
        let waited = wait::until_true("the daemon's UPDATE", PATIENCE, || {
            Ok(self.peer()?.updates_received > before.updates_received)
        });
        waited.with_context(|| format!("{:#?}", self.peer()))?;
        self.check_routes()
    }

    /// How long something is watched that must not happen.
    const WATCH: Duration = Duration::from_millis(500);
}
