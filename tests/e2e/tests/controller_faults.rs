//! What must never be seen whatever fails between API, controller and forwarders: two contents of one generation, a forwarder
//! that goes back, a request that nobody answers. Controller, agents and traffic are real, and so are their deaths.

mod controller_support;

use anyhow::{Result, ensure};
use controller_support::network::Cut;
use controller_support::objects::{config_map, service, slice};
use controller_support::plane::{PODS, Plane, Requests, in_plane, in_plane_with, web_on};
use controller_support::witness::{RouteMonitor, Witness};
use controller_support::{PATIENCE, PORT, RELAY_PORT, follow, follow_with_little_room, served_by};
use guideway_lab::lab::CONVERGENCE;
use guideway_lab::{Lab, wait};
use nix::sys::signal::Signal;

const ALL: [&str; 3] = ["be1", "be2", "be3"];

#[test]
fn a_forwarder_that_reaches_nobody_serves_on_and_catches_up() {
    in_plane(|lab, plane| {
        let address = plane.web(lab)?;
        let mut witness = Witness::default();
        let before = witness.settle(lab, 0)?;
        let mut requests = Requests::start(lab, "web", &address)?;

        // Silence: neither side is told that the connection is gone.
        let cut = Cut::of_ports(lab.forwarders[0].netns(), &[PORT, RELAY_PORT])?;
        plane.east.apply(&[web_on(&[1, 2])])?;
        wait::until_true("the other forwarder to go on", PATIENCE, || {
            Ok(witness.look_at(lab, 1)?.generation > before)
        })?;
        let sights = witness.look(lab)?;
        ensure!(sights[0].generation == before, "a forwarder that hears nothing has {:?}", sights[0]);
        ensure!(sights[0].fence.is_none(), "it cannot know of anything newer: {:?}", sights[0]);
        lab.wait_for_all_legs(address.parse()?)?;
        wait::until_true("it to miss the controller", PATIENCE, || {
            Ok(witness.look_at(lab, 0)?.leader.is_none())
        })?;
        requests.wait_round()?;
        let (_, shown) = plane.controller.lbctl(&["forwarders"])?;
        let row = shown["forwarders"].as_array().into_iter().flatten().find(|row| row["name"] == "fw1");
        ensure!(row.is_some_and(|row| row["connected"] == false && row["current"] == false), "{shown}");

        cut.heal();
        witness.settle(lab, before)?;
        lab.wait_for_all_legs(address.parse()?)?;
        requests.wait_round()?;
        requests.expect_answered("one forwarder was cut off", &ALL)?;
        witness.expect_nothing_else()?;
        served_by(lab, &address, 8080, &["be2", "be3"])
    });
}

/// It is told what the others are told, through them, and so is no step behind; also when it dies meanwhile.
#[test]
fn a_forwarder_that_is_cut_off_from_the_controller_goes_through_another() {
    in_plane(|lab, plane| {
        let address = plane.web(lab)?;
        let mut witness = Witness::default();
        let before = witness.settle(lab, 0)?;
        let mut requests = Requests::start(lab, "web", &address)?;
        let through_another = |witness: &mut Witness, lab: &Lab| {
            let is_so = |leader: &String| leader.contains("through the forwarder at");
            wait::until_true("it to follow through the other one", PATIENCE, || {
                Ok(witness.look_at(lab, 0)?.leader.is_some_and(|leader| is_so(&leader)))
            })
        };

        let cut = Cut::of_ports(lab.forwarders[0].netns(), &[PORT])?;
        // At once: it may still believe that it hears the controller.
        plane.east.apply(&[web_on(&[1, 2])])?;
        let second = witness.settle(lab, before)?;
        through_another(&mut witness, lab)?;
        plane.east.apply(&[web_on(&[2])])?;
        let third = witness.settle(lab, second)?;
        let (_, shown) = plane.controller.lbctl(&["forwarders"])?;
        let row = shown["forwarders"].as_array().into_iter().flatten().find(|row| row["name"] == "fw1");
        ensure!(row.is_some_and(|row| row["connected"] == true && row["current"] == true), "{shown}");

        lab.forwarders[0].kill_agent()?;
        lab.forwarders[0].start_agent()?;
        // It says what is in force when it has seen to it that this is so.
        wait::until_true("it to have installed what it kept", PATIENCE, || {
            Ok(lab.forwarders[0].lbctl(&["status"])?["controller"]["generation"] == third)
        })?;
        through_another(&mut witness, lab)?;
        plane.east.apply(&[web_on(&[1])])?;
        let fourth = witness.settle(lab, third)?;

        // When the other one's agent dies it has no way, until that is back; nobody else has one for that.
        lab.forwarders[1].kill_agent()?;
        wait::until_true("it to miss the controller", PATIENCE, || {
            Ok(witness.look_at(lab, 0)?.leader.is_none())
        })?;
        lab.forwarders[1].start_agent()?;
        through_another(&mut witness, lab)?;
        wait::until_true("the other one to have installed what it kept", PATIENCE, || {
            Ok(lab.forwarders[1].lbctl(&["status"])?["controller"]["generation"] == fourth)
        })?;
        cut.heal();
        plane.east.apply(&[web_on(&[0, 1, 2])])?;
        witness.settle(lab, fourth)?;
        lab.wait_for_all_legs(address.parse()?)?;
        requests.wait_round()?;
        requests.expect_answered("one forwarder was cut off from the controller", &ALL)?;
        witness.expect_nothing_else()
    });
}

