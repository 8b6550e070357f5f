//! Connections that come to a forwarder which has not seen what the others have: one that has prepared a change and not
//! installed it yet, one that joins after a change, after a backend was dead or after a change of the seed, one whose maps
//! are gone. A change is one of backends, of the set that a VIP has, of the seed, or of the tables' size.

mod controller_support;

use std::net::SocketAddr;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use controller_support::objects::{rollout, service};
use controller_support::plane::{Plane, in_plane_of, in_plane_with, web_on};
use controller_support::witness::Witness;
use controller_support::{Controller, NAMESPACE, PATIENCE, follow, served_by};
use guideway_e2e::{all_answer, expect_unbroken};
use guideway_lab::binaries::binary;
use guideway_lab::client::Running;
use guideway_lab::load::{HoldReport, HoldSpec};
use guideway_lab::{Lab, wait};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

fn hold(lab: &Lab, name: &str, address: &str, first_port: u16) -> Result<Running<HoldReport>> {
    let spec = HoldSpec { connections: 200, first_port, interval_ms: 500, ..HoldSpec::default() };
    lab.client.start_hold(name, SocketAddr::new(address.parse()?, 8080), &spec)
}

/// Everything comes through this forwarder alone.
fn only_through(lab: &mut Lab, address: &str, at: usize) -> Result<()> {
    let name = lab.forwarders[at].name().to_owned();
    lab.forwarders[1 - at].stop_speaker()?;
    lab.tor.wait_for_legs(address.parse()?, &[&name], PATIENCE).map(drop)
}

fn through_both(lab: &mut Lab, address: &str, other: usize) -> Result<()> {
    lab.forwarders[other].start_speaker()?;
    lab.wait_for_all_legs(address.parse()?).map(drop)
}

/// `change` leads from the first two backends to `others`, or to other slots of the same ones.
fn is_known_where_it_leads(
    lab: &mut Lab,
    plane: &mut Plane,
    address: &str,
    others: &[&str],
    change: impl FnOnce(&mut Plane) -> Result<()>,
) -> Result<()> {
    let mut witness = Witness::default();
    let first = witness.settle(lab, 0)?;
    change(plane)?;
    wait::until_true("both to have prepared the change", PATIENCE, || {
        let held = plane.controller.lbctl(&["generations"])?.1["rollout"]["phase"] == "held";
        Ok(held && witness.look(lab)?.iter().all(|sight| sight.prepared > Some(first)))
    })?;

    // One of them never hears that it is committed.
    lab.forwarders[1].agent().context("it runs")?.signal(Signal::SIGSTOP)?;
    let (code, applied) = plane.controller.lbctl(&["apply", "--yes"])?;
    ensure!(code == 0, "{code}: {applied}");
    wait::until_true("the other one to have installed it", PATIENCE, || {
        Ok(witness.look_at(lab, 0)?.generation > first)
    })?;
    let mut held = hold(lab, "hold", address, 20_000)?;
    all_answer("through both", &mut held)?;
    only_through(lab, address, 1)?;
    all_answer("through the one that has prepared it", &mut held)?;

    lab.forwarders[1].agent().context("it runs")?.signal(Signal::SIGCONT)?;
    witness.settle(lab, first)?;
    through_both(lab, address, 0)?;
    only_through(lab, address, 0)?;
    all_answer("through the one that has installed it", &mut held)?;
    let report = held.finish()?;
    let on = |backend: &&str| report.connections_by_backend.get(*backend).copied().unwrap_or(0);
    let is_spread = on(&"be1") + on(&"be2") > 30 && others.iter().all(|backend| on(backend) > 30);
    ensure!(is_spread, "{:?}", report.connections_by_backend);
    expect_unbroken("a change that one has prepared and the other has installed", &report)
}

fn above_the_budget_waits() -> Value {
    rollout(NAMESPACE, json!({"budget": {"slotsPermille": 10, "above": "Hold"}}))
}

#[test]
fn who_has_prepared_a_change_knows_where_it_leads() {
    in_plane_of(&[above_the_budget_waits()], |lab, plane| {
        let address = plane.web(lab)?;
        is_known_where_it_leads(lab, plane, &address, &["be3"], |plane| plane.east.apply(&[web_on(&[2])]))
    });
}

#[test]
fn who_has_prepared_another_seed_knows_where_it_leads() {
    in_plane_of(&[above_the_budget_waits()], |lab, plane| {
        let address = plane.web(lab)?;
        is_known_where_it_leads(lab, plane, &address, &[], |plane| plane.controller.rotate_seed())
    });
}

