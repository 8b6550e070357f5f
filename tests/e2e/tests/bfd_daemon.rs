//! What becomes of sessions when clients and lb-bfd itself come and go, and when the machine is busy.

mod bfd_support;

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use bfd_support::load::BusyLoops;
use bfd_support::router::{Kind, Peer};
use bfd_support::site::{Site, Way};
use bfd_support::world::{Daemon, World, spec};
use bfd_support::{FORWARDER_V4, PATIENCE, ROUTER_V4};
use guideway_bfd_client::{BfdState, Client, Problem, Spec};
use guideway_lab::wait;
use nix::sys::signal::Signal;

#[test]
fn a_session_outlives_its_client() -> Result<()> {
    let mut world = World::build(Kind::Frr, Way::Link, &Peer::on_link(FORWARDER_V4))?;
    let watched = world.watch(spec(ROUTER_V4));
    world.wait_up(&watched, 50)?;
    // The old client is dropped before its session: nothing is released, as when the process is killed.
    world.new_client();
    wait::until_true("the session to be held", PATIENCE, || Ok(world.session()?.clients.is_empty()))?;
    ensure!(world.session()?.held_until_unix_ms > 0);
    // It is found as it was, with other intervals if need be.
    let slower = Duration::from_millis(100);
    let again = world.watch(Spec { desired_min_tx: slower, required_min_rx: slower, ..spec(ROUTER_V4) });
    world.wait_up(&again, 100)?;
    let session = world.session()?;
    ensure!(
        session.clients == ["test"] && session.held_until_unix_ms == 0 && session.downs == 0,
        "{session:?}"
    );
    let states: Vec<_> = again.seen().into_iter().map(|(_, status)| status.state).collect();
    ensure!(states == [BfdState::Up], "{states:?}");
    ensure!(world.router.frr_downs()? == 0);
    drop(watched);
    // Who releases it ends it, and the router knows that it is on purpose.
    drop(again);
    wait::until_true("the session to end", PATIENCE, || Ok(world.sessions()?.is_empty()))?;
    world.router.wait_state("down")?;
    ensure!(
        world.router.frr_session()?["remote-diagnostic"] == "administratively down",
        "{}",
        world.router.show()?
    );
    world.site.pass();
    Ok(())
}

#[test]
fn a_session_that_nobody_comes_back_for_ends() -> Result<()> {
    let site = Site::build(Way::Link)?;
    let mut world = World::on(site, Kind::Bird, &Peer::on_link(FORWARDER_V4), &["--hold", "700ms"])?;
    let watched = world.watch(spec(ROUTER_V4));
    world.wait_up(&watched, 50)?;
    world.new_client();
    wait::until_true("the session to end", PATIENCE, || Ok(world.sessions()?.is_empty()))?;
    world.router.wait_state("down")?;
    world.site.pass();
    Ok(())
}

#[test]
fn a_restart_of_lb_bfd() -> Result<()> {
    let mut world = World::build(Kind::Frr, Way::Link, &Peer::on_link(FORWARDER_V4))?;
    let watched = world.watch(spec(ROUTER_V4));
    world.wait_up(&watched, 50)?;
    let first = world.session()?.discriminator;
    // An orderly end is told to the router, and to the client it says nothing of the path.
    world.daemon.process.signal(Signal::SIGTERM)?;
    ensure!(world.daemon.process.wait(PATIENCE)?.success());
    world.router.wait_state("down")?;
    ensure!(
        world.router.frr_session()?["remote-diagnostic"] == "administratively down",
        "{}",
        world.router.show()?
    );
    watched.wait(BfdState::Unknown)?;
    ensure!(watched.status().downs == 0, "{:?}", watched.seen());
    ensure!(matches!(watched.status().problem, Some(Problem::Unreachable(_))));
    // The client asks again by itself.
    world.daemon = Daemon::start(&world.site, &[])?;
    world.wait_up(&watched, 50)?;
    ensure!(world.session()?.discriminator != first);
    // A crash: the router notices the silence, and takes the new session up when it is there.
    world.daemon.process.signal(Signal::SIGKILL)?;
    world.daemon.process.wait(PATIENCE)?;
    world.router.wait_state("down")?;
    watched.wait(BfdState::Unknown)?;
    world.daemon = Daemon::start(&world.site, &[])?;
    world.wait_up(&watched, 50)?;
    ensure!(watched.status().downs == 0, "{:?}", watched.seen());
    world.site.pass();
    Ok(())
}

