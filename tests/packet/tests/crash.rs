//! Every system call of an apply goes wrong in turn: packets see the old generation or the new one, never a mix, and the
//! next start completes the work.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]

#[path = "crash/agent.rs"]
mod agent;
#[path = "crash/history.rs"]
mod history;
#[path = "pins/place.rs"]
mod place;
#[path = "crash/probe.rs"]
mod probe;
#[path = "crash/snapshot.rs"]
mod snapshot;

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;

use agent::Agent;
use guideway_abi::ActiveWord;
use guideway_bpf::Dataplane;
use guideway_bpf::fault::{Armed, Fault};
use history::Step;
use nix::sys::signal::Signal;
use place::Place;
use probe::{Seen, probe};
use snapshot::Snapshot;

/// Environment of a child: pin directory, step, and the call that kills it.
const ROOT: &str = "GUIDEWAY_CRASH_ROOT";
const STEP: &str = "GUIDEWAY_CRASH_STEP";
const CALL: &str = "GUIDEWAY_CRASH_CALL";

/// A generation, what is in the maps, and what packets see then: the second time, when the flow table knows them.
struct Reference {
    word: ActiveWord,
    maps: Snapshot,
    seen: Seen,
}

impl Reference {
    fn take(dataplane: &Dataplane, root: &Path) -> Self {
        probe(root);
        let maps = Snapshot::take(dataplane);
        Self { word: dataplane.active(), maps, seen: probe(root) }
    }
}

/// A dataplane before and after a plan, without faults.
struct Scene {
    place: Place,
    step: Step,
    old: Reference,
    new: Reference,
    /// What packets see when nothing is left to do for the step: one plan may not be enough, as what the generation
    /// before has in use is free only after it.
    last: Seen,
    /// System calls that the plan takes.
    calls: u64,
}

impl Scene {
    /// Calls `test` with a scene for each plan that `step` takes, after the history before it.
    fn each(step: Step, mut test: impl FnMut(&Scene)) {
        let mut place = Place::new();
        let mut old = {
            let agent = Agent::open(&place.root);
            agent::write_routes(agent.dataplane());
            for earlier in step.history() {
                agent.complete(*earlier);
                probe(&place.root);
            }
            Reference::take(agent.dataplane(), &place.root)
        };
        let mut plans = 0;
        while let Some((new, last, calls)) = Self::play(&place, step, &old) {
            plans += 1;
            assert!(old.seen != new.seen, "packets do not tell {step:?} from before");
            println!("{step:?}, plan {plans}: {calls} system calls");
            let scene = Self { place, step, old, new, last, calls };
            test(&scene);
            (place, old) = (scene.place, scene.new);
            let agent = Agent::open(&place.root);
            old.maps.restore(agent.dataplane());
            old = Reference::take(agent.dataplane(), &place.root);
        }
        assert!(plans > 0, "{step:?} changes nothing");
    }

    /// The next plan of `step` without a fault; none when nothing is left to do.
    fn play(place: &Place, step: Step, old: &Reference) -> Option<(Reference, Seen, u64)> {
        let agent = Agent::open(&place.root);
        let dataplane = agent.dataplane();
        old.maps.restore(dataplane);
        let ops = agent.plan(step);
        if ops.is_empty() {
            return None;
        }
        let armed = Armed::new(u64::MAX, Fault::Refused);
        agent.apply(&ops).unwrap();
        let calls = armed.calls();
        drop(armed);
        let seen = probe(&place.root);
        let new = Reference { word: dataplane.active(), maps: Snapshot::take(dataplane), seen };
        old.maps.restore(dataplane);
        agent.complete(step);
        Some((new, probe(&place.root), calls))
    }

    /// Packets see one generation, the one that the word names.
    fn check_served(&self, word: ActiveWord, seen: &Seen, what: &str) {
        let wanted = if word == self.old.word { &self.old } else { &self.new };
        assert_eq!(word, wanted.word, "{what}: neither generation");
        let others = wanted.seen.iter().zip(seen).filter(|(wanted, seen)| wanted != seen).count();
        assert_eq!(others, 0, "{what}: packets that do not belong to {word:?}");
        check_affinity(seen, what);
    }

