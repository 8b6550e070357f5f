//! Long-lived connections through every change of backends and forwarders: none may break.
//!
//! The backends run lb-decap, packets of slots in doubt carry the other backends that they may be for, and the router is a
//! real one: when a forwarder leaves or comes, most flows meet another one than before.

use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use guideway_e2e::expect_unbroken;
use guideway_lab::addresses::vip;
use guideway_lab::client::Running;
use guideway_lab::forwarder::DataplaneConfig;
use guideway_lab::forwarder::config::{Backend, BackendSet, Encapsulation, Vip};
use guideway_lab::lab::http;
use guideway_lab::load::{HoldReport, HoldSpec};
use guideway_lab::netns::LinkState;
use guideway_lab::{Lab, LabSpec, in_lab, wait};

/// How long a change may take until both forwarders have it, on a busy machine.
const CHANGE: Duration = Duration::from_secs(30);
/// How long a request of each connection may take.
const ROUND: Duration = Duration::from_secs(120);

/// One VIP and `count` backends behind GUE.
fn config(count: u8) -> DataplaneConfig {
    let set = BackendSet { encapsulation: Encapsulation::Gue, ..BackendSet::of("web", 1..=count, true) };
    DataplaneConfig { sets: vec![set], vips: vec![Vip::new("v4", vip::V4, "web")] }
}

/// The first source port that no load has had. A backend that was cut off still has sockets of connections that the client
/// gave up meanwhile, and claims what comes from their ports when it is back (docs/decap.md, *Hand-over*).
static NEXT_PORT: AtomicU16 = AtomicU16::new(10_000);

fn hold(lab: &Lab, name: &str, connections: u16, interval_ms: u64) -> Result<Running<HoldReport>> {
    let first_port = NEXT_PORT.fetch_add(connections, Ordering::Relaxed);
    let spec = HoldSpec { connections, first_port, interval_ms, timeout_ms: 60_000, ..HoldSpec::default() };
    lab.client.start_hold(name, http(vip::V4), &spec)
}

/// Writes a configuration to every forwarder; [`wait_changed`] waits until they act on it.
fn change(lab: &Lab, config: &DataplaneConfig) -> Result<Vec<u64>> {
    lab.forwarders
        .iter()
        .map(|forwarder| {
            let generation = forwarder.generation()?;
            forwarder.write_config(config)?;
            Ok(generation)
        })
        .collect()
}

fn wait_changed(lab: &Lab, before: &[u64]) -> Result<()> {
    for (forwarder, &generation) in lab.forwarders.iter().zip(before) {
        forwarder.wait_new_generation(generation, CHANGE)?;
    }
    Ok(())
}

/// Waits until every connection has had an answer to a request that it sent after this moment, and says so.
fn all_answer(event: &str, loads: &mut [Running<HoldReport>]) -> Result<()> {
    let start = Instant::now();
    let goals: Vec<usize> = loads.iter().map(|load| load.round_after(1)).collect();
    let (mut alive, mut connections, mut bytes) = (0, 0, 0);
    for (load, goal) in loads.iter_mut().zip(goals) {
        load.wait_round(goal, ROUND)?;
        let round = load.last_round()?;
        alive += round.alive;
        connections += round.connections;
        bytes += round.bytes;
    }
    let time = start.elapsed();
    println!("{event}: {alive} of {connections} connections alive, {bytes} bytes answered ({time:.1?})");
    Ok(())
}

