use super::memory::{Memory, Visible};
use super::*;
use crate::fixtures::{CONFIG, config};
use guideway_dataplane_plan::{BootTime, Desired, Outcome, TableCache, plan};

fn desired(text: &str) -> Desired {
    crate::desired::desired(&config(text), 8, |_| None, Vec::new())
}

fn ops(desired: &Desired, installed: &Installed) -> Option<Vec<Op>> {
    match plan(desired, installed, BootTime(1000), &mut TableCache::new()).unwrap() {
        Outcome::Plan(plan) => Some(plan.ops),
        Outcome::Unchanged(_) => None,
    }
}

fn memory(text: &str) -> Memory {
    Memory::new(crate::load::capacities(&config(text)))
}

fn install(memory: &Memory, desired: &Desired) {
    let ops = ops(desired, &memory.read().unwrap()).unwrap();
    apply(memory, &ops).unwrap();
    memory.grace_period().unwrap();
}

/// A change of everything: a VIP gone, one new, a backend replaced, another weight.
fn after() -> String {
    CONFIG
        .replace("port: 443, protocol: tcp", "port: 53, protocol: udp")
        .replace("{name: be2, address: 10.1.12.2}", "{name: be3, address: 'fd00:13::2', weight: 3}")
}

#[test]
fn installs_and_then_has_nothing_to_do() {
    let memory = memory(CONFIG);
    let desired = desired(CONFIG);
    install(&memory, &desired);
    assert_eq!(memory.activations(), 1);
    assert_eq!(ops(&desired, &memory.read().unwrap()), None);
}

#[test]
fn each_failing_write_leaves_the_old_generation_and_the_next_try_completes() {
    let (before, after) = (desired(CONFIG), desired(&after()));
    let reference = memory(CONFIG);
    install(&reference, &before);
    let total = ops(&after, &reference.read().unwrap()).unwrap().len();
    assert!(total > 5, "the change is too small for this test");
    for failing in 0..total {
        let memory = memory(CONFIG);
        install(&memory, &before);
        let old: Visible = memory.visible();
        let ops_of_this_try = ops(&after, &memory.read().unwrap()).unwrap();
        memory.fail_after(failing);
        let error = apply(&memory, &ops_of_this_try).unwrap_err();
        assert!(
            matches!(error, ApplyError { number, of, .. } if (number, of) == (failing + 1, total)),
            "{error:?}"
        );
        assert_eq!(memory.visible(), old, "write {failing} of {total} changed what packets see");
        memory.heal();
        install(&memory, &after);
        assert_eq!(ops(&after, &memory.read().unwrap()), None, "after a failure of write {failing}");
        assert_ne!(memory.visible(), old);
    }
}

#[test]
fn errors_name_the_place() {
    let memory = memory(CONFIG);
    let ops = ops(&desired(CONFIG), &memory.read().unwrap()).unwrap();
    memory.fail_after(ops.len() - 1);
    let ApplyError { source, .. } = apply(&memory, &ops).unwrap_err();
    assert_eq!(source.to_string(), "cannot write ACTIVE");
}