/// A forwarder is behind, and comes to know that it is: it announces nothing until it is not any more.
#[test]
fn a_forwarder_that_cannot_have_what_is_committed_withdraws() {
    let follow: controller_support::plane::Follow = |lab, at, controller| match at {
        0 => follow_with_little_room(lab, at, controller),
        _ => follow(lab, at, controller),
    };
    in_plane_with(1, follow, |lab, plane| {
        let address = plane.web(lab)?;
        let mut witness = Witness::default();
        let before = witness.settle(lab, 0)?;
        let mut requests = Requests::start(lab, "web", &address)?;

        // While it is away the others go on, to what has more VIPs than it has room for.
        let cut = Cut::of_ports(lab.forwarders[0].netns(), &[PORT, RELAY_PORT])?;
        for name in ["second", "third"] {
            plane.east.apply(&[service(name), slice(name, "a", &[(PODS[2], "be3", true)])])?;
            served_by_one(lab, &plane.east.addresses("default", name)?[0], "fw2")?;
        }
        ensure!(witness.look(lab)?[0].generation == before, "it went on although it is cut off");
        lab.wait_for_all_legs(address.parse()?)?;
        cut.heal();
        served_by_one(lab, &address, "fw2")?;
        let fence = witness.look_at(lab, 0)?.fence.unwrap_or_default();
        ensure!(fence.contains("is committed"), "the reason is `{fence}`");
        ensure!(witness.look_at(lab, 0)?.generation == before, "it has installed what it has no room for");
        let (_, shown) = plane.controller.lbctl(&["forwarders"])?;
        let row = shown["forwarders"].as_array().into_iter().flatten().find(|row| row["name"] == "fw1");
        let problems = row.map(|row| row["problems"].to_string()).unwrap_or_default();
        ensure!(problems.contains("limits.vips"), "people are not told why: {shown}");
        requests.wait_round()?;

        // With less to hold it comes back by itself.
        plane.east.kubectl(&["delete", "service", "third"])?;
        lab.wait_for_all_legs(address.parse()?)?;
        witness.settle(lab, before)?;
        requests.wait_round()?;
        requests.expect_answered("one forwarder was fenced", &["be1", "be2"])
    });
}

fn served_by_one(lab: &Lab, address: &str, forwarder: &str) -> Result<()> {
    lab.tor.wait_for_legs(address.parse()?, &[forwarder], PATIENCE.max(CONVERGENCE)).map(drop)
}

/// When the controller dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Point {
    /// It has written its term.
    Elected,
    /// It has begun to send what is to be prepared.
    Proposed,
    /// One forwarder has prepared it; the other one does not answer.
    OnePrepared,
    /// Both have, and the write of the record is on its way: nobody knows what comes of it.
    AllPrepared,
    /// The record is written.
    Committed,
    /// One forwarder has installed it; the other one does not know that it is committed.
    OneInstalled,
    /// Both have.
    AllInstalled,
}

const POINTS: [Point; 7] = [
    Point::Elected,
    Point::Proposed,
    Point::OnePrepared,
    Point::AllPrepared,
    Point::Committed,
    Point::OneInstalled,
    Point::AllInstalled,
];

#[test]
fn the_controller_dies_at_each_step_of_a_change_and_no_request_fails() {
    in_plane(|lab, plane| {
        let address = plane.web(lab)?;
        let mut witness = Witness::default();
        let mut generation = witness.settle(lab, 0)?;
        let mut requests = Requests::start(lab, "web", &address)?;
        for (round, point) in POINTS.into_iter().enumerate() {
            let backends: &[usize] = if round % 2 == 0 { &[1, 2] } else { &[0, 1] };
            let change = |plane: &Plane| plane.east.apply(&[web_on(backends)]);
            die(lab, plane, &mut witness, point, generation, change)?;
            witness.look(lab)?;
            requests.wait_round()?;
            plane.controller.spawn()?;
            if point == Point::Elected {
                change(plane)?;
            }
            generation = witness.settle(lab, generation)?;
        }
        requests.wait_round()?;
        requests.expect_answered("the controller died again and again", &ALL)?;
        witness.expect_nothing_else()
    });
}