#[test]
fn who_has_prepared_another_table_size_knows_where_it_leads() {
    in_plane_of(&[above_the_budget_waits()], |lab, plane| {
        let address = plane.web(lab)?;
        let mut web = service("web");
        web["metadata"]["annotations"] = json!({"guideway.dev/table-size": "65537"});
        is_known_where_it_leads(lab, plane, &address, &[], |plane| plane.east.apply(&[web]))
    });
}

/// `web` with a lower port beside its own, after which the set is called as long as both have the same backends.
fn web_with_another_port() -> Value {
    let mut web = service("web");
    web["spec"]["ports"] = json!([
        {"name": "low", "port": 8079, "targetPort": 80},
        {"name": "http", "port": 8080, "targetPort": 80},
    ]);
    web
}

/// The slices of both ports, each on these backends. While they are the same it is one slice.
fn ports_on(low: &[usize], http: &[usize]) -> Vec<Value> {
    let slice = |suffix: &str, ports: &[&str], backends: &[usize]| {
        let mut slice = web_on(backends);
        slice["metadata"]["name"] = json!(format!("web-{suffix}"));
        let ports = ports.iter().map(|name| json!({"name": name, "port": 80, "protocol": "TCP"}));
        slice["ports"] = ports.collect();
        slice
    };
    match low == http {
        true => vec![slice("a", &["low", "http"], low)],
        // The lower port never goes without.
        false => vec![slice("low", &["low"], low), slice("a", &["http"], http)],
    }
}

#[test]
fn who_has_prepared_a_move_to_another_set_knows_where_it_leads() {
    in_plane_of(&[above_the_budget_waits()], |lab, plane| {
        plane.east.apply(&[web_with_another_port()])?;
        plane.east.apply(&ports_on(&[0, 1], &[0, 1]))?;
        let address = plane.east.addresses("default", "web")?.remove(0);
        lab.wait_for_all_legs(address.parse()?)?;
        let change = |plane: &mut Plane| plane.east.apply(&ports_on(&[0, 1], &[2]));
        is_known_where_it_leads(lab, plane, &address, &["be3"], change)
    });
}

fn follow_with_the_first(lab: &mut Lab, at: usize, controller: &Controller) -> Result<()> {
    if at == 0 { follow(lab, at, controller) } else { Ok(()) }
}

/// The maps are gone, as after a reboot; what is on the disk is there.
fn restart_without_maps(lab: &mut Lab, at: usize) -> Result<()> {
    let forwarder = &mut lab.forwarders[at];
    forwarder.stop_agent()?;
    let mut detach: Command = forwarder.netns().command(binary("lb-dataplane")?);
    detach.arg("detach").arg("--pin-root").arg(forwarder.pins());
    ensure!(detach.status()?.success(), "lb-dataplane detach fails");
    forwarder.start_agent()
}

/// Connections from before two changes, by the first forwarder: the address that they are to, and each kind of them.
fn hold_through_two_changes(
    lab: &Lab,
    plane: &Plane,
) -> Result<(String, Running<HoldReport>, Running<HoldReport>)> {
    plane.east.apply(&[service("web"), web_on(&[0, 1])])?;
    let address = plane.east.addresses("default", "web")?.remove(0);
    lab.tor.wait_for_legs(address.parse()?, &["fw1"], PATIENCE)?;
    served_by(lab, &address, 8080, &["be1", "be2"])?;
    let mut first = hold(lab, "first", &address, 20_000)?;
    all_answer("on the first two backends", &mut first)?;
    plane.east.apply(&[web_on(&[1, 2])])?;
    served_by(lab, &address, 8080, &["be2", "be3"])?;
    let mut second = hold(lab, "second", &address, 21_000)?;
    all_answer("on the next two", &mut second)?;
    plane.east.apply(&[web_on(&[2])])?;
    served_by(lab, &address, 8080, &["be3"])?;
    Ok((address, first, second))
}

#[test]
fn who_joins_is_told_where_connections_are() {
    in_plane_with(1, follow_with_the_first, |lab, plane: &mut Plane| {
        let (address, mut first, mut second) = hold_through_two_changes(lab, plane)?;

        follow(lab, 1, &plane.controller)?;
        lab.wait_for_all_legs(address.parse()?)?;
        only_through(lab, &address, 1)?;
        for held in [&mut first, &mut second] {
            all_answer("through the one that joined", held)?;
        }

        through_both(lab, &address, 0)?;
        only_through(lab, &address, 0)?;
        restart_without_maps(lab, 1)?;
        through_both(lab, &address, 1)?;
        only_through(lab, &address, 1)?;
        for held in [&mut first, &mut second] {
            all_answer("through the one whose maps were gone", held)?;
        }
        for (what, held) in [("first", first), ("second", second)] {
            let report = held.finish()?;
            ensure!(report.connections_by_backend.len() == 2, "{:?}", report.connections_by_backend);
            expect_unbroken(what, &report)?;
        }
        Ok(())
    });
}