#[test]
fn ten_thousand_connections_outlive_every_change() {
    let mut now = config(3);
    in_lab(&LabSpec { backends: 5, ..LabSpec::default() }, &now.clone(), |lab| {
        let mut loads = vec![hold(lab, "first", 10_000, 3_000)?];
        all_answer("before", &mut loads)?;
        for step in 0..4 {
            let event = match step {
                0 => {
                    now.set("web").backends.push(Backend::of(4, true));
                    "backend added"
                }
                1 => {
                    now.set("web").backends[0].weight = 3;
                    "backend re-weighted"
                }
                2 => {
                    now.set("web").backends[1].weight = 0;
                    "backend drained"
                }
                _ => {
                    now.set("web").backends.retain(|backend| backend.name != "be3");
                    "backend removed"
                }
            };
            let before = change(lab, &now)?;
            wait_changed(lab, &before)?;
            all_answer(event, &mut loads)?;
            // Flows of the time in between have to live on, too.
            loads.push(hold(lab, &format!("after-{step}"), 250, 3_000)?);
        }
        for forwarder in &lab.forwarders {
            ensure!(forwarder.unsettled_slots("web")? > 0, "{} has nothing in doubt", forwarder.name());
        }

        lab.forwarders[1].stop_speaker()?;
        lab.tor.wait_for_legs(vip::V4, &["fw1"], CHANGE)?;
        all_answer("forwarder removed", &mut loads)?;
        loads.push(hold(lab, "one-forwarder", 250, 3_000)?);
        lab.forwarders[1].start_speaker()?;
        lab.wait_for_all_legs(vip::V4)?;
        all_answer("forwarder added", &mut loads)?;

        // In the same second: a backend comes, another is re-weighted, a forwarder goes.
        now.set("web").backends.push(Backend::of(5, true));
        now.set("web").backends[0].weight = 1;
        let before = change(lab, &now)?;
        lab.forwarders[0].kill_speaker()?;
        lab.tor.wait_for_legs(vip::V4, &["fw2"], CHANGE)?;
        wait_changed(lab, &before)?;
        all_answer("backends changed and a forwarder removed at once", &mut loads)?;
        loads.push(hold(lab, "both", 250, 3_000)?);

        now.set("web").backends.retain(|backend| backend.name != "be4");
        let before = change(lab, &now)?;
        lab.forwarders[0].start_speaker()?;
        lab.wait_for_all_legs(vip::V4)?;
        wait_changed(lab, &before)?;
        all_answer("backends changed and a forwarder added at once", &mut loads)?;

        let handed_over: u64 =
            lab.forwarders.iter().map(|forwarder| forwarder.counter("second_hop")).sum::<Result<u64>>()?;
        ensure!(handed_over > 0, "no packet carried a further hop: nothing was in doubt");
        let (mut connections, mut broken, mut bytes) = (0, 0, 0);
        let mut reports = Vec::new();
        for load in loads {
            let report = load.finish()?;
            connections += report.connections;
            broken += report.broken;
            bytes += report.bytes;
            reports.push(report);
        }
        println!(
            "{connections} connections, {broken} broken, {bytes} bytes answered, {handed_over} packets with further hops"
        );
        for report in &reports {
            expect_unbroken("every change", report)?;
        }
        Ok(())
    });
}

#[test]
fn a_backend_that_returns_takes_no_flow_from_those_that_stood_in() {
    in_lab(&LabSpec::default(), &config(3), |lab| {
        let mut loads = vec![hold(lab, "before", 600, 500)?];
        all_answer("before", &mut loads)?;
        lab.backends[1].set_link(LinkState::Down)?;
        for forwarder in &lab.forwarders {
            wait::until_true(
                "be2 to be out of the table",
                CHANGE,
                || Ok(forwarder.slots("v4", "be2")? == 0),
            )?;
        }
        loads.push(hold(lab, "meanwhile", 600, 500)?);
        loads[1].wait_rounds(1, ROUND)?;
        lab.backends[1].set_link(LinkState::Up)?;
        for forwarder in &lab.forwarders {
            wait::until_true("be2 to be back", CHANGE, || Ok(forwarder.slots("v4", "be2")? > 0))?;
            ensure!(forwarder.unsettled_slots("web")? > 0, "{} has nothing in doubt", forwarder.name());
        }
        loads.push(hold(lab, "after", 600, 500)?);
        all_answer("be2 is back", &mut loads)?;
        let reports: Vec<HoldReport> = loads.into_iter().map(Running::finish).collect::<Result<_>>()?;
        ensure!(
            !reports[1].connections_by_backend.contains_key("be2"),
            "{:?}",
            reports[1].connections_by_backend
        );
        ensure!(
            reports[2].connections_by_backend.contains_key("be2"),
            "{:?}",
            reports[2].connections_by_backend
        );
        // Those that be2 had when it went away met the ones that stood in; nobody else's may break.
        let broken = &reports[0].broken_by_backend;
        ensure!(broken.keys().all(|backend| backend == "be2"), "{broken:?}");
        for report in &reports[1..] {
            expect_unbroken("be2 failed and returned", report)?;
        }
        Ok(())
    });
}

