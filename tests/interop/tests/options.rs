//! Options of a session that no cell of the matrix has: enhanced refresh, paths with identifiers, a router behind another one.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use guideway_interop::site::{Over, sides};
use guideway_interop::{PATIENCE, Pair, Plan, Site, Speaker, SpeakerConfig, prefixes};
use guideway_lab::router::{Family, Kind, Remote, Router, Spec};
use guideway_lab::wait;

const VIP: &str = "203.0.113.10";

/// RFC 7313 from both sides: what is sent again lies between markers, in both families, and no route is lost over it.
fn enhanced_refresh(kind: Kind) -> Result<()> {
    let mut plan = Plan::new(1, Over::V4, &[VIP, "2001:db8::10"]);
    plan.router.announces = vec!["192.0.2.0/24".to_owned(), "2001:db8:2::/48".to_owned()];
    let pair = Pair::start(kind, &plan)?;
    pair.wait_routes(&plan.vips)?;
    let before = pair.peer()?;
    ensure!(before.capabilities.iter().any(|word| word == "enhanced route refresh"), "{before:#?}");
    // FRR shows the VIPs too, as it has them from us.
    let received = || {
        wait::until_true("the router's routes", PATIENCE, || {
            let paths = pair.speaker().adj_rib_in("tor")?;
            Ok(plan.router.announces.iter().all(|own| paths.iter().any(|path| path.prefix == *own)))
        })
    };
    received()?;
    pair.speaker().refresh("tor")?;
    // BIRD sends a begin and an end for each family; FRR 8.4 takes ours and sends none.
    let markers = if kind == Kind::Frr { 0 } else { 4 };
    let told = pair.speaker().wait_peer("tor", "the router's answer", |peer| {
        peer.refreshes_received >= before.refreshes_received + markers
            && peer.updates_received > before.updates_received
    });
    told.with_context(|| pair.router().map(Router::describe).unwrap_or_default())?;
    received()?;
    // The router asks, and is told everything again.
    let before = pair.peer()?;
    pair.router()?.refresh()?;
    pair.speaker().wait_peer("tor", "a refresh that was asked for", |peer| {
        peer.refreshes_received >= before.refreshes_received + 2
            && peer.updates_sent >= before.updates_sent + 2
    })?;
    pair.wait_routes(&plan.vips)?;
    ensure!(pair.peer()?.sessions == 1, "the session did not last");
    pair.pass()
}

/// A router shows all paths of a VIP; each has a place of its own in the Adj-RIB-In and goes by itself.
fn paths_with_identifiers(kind: Kind) -> Result<()> {
    let mut plan = Plan::new(3, Over::V4, &[VIP]);
    plan.speakers[0].peer.push("add_path: receive".to_owned());
    plan.router.neighbours[0].shows_all = true;
    // A router takes the paths of others for loops when they are of the same AS.
    for (speaker, number) in plan.speakers.iter_mut().zip(65001..) {
        speaker.spec.local_as = number;
    }
    for (neighbour, number) in plan.router.neighbours.iter_mut().zip(65001..) {
        neighbour.remote_as = number;
    }
    let pair = Pair::start(kind, &plan)?;
    let others = |wanted: &[&str]| {
        let wanted: BTreeSet<String> = wanted.iter().map(|&word| word.to_owned()).collect();
        let shown = || -> Result<(BTreeSet<String>, usize)> {
            let paths = pair.speaker().adj_rib_in("tor")?.into_iter();
            let others: Vec<_> = paths.filter(|path| !path.as_path.contains("65001")).collect();
            let identifiers: BTreeSet<u32> = others.iter().map(|path| path.path_id).collect();
            Ok((others.into_iter().map(|path| path.as_path).collect(), identifiers.len()))
        };
        wait::until_true("the paths of the others", PATIENCE, || {
            Ok(shown()? == (wanted.clone(), wanted.len()))
        })
        .with_context(|| format!("{:#?}", pair.speaker().adj_rib_in("tor")))
    };
    others(&["65000 65002", "65000 65003"])?;
    let peer = pair.peer()?;
    ensure!(peer.capabilities.iter().any(|word| word == "add-path ipv4 receive"), "{peer:#?}");
    pair.speakers[2].process.signal(nix::sys::signal::Signal::SIGTERM)?;
    others(&["65000 65002"])?;
    ensure!(pair.peer()?.sessions == 1, "the session did not last");
    pair.pass()
}

/// Router and speaker with another router between them, which takes one off the TTL.
fn multihop(kind: Kind) -> Result<()> {
    let mut site = Site::build(2)?;
    let [near, far] = [&site.speakers[0], &site.speakers[1]];
    near.ip("route add default via 10.1.1.1")?;
    far.ip("route add default via 10.1.2.1")?;
    let (mut ours, theirs) = sides(1, Over::V4);
    let (own, remote) = ("10.1.1.2".parse()?, "10.1.2.2".parse()?);
    let neighbour = &mut ours.neighbours[0];
    (neighbour.remote, neighbour.families) = (Remote::Address(remote), vec![Family::V4]);
    let mut config = SpeakerConfig::new(ours);
    config.peer.push("multihop: 2".to_owned());
    let mut neighbour = theirs.neighbours[0].clone();
    (neighbour.remote, neighbour.local) = (Remote::Address(own), remote);
    (neighbour.interface, neighbour.families) = ("up0".to_owned(), vec![Family::V4]);
    neighbour.multihop = Some(2);
    let spec = Spec { neighbours: vec![neighbour], ..Spec::default() };
    let router = Router::start(kind, far, &site.folder("router")?, &spec)?;
    let _agent = Speaker::agent(&site, 1, &[VIP.to_owned()])?;
    let speaker = Speaker::start(&site, 1, &config)?;
    let waited = router.wait_prefixes(&prefixes(&[VIP]), PATIENCE);
    waited.with_context(|| format!("{:#?}\n{}", speaker.peers(), router.describe()))?;
    // Packets that may go one hop only do not arrive.
    config.peer.clear();
    speaker.reload(&site, 1, &config)?;
    speaker.wait_peer("tor", "a session that does not come about", |peer| {
        peer.state != "Established" && peer.last_error.contains("cannot connect")
    })?;
    drop((speaker, router));
    site.pass();
    Ok(())
}

macro_rules! at {
    ($($module:ident $kind:expr;)*) => {$(
        mod $module {
            use guideway_lab::router::Kind;

            #[test]
            fn enhanced_refresh() -> anyhow::Result<()> {
                super::enhanced_refresh($kind)
            }

            #[test]
            fn paths_with_identifiers() -> anyhow::Result<()> {
                super::paths_with_identifiers($kind)
            }

            #[test]
            fn multihop() -> anyhow::Result<()> {
                super::multihop($kind)
            }
        }
    )*};
}

at! {
    bird Kind::Bird;
    frr Kind::Frr;
}
