//! The budget of an evaluation.
//!
//! One unit is about what a step of the interpreter, or a look at two nodes of a value, costs: some tens of
//! nanoseconds. Evaluation stays on one thread, so the budget is that thread's.

use std::cell::Cell;

use kube_cel::cel::{ExecutionError, Value};

/// Units for one rule on one value.
pub(super) const RULE: u64 = 1_000_000;
/// Units for all rules on an object.
pub(super) const OBJECT: u64 = 5_000_000;
/// The largest text or list that an expression may make, in bytes and elements.
pub(super) const MAX_SIZE: usize = 1 << 20;

thread_local! {
    static LEFT: Cell<u64> = const { Cell::new(0) };
}

/// Runs something with a budget. What it gave, and how much it used; nothing if that was more than there was.
pub(super) fn within<T>(budget: u64, run: impl FnOnce() -> T) -> (Option<T>, u64) {
    LEFT.set(budget);
    let result = run();
    let left = LEFT.replace(0);
    if left == 0 { (None, budget) } else { (Some(result), budget - left) }
}

/// Takes from the budget.
pub(super) fn charge(units: u64) -> Result<(), ExecutionError> {
    let left = LEFT.get().saturating_sub(units);
    LEFT.set(left);
    if left == 0 { Err(ExecutionError::function_error("budget", "it is used up")) } else { Ok(()) }
}

/// Takes what it costs to look at a whole value.
pub(super) fn charge_value(value: &Value) -> Result<(), ExecutionError> {
    charge(size(value) / 2 + 1)
}

/// Nodes of a value, and a sixteenth of the bytes of its texts.
pub(super) fn size(value: &Value) -> u64 {
    match value {
        Value::List(elements) => 1 + elements.iter().map(size).sum::<u64>(),
        Value::Map(map) => 1 + map.map.values().map(|value| size(value) + 1).sum::<u64>(),
        Value::String(text) => 1 + text.len() as u64 / 16,
        Value::Bytes(bytes) => 1 + bytes.len() as u64 / 16,
        _ => 1,
    }
}
