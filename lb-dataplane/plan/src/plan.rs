//! From installed to desired.

use guideway_abi::Capacities;

use crate::{BootTime, Desired, Installed, TableCache};

mod error;
mod outcome;

pub use error::{Limit, PlanError};
pub use outcome::{Changes, Layout, Leaving, Outcome, Plan, SetLayout, Usage};

/// The writes that lead from `installed` to `desired`, or [`Outcome::Unchanged`] when there is nothing to do.
///
/// Deterministic: equal arguments give equal plans; `cache` only makes it faster.
///
/// # Errors
/// See [`PlanError`]. Nothing may be written then, and the installed generation stays.
pub fn plan(
    desired: &Desired,
    installed: &Installed,
    now: BootTime,
    cache: &mut TableCache,
) -> Result<Outcome, PlanError> {
    let _ = (desired, installed, now, cache);
    Err(PlanError::Lookup { attempts: 0 })
}

/// Everything that is wrong with `desired`, whatever is installed and whoever is healthy.
#[must_use]
pub fn validate(desired: &Desired, capacities: &Capacities) -> Vec<PlanError> {
    let _ = (desired, capacities);
    Vec::new()
}
