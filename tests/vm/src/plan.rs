//! What goes in.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What shall be done, one after the other.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Plan {
    /// Test binaries.
    pub suites: Vec<Suite>,
    /// Traffic of pktgen.
    pub traffic: Option<Traffic>,
}

/// A test binary.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Suite {
    /// Name of the suite.
    pub name: String,
    /// The binary, built with libtest.
    pub binary: PathBuf,
    /// Where it is run: its package's folder.
    pub directory: PathBuf,
    /// Only tests whose names contain one of these; all when empty.
    pub only: Vec<String>,
    /// Tests at a time, each in a process of its own.
    pub jobs: usize,
    /// How long one test may take.
    pub limit: Duration,
}

/// Traffic of pktgen.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Traffic {
    /// The folder `deploy/pktgen`.
    pub scripts: PathBuf,
    /// The folder with `lb-dataplane` and `lbctl`.
    pub programs: PathBuf,
    /// The object of the driver, which has programs that send packets back and that drop them.
    pub driver: PathBuf,
    /// How long each kind of traffic is measured with each subject in a round.
    pub time: Duration,
    /// How many times each is measured. The subjects take turns.
    pub rounds: u32,
}