    /// The next start completes the step, whatever was left.
    fn check_repaired(&self, agent: &Agent, what: &str) {
        agent.complete(self.step);
        let seen = probe(&self.place.root);
        let others = self.last.iter().zip(&seen).filter(|(wanted, seen)| wanted != seen).count();
        assert_eq!(others, 0, "{what}: packets that see something else after the repair");
        check_affinity(&seen, what);
    }
}

/// Clients of the VIPs that came later follow no entry that another VIP of their address had in the same place.
fn check_affinity(seen: &Seen, what: &str) {
    for port in [81, 82] {
        let backends = probe::backends(seen, 11, port);
        assert!(backends.is_subset(&history::MEDIA.into()), "{what}: clients of port {port} at {backends:?}");
    }
}

/// A call that fails leaves one whole generation.
fn fail_each_call(step: Step) {
    Scene::each(step, |scene| {
        let agent = Agent::open(&scene.place.root);
        for fault in [Fault::Refused, Fault::Torn] {
            for call in 1..=scene.calls {
                let what = format!("{step:?}, call {call} of {} {fault:?}", scene.calls);
                scene.old.maps.restore(agent.dataplane());
                let ops = agent.plan(step);
                let result = {
                    let _armed = Armed::new(call, fault);
                    agent.apply(&ops)
                };
                let expected = if result.is_err() { scene.old.word } else { scene.new.word };
                assert_eq!(agent.dataplane().active(), expected, "{what}");
                scene.check_served(expected, &probe(&scene.place.root), &what);
                scene.check_repaired(&agent, &what);
            }
        }
    });
}

/// A process killed at any call leaves one whole generation.
fn kill_at_each_call(step: Step) {
    Scene::each(step, |scene| {
        scene.old.maps.restore(Agent::open(&scene.place.root).dataplane());
        for call in 1..=scene.calls {
            let what = format!("{step:?}, killed at call {call} of {}", scene.calls);
            let output = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "child", "--ignored", "--nocapture"])
                .env(ROOT, &scene.place.root)
                .env(STEP, step.number().to_string())
                .env(CALL, call.to_string())
                .output()
                .unwrap();
            assert_eq!(
                output.status.signal(),
                Some(Signal::SIGKILL as i32),
                "{what}: {}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
            // Nobody is there: the kernel serves on alone.
            let seen = probe(&scene.place.root);
            let agent = Agent::open(&scene.place.root);
            scene.check_served(agent.dataplane().active(), &seen, &what);
            scene.check_repaired(&agent, &what);
            scene.old.maps.restore(agent.dataplane());
        }
    });
}

macro_rules! each_step {
    ($test:ident: $($name:ident = $step:ident),*) => {
        mod $test {
            use super::Step;
            $(
                #[test]
                fn $name() {
                    super::$test(Step::$step);
                }
            )*
        }
    };
}

each_step!(fail_each_call: first = First, new_vips_and_sets = NewVipsAndSets, health = Health, regions = Regions, reuse = Reuse,
    expiry = Expiry, less = Less);
each_step!(kill_at_each_call: first = First, new_vips_and_sets = NewVipsAndSets, health = Health, regions = Regions, reuse = Reuse,
    expiry = Expiry, less = Less);

/// The process that is killed, when started by the test above.
#[test]
#[ignore = "part of another test"]
fn child() {
    let variable = |name| std::env::var(name).ok();
    let (Some(root), Some(step), Some(call)) = (variable(ROOT), variable(STEP), variable(CALL)) else {
        return;
    };
    let step = Step::numbered(step.parse().unwrap());
    let agent = Agent::open(Path::new(&root));
    let ops = agent.plan(step);
    let _armed = Armed::new(call.parse().unwrap(), Fault::Killed);
    agent.apply(&ops).unwrap();
}