#[test]
fn who_joins_after_another_controller_leads_is_told_where_connections_are() {
    in_plane_with(1, follow_with_the_first, |lab, plane: &mut Plane| {
        let (address, first, second) = hold_through_two_changes(lab, plane)?;

        // Nothing of what it was told is left but with the forwarder.
        plane.controller.kill()?;
        plane.controller.spawn()?;
        joins(lab, plane, &address, vec![("first", first), ("second", second)])
    });
}

/// The page that forwarders ask for the health of a backend.
fn set_healthy(lab: &Lab, at: usize, is_healthy: bool) -> Result<()> {
    let page = lab.folder().node(lab.backends[at].name())?.join("site/healthz");
    if is_healthy {
        std::fs::write(page, "ok\n")?;
    } else {
        std::fs::remove_file(page)?;
    }
    Ok(())
}

/// All of them answer through the one that joins now.
fn joins(
    lab: &mut Lab,
    plane: &Plane,
    address: &str,
    mut held: Vec<(&str, Running<HoldReport>)>,
) -> Result<()> {
    follow(lab, 1, &plane.controller)?;
    lab.wait_for_all_legs(address.parse()?)?;
    only_through(lab, address, 1)?;
    for (what, held) in &mut held {
        all_answer(&format!("{what}, through the one that joined"), held)?;
    }
    held.into_iter().try_for_each(|(what, held)| expect_unbroken(what, &held.finish()?))
}

#[test]
fn who_joins_is_told_what_vips_had_that_moved_to_another_set() {
    in_plane_with(1, follow_with_the_first, |lab, plane: &mut Plane| {
        plane.east.apply(&[web_with_another_port()])?;
        plane.east.apply(&ports_on(&[0, 1], &[0, 1]))?;
        let address = plane.east.addresses("default", "web")?.remove(0);
        lab.tor.wait_for_legs(address.parse()?, &["fw1"], PATIENCE)?;
        served_by(lab, &address, 8080, &["be1", "be2"])?;
        let mut first = hold(lab, "first", &address, 20_000)?;
        all_answer("at the set of both ports", &mut first)?;
        plane.east.apply(&ports_on(&[0, 1], &[2]))?;
        served_by(lab, &address, 8080, &["be3"])?;
        let mut second = hold(lab, "second", &address, 21_000)?;
        all_answer("at a set of its own", &mut second)?;
        joins(lab, plane, &address, vec![("first", first), ("second", second)])
    });
}

#[test]
fn who_joins_is_told_which_backends_were_dead() {
    in_plane_with(1, follow_with_the_first, |lab, plane: &mut Plane| {
        [0, 1].into_iter().try_for_each(|at| set_healthy(lab, at, true))?;
        let mut web = service("web");
        web["metadata"]["annotations"] = json!({
            "guideway.dev/health-check": "http",
            "guideway.dev/health-check-path": "/healthz",
            "guideway.dev/health-check-interval": "200ms",
        });
        plane.east.apply(&[web, web_on(&[0, 1])])?;
        let address = plane.east.addresses("default", "web")?.remove(0);
        lab.tor.wait_for_legs(address.parse()?, &["fw1"], PATIENCE)?;
        served_by(lab, &address, 8080, &["be1", "be2"])?;

        set_healthy(lab, 0, false)?;
        served_by(lab, &address, 8080, &["be2"])?;
        let mut held = hold(lab, "meanwhile", &address, 20_000)?;
        all_answer("while one is dead", &mut held)?;
        set_healthy(lab, 0, true)?;
        served_by(lab, &address, 8080, &["be1", "be2"])?;
        joins(lab, plane, &address, vec![("meanwhile", held)])
    });
}

#[test]
fn who_joins_is_told_what_was_before_another_seed() {
    in_plane_with(1, follow_with_the_first, |lab, plane: &mut Plane| {
        plane.east.apply(&[service("web"), web_on(&[0, 1])])?;
        let address = plane.east.addresses("default", "web")?.remove(0);
        lab.tor.wait_for_legs(address.parse()?, &["fw1"], PATIENCE)?;
        served_by(lab, &address, 8080, &["be1", "be2"])?;
        let mut before = hold(lab, "before", &address, 20_000)?;
        all_answer("by the first seed", &mut before)?;

        let mut witness = Witness::default();
        let first = witness.look_at(lab, 0)?.generation;
        plane.controller.rotate_seed()?;
        wait::until_true("the other seed", PATIENCE, || Ok(witness.look_at(lab, 0)?.generation > first))?;
        let mut after = hold(lab, "after", &address, 21_000)?;
        all_answer("by the other seed", &mut after)?;
        all_answer("and those by the first one", &mut before)?;
        joins(lab, plane, &address, vec![("before", before), ("after", after)])
    });
}
