//! A change resets no session that it does not concern.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use guideway_bgp_admin::v1::Peer;
use guideway_interop::site::{Over, sides};
use guideway_interop::{PATIENCE, Pair, Plan, SpeakerConfig, prefixes};
use guideway_lab::router::{Kind, Router, Spec};
use guideway_lab::wait;

const VIP: &str = "203.0.113.10";

/// How long something is watched that must not happen.
const WATCH: Duration = Duration::from_secs(1);

fn reload(pair: &Pair, config: &SpeakerConfig) -> Result<()> {
    pair.speaker().reload(&pair.site, 1, config)
}

/// The session of `before` is the session still.
fn same_session(pair: &Pair, before: &Peer) -> Result<()> {
    let after = pair.speaker().peer(&before.name)?;
    ensure!(
        (after.sessions, after.since_unix_ms, after.state.as_str())
            == (before.sessions, before.since_unix_ms, "Established"),
        "the session was touched: {before:#?} {after:#?}"
    );
    Ok(())
}

/// Communities of the node, of a VIP, of the peer, and of a VIP at the peer arrive in the live session.
fn attributes(kind: Kind) -> Result<()> {
    let plan = Plan::new(1, Over::V4, &[VIP]);
    let pair = Pair::start(kind, &plan)?;
    pair.wait_routes(&[VIP.to_owned()])?;
    let before = pair.peer()?;
    let steps: [(&str, &str, &str); 4] = [
        ("", "export: {vips: [{prefix: 203.0.113.0/24, communities: [\"65001:4\"]}]}", "65001:4"),
        ("announce: {communities: [\"65001:1\"]}", "", "65001:1"),
        ("vips: [{prefix: 203.0.113.10/32, communities: [\"65001:2\"]}]", "", "65001:2"),
        ("", "export: {communities: [\"65001:3\"], prepend: 2}", "65001:3"),
    ];
    for (document, peer, community) in steps {
        let mut config = plan.speakers[0].clone();
        config.document.extend([document.to_owned()].into_iter().filter(|line| !line.is_empty()));
        config.peer.extend([peer.to_owned()].into_iter().filter(|line| !line.is_empty()));
        reload(&pair, &config)?;
        wait::until_true(&format!("community {community}"), PATIENCE, || {
            let paths = pair.router()?.learnt("203.0.113.10/32")?;
            ensure!(paths.len() == 1, "the route was withdrawn: {paths:#?}");
            Ok(paths[0].communities.contains(community))
        })
        .with_context(|| pair.router().map_or_else(|error| error.to_string(), Router::describe))?;
    }
    let paths = pair.router()?.learnt("203.0.113.10/32")?;
    ensure!(paths[0].as_path == [65001, 65001, 65001], "not prepended twice: {paths:#?}");
    same_session(&pair, &before)?;
    pair.pass()
}

/// Another peer comes, changes and goes; a bad file changes nothing.
fn another_peer(kind: Kind) -> Result<()> {
    let mut plan = Plan::new(1, Over::V4, &[VIP]);
    let (v6_ours, v6_theirs) = sides(1, Over::V6);
    let mut theirs = v6_theirs.neighbours[0].clone();
    theirs.name = "fw1v6".to_owned();
    plan.router.neighbours.push(theirs);
    let pair = Pair::start(kind, &plan)?;
    pair.wait_routes(&[VIP.to_owned()])?;
    let before = pair.peer()?;

    let mut config = plan.speakers[0].clone();
    let mut second = v6_ours.neighbours[0].clone();
    second.name = "tor6".to_owned();
    config.spec.neighbours.push(second);
    reload(&pair, &config)?;
    pair.speaker().wait_peer("tor6", "a session", |peer| peer.state == "Established")?;
    same_session(&pair, &before)?;

    config.spec.neighbours[1].hold_time = 30;
    reload(&pair, &config)?;
    pair.speaker().wait_peer("tor6", "the new hold time", |peer| {
        peer.state == "Established" && peer.hold_time_seconds == 9 && peer.sessions >= 2
    })?;
    same_session(&pair, &before)?;

    pair.speaker().reload_text("local_as: 0\npeers: nobody\n")?;
    wait::until_true("the bad file to be refused", PATIENCE, || {
        Ok(pair.speaker().process.log_text().contains("peers: must be a list of peers"))
    })?;
    ensure!(pair.speaker().peers()?.len() == 2, "a bad file changed something");

    reload(&pair, &plan.speakers[0])?;
    wait::until_true("the second peer to go", PATIENCE, || Ok(pair.speaker().peers()?.len() == 1))?;
    same_session(&pair, &before)?;
    let metrics = pair.speaker().http("/metrics")?.1;
    for line in ["guideway_bgp_reloads_accepted_total 3", "guideway_bgp_reloads_refused_total 1"] {
        ensure!(metrics.contains(line), "no `{line}` in:\n{metrics}");
    }
    pair.pass()
}

/// A new password: the speaker keeps the session and signs with the new one; as soon as the router knows it too, segments
/// get through again. Routers end the session when their own password changes, so a new session under the new password is
/// all that can be asked of them.
fn password(kind: Kind) -> Result<()> {
    let mut plan = Plan::new(1, Over::V4, &[VIP]);
    plan.router.neighbours[0].password = Some("first".to_owned());
    plan.speakers[0].spec.neighbours[0].password = Some("first".to_owned());
    let mut pair = Pair::start(kind, &plan)?;
    pair.wait_routes(&[VIP.to_owned()])?;
    let before = pair.peer()?;
    let mut config = plan.speakers[0].clone();
    config.spec.neighbours[0].password = Some("second".to_owned());
    reload(&pair, &config)?;
    wait::while_nothing_fails(WATCH, || same_session(&pair, &before))?;

    let old = pair.router.take().context("the router was stopped")?;
    old.stop()?;
    let mut spec: Spec = plan.router.clone();
    spec.neighbours[0].password = Some("second".to_owned());
    let folder = pair.site.folder("router")?;
    pair.router = Some(Router::start(kind, &pair.site.router, &folder, &spec)?);
    pair.router()?.wait_prefixes(&prefixes(&[VIP]), PATIENCE)?;
    pair.pass()
}

macro_rules! tests {
    ($($router:ident: $kind:ident),+) => {
        $(mod $router {
            use super::Kind::$kind;

            #[test]
            fn attributes() -> anyhow::Result<()> {
                super::attributes($kind)
            }

            #[test]
            fn another_peer() -> anyhow::Result<()> {
                super::another_peer($kind)
            }

            #[test]
            fn password() -> anyhow::Result<()> {
                super::password($kind)
            }
        })+
    };
}

tests!(bird: Bird, frr: Frr);
