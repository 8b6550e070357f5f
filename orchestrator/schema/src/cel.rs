//! Rules of custom resources in CEL (`x-kubernetes-validations`).
//!
//! Expressions come from whoever may define kinds, and values from whoever may make objects: neither may hang or stop
//! the server. So expressions are bounded before they are parsed, rewritten so that every loop and every function pays
//! for what it touches from a [budget](meter), and evaluated with what the budget allows.

mod bounds;
mod budget;
mod compile;
mod estimate;
mod evaluate;
mod functions;
mod meter;
mod pairs;
mod rewrite;
mod stack;
mod types;
mod values;

use kube_cel::cel::parser::Expression;

pub(crate) use bounds::of_node as smallest;
pub(crate) use budget::over;
pub(crate) use compile::compile;
pub(crate) use evaluate::evaluate;

use crate::CauseReason;

/// A compiled rule.
pub(crate) struct Rule {
    /// As it was written, for messages.
    text: Box<str>,
    expression: Expression,
    message: Option<Box<str>>,
    message_expression: Option<Expression>,
    reason: CauseReason,
    /// Where the cause is, relative to the place of the rule.
    field_path: Option<Box<str>>,
    /// What it costs at most on one value, in Kubernetes' units, and what its message does.
    cost: u64,
    message_cost: Option<u64>,
    /// It compares with the state before.
    is_transition: bool,
    /// It is evaluated without a state before, too.
    optional_old: bool,
}

#[cfg(test)]
mod tests;
