//! What has to work between bgp-speaker and a router, beyond the features of the matrix.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use guideway_interop::site::{Over, SPEAKER_AS};
use guideway_interop::{PATIENCE, Pair, Plan, Speaker, prefixes};
use guideway_lab::router::{Kind, Router};
use guideway_lab::wait;
use nix::sys::signal::Signal;

const VIP: &str = "203.0.113.10";
const VIP_V6: &str = "2001:db8::10";

fn vips(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

/// Half of them IPv4, half of them IPv6.
fn many(count: u32) -> Vec<String> {
    let v4 = (1..=count / 2).map(|n| Ipv4Addr::from(0xcb00_0000 + n).to_string());
    let v6 = (1..=count / 2).map(|n| format!("2001:db8:1::{n:x}"));
    v4.chain(v6).collect()
}

/// Many VIPs at once, a change of a few, all withdrawn; the session stays.
fn many_vips(kind: Kind, count: u32) -> Result<()> {
    let all = many(count);
    let pair = Pair::start(kind, &Plan { vips: all.clone(), ..Plan::new(1, Over::V4, &[]) })?;
    let took = pair.wait_routes(&all)?;
    let peer = pair.peer()?;
    println!("{kind}: {count} VIPs after {took:?}, {} UPDATEs sent", peer.updates_sent);
    // IPv4: 5 octets a prefix; IPv6: 17; some 4000 of them in a message. And two End-of-RIB.
    let updates = u64::from(count / 2 * 5 / 4000 + count / 2 * 17 / 4000 + 10);
    ensure!(peer.updates_sent <= updates, "{} UPDATEs for {count} prefixes", peer.updates_sent);
    let some = all[count as usize / 4..].to_vec();
    pair.agent()?.set(&some);
    println!("{kind}: a quarter withdrawn after {:?}", pair.wait_routes(&some)?);
    pair.agent()?.set(&[]);
    println!("{kind}: all withdrawn after {:?}", pair.wait_routes(&[])?);
    pair.agent()?.set(&all);
    println!("{kind}: announced again after {:?}", pair.wait_routes(&all)?);
    ensure!(pair.peer()?.sessions == 1, "the session did not last");
    pair.pass()
}

/// SIGTERM: a Cease with a text, routes gone at once, a clean exit.
fn shutdown(kind: Kind) -> Result<()> {
    let mut pair = Pair::start(kind, &Plan::new(1, Over::V4, &[VIP]))?;
    pair.wait_routes(&vips(&[VIP]))?;
    pair.speaker().process.signal(Signal::SIGTERM)?;
    let took = pair.router()?.wait_prefixes(&prefixes::<&str>(&[]), PATIENCE)?;
    println!("{kind}: withdrawn {took:?} after SIGTERM");
    let status = pair.speakers[0].process.wait(PATIENCE)?;
    ensure!(status.success(), "bgp-speaker ended with {status}");
    let heard = pair.router()?.describe().to_lowercase() + &pair.site.logs().to_lowercase();
    ensure!(
        heard.contains("administrative") || heard.contains("admin. shutdown"),
        "no shutdown in:\n{heard}"
    );
    ensure!(heard.contains("bgp-speaker is stopped"), "the router did not get the text:\n{heard}");
    pair.pass()
}

/// A router that falls silent, and then a speaker that does.
fn hold_timer(kind: Kind) -> Result<()> {
    let mut plan = Plan::new(1, Over::V4, &[VIP]);
    plan.router.neighbours[0].hold_time = 3;
    plan.speakers[0].spec.neighbours[0].hold_time = 3;
    let mut pair = Pair::start(kind, &plan)?;
    pair.wait_routes(&vips(&[VIP]))?;

    let Some(router) = &mut pair.router else { bail!("no router") };
    router.signal(Signal::SIGSTOP)?;
    let down = pair.speakers[0].wait_peer("tor", "an expired hold timer", |peer| {
        peer.last_error.to_lowercase().contains("hold timer expired") && peer.state != "Established"
    });
    router.signal(Signal::SIGCONT)?;
    ensure!(down?.prefixes_advertised == 0);
    pair.speaker().wait_established()?;
    pair.wait_routes(&vips(&[VIP]))?;

    pair.speaker().process.signal(Signal::SIGSTOP)?;
    let gone = pair.wait_routes(&[]);
    pair.speaker().process.signal(Signal::SIGCONT)?;
    println!("{kind}: routes of a silent speaker gone after {:?}", gone?);
    pair.wait_routes(&vips(&[VIP]))?;
    pair.pass()
}

/// The agent goes: its last word counts for the hold time. It comes back in time: nothing happens.
fn agent_lost(kind: Kind) -> Result<()> {
    let both = vips(&[VIP, VIP_V6]);
    let hold = Duration::from_secs(4);
    let mut plan = Plan::new(1, Over::V4, &[VIP, VIP_V6]);
    plan.speakers[0].agent_hold = hold;
    let mut pair = Pair::start(kind, &plan)?;
    pair.wait_routes(&both)?;

    pair.agents[0] = None;
    pair.speakers[0].process.wait_for_log("lost the agent's stream", PATIENCE)?;
    let (code, body) = pair.speaker().http("/readyz")?;
    ensure!(code == 503 && body.contains("agent"), "{code} {body}");
    // Back within the hold time, with one address less: only that one goes.
    let less = vips(&[VIP]);
    pair.agents[0] = Some(Speaker::agent(&pair.site, 1, &less)?);
    wait::until_true("the second address to go", PATIENCE, || {
        let routes = pair.router()?.prefixes()?;
        ensure!(routes.contains("203.0.113.10/32"), "the first address was withdrawn");
        Ok(routes == prefixes(&less))
    })?;

    pair.agents[0] = None;
    let took = pair.wait_routes(&[])?;
    ensure!(took >= hold / 2, "withdrawn after {took:?} already, the hold time is {hold:?}");
    pair.agents[0] = Some(Speaker::agent(&pair.site, 1, &both)?);
    pair.wait_routes(&both)?;
    ensure!(pair.peer()?.sessions == 1, "the session did not last");
    pair.pass()
}

/// An agent that hangs is as good as dead.
fn agent_hangs(kind: Kind) -> Result<()> {
    let mut plan = Plan::new(1, Over::V4, &[VIP]);
    plan.speakers[0].agent_hold = Duration::from_secs(1);
    let mut pair = Pair::start(kind, &plan)?;
    pair.wait_routes(&vips(&[VIP]))?;
    pair.agent()?.freeze();
    pair.speakers[0].process.wait_for_log("lost the agent's stream", PATIENCE)?;
    pair.wait_routes(&[])?;
    pair.pass()
}

/// A router that restarts gets everything again.
fn router_restart(kind: Kind) -> Result<()> {
    let all = many(1000);
    let plan = Plan { vips: all.clone(), ..Plan::new(1, Over::V4, &[]) };
    let mut pair = Pair::start(kind, &plan)?;
    pair.wait_routes(&all)?;
    let Some(router) = pair.router.take() else { bail!("no router") };
    router.stop()?;
    pair.speaker().wait_peer("tor", "a lost session", |peer| peer.state != "Established")?;
    pair.router = Some(Router::start(kind, &pair.site.router, &pair.site.folder("router")?, &plan.router)?);
    pair.wait_routes(&all)?;
    ensure!(pair.peer()?.sessions == 2);
    pair.pass()
}

/// A router in the same AS: LOCAL_PREF, and an empty AS path.
fn internal(kind: Kind) -> Result<()> {
    let mut plan = Plan::new(1, Over::V4, &[VIP, VIP_V6]);
    plan.router.local_as = SPEAKER_AS;
    plan.speakers[0].spec.neighbours[0].remote_as = SPEAKER_AS;
    let pair = Pair::start(kind, &plan)?;
    pair.wait_routes(&vips(&[VIP, VIP_V6]))?;
    let paths = pair.router()?.learnt("203.0.113.10/32")?;
    ensure!(
        paths.len() == 1 && paths[0].local_pref == Some(100) && paths[0].as_path.is_empty(),
        "{paths:#?}"
    );
    pair.pass()
}

macro_rules! tests {
    ($($router:ident: $kind:ident),+) => {
        $(mod $router {
            use super::Kind::$kind;

            #[test]
            fn a_thousand_vips() -> anyhow::Result<()> {
                super::many_vips($kind, 1000)
            }

            #[test]
            fn ten_thousand_vips() -> anyhow::Result<()> {
                super::many_vips($kind, 10_000)
            }

            #[test]
            fn a_shutdown_tells_the_router() -> anyhow::Result<()> {
                super::shutdown($kind)
            }

            #[test]
            fn silence_expires_the_hold_timer() -> anyhow::Result<()> {
                super::hold_timer($kind)
            }

            #[test]
            fn an_agent_that_stays_away() -> anyhow::Result<()> {
                super::agent_lost($kind)
            }

            #[test]
            fn a_router_that_restarts() -> anyhow::Result<()> {
                super::router_restart($kind)
            }

            #[test]
            fn an_internal_session() -> anyhow::Result<()> {
                super::internal($kind)
            }
        })+
    };
}

tests!(bird: Bird, frr: Frr);

#[test]
fn an_agent_that_hangs() -> Result<()> {
    agent_hangs(Kind::Bird)
}