#[test]
fn no_flap_beside_busy_loops() -> Result<()> {
    let mut world = World::build(Kind::Frr, Way::Link, &Peer::on_link(FORWARDER_V4))?;
    let watched = world.watch(spec(ROUTER_V4));
    world.wait_up(&watched, 50)?;
    let busy = BusyLoops::start(4)?;
    let before = world.session()?;
    std::thread::sleep(Duration::from_secs(5));
    let after = world.session()?;
    drop(busy);
    ensure!(after.downs == 0 && watched.status().downs == 0, "{:?}", watched.seen());
    ensure!(world.router.frr_downs()? == 0, "FRR saw the session down");
    // 100 to 134 packets are sent in five seconds.
    ensure!(after.packets_sent - before.packets_sent >= 90, "{before:?} {after:?}");
    world.site.pass();
    Ok(())
}

#[test]
fn an_interface_that_comes_late_and_comes_again() -> Result<()> {
    let mut world = World::build(Kind::Bird, Way::Link, &Peer::on_link(FORWARDER_V4))?;
    let late = world.watch(Spec { interface: Some("late0".to_owned()), ..spec("10.1.3.1") });
    late.wait(BfdState::Down)?;
    ensure!(world.session()?.problem == "there is no interface late0", "{:?}", world.session()?);
    world.site.forwarder.ip("link add late0 type veth peer name late1")?;
    wait::until_true("the session to get a socket", PATIENCE, || Ok(world.session()?.problem.is_empty()))?;
    world.site.pass();
    Ok(())
}

#[test]
fn what_is_wrong_is_said_and_disturbs_nobody() -> Result<()> {
    let mut world = World::build(Kind::Bird, Way::Link, &Peer::on_link(FORWARDER_V4))?;
    let watched = world.watch(spec(ROUTER_V4));
    world.wait_up(&watched, 50)?;
    let wrong = world.watch(spec("fe80::1"));
    let refused = wait::until("a refusal", PATIENCE, || Ok(wrong.status().problem))?.0;
    ensure!(
        refused.to_string()
            == "lb-bfd refuses the session: fe80::1 is link-local: the interface is needed, and it cannot be multihop",
        "{refused}"
    );
    // A second BFD daemon cannot take the packets away.
    let folder = world.site.folder("second")?;
    let mut command = world.site.forwarder.command(guideway_lab::binaries::binary("lb-bfd")?);
    command
        .arg("run")
        .arg("--socket")
        .arg(folder.join("bfd.sock"))
        .args(["--metrics-listen", "127.0.0.1:9999"]);
    let mut second = guideway_lab::process::Process::spawn("lb-bfd", command, &folder)?;
    ensure!(!second.wait(PATIENCE)?.success());
    ensure!(second.log_text().contains("another BFD daemon runs on this machine"), "{}", second.log_text());
    ensure!(watched.status().downs == 0 && watched.status().state == BfdState::Up);
    world.site.pass();
    Ok(())
}

#[test]
fn metrics_are_served() -> Result<()> {
    let mut world = World::build(Kind::Bird, Way::Link, &Peer::on_link(FORWARDER_V4))?;
    let watched = world.watch(spec(ROUTER_V4));
    world.wait_up(&watched, 50)?;
    let text = world.site.forwarder.run("curl", &["-s", "http://127.0.0.1:9473/metrics"])?;
    let labels = "peer=\"10.1.1.1\",local=\"\",interface=\"\",multihop=\"false\"";
    for line in [
        format!("guideway_bfd_session_up{{{labels}}} 1"),
        format!("guideway_bfd_session_detection_time_microseconds{{{labels}}} 150000"),
        format!("guideway_bfd_session_downs_total{{{labels}}} 0"),
    ] {
        ensure!(text.contains(&line), "{line} is not in\n{text}");
    }
    world.site.pass();
    Ok(())
}

#[test]
fn a_client_without_a_daemon_waits() -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let inside = runtime.enter();
    let start = Instant::now();
    let client = Client::new("/nonexistent/bfd.sock".into(), "test");
    drop(inside);
    let session = client.session(spec(ROUTER_V4));
    wait::until_true("the client to say so", PATIENCE, || {
        Ok(matches!(session.state().borrow().problem, Some(Problem::Unreachable(_))))
    })?;
    ensure!(session.state().borrow().state == BfdState::Unknown && start.elapsed() < PATIENCE);
    Ok(())
}