/// Makes the change, and kills the controller at this point of it.
fn die(
    lab: &Lab,
    plane: &mut Plane,
    witness: &mut Witness,
    point: Point,
    before: u64,
    change: impl Fn(&Plane) -> Result<()>,
) -> Result<()> {
    let logged = plane.controller.log().len();
    match point {
        Point::Elected => {
            plane.controller.kill()?;
            plane.controller.spawn()?;
            plane.controller.wait_for_log(logged, "Leads(")?;
        }
        Point::Proposed | Point::Committed | Point::AllInstalled => {
            change(plane)?;
            let step = match point {
                Point::Proposed => "Proposed(",
                Point::Committed => "Committed(",
                _ => "Done(",
            };
            plane.controller.wait_for_log(logged, step)?;
        }
        Point::OnePrepared | Point::OneInstalled => {
            let held = Held::agents(lab, &[1])?;
            change(plane)?;
            wait::until_true(&format!("the first forwarder at {point:?}"), PATIENCE, || {
                let sight = witness.look_at(lab, 0)?;
                let is_prepared = point == Point::OnePrepared && sight.prepared.is_some();
                Ok(is_prepared || sight.generation > before)
            })?;
            plane.controller.kill()?;
            return held.release();
        }
        Point::AllPrepared => {
            let held = Held::agents(lab, &[0, 1])?;
            change(plane)?;
            plane.controller.wait_for_log(logged, "Proposed(")?;
            // The store of the record does not answer any more.
            plane.east.signal(Signal::SIGSTOP)?;
            held.release()?;
            let prepared = wait::until_true("both forwarders to have prepared it", PATIENCE, || {
                Ok(witness
                    .look(lab)?
                    .iter()
                    .all(|sight| sight.prepared.is_some() || sight.generation > before))
            });
            let killed = plane.controller.kill();
            plane.east.signal(Signal::SIGCONT)?;
            prepared?;
            return killed;
        }
    }
    plane.controller.kill()
}

/// Agents that do nothing until they are released.
struct Held<'a> {
    lab: &'a Lab,
    agents: Vec<usize>,
}

impl<'a> Held<'a> {
    fn agents(lab: &'a Lab, agents: &[usize]) -> Result<Self> {
        let held = Self { lab, agents: agents.to_vec() };
        held.signal(Signal::SIGSTOP)?;
        Ok(held)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let agents = self.agents.iter().filter_map(|at| self.lab.forwarders[*at].agent());
        agents.into_iter().try_for_each(|agent| agent.signal(signal))
    }

    fn release(self) -> Result<()> {
        self.signal(Signal::SIGCONT)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // Again is no harm.
        let _ = self.signal(Signal::SIGCONT);
    }
}

#[test]
fn what_happened_while_the_api_could_not_be_watched_is_found_out() {
    /// More than the server remembers of the past, in bytes.
    const MEMORY: usize = 17 << 20;
    const OBJECT: usize = 1_000_000;
    in_plane(|lab, plane| {
        let address = plane.web(lab)?;
        for suffix in ["b", "c"] {
            plane.east.apply(&[service("other"), slice("other", suffix, &[(other(suffix), "be3", true)])])?;
        }
        let mut witness = Witness::default();
        let other_address = plane.east.addresses("default", "other")?.remove(0);
        lab.wait_for_all_legs(other_address.parse()?)?;
        let mut generation = witness.settle(lab, 0)?;
        let routes = RouteMonitor::start(lab)?;
        let mut requests = Requests::start(lab, "web", &address)?;

        // The past is forgotten, and then the watches break: they cannot go on from where they were.
        let logged = plane.controller.log().len();
        let past: Vec<_> =
            (0..=MEMORY / OBJECT).map(|number| config_map(&format!("past-{number}"), OBJECT)).collect();
        plane.east.create(&past)?;
        plane.east.break_connections()?;
        plane.east.apply(&[web_on(&[1, 2])])?;
        generation = witness.settle(lab, generation)?;
        plane.controller.wait_for_log(logged, "Expired")?;

        // A server that restarts; what happens until it can be watched again is missed.
        plane.controller.signal(Signal::SIGSTOP)?;
        plane.east.kill()?;
        plane.east.spawn()?;
        plane.east.kubectl(&["delete", "endpointslice", "other-b"])?;
        plane.east.apply(&[web_on(&[0])])?;
        plane.controller.signal(Signal::SIGCONT)?;
        witness.settle(lab, generation)?;
        // Nobody answers at the endpoint that is gone.
        served_by(lab, &other_address, 8080, &["be3"])?;
        served_by(lab, &address, 8080, &["be1"])?;
        requests.wait_round()?;
        requests.expect_answered("the API server forgot the past", &ALL)?;
        routes.expect_nothing_of(&address)?;
        routes.expect_nothing_of(&other_address)
    });
}

/// The address of the Pod in a slice of `other`.
fn other(suffix: &str) -> &'static str {
    if suffix == "b" { "10.244.3.77" } else { PODS[2] }
}
