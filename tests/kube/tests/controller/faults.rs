//! The leader is killed at each step of a change. What must hold whatever happens is proven by `tests/sim-controller`; this is
//! the same with processes, a store and connections that are real.

use std::time::{Duration, Instant};

use guideway_test_forwarders::{Happened, Step};
use serde_json::json;

use crate::site::{Controllers, Site, pool, service, slice, until};

const FORWARDERS: usize = 4;
const PATIENCE: Duration = Duration::from_secs(90);

/// When the leader dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Point {
    /// It has written its term.
    Elected,
    /// It has begun to send what is to be prepared.
    Proposed,
    /// A forwarder has got it.
    FirstPrepare,
    /// All have prepared it, as they say: the record is about to be written, is being written, or is written.
    AllPrepared,
    /// The record is written.
    Committed,
    /// A forwarder has been told.
    FirstCommit,
    /// A forwarder has installed it.
    FirstInstalled,
    /// All have.
    AllInstalled,
}

const POINTS: [Point; 8] = [
    Point::Elected,
    Point::Proposed,
    Point::FirstPrepare,
    Point::AllPrepared,
    Point::Committed,
    Point::FirstCommit,
    Point::FirstInstalled,
    Point::AllInstalled,
];

#[test]
fn the_leader_is_killed_at_each_step_of_a_change() {
    let home = Site::home();
    home.apply(&pool("all", "192.0.2.0/24"));
    let mut controllers = Controllers::with_forwarders(&home, FORWARDERS);
    controllers.start();
    controllers.start();
    apply(&home, "first");
    serves(&controllers, "first");
    for (round, point) in POINTS.into_iter().enumerate() {
        let name = format!("change{round}");
        let leader = leader(&controllers);
        let logged = controllers.log(leader).len();
        controllers.fleet.forget();
        if point == Point::Elected {
            // Nothing is to be committed when it dies.
            controllers.kill(leader);
            let next = controllers.running()[0];
            until_logged(&controllers, next, 0, "Leads(");
            controllers.kill(next);
            controllers.start();
        } else {
            apply(&home, &name);
            wait_for(point, &controllers, leader, logged);
            controllers.kill(leader);
        }
        // Without it they go on with one of both.
        let announced = controllers.fleet.seen().announced();
        assert!(announced.iter().all(Option::is_some), "{point:?}: {announced:?}");
        if point == Point::Elected {
            apply(&home, &name);
        }
        serves(&controllers, &name);
        assert_eq!(controllers.fleet.seen().wrongs(), [""; 0], "{point:?}");
        controllers.start();
    }
}

fn apply(home: &Site, name: &str) {
    home.apply(&slice(name, "10.1.0.1"));
    home.apply(&service(name, json!({})));
}

/// Until all forwarders announce one generation with the Service in it.
fn serves(controllers: &Controllers, name: &str) {
    let seen = controllers.fleet.seen();
    let has_it = |number| seen.vips(number).iter().any(|vip| vip.contains(&format!("/{name}/")));
    until(&format!("all forwarders serve {name}"), || {
        seen.common().filter(|_| (0..FORWARDERS).all(has_it)).map(|_| ())
    });
}

/// Who leads, as it says.
fn leader(controllers: &Controllers) -> usize {
    let mut found = None;
    until("one leads", || {
        let leads = |number: &usize| {
            let log = controllers.log(*number);
            log.rfind("Leads(").is_some_and(|since| log.rfind("LeadsNoMore").is_none_or(|end| end < since))
        };
        found = controllers.running().into_iter().find(leads);
        found.map(|_| ())
    });
    found.unwrap()
}

fn wait_for(point: Point, controllers: &Controllers, leader: usize, logged: usize) {
    let fleet = &controllers.fleet;
    let first = |is_it: fn(&Happened) -> bool| {
        fleet.wait_for(PATIENCE, is_it).unwrap();
    };
    let all = |is_it: fn(&Step) -> bool| {
        let mut left: Vec<usize> = (0..FORWARDERS).collect();
        while !left.is_empty() {
            let happened = fleet.wait_for(PATIENCE, |happened| is_it(&happened.step)).unwrap();
            left.retain(|number| *number != happened.forwarder);
        }
    };
    match point {
        Point::Elected => {}
        Point::Proposed => until_logged(controllers, leader, logged, "Proposed("),
        Point::Committed => until_logged(controllers, leader, logged, "Committed("),
        Point::FirstPrepare => first(|happened| matches!(happened.step, Step::ToldPrepare(_))),
        Point::FirstCommit => first(|happened| matches!(happened.step, Step::ToldCommit(_))),
        Point::FirstInstalled => first(|happened| matches!(happened.step, Step::Installed(_))),
        Point::AllPrepared => all(|step| matches!(step, Step::Prepared(_))),
        Point::AllInstalled => all(|step| matches!(step, Step::Installed(_))),
    }
}

/// Looks more often than others: the step after it follows at once.
fn until_logged(controllers: &Controllers, number: usize, from: usize, what: &str) {
    let deadline = Instant::now() + PATIENCE;
    while !controllers.log(number).get(from..).is_some_and(|log| log.contains(what)) {
        assert!(Instant::now() < deadline, "controller {number} never says {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
