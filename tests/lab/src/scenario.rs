//! Running a test in a lab so that a failure tells what is needed and leaves nothing behind but its logs.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use anyhow::Result;

use crate::forwarder::DataplaneConfig;
use crate::{Lab, LabSpec, interrupt};

/// Builds a lab with everything started, runs `scenario` in it and takes it down.
///
/// # Panics
/// When the lab does not come up, or the scenario fails or panics; the tails of all logs go to stderr before.
pub fn in_lab(spec: &LabSpec, config: &DataplaneConfig, scenario: impl FnOnce(&mut Lab) -> Result<()>) {
    in_bare_lab(spec, |lab| {
        lab.start_with(config)?;
        scenario(lab)
    });
}

/// [`in_lab`] without starting decap and the forwarders' daemons.
///
/// # Panics
/// As [`in_lab`].
pub fn in_bare_lab(spec: &LabSpec, scenario: impl FnOnce(&mut Lab) -> Result<()>) {
    // A test runner that loses its patience sends SIGTERM first.
    if let Err(error) = interrupt::take_labs_down_on_signal() {
        panic!("{error:#}");
    }
    let mut lab = match Lab::build(spec) {
        Ok(lab) => lab,
        Err(error) => panic!("the lab did not come up: {error:#}"),
    };
    let outcome = catch_unwind(AssertUnwindSafe(|| scenario(&mut lab)));
    interrupt::wait_if_interrupted();
    match outcome {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            eprint!("{}", lab.diagnose());
            panic!("{error:#}");
        }
        Err(panic) => {
            eprint!("{}", lab.diagnose());
            resume_unwind(panic);
        }
    }
}
