//! Backends that die: out of the table within their health check's time, nobody else's flows touched; with the last one
//! the VIP leaves BGP.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use guideway_e2e::{all_answer, expect_unbroken, expect_undisturbed, wait_for_equal_tables};
use guideway_lab::addresses::vip;
use guideway_lab::forwarder::config::{Backend, BackendSet, DETECTION};
use guideway_lab::forwarder::{DataplaneConfig, Forwarder};
use guideway_lab::lab::http;
use guideway_lab::load::{FlowSpec, HoldReport, HoldSpec};
use guideway_lab::netns::LinkState;
use guideway_lab::{LabSpec, in_lab, wait};
use nix::sys::signal::Signal;

/// Waits until a backend holds no slot, or some again, in a VIP's table of a forwarder.
fn wait_for_slots(forwarder: &Forwarder, backend: &str, some: bool, deadline: Duration) -> Result<Duration> {
    let what = format!("{}: slots of {backend} in the table: {some}", forwarder.name());
    wait::until_true(&what, deadline, || Ok((forwarder.slots("v4", backend)? > 0) == some))
}

#[test]
fn a_dead_backend_leaves_the_table_in_time_and_only_its_own_flows_move() {
    in_lab(&LabSpec::default(), &DataplaneConfig::usual(3), |lab| {
        let target = http(vip::V4);
        let mut flows = lab.client.start_flows("flows", target, &FlowSpec::until_stopped(600, 600))?;
        let hold = lab.client.start_hold("hold", target, &HoldSpec::default())?;

        lab.backends[0].kill_nginx()?;
        for forwarder in &lab.forwarders {
            wait_for_slots(forwarder, "be1", false, DETECTION)?;
            ensure!(forwarder.health("v4", "be1")? == "unhealthy");
        }
        flows.wait_rounds(2, Duration::from_secs(60))?;
        wait_for_equal_tables(lab)?;

        let report = flows.finish()?;
        ensure!(report.moved_flows > 100, "be1's flows went elsewhere: {:?}", report.moves_from);
        ensure!(
            report.moves_from.keys().all(|from| from == "be1"),
            "flows of live backends moved: {:?}",
            report.moves_from
        );
        ensure!(
            report.failed_of.keys().all(|of| of == "be1"),
            "requests to live backends failed: {:?} {:#?}",
            report.failed_of,
            report.failures
        );
        only_of("be1", &hold.finish()?)?;

        // Back: its slots, and so its flows, return to it, and again nobody else's move.
        let away = lab.client.flows(target, &FlowSpec { flows: 600, ..FlowSpec::default() })?;
        lab.backends[0].start_nginx()?;
        for forwarder in &lab.forwarders {
            wait_for_slots(forwarder, "be1", true, DETECTION)?;
        }
        let back = lab.client.flows(target, &FlowSpec { flows: 600, ..FlowSpec::default() })?;
        expect_undisturbed("be1 is back", &back)?;
        for (port, now) in &back.assignments {
            ensure!(now == "be1" || away.assignments[port] == *now, "port {port} moved to {now}");
        }
        Ok(())
    });
}

/// Forwarders probe at moments of their own: one has taken a backend back, and another has had a single answer of it.
#[test]
fn who_has_had_one_answer_of_a_backend_knows_where_connections_are() {
    const INTERVAL: Duration = Duration::from_secs(2);
    const PATIENCE: Duration = Duration::from_secs(30);
    let mut config = DataplaneConfig::usual(2);
    config.set("web-v4").interval = INTERVAL;
    in_lab(&LabSpec::default(), &config, |lab| {
        lab.backends[0].kill_nginx()?;
        for forwarder in &lab.forwarders {
            wait_for_slots(forwarder, "be1", false, PATIENCE)?;
            ensure!(forwarder.unsettled_slots("web-v4")? == 0);
        }
        lab.backends[0].start_nginx()?;
        let [first, second] = [0, 1].map(|at| &lab.forwarders[at]);
        wait::until_true("fw2 to announce who answers again", PATIENCE, || {
            Ok(second.unsettled_slots("web-v4")? > 0)
        })?;
        // It never hears the second answer.
        ensure!(second.slots("v4", "be1")? == 0, "an interval has passed since");
        second.agent().context("it runs")?.signal(Signal::SIGSTOP)?;
        wait_for_slots(first, "be1", true, PATIENCE)?;

        let spec = HoldSpec { connections: 200, first_port: 20_000, interval_ms: 500, ..HoldSpec::default() };
        let mut hold = lab.client.start_hold("hold", http(vip::V4), &spec)?;
        all_answer("through both", &mut hold)?;
        lab.forwarders[0].stop_speaker()?;
        lab.tor.wait_for_legs(vip::V4, &["fw2"], PATIENCE)?;
        all_answer("through the one that has had one answer", &mut hold)?;
        lab.forwarders[1].agent().context("it runs")?.signal(Signal::SIGCONT)?;
        let report = hold.finish()?;
        let returned = report.connections_by_backend.get("be1").copied().unwrap_or(0);
        ensure!(returned > 20, "{:?}", report.connections_by_backend);
        expect_unbroken("a backend that one has taken back", &report)
    });
}

