//! What has to work with every router.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use guideway_lab::wait;
use nix::sys::signal::Signal;

use super::agent::Agent;
use super::router::{Kind, Over, Router, Spec};
use super::speaker::{PeerSpec, Speaker};
use super::{PATIENCE, ROUTER_V4, ROUTER_V6, SPEAKER_V4, SPEAKER_V6, Site};

const HOLD: Duration = Duration::from_secs(60);

/// The whole set-up of a scenario. The order of the fields is the order of their end.
pub struct Bench {
    pub speaker: Speaker,
    pub agent: Option<Agent>,
    pub router: Option<Router>,
    pub site: Site,
}

impl Bench {
    fn start(kind: Kind, spec: &Spec, hold: Duration, peers: &[PeerSpec], vips: &[String]) -> Result<Self> {
        let site = Site::build()?;
        let router = Router::start(kind, &site, spec)?;
        let agent = Agent::start(&Speaker::agent_socket(&site)?, vips)?;
        let speaker = Speaker::start(&site, hold, peers)?;
        Ok(Self { speaker, agent: Some(agent), router: Some(router), site })
    }

    fn usual(kind: Kind, vips: &[String]) -> Result<Self> {
        Self::start(kind, &Spec::default(), HOLD, &[PeerSpec::v4()], vips)
    }

    /// The end of a scenario in which everything was right.
    fn pass(mut self) -> Result<()> {
        self.site.pass();
        Ok(())
    }

    fn router(&self) -> Result<&Router> {
        self.router.as_ref().context("the router was stopped")
    }

    fn agent(&self) -> Result<&Agent> {
        self.agent.as_ref().context("the agent was stopped")
    }

    /// Waits until the router has exactly these routes; returns how long that took.
    fn wait_routes(&self, vips: &[String], patience: Duration) -> Result<Duration> {
        let wanted = prefixes(vips);
        let waited = wait::until_true(&format!("{} routes in the router", wanted.len()), patience, || {
            Ok(self.router()?.routes()? == wanted)
        });
        waited.with_context(|| {
            let routes = self.router().and_then(Router::routes);
            let sessions = self.router().and_then(Router::sessions);
            format!("routes: {:?}; sessions: {sessions:?}", routes.map(|r| r.len()))
        })
    }
}

fn prefixes(vips: &[String]) -> BTreeSet<String> {
    vips.iter().map(|vip| format!("{vip}/{}", if vip.contains(':') { 128 } else { 32 })).collect()
}

