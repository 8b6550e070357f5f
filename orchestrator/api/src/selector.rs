//! Label selectors and field selectors of lists and watches.

pub use field::{FieldRequirement, FieldSelector};
pub use label::{LabelSelector, Operator, Requirement, SelectorError};

mod field;
mod label;
mod lexer;
#[cfg(test)]
mod tests;