/// It left the set of these connections, and another set goes on with it. They are asked for there before they are found.
#[test]
fn a_backend_that_left_and_falls_silent_holds_nobody_up() {
    const TIME: Duration = Duration::from_secs(30);
    let mut config = DataplaneConfig::usual(1);
    config.sets.push(BackendSet::of("shared", 2..=3, true));
    config.vips.retain(|vip| vip.set == "web-v4");
    config.sets.retain(|set| set.name != "web-v6");
    config.vips[1].set = "shared".to_owned();
    in_lab(&LabSpec::default(), &config, |lab| {
        let spec = HoldSpec { connections: 200, first_port: 20_000, interval_ms: 500, ..HoldSpec::default() };
        let mut hold = lab.client.start_hold("hold", http(vip::V4), &spec)?;
        for number in 2..=3 {
            let mut next = config.clone();
            next.set("web-v4").backends = vec![Backend::of(number, true)];
            for forwarder in &lab.forwarders {
                let before = forwarder.generation()?;
                forwarder.write_config(&next)?;
                forwarder.signal_reload()?;
                forwarder.wait_new_generation(before, TIME)?;
            }
            all_answer(&format!("past be{number}"), &mut hold)?;
        }
        lab.backends[1].set_link(LinkState::Down)?;
        for forwarder in &lab.forwarders {
            let dead = || Ok(forwarder.health("v6-over-v4", "be2")? == "unhealthy");
            wait::until_true("be2 to be found out", TIME, dead)?;
        }
        all_answer("past a dead one", &mut hold)?;
        let report = hold.finish()?;
        ensure!(
            report.connections_by_backend == [("be1".to_owned(), 200)].into(),
            "{:?}",
            report.connections_by_backend
        );
        expect_unbroken("who is behind a dead backend", &report)
    });
}

#[test]
fn a_backend_that_falls_silent_is_found_out_by_the_probe_timeout() {
    in_lab(&LabSpec::default(), &DataplaneConfig::usual(3), |lab| {
        lab.backends[1].set_link(LinkState::Down)?;
        for forwarder in &lab.forwarders {
            wait_for_slots(forwarder, "be2", false, DETECTION)?;
        }
        let report = lab.client.flows(http(vip::V4), &FlowSpec { flows: 300, ..FlowSpec::default() })?;
        expect_undisturbed("be2 is cut off", &report)?;
        ensure!(!report.flows_by_backend.contains_key("be2"));
        Ok(())
    });
}

#[test]
fn a_vip_without_backends_leaves_bgp_and_returns_with_the_first_one() {
    in_lab(&LabSpec::default(), &DataplaneConfig::usual(3), |lab| {
        for backend in &mut lab.backends {
            backend.kill_nginx()?;
        }
        for vip in [vip::V4, vip::V6] {
            lab.tor.wait_for_legs(vip, &[], DETECTION + Duration::from_secs(2))?;
        }
        ensure!(lab.forwarders[0].slots("v4", "be1")? == 0, "a table without backends is still there");

        lab.backends[2].start_nginx()?;
        for vip in [vip::V4, vip::V6] {
            lab.tor.wait_for_legs(vip, &["fw1", "fw2"], DETECTION + Duration::from_secs(2))?;
        }
        let report = lab.client.flows(http(vip::V4), &FlowSpec { flows: 100, ..FlowSpec::default() })?;
        expect_undisturbed("only be3", &report)?;
        ensure!(report.flows_by_backend.get("be3") == Some(&100), "{:?}", report.flows_by_backend);
        Ok(())
    });
}

/// Only connections of this backend broke; with none of it among the broken the rest must be whole.
fn only_of(backend: &str, report: &HoldReport) -> Result<()> {
    let mut others = report.clone();
    others.broken -= others.broken_by_backend.remove(backend).unwrap_or(0);
    others.failed = others.broken;
    expect_unbroken("connections of the live backends", &others)
}
