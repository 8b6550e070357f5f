//! What is wrong is told where an operator looks: in `lbctl bgp peers`.

use anyhow::{Context, Result, ensure};
use guideway_bgp_admin::v1::Peer;
use guideway_interop::site::Over;
use guideway_interop::{Pair, Plan, prefixes};
use guideway_lab::router::Kind;

const VIP: &str = "203.0.113.10";

/// Breaks something in the plan, waits until the peer's status says it in these words and `lbctl bgp peers` shows it, puts it
/// right by a reload and waits for the routes.
fn told(kind: Kind, broken: impl FnOnce(&mut Plan), wanted: &[&str]) -> Result<()> {
    let right = Plan::new(1, Over::V4, &[VIP]);
    let mut plan = right.clone();
    broken(&mut plan);
    let pair = Pair::start(kind, &plan)?;
    let says = |peer: &Peer| {
        let said = format!("{} {}", peer.last_error, peer.problems.join(" ")).to_lowercase();
        wanted.iter().any(|words| said.contains(&words.to_lowercase()))
    };
    let waited = pair.speaker().wait_peer("tor", &format!("one of {wanted:?}"), says);
    let peer = waited.with_context(|| format!("the history is {:#?}", pair.speaker().history("tor")))?;
    println!("{kind}: {}", peer.last_error);
    ensure!(peer.state != "Established" && peer.sessions == 0, "there was a session: {peer:#?}");
    ensure!(pair.router()?.prefixes()?.is_empty(), "the router has routes");
    let table = pair.speaker().lbctl(&["peers"])?.to_lowercase();
    ensure!(
        wanted.iter().any(|words| table.contains(&words.to_lowercase())),
        "`lbctl bgp peers` does not say {wanted:?}:\n{table}"
    );
    let history = pair.speaker().history("tor")?;
    ensure!(history.iter().any(|event| !event.reason.is_empty()), "no reason in the history: {history:#?}");

    let mut config = plan.speakers[0].clone();
    config.spec = right.speakers[0].spec.clone();
    config.peer = right.speakers[0].peer.clone();
    // What is right is what the router has.
    config.spec.neighbours[0].password = plan.router.neighbours[0].password.clone();
    config.spec.neighbours[0].security_hops = plan.router.neighbours[0].security_hops;
    config.spec.neighbours[0].role = None;
    pair.speaker().reload(&pair.site, 1, &config)?;
    pair.speaker().wait_established().context("after the mistake was put right")?;
    pair.wait_routes(&[VIP.to_owned()])?;
    pair.pass()
}

fn wrong_as(kind: Kind) -> Result<()> {
    told(kind, |plan| plan.speakers[0].spec.neighbours[0].remote_as = 65099, &["bad peer as", "(2/2)"])
}

fn wrong_password(kind: Kind) -> Result<()> {
    let broken = |plan: &mut Plan| {
        plan.router.neighbours[0].password = Some("s3cret".to_owned());
        plan.router.neighbours[0].passive = true;
        plan.speakers[0].spec.neighbours[0].password = Some("another".to_owned());
    };
    told(kind, broken, &["md5"])
}

/// The speaker takes only packets with a TTL of 255, the router sends 1. (The other way round nobody here can know: the
/// router's kernel drops what the speaker sends.)
fn wrong_ttl(kind: Kind) -> Result<()> {
    let broken = |plan: &mut Plan| {
        plan.speakers[0].spec.neighbours[0].security_hops = Some(1);
        // A connection that the router makes is given up only when its OPEN does not come.
        plan.router.neighbours[0].passive = true;
    };
    told(kind, broken, &["ttl", "gtsm"])
}

/// Customer and customer do not go together (RFC 9234 section 4.2).
fn wrong_role(kind: Kind) -> Result<()> {
    let broken = |plan: &mut Plan| {
        plan.router.neighbours[0].role = Some("customer".to_owned());
        plan.speakers[0].spec.neighbours[0].role = Some("customer".to_owned());
    };
    told(kind, broken, &["role"])
}

/// Provider and customer do.
#[test]
fn roles_that_fit() -> Result<()> {
    let mut plan = Plan::new(1, Over::V4, &[VIP]);
    plan.router.neighbours[0].role = Some("provider".to_owned());
    plan.speakers[0].spec.neighbours[0].role = Some("customer".to_owned());
    let pair = Pair::start(Kind::Bird, &plan)?;
    pair.wait_routes(&[VIP.to_owned()])?;
    pair.pass()
}

/// More prefixes than are allowed: with `warn` the session lives and says so, with `reset` it ends with a reason.
fn too_many_prefixes(kind: Kind) -> Result<()> {
    let mut plan = Plan::new(1, Over::V4, &[VIP]);
    plan.router.announces = (0..5).map(|n| format!("198.51.{n}.0/24")).collect();
    plan.speakers[0].peer.push("max_prefixes: {limit: 3, action: reset}".to_owned());
    let pair = Pair::start(kind, &plan)?;
    let peer =
        pair.speaker().wait_peer("tor", "an exceeded limit", |peer| peer.last_error.contains("prefixes"))?;
    println!("{kind}: {}", peer.last_error);
    pair.router()?.wait_prefixes(&prefixes::<&str>(&[]), guideway_interop::PATIENCE)?;

    let mut config = plan.speakers[0].clone();
    config.peer = vec!["max_prefixes: {limit: 3, action: warn}".to_owned()];
    pair.speaker().reload(&pair.site, 1, &config)?;
    pair.wait_routes(&[VIP.to_owned()])?;
    let over = |peer: &Peer| peer.prefixes_received >= 5 && peer.prefix_limit == 3;
    let peer = pair.speaker().wait_peer("tor", "more prefixes than its limit", over)?;
    ensure!(peer.state == "Established", "{peer:#?}");
    let log = pair.speaker().process.log_text();
    ensure!(log.contains("as many ipv4 prefixes as it may"), "no warning in the log");
    pair.pass()
}

macro_rules! tests {
    ($($router:ident: $kind:ident),+) => {
        $(mod $router {
            use super::Kind::$kind;

            #[test]
            fn wrong_as() -> anyhow::Result<()> {
                super::wrong_as($kind)
            }

            #[test]
            fn wrong_password() -> anyhow::Result<()> {
                super::wrong_password($kind)
            }

            #[test]
            fn wrong_ttl() -> anyhow::Result<()> {
                super::wrong_ttl($kind)
            }

            #[test]
            fn wrong_role() -> anyhow::Result<()> {
                super::wrong_role($kind)
            }

            #[test]
            fn too_many_prefixes() -> anyhow::Result<()> {
                super::too_many_prefixes($kind)
            }
        })+
    };
}

tests!(bird: Bird, frr: Frr);