#[test]
fn an_agent_killed_while_slots_are_in_doubt_knows_them_again() {
    let mut now = config(3);
    in_lab(&LabSpec { backends: 4, ..LabSpec::default() }, &now.clone(), |lab| {
        let mut loads = vec![hold(lab, "before", 600, 500)?];
        now.set("web").backends.push(Backend::of(4, true));
        let before = change(lab, &now)?;
        wait_changed(lab, &before)?;
        loads.push(hold(lab, "after", 600, 500)?);
        let unsettled = |lab: &Lab| -> Result<Vec<u64>> {
            lab.forwarders.iter().map(|forwarder| forwarder.unsettled_slots("web")).collect()
        };
        let in_doubt = unsettled(lab)?;
        ensure!(in_doubt.iter().all(|&slots| slots > 0), "{in_doubt:?}");

        for forwarder in &mut lab.forwarders {
            forwarder.kill_agent()?;
        }
        all_answer("no agent", &mut loads)?;
        for forwarder in &mut lab.forwarders {
            forwarder.start_agent()?;
        }
        // It plans when it has first verdicts on the backends.
        wait::until_true("the agents to know their sets", CHANGE, || Ok(unsettled(lab).is_ok()))?;
        ensure!(unsettled(lab)? == in_doubt, "{:?} instead of {in_doubt:?}", unsettled(lab)?);
        all_answer("agents are back", &mut loads)?;

        // And it goes on from there: the newest backend leaves again, and keeps its flows.
        now.set("web").backends.pop();
        let before = change(lab, &now)?;
        wait_changed(lab, &before)?;
        all_answer("be4 left", &mut loads)?;
        for load in loads {
            expect_unbroken("agents killed", &load.finish()?)?;
        }
        Ok(())
    });
}

#[test]
fn a_table_of_another_size_keeps_connections() {
    let mut now = config(3);
    in_lab(&LabSpec { backends: 4, ..LabSpec::default() }, &now.clone(), |lab| {
        let mut loads = vec![hold(lab, "before", 600, 500)?];
        all_answer("before", &mut loads)?;
        now.set("web").table_size = 16_381;
        now.set("web").backends.push(Backend::of(4, true));
        let before = change(lab, &now)?;
        wait_changed(lab, &before)?;
        for forwarder in &lab.forwarders {
            let unsettled = forwarder.unsettled_slots("web")?;
            ensure!(unsettled == 16_381, "{} has {unsettled} slots in doubt", forwarder.name());
        }
        all_answer("another size and another backend", &mut loads)?;
        loads.push(hold(lab, "after", 600, 500)?);

        // Whoever comes back knows both tables, and so does the forwarder that gets the other one's connections.
        lab.forwarders[0].kill_agent()?;
        lab.forwarders[0].start_agent()?;
        let knows =
            |lab: &Lab| Ok(lab.forwarders[0].unsettled_slots("web").is_ok_and(|slots| slots == 16_381));
        wait::until_true("the agent to know its set", CHANGE, || knows(lab))?;
        lab.forwarders[1].stop_speaker()?;
        lab.tor.wait_for_legs(vip::V4, &["fw1"], CHANGE)?;
        all_answer("all by one forwarder", &mut loads)?;
        for load in loads {
            expect_unbroken("another size", &load.finish()?)?;
        }
        Ok(())
    });
}

#[test]
fn a_vip_that_is_given_another_set_keeps_connections() {
    let set = |name: &str, backends| BackendSet {
        encapsulation: Encapsulation::Gue,
        ..BackendSet::of(name, backends, true)
    };
    let given = |name: &str| DataplaneConfig {
        sets: vec![set("web", 1..=2), set("other", 3..=4)],
        vips: vec![Vip::new("v4", vip::V4, name), Vip::new("extra", vip::EXTRA, "other")],
    };
    in_lab(&LabSpec { backends: 4, ..LabSpec::default() }, &given("web"), |lab| {
        let mut loads = vec![hold(lab, "before", 600, 500)?];
        all_answer("before", &mut loads)?;
        let before = change(lab, &given("other"))?;
        wait_changed(lab, &before)?;
        for forwarder in &lab.forwarders {
            let unsettled = forwarder.unsettled_slots("other")?;
            ensure!(unsettled > 0, "{} has nothing in doubt", forwarder.name());
        }
        all_answer("another set", &mut loads)?;
        loads.push(hold(lab, "after", 600, 500)?);

        // Whoever comes back reads from the maps which VIP came from where, and the other forwarder's connections are found, too.
        lab.forwarders[0].kill_agent()?;
        lab.forwarders[0].start_agent()?;
        let knows = |lab: &Lab| Ok(lab.forwarders[0].unsettled_slots("other").is_ok_and(|slots| slots > 0));
        wait::until_true("the agent to know its set", CHANGE, || knows(lab))?;
        lab.forwarders[1].stop_speaker()?;
        lab.tor.wait_for_legs(vip::V4, &["fw1"], CHANGE)?;
        all_answer("all by one forwarder", &mut loads)?;

        let before = change(lab, &given("web"))?;
        wait_changed(lab, &before)?;
        all_answer("its former set again", &mut loads)?;
        for load in loads {
            expect_unbroken("another set", &load.finish()?)?;
        }
        Ok(())
    });
}