fn vips(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

/// Half of them IPv4, half of them IPv6.
fn many(count: u32) -> Vec<String> {
    let v4 = (1..=count / 2).map(|n| Ipv4Addr::from(0xcb00_0000 + n).to_string());
    let v6 = (1..=count / 2).map(|n| format!("2001:db8:1::{n:x}"));
    v4.chain(v6).collect()
}

/// Announce and withdraw, both families over this session, with the right next hops.
pub fn announces_and_withdraws(kind: Kind, over: Over) -> Result<()> {
    let (peer, address) = match over {
        Over::V4 => (PeerSpec::v4(), ROUTER_V4),
        Over::V6 => (PeerSpec::v6(), ROUTER_V6),
    };
    let both = vips(&["203.0.113.10", "2001:db8::10"]);
    let spec = Spec { sessions: vec![over], ..Spec::default() };
    let bench = Bench::start(kind, &spec, HOLD, &[peer], &both)?;
    let established = bench.speaker.wait_established(address)?;
    ensure!(
        established.hold_time_seconds == 9 && established.peer_router_id == "10.255.0.1",
        "{established:?}"
    );
    ensure!(established.families == ["ipv4", "ipv6"], "{established:?}");
    bench.wait_routes(&both, PATIENCE)?;
    for (prefix, next_hop) in [("203.0.113.10/32", SPEAKER_V4), ("2001:db8::10/128", SPEAKER_V6)] {
        let route = bench.router()?.route(prefix)?;
        ensure!(
            route.contains(next_hop) && route.contains("65001"),
            "{prefix} has another next hop or path:\n{route}"
        );
    }
    let routes = bench.speaker.routes()?;
    ensure!(routes.len() == 2 && routes.iter().all(|route| route.advertised_to == [address]), "{routes:?}");
    let (code, body) = bench.speaker.http("/readyz")?;
    ensure!(code == 200, "not ready: {body}");
    let metrics = bench.speaker.http("/metrics")?.1;
    let line = format!("guideway_bgp_peer_established{{peer=\"{address}\"}} 1");
    ensure!(metrics.contains(&line), "no `{line}` in:\n{metrics}");

    for now in
        [vips(&["203.0.113.10"]), vips(&["203.0.113.10", "203.0.113.11"]), vips(&["2001:db8::11"]), vips(&[])]
    {
        bench.agent()?.set(&now);
        let took = bench.wait_routes(&now, PATIENCE)?;
        println!("{kind:?} {over:?}: {now:?} after {took:?}");
    }
    let peer = bench.speaker.peer(address)?;
    ensure!(peer.sessions == 1 && peer.prefixes_advertised == 0, "the session did not last: {peer:?}");
    bench.pass()
}

/// TCP-MD5: a wrong password gets nowhere and says so, the right one after a reload works.
pub fn md5(kind: Kind, over: Over) -> Result<()> {
    let vip = vips(&["203.0.113.10"]);
    let (peer, address) = match over {
        Over::V4 => (PeerSpec::v4(), ROUTER_V4),
        Over::V6 => (PeerSpec::v6(), ROUTER_V6),
    };
    let spec = Spec { password: Some("s3cret"), sessions: vec![over], ..Spec::default() };
    let wrong = PeerSpec { password: Some("another"), ..peer.clone() };
    let bench = Bench::start(kind, &spec, HOLD, &[wrong], &vip)?;
    bench.speaker.wait_peer(address, "a refused connection", |peer| {
        peer.last_error.contains("TCP-MD5") && peer.sessions == 0
    })?;
    ensure!(bench.router()?.routes()?.is_empty());
    ensure!(
        bench.site.router.counter("TcpExt", "TCPMD5Failure")? > 0,
        "the router's kernel saw no wrong password"
    );
    bench.speaker.reload(&bench.site, &[PeerSpec { password: Some("s3cret"), ..peer }])?;
    bench.speaker.wait_established(address)?;
    bench.wait_routes(&vip, PATIENCE)?;
    bench.pass()
}

/// Many VIPs at once, a change of a few, all withdrawn; the session stays.
pub fn many_vips(kind: Kind, count: u32) -> Result<()> {
    let all = many(count);
    let bench = Bench::usual(kind, &all)?;
    bench.speaker.wait_established(ROUTER_V4)?;
    let started = bench.wait_routes(&all, PATIENCE)?;
    let peer = bench.speaker.peer(ROUTER_V4)?;
    println!("{kind:?}: {count} VIPs after {started:?}, {} messages sent", peer.messages_sent);
    // IPv4: 5 octets a prefix; IPv6: 17. One OPEN, some KEEPALIVEs, two End-of-RIB.
    let updates = u64::from(count / 2 * 5 / 4000 + count / 2 * 17 / 4000 + 2);
    ensure!(peer.messages_sent <= updates + 10, "{} messages for {count} prefixes", peer.messages_sent);
    let some = all[count as usize / 4..].to_vec();
    bench.agent()?.set(&some);
    println!("{kind:?}: a quarter withdrawn after {:?}", bench.wait_routes(&some, PATIENCE)?);
    bench.agent()?.set(&[]);
    println!("{kind:?}: all withdrawn after {:?}", bench.wait_routes(&[], PATIENCE)?);
    bench.agent()?.set(&all);
    println!("{kind:?}: announced again after {:?}", bench.wait_routes(&all, PATIENCE)?);
    ensure!(bench.speaker.peer(ROUTER_V4)?.sessions == 1, "the session did not last");
    bench.pass()
}

/// SIGTERM: a Cease with a text, routes gone at once, a clean exit, no socket left.
pub fn shutdown(kind: Kind) -> Result<()> {
    let vip = vips(&["203.0.113.10"]);
    let mut bench = Bench::usual(kind, &vip)?;
    bench.wait_routes(&vip, PATIENCE)?;
    bench.speaker.process.signal(Signal::SIGTERM)?;
    let took = bench.wait_routes(&[], Duration::from_secs(5))?;
    println!("{kind:?}: withdrawn {took:?} after SIGTERM");
    let status = bench.speaker.process.wait(Duration::from_secs(5))?;
    ensure!(status.success(), "bgp-speaker ended with {status}");
    let sessions = bench.router()?.sessions()?.to_lowercase();
    let logs = bench.site.logs().to_lowercase();
    let told = |text: &str| sessions.contains(text) || logs.contains(text);
    ensure!(told("administrative") || told("admin. shutdown"), "no administrative shutdown in:\n{sessions}");
    ensure!(told("bgp-speaker is stopped"), "the router did not get the text:\n{sessions}");
    bench.pass()
}

/// A router that falls silent, and then a speaker that does.
pub fn hold_timer(kind: Kind) -> Result<()> {
    let vip = vips(&["203.0.113.10"]);
    let spec = Spec { hold_time: 3, ..Spec::default() };
    let bench = Bench::start(kind, &spec, HOLD, &[PeerSpec { hold_time: 3, ..PeerSpec::v4() }], &vip)?;
    bench.wait_routes(&vip, PATIENCE)?;

    bench.router()?.signal(Signal::SIGSTOP)?;
    let down = bench.speaker.wait_peer(ROUTER_V4, "an expired hold timer", |peer| {
        peer.last_error.contains("hold timer expired") && peer.state != "Established"
    });
    bench.router()?.signal(Signal::SIGCONT)?;
    ensure!(down?.prefixes_advertised == 0);
    bench.speaker.wait_established(ROUTER_V4)?;
    bench.wait_routes(&vip, PATIENCE)?;

    bench.speaker.process.signal(Signal::SIGSTOP)?;
    let gone = bench.wait_routes(&[], Duration::from_secs(10));
    bench.speaker.process.signal(Signal::SIGCONT)?;
    println!("{kind:?}: routes of a silent speaker gone after {:?}", gone?);
    bench.wait_routes(&vip, PATIENCE)?;
    bench.pass()
}

/// Another AS than configured, on either side; put right by a reload.
pub fn wrong_as(kind: Kind) -> Result<()> {
    let vip = vips(&["203.0.113.10"]);
    let wrong = PeerSpec { remote_as: 65099, ..PeerSpec::v4() };
    let bench = Bench::start(kind, &Spec::default(), HOLD, &[wrong], &vip)?;
    bench.speaker.wait_peer(ROUTER_V4, "a refused AS", |peer| peer.last_error.contains("(2/2)"))?;
    bench.speaker.reload(&bench.site, &[PeerSpec::v4()])?;
    bench.speaker.wait_established(ROUTER_V4)?;
    bench.wait_routes(&vip, PATIENCE)?;
    bench.pass()
}

/// The agent goes: its last word counts for the hold time. It comes back in time: nothing happens.
pub fn agent_lost(kind: Kind) -> Result<()> {
    let vip = vips(&["203.0.113.10", "2001:db8::10"]);
    let hold = Duration::from_secs(4);
    let mut bench = Bench::start(kind, &Spec::default(), hold, &[PeerSpec::v4()], &vip)?;
    bench.wait_routes(&vip, PATIENCE)?;

    let socket = Speaker::agent_socket(&bench.site)?;
    bench.agent = None;
    bench.speaker.process.wait_for_log("lost the agent's stream", PATIENCE)?;
    let (code, body) = bench.speaker.http("/readyz")?;
    ensure!(code == 503 && body.contains("agent"), "{code} {body}");
    // Back within the hold time, with one address less: only that one goes.
    let less = vips(&["203.0.113.10"]);
    bench.agent = Some(Agent::start(&socket, &less)?);
    wait::until_true("the second address to go", PATIENCE, || {
        let routes = bench.router()?.routes()?;
        ensure!(routes.contains("203.0.113.10/32"), "the first address was withdrawn");
        Ok(routes == prefixes(&less))
    })?;

    bench.agent = None;
    let took = bench.wait_routes(&[], PATIENCE)?;
    ensure!(took >= hold / 2, "withdrawn after {took:?} already, the hold time is {hold:?}");
    bench.agent = Some(Agent::start(&socket, &vip)?);
    bench.wait_routes(&vip, PATIENCE)?;
    ensure!(bench.speaker.peer(ROUTER_V4)?.sessions == 1, "the session did not last");
    bench.pass()
}

/// A reload that adds and removes a peer leaves the other session alone; a bad file changes nothing.
pub fn reload(kind: Kind) -> Result<()> {
    let vip = vips(&["203.0.113.10"]);
    let spec = Spec { sessions: vec![Over::V4, Over::V6], ..Spec::default() };
    let mut bench = Bench::start(kind, &spec, HOLD, &[PeerSpec::v4()], &vip)?;
    bench.speaker.wait_established(ROUTER_V4)?;

    bench.speaker.reload(&bench.site, &[PeerSpec::v4(), PeerSpec::v6()])?;
    bench.speaker.wait_established(ROUTER_V6)?;
    bench.speaker.reload_text("local_as: 0\npeers: nobody\n")?;
    bench.speaker.process.wait_for_log("bgp.yaml:2: peers: must be a list of peers", PATIENCE)?;
    ensure!(bench.speaker.peers()?.len() == 2, "a bad file changed something");
    bench.speaker.reload(&bench.site, &[PeerSpec::v4()])?;
    wait::until_true("the second peer to go", PATIENCE, || Ok(bench.speaker.peers()?.len() == 1))?;

    let first = bench.speaker.peer(ROUTER_V4)?;
    ensure!(first.sessions == 1 && first.state == "Established", "the first session was touched: {first:?}");
    bench.wait_routes(&vip, PATIENCE)?;
    let metrics = bench.speaker.http("/metrics")?.1;
    for line in ["guideway_bgp_reloads_accepted_total 2", "guideway_bgp_reloads_refused_total 1"] {
        ensure!(metrics.contains(line), "no `{line}` in:\n{metrics}");
    }
    bench.pass()
}

/// A route refresh is answered, and a restarted router gets everything again.
pub fn refresh_and_restart(kind: Kind) -> Result<()> {
    let all = many(1000);
    let mut bench = Bench::usual(kind, &all)?;
    bench.wait_routes(&all, PATIENCE)?;
    let before = bench.speaker.peer(ROUTER_V4)?.messages_sent;
    bench.router()?.refresh()?;
    bench.speaker.wait_peer(ROUTER_V4, "the routes again", |peer| peer.messages_sent >= before + 4)?;
    bench.wait_routes(&all, PATIENCE)?;

    let Some(router) = bench.router.take() else { bail!("no router") };
    router.stop()?;
    bench.speaker.wait_peer(ROUTER_V4, "a lost session", |peer| peer.state != "Established")?;
    bench.router = Some(Router::start(kind, &bench.site, &Spec::default())?);
    bench.wait_routes(&all, PATIENCE)?;
    ensure!(bench.speaker.peer(ROUTER_V4)?.sessions == 2);
    bench.pass()
}

/// An agent that hangs is as good as dead.
pub fn agent_hangs(kind: Kind) -> Result<()> {
    let vip = vips(&["203.0.113.10"]);
    let mut bench = Bench::start(kind, &Spec::default(), Duration::from_secs(1), &[PeerSpec::v4()], &vip)?;
    bench.wait_routes(&vip, PATIENCE)?;
    bench.agent()?.freeze();
    bench.speaker.process.wait_for_log("lost the agent's stream", Duration::from_secs(12))?;
    bench.wait_routes(&[], Duration::from_secs(5))?;
    bench.pass()
}

/// A router in the same AS.
pub fn internal(kind: Kind) -> Result<()> {
    let both = vips(&["203.0.113.10", "2001:db8::10"]);
    let spec = Spec { local_as: 65001, ..Spec::default() };
    let bench = Bench::start(kind, &spec, HOLD, &[PeerSpec { remote_as: 65001, ..PeerSpec::v4() }], &both)?;
    bench.wait_routes(&both, PATIENCE)?;
    let route = bench.router()?.route("203.0.113.10/32")?;
    ensure!(route.contains("100"), "no LOCAL_PREF:\n{route}");
    bench.pass()
}
