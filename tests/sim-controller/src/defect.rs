//! What the owners of the machines can get wrong, on purpose: each must be found by the checks.

use clap::ValueEnum;

/// Something that is broken around the machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Defect {
    /// A forwarder obeys a leader whose term is over.
    TermIgnored,
    /// A leader believes that what it asked to be prepared is prepared.
    PreparedAtOnce,
    /// A new leader begins with a number that was used before.
    GenerationReused,
    /// A forwarder goes on announcing when it was told to withdraw.
    FenceIgnored,
    /// A forwarder installs what is only prepared.
    InstalledEarly,
    /// A forwarder does not remember what it says that it keeps.
    KeptNowhere,
    /// The store takes a write whatever is there.
    SwapWithoutCompare,
    /// A leader believes that a write is done whose outcome is unknown.
    DoubtTakenForDone,
    /// A forwarder withdraws when it loses its leader.
    WithdrawnWithoutLeader,
    /// No forwarder ever hears of the commit of every third generation.
    CommitLost,
    /// No forwarder ever hears of what sets were before.
    PastLost,
}
